#include "app/serve/tuning_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/console.h"
#include "app/serve/job_check.h"
#include "app/serve/job_run.h"
#include "app/serve/site.h"
#include "base/file.h"
#include "base/scrub.h"
#include "base/utf8.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::openai::JobStatus;

Result<Digest> adapter_digest(const fs::path& folder) {
  Sha256 all;
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
    FH_TRY(const MappedFile file, MappedFile::open(folder / name));
    all.update(as_bytes(sha256(file.bytes()).name()));
  }
  return all.finish();
}

TuningJobs::TuningJobs(Options options, Site& site)
    : options_([&] {
        if (!options.clock) {
          options.clock = [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); };
        }
        return std::move(options);
      }()),
      site_(site) {}

TuningJobs::~TuningJobs() {
  stop();
}

void TuningJobs::report(const std::string& line) const {
  if (options_.report) options_.report(line);
}

void TuningJobs::resume() {
  if (!JobStore::exists(options_.home)) return;
  if (auto opened = store(); !opened) report("note: " + opened.error().what);
}

Result<JobStore*> TuningJobs::store() {
  const std::lock_guard lock(mutex_);
  if (!store_) {
    FH_TRY(store_, JobStore::open(options_.home, options_.clock, options_.quota));
    if (auto records = store_->with_models()) {
      for (const JobRecord& record : *records) offer(record);
    } else {
      report("note: " + records.error().what);
    }
    if (!stopping_) {
      checker_ = std::thread([this] { check(); });
      runner_ = std::thread([this] { run(); });
    }
  }
  return store_.get();
}

void TuningJobs::offer(const JobRecord& record) {
  for (const JobModel& model : record.models) {
    const auto id = Digest::parse(model.adapter);
    if (!id) continue;
    // Before anybody can ask it.
    if (auto marked = site_.permissions().mark(id->name(), record.label); !marked) {
      report(fmt::format("note: '{}' cannot be asked for: its label cannot be kept: {}", printable(model.name),
                         marked.error().what));
      continue;
    }
    site_.pool().offer_tuned(
        {model.name, record.tenant, record.job.model, record.base_key,
         AdapterFile{*id, fs::path(options_.home) / "fine_tuning" / record.job.id / model.folder, model.name}});
  }
}

void TuningJobs::wake() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  changed_.notify_all();
}

bool TuningJobs::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void TuningJobs::pause(std::uint64_t seen, std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return stopping_ || changes_ != seen; });
}

void TuningJobs::stop() {
  std::thread checker, runner;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    checker = std::move(checker_);
    runner = std::move(runner_);
  }
  if (checker.joinable()) checker.join();
  if (runner.joinable()) runner.join();
}

Result<std::optional<std::string>> TuningJobs::label_of(const std::string& tenant, const std::string& name) {
  FH_TRY(JobStore * jobs, store());
  FH_TRY(const auto records, jobs->with_models());
  for (const JobRecord& record : records) {
    const auto of = [&](const JobModel& m) { return m.name == name; };
    if (record.tenant == tenant && std::any_of(record.models.begin(), record.models.end(), of)) return record.label;
  }
  return std::nullopt;
}

Result<bool> TuningJobs::delete_model(const std::string& tenant, const std::string& name) {
  FH_TRY(JobStore * jobs, store());
  FH_TRY(const auto records, jobs->with_models());
  for (const JobRecord& record : records) {
    if (record.tenant != tenant) continue;
    const auto of = [&](const JobModel& m) { return m.name == name; };
    const auto found = std::find_if(record.models.begin(), record.models.end(), of);
    if (found == record.models.end()) continue;
    const std::string folder = found->folder;
    FH_TRY(const JobRecord left, jobs->update(record.job.id, [&](JobRecord& r) { std::erase_if(r.models, of); }));
    site_.pool().withdraw_tuned(name);
    // Requests that run have it in memory.
    const fs::path job = jobs->folder_of(record.job.id);
    std::error_code ec;
    if (left.models.empty() && is_over(left.job.status)) {
      fs::remove_all(job, ec);
    } else if (folder != ".") {
      fs::remove_all(job / folder, ec);
    } else {
      FH_TRY_VOID(remove_file(job / "adapter_model.safetensors"));
    }
    return true;
  }
  return false;
}

void TuningJobs::loop(const char* what, const std::function<Result<bool>()>& step) {
  constexpr std::chrono::seconds kIdle{60}, kTrouble{10};
  std::string reported;
  while (!stopping()) {
    const std::uint64_t seen = changes();
    const auto worked = step();
    scrub_stack();
    if (worked) {
      reported.clear();
      if (!*worked) pause(seen, kIdle);
      continue;
    }
    if (worked.error().what != reported) {
      report(fmt::format("{}: {}; it is tried again every {} s", what, worked.error().what, kTrouble.count()));
    }
    reported = worked.error().what;
    pause(changes(), kTrouble);
  }
}

// What tells a model outside of the store apart is its place, which may have changed while its content has not.
void TuningJobs::reidentify() {
  const auto records = store_->with_models();
  if (!records) return;
  Console quiet(-1, -1);
  for (const JobRecord& record : *records) {
    if (stopping()) return;
    const auto facts = site_.pool().facts(record.job.model);
    if (!facts || (*facts)->key == record.base_key || record.base_digests.empty() || (*facts)->in_store) continue;
    const auto opened = open_model((*facts)->reference);
    if (!opened) continue;
    const auto digests = weight_digests(*opened, quiet);
    if (!digests || *digests != record.base_digests) {
      report(fmt::format("note: models tuned from '{}' cannot be asked for: it is another model now",
                         printable(record.job.model)));
      continue;
    }
    const auto updated = store_->update(record.job.id, [&](JobRecord& r) { r.base_key = (*facts)->key; });
    if (updated) offer(*updated);
  }
}

void TuningJobs::check() {
  reidentify();
  loop("fine-tuning", [&]() -> Result<bool> {
    FH_TRY(auto record, store_->next(JobStatus::validating_files));
    if (!record) return false;
    if (auto checked = check_job(*this, *store_, *record); !checked) {
      // Whoever cancelled it has removed its files.
      const auto now = store_->update(record->job.id, [](JobRecord&) {});
      const bool ended = now ? is_over(now->job.status) : now.error().code == Errc::not_found;
      if (!ended) return tl::unexpected(std::move(checked).error());
      std::error_code ec;
      fs::remove_all(store_->folder_of(record->job.id), ec);
    }
    wake();
    return true;
  });
}

void TuningJobs::run() {
  loop("fine-tuning", [&]() -> Result<bool> {
    FH_TRY(auto record, store_->next(JobStatus::running));
    if (!record) {
      FH_TRY(record, store_->next(JobStatus::queued));
    }
    if (!record) return false;
    JobRun run(*this, *store_, std::move(*record));
    FH_TRY_VOID(run.go());
    return true;
  });
}

}  // namespace freehold::app
