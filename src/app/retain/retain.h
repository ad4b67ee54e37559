// The policy's retention put into effect: what was kept for long enough goes, wherever words of people lie below
// $FREEHOLD_HOME (docs/adr/0050, docs/policy.md).
//
// 1. What is held stays (guard/hold_book.h); a hold is in force for a run that goes on.
// 2. Each thing goes whole, or its going is finished by the next run: killed anywhere, a run leaves nothing half.
// 3. The audit log is read and never changed; by its times a clock that has gone wrong is noticed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/retain/judge.h"
#include "audit/entry.h"
#include "base/result.h"

namespace freehold::app {

class FileStore;
class JobStore;

struct RetainOptions {
  std::filesystem::path home;
  const guard::Policy* policy = nullptr;
  const guard::HoldBook* holds = nullptr;
  std::int64_t now = 0;      // seconds since 1970
  bool dry = false;          // tells what would go
  bool trust_clock = false;  // somebody says that `now` is right, whatever the log says
  // Called before the first thing goes, so that the log says that it began, whatever ends it; an error ends the run.
  // Not called by one in which nothing can go. May be empty.
  std::function<Result<>()> begins = {};
  std::function<bool()> go_on;  // called now and then; false: the run ends as it is. May be empty
  // The server's, which alone may open them. Null: they are opened here, unless a server runs.
  FileStore* files = nullptr;
  JobStore* jobs = nullptr;
  bool in_server = false;                                    // this process serves the home
  bool served = false;                                       // another one does
  std::function<void(RetentionJudge&, bool dry)> more = {};  // what only the caller can reach. May be empty
};

struct RetainReport {
  RetentionJudge::Rows rows;
  std::uint64_t subject_keys = 0;  // of subjects of whom nothing is left, destroyed
  std::vector<std::string> notes;  // what was left out, in one line each
  std::string clock;               // why the clock is not believed, so nothing has gone; empty: it is
  bool ended = false;              // by go_on
  std::optional<Error> failure;    // by which it ended: what is counted has gone all the same
  std::uint64_t removed() const;   // dropped and deleted together
};
// One run at a time on a home. Errors, before anything has gone: io (another run is under way; the disk), corrupt (the
// log).
Result<RetainReport> retain(const RetainOptions& options);

// Of the act "guard.retain", which follows on "guard.retention.begin": counts by place and label, and why nothing went.
audit::Object retain_details(const RetainReport& report);

// What the log says of its times, from its first entry to its last.
class LogTimes {
 public:
  void add(std::int64_t seconds);
  std::int64_t newest() const { return newest_; }
  // Why `now` is not believed: it is behind the newest entry, or more than a day and a half beyond it, or the log went
  // on less than a day ago behind a gap as long: somebody must have had the time to notice a wrong clock. Empty: it is.
  std::string doubt(std::int64_t now) const;

 private:
  std::int64_t newest_ = 0, after_gap_ = 0;  // 0: none
};

}  // namespace freehold::app
