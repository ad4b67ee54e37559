#include "app/erase/left_behind.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "app/serve/blob_uploads.h"
#include "app/serve/file_store.h"
#include "app/serve/job_store.h"
#include "app/serve/made_models.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::openai::BatchStatus;
using api::openai::JobStatus;

namespace {

constexpr std::chrono::seconds kEndPatience{30};  // with who works on a batch or a job that has been cancelled
constexpr std::chrono::milliseconds kEndLook{20};

// Looks until `done` says so: true; false: the patience has ended.
Result<bool> wait_until(const std::function<Result<bool>()>& done) {
  const auto until = std::chrono::steady_clock::now() + kEndPatience;
  while (true) {
    FH_TRY(const bool over, done());
    if (over || std::chrono::steady_clock::now() >= until) return over;
    std::this_thread::sleep_for(kEndLook);
  }
}

// Batches that are not over end; what they have written becomes files.
Result<> end_batches(const StoresOfKeys& stores, const std::vector<FileStore::Left>& batches) {
  FileStore& store = *stores.files;
  const auto become = [&store](const std::string& id, BatchStatus next) {
    return store.update_batch(id, [&](BatchRecord& r) { r.batch.become(next, store.now()); });
  };
  bool any = false;
  for (const FileStore::Left& batch : batches) {
    if (!batch.open) continue;
    FH_TRY_VOID(become(batch.id, BatchStatus::cancelling).map([](auto&&) {}));
    any = true;
  }
  if (!any) return {};
  if (stores.wake) {
    stores.wake();
    FH_TRY_VOID(wait_until([&]() -> Result<bool> {
                  FH_TRY(const auto now, store.all_batches());
                  return std::none_of(now.begin(), now.end(), [&](const FileStore::Left& left) {
                    const auto same = [&](const FileStore::Left& batch) { return batch.id == left.id; };
                    return left.open && std::any_of(batches.begin(), batches.end(), same);
                  });
                }).map([](bool) {}));
  }
  // Nobody worked on these, or whoever still does finds them over, and what he writes is in no file any more.
  for (const FileStore::Left& batch : batches) {
    if (batch.open) FH_TRY_VOID(become(batch.id, BatchStatus::cancelled).map([](auto&&) {}));
  }
  return {};
}

Result<> erase_files(const StoresOfKeys& stores, const std::string& key, Erased& erased) {
  FileStore& store = *stores.files;
  FH_TRY(auto batches, store.all_batches());
  std::erase_if(batches, [&](const FileStore::Left& batch) { return batch.tenant != key; });
  FH_TRY_VOID(end_batches(stores, batches));
  FH_TRY(const auto files, store.all_files());
  for (const FileStore::Left& file : files) {
    if (file.tenant != key) continue;
    FH_TRY(const bool was_there, store.erase(key, file.id));
    erased.files += was_there ? 1 : 0;
  }
  for (const FileStore::Left& batch : batches) {
    FH_TRY_VOID(store.remove_batch(batch.id));
    ++erased.batches;
  }
  return {};
}

// Of a job that was cancelled while it ran: until whoever runs it has cleared its folder away.
Result<> wait_for_end(const StoresOfKeys& stores, const JobRecord& job) {
  if (!stores.wake) return {};
  stores.wake();
  FH_TRY(const bool cleared, wait_until([&]() -> Result<bool> {
           std::error_code ec;
           return !fs::exists(stores.jobs->folder_of(job.job.id), ec);
         }));
  if (!cleared) return fail(Errc::exhausted, fmt::format("the fine-tuning job {} has not ended yet", job.job.id));
  return {};
}

// Ends it, if it is not over. Of one that runs, whoever runs it clears its folder away.
Result<> end_job(const StoresOfKeys& stores, const JobRecord& job) {
  JobStore& store = *stores.jobs;
  bool ran = false;
  FH_TRY_VOID(store
                  .update(job.job.id,
                          [&](JobRecord& r) {
                            ran = r.job.status == JobStatus::running;
                            r.job.become(JobStatus::cancelled, store.now());
                          })
                  .map([](auto&&) {}));
  if (ran) FH_TRY_VOID(wait_for_end(stores, job));
  std::vector<JobModel> models;
  FH_TRY_VOID(store.update(job.job.id, [&](JobRecord& r) { models = std::exchange(r.models, {}); }).map([](auto&&) {}));
  for (const JobModel& model : models) {
    if (stores.withdraw) stores.withdraw(model.name);
  }
  return {};
}

Result<> erase_jobs(const StoresOfKeys& stores, const std::string& key, Erased& erased) {
  FH_TRY(const auto jobs, stores.jobs->all());
  for (const JobRecord& listed : jobs) {
    if (listed.tenant != key) continue;
    if (!is_over(listed.job.status)) FH_TRY_VOID(end_job(stores, listed));
    if (listed.job.status == JobStatus::cancelled) FH_TRY_VOID(wait_for_end(stores, listed));
    FH_TRY(const JobRecord job, stores.jobs->update(listed.job.id, [](JobRecord&) {}));
    // What was learned can be asked for until it is deleted, and then needs what is known of its job.
    if (!job.models.empty()) {
      FH_TRY(const bool had, stores.jobs->drop_words(job.job.id));
      erased.jobs += had ? 1 : 0;
      for (const JobModel& model : job.models) erased.learned.push_back(model.name);
      continue;
    }
    FH_TRY_VOID(stores.jobs->remove(job.job.id));
    ++erased.jobs;
  }
  return {};
}

const guard::Hold* hold_of(const std::vector<guard::Hold>& holds, std::string_view label, std::string_view lowest,
                           std::string_view key) {
  return guard::hold_on(holds, {label.empty() ? lowest : label, key, ""});
}

Result<> erase_whole_key(const StoresOfKeys& stores, const std::string& key, Erased& erased) {
  Result<> all;
  const auto note = [&all](Result<> done) {
    if (!done && all) all = std::move(done);
  };
  const auto count = [&](Result<std::size_t> gone, std::uint64_t& of) {
    if (gone) of += *gone;
    note(gone ? Result<>() : tl::unexpected(std::move(gone).error()));
  };
  if (stores.jobs != nullptr) note(erase_jobs(stores, key, erased));  // they write files of the other store
  if (stores.files != nullptr) note(erase_files(stores, key, erased));
  if (stores.made != nullptr) count(stores.made->forget(key), erased.models);
  if (stores.blobs != nullptr) count(stores.blobs->forget(key), erased.blobs);
  return all;
}

}  // namespace

