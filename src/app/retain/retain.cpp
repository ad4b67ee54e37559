#include "app/retain/retain.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/moment.h"
#include "app/retain/places.h"
#include "app/serve/file_store.h"
#include "app/serve/job_store.h"
#include "app/serve/own_folder.h"
#include "base/file.h"
#include "base/folder_lock.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kClockSlack = 60;            // seconds that an entry may seem to come from the future
constexpr std::int64_t kLongestGap = 36 * 3'600;    // between two entries: a night and a day
constexpr std::int64_t kTimeToNotice = 24 * 3'600;  // behind a longer one

Result<FolderLock> one_at_a_time(const fs::path& home) {
  const fs::path folder = home / "retention";
  FH_TRY_VOID(make_directories(folder));
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY(const bool taken, lock.take(0));
  if (taken) return lock;
  return fail(Errc::io, "another process is applying the retention to this home: call it again when that has ended");
}

// The stores of files and jobs belong to one process alone.
Result<> run_stores(const RetainOptions& options, RetentionJudge& judge, RetainReport& report, bool dry,
                    const GoOn& go_on) {
  const auto clock = [&options] { return options.now; };
  const bool here = !options.in_server && !options.served;
  if (!options.in_server && options.served && (FileStore::exists(options.home) || JobStore::exists(options.home))) {
    report.notes.push_back(
        "files, batches and jobs are left to the server that runs here, which applies the policy when it starts and "
        "once a day");
  }
  std::unique_ptr<FileStore> files;
  std::unique_ptr<JobStore> jobs;
  if (here && FileStore::exists(options.home)) {
    const auto holds = [&options]() -> Result<FileStore::Standing> {
      FH_TRY(auto now, options.holds->standing());
      return FileStore::Standing{std::move(now), options.policy->lowest()};
    };
    FH_TRY(files,
           FileStore::open(options.home, dry ? FileStore::Clock([] { return INT64_MIN / 2; }) : clock, {}, holds));
  }
  if (here && JobStore::exists(options.home)) {
    FH_TRY(jobs, JobStore::open(options.home, clock));
  }
  if (FileStore* store = files ? files.get() : options.files) FH_TRY_VOID(retain_files(*store, judge, dry, go_on));
  if (JobStore* store = jobs ? jobs.get() : options.jobs) FH_TRY_VOID(retain_jobs(*store, judge, dry, go_on));
  return {};
}

}  // namespace

std::uint64_t RetainReport::removed() const {
  std::uint64_t sum = 0;
  for (const auto& [of, counts] : rows) sum += counts.dropped + counts.deleted;
  return sum;
}

void LogTimes::add(std::int64_t seconds) {
  if (newest_ != 0 && seconds > newest_ + kLongestGap) after_gap_ = seconds;
  newest_ = std::max(newest_, seconds);
}

std::string LogTimes::doubt(std::int64_t now) const {
  if (newest_ == 0) return "the audit log has no entry by which the clock could be judged";
  if (now < newest_ - kClockSlack) {
    return fmt::format("the clock says {}, and the newest entry of the audit log is of {}: it has gone backwards",
                       show_moment(now), show_moment(newest_));
  }
  if (now > newest_ + kLongestGap) {
    return fmt::format("the clock says {}, far beyond the newest entry of the audit log, of {}", show_moment(now),
                       show_moment(newest_));
  }
  if (after_gap_ != 0 && now < after_gap_ + kTimeToNotice) {
    return fmt::format("the audit log went on at {} after a long gap, so the clock is believed a day later",
                       show_moment(after_gap_));
  }
  return {};
}

Result<RetainReport> retain(const RetainOptions& options) {
  RetainReport report;
  FH_TRY(const FolderLock alone, one_at_a_time(options.home));
  const GoOn go_on = [&] {
    report.ended = report.ended || (options.go_on && !options.go_on());
    return !report.ended;
  };
  RetentionJudge judge(*options.policy, *options.holds, options.now);
  ContentPass content(options, judge, go_on);
  FH_TRY_VOID(content.read_log());
  if (report.ended) return report;
  if (!options.trust_clock) report.clock = content.times().doubt(options.now);
  const bool dry = options.dry || !report.clock.empty();
  if (!dry && options.begins && !options.policy->retention.keeps_all()) FH_TRY_VOID(options.begins());
  const auto places = [&]() -> Result<> {
    FH_TRY_VOID(content.run(dry));
    FH_TRY_VOID(run_stores(options, judge, report, dry, go_on));
    std::error_code ec;
    if (go_on() && fs::exists(options.home / "eval.db", ec)) {
      FH_TRY(auto results, eval::ResultStore::open(options.home / "eval.db"));
      FH_TRY_VOID(retain_evaluations(results, judge, dry, go_on));
    }
    if (go_on()) FH_TRY_VOID(retain_history(options.home, judge, dry));
    if (go_on() && options.more) options.more(judge, dry);
    return {};
  };
  auto done = places();
  report.rows = judge.rows();
  report.subject_keys = content.keys_destroyed();
  // What has gone until then belongs into the log all the same.
  if (!done) report.failure = std::move(done).error();
  return report;
}

audit::Object retain_details(const RetainReport& report) {
  audit::Object out;
  if (!report.clock.empty()) return out.add("clock", report.clock);
  std::map<std::string, audit::Object> places;
  for (const auto& [of, counts] : report.rows) {
    audit::Object row;
    if (counts.dropped > 0) row.add("dropped", counts.dropped);
    if (counts.deleted > 0) row.add("deleted", counts.deleted);
    if (counts.held > 0) row.add("held", counts.held);
    places[of.first].add(of.second.empty() ? "none" : of.second, row);
  }
  for (const auto& [place, rows] : places) out.add(place, rows);
  out.add("removed", report.removed());
  if (report.subject_keys > 0) out.add("subject_keys", report.subject_keys);
  if (report.failure) out.add("failed", report.failure->what);
  return out;
}

}  // namespace freehold::app