Result<std::vector<std::string>> who_learned(JobStore& jobs, const std::vector<std::string>& files,
                                             std::string_view key) {
  FH_TRY(const auto all, jobs.all());
  const auto is_one = [&](const std::string& id) { return std::find(files.begin(), files.end(), id) != files.end(); };
  std::vector<std::string> out;
  for (const JobRecord& job : all) {
    const bool of_key = !key.empty() && job.tenant == key;
    if (!of_key && !is_one(job.job.training_file) && !is_one(job.job.validation_file)) continue;
    if (!is_over(job.job.status)) out.push_back(job.job.id);
    for (const JobModel& model : job.models) out.push_back(model.name);
  }
  return out;
}

Result<std::vector<Lesson>> lessons_of_gone_files(const fs::path& home, JobStore& jobs) {
  FH_TRY(const auto all, jobs.with_models());
  std::vector<Lesson> out;
  for (const JobRecord& job : all) {
    for (const std::string& file : {job.job.training_file, job.job.validation_file}) {
      std::error_code ec;
      if (file.empty() || fs::exists(home / "files" / file, ec)) continue;
      for (const JobModel& model : job.models) out.push_back({model.name, file, 0, std::string(kGone), {}, true});
    }
  }
  return out;
}

std::function<bool(const std::string& key, std::string_view subject)> lines_of(const ErasureOrder& order) {
  return [&order](const std::string& tenant, std::string_view subject) {
    return !subject.empty() && order.is_about(tenant, subject);
  };
}

Result<std::vector<LeftByKey>> left_by_keys(const StoresOfKeys& stores) {
  std::vector<LeftByKey> out;
  if (stores.files != nullptr) {
    FH_TRY(const auto files, stores.files->all_files());
    FH_TRY(const auto batches, stores.files->all_batches());
    for (const auto* of : {&files, &batches}) {
      for (const FileStore::Left& left : *of) out.push_back({left.tenant, left.label});
    }
  }
  if (stores.jobs != nullptr) {
    FH_TRY(const auto jobs, stores.jobs->all());
    for (const JobRecord& job : jobs) out.push_back({job.tenant, job.label});
  }
  if (stores.made != nullptr) {
    for (const std::string& key : stores.made->tenants()) {
      for (const auto& model : stores.made->list(key)) out.push_back({key, model.label});
    }
  }
  if (stores.blobs != nullptr) {
    for (const std::string& key : stores.blobs->tenants()) out.push_back({key, {}});
  }
  return out;
}

Result<std::optional<guard::Hold>> hold_on_left_behind(const StoresOfKeys& stores, const ErasureOrder& order,
                                                       const std::vector<LeftByKey>& left,
                                                       const std::vector<guard::Hold>& holds, std::string_view lowest) {
  for (const LeftByKey& one : left) {
    if (!order.is_about_all_of(one.key)) continue;
    if (const guard::Hold* hold = hold_of(holds, one.label, lowest, one.key)) return std::optional(*hold);
  }
  if (stores.files == nullptr) return std::optional<guard::Hold>();
  FH_TRY(const auto files, stores.files->files_about(lines_of(order)));
  for (const FileStore::Left& file : files) {
    if (const guard::Hold* hold = hold_of(holds, file.label, lowest, file.tenant)) return std::optional(*hold);
  }
  return std::optional<guard::Hold>();
}

void say_held(const guard::Hold& hold, Erased& erased) {
  erased.held_by = hold.id;
  erased.held = guard::why_held(hold);
}

Result<> erase_left_behind(const StoresOfKeys& stores, const ErasureOrder& order, const std::vector<LeftByKey>& left,
                           Erased& erased) {
  std::set<std::string> keys;
  for (const LeftByKey& one : left) {
    if (order.is_about_all_of(one.key)) keys.insert(one.key);
  }
  // What stands in the way of one stands in no other's.
  Result<> all;
  for (const std::string& key : keys) {
    if (auto done = erase_whole_key(stores, key, erased); !done && all) all = std::move(done);
  }
  if (stores.jobs != nullptr && !order.named_in.empty()) {
    auto told = who_learned(*stores.jobs, order.named_in);
    if (told) {
      erased.learned.insert(erased.learned.end(), told->begin(), told->end());
    } else if (all) {
      all = tl::unexpected(std::move(told).error());
    }
  }
  if (stores.files == nullptr) return all;
  if (auto done = stores.files->erase_lines(lines_of(order), erased.lines); !done && all) all = std::move(done);
  return all;
}

}  // namespace freehold::app
