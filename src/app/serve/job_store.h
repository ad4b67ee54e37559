// The fine-tuning jobs of a server, below $FREEHOLD_HOME: what is known of each in fine_tuning.db, its files in
// fine_tuning/ID. One process holds it at a time.
//
// 1. A job's row is written after its folder is there with what it needs, and names of files in it are made here. A
// folder
//    without a row is swept away when the store is opened.
// 2. Everything belongs to one tenant; for all others it does not exist.
// 3. A status changes in one transaction, and only as api::openai::may_become has it: whoever runs a job and whoever
//    cancels it cannot both win.
// 4. What a job learned from lies in its folder until it is over, and not a moment longer than anybody reads that it
// is:
//    it goes with the change of the status, before the lock is given back. Of a job that was cancelled while it ran,
//    whoever runs it clears the folder away. What a kill has left behind goes when the store is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/openai/fine_tuning.h"
#include "app/serve/quota.h"
#include "base/folder_lock.h"
#include "base/hash.h"
#include "base/result.h"
#include "sql/database.h"

namespace freehold::app {

// A model that a job has made: its adapter lies in `folder` of the job's, "." for the result itself.
struct JobModel {
  std::string name;
  std::string folder;
  std::string adapter;  // digest of its files, "sha256:…"
  std::uint64_t bytes = 0;
  api::openai::JobCheckpoint checkpoint;  // of a checkpoint; an empty id: it is the result
};

// A job with what only we need to know.
struct JobRecord {
  api::openai::FineTuningJob job;
  std::string tenant;
  std::string base_key;                   // tells the content of the base model apart (ModelFacts::key)
  std::vector<std::string> base_digests;  // of its files, for when the key has changed and the content may not have
  std::string recipe;                     // as training reads it, once the files have been checked
  std::vector<JobModel> models;           // that can be asked for; those that were deleted are gone
  std::string label;                      // of all that is learned from; its models carry it
};

// Any thread.
class JobStore {
 public:
  using Clock = std::function<std::int64_t()>;                      // Unix seconds
  static constexpr long long kMostOpen = 10, kMostOpenOfAll = 100;  // jobs that are not over, of a tenant and of all
  static constexpr std::size_t kMostModels = 100;                   // of a tenant

  // Makes what is missing. Errors: io (another process holds it; the disk), corrupt, unsupported.
  static Result<std::unique_ptr<JobStore>> open(const std::filesystem::path& home, Clock clock, Quota quota = {});
  // To read beside whoever holds it: nothing that changes anything may be called. Errors: not_found, io, corrupt.
  static Result<std::unique_ptr<JobStore>> look(const std::filesystem::path& home, Clock clock);
  static bool exists(const std::filesystem::path& home);  // whether there is anything to open
  JobStore(const JobStore&) = delete;
  JobStore& operator=(const JobStore&) = delete;

  std::int64_t now() const { return clock_(); }
  std::filesystem::path folder_of(const std::string& id) const { return folder_ / id; }

  // A new job, whose folder `fill` fills. Errors: exhausted ("jobs …", "models …": as many as there may be), those of
  // `fill`.
  Result<JobRecord> add(const std::string& tenant, const api::openai::NewJob& wanted, JobRecord begin,
                        const std::function<Result<>(const std::filesystem::path& folder)>& fill);
  Result<std::optional<JobRecord>> find(const std::string& tenant, const std::string& id);
  template <typename T>
  struct List {
    std::vector<T> items;
    bool has_more = false;
  };
  // Error: invalid (there never was an object `after`).
  Result<List<JobRecord>> list(const std::string& tenant, const api::openai::JobPage& page);
  // All jobs with models.
  Result<std::vector<JobRecord>> with_models();

  // The oldest that is in this status, of the tenant whose turn was longest ago; it is that tenant's turn then.
  Result<std::optional<JobRecord>> next(api::openai::JobStatus status);
  // Reads it, lets `change` change it, and writes it, all in one transaction; gives what is in the store then. Of one
  // that is over by this, what it learned from is gone when this returns. Error: not_found.
  Result<JobRecord> update(const std::string& id, const std::function<void(JobRecord&)>& change);

  // All jobs, whoever's they are, for who lets go of what was kept for long enough (app/retain/); and how one that is
  // over and has no models goes, with its events and its folder. Error: io (the folder stays, and the job with it).
  Result<std::vector<JobRecord>> all();
  Result<> remove(const std::string& id);
  // What its client has said about one that is over and has models, its events, which may quote what it learned from,
  // and that itself, if any of it is left. The name of a model stays. False: there was nothing.
  Result<bool> drop_words(const std::string& id);
  // Removes what a job that is over learned from, if any of it is left. False: there was nothing.
  Result<bool> drop_lessons(const std::string& id);

  // `step`: of metrics, that a job which goes on from an earlier step has not measured yet; 0: none.
  struct NewEvent {
    std::string level, type, message, data = "null";
    std::uint64_t step = 0;
  };
  Result<> add_events(const std::string& job, const std::vector<NewEvent>& events);
  Result<> forget_events_after(const std::string& job, std::uint64_t step);
  Result<List<api::openai::JobEvent>> events(const std::string& job, const api::openai::Page& page);

 private:
  JobStore(std::filesystem::path folder, Clock clock, Quota quota, sql::Database database,
           std::optional<FolderLock> lock);
  Result<> sweep();
  Result<bool> remove_lessons(const std::string& id) const;
  Result<std::optional<JobRecord>> load(soci::session& s, const std::string& id) const;
  Result<std::vector<JobRecord>> read_all(std::string_view which);
  Result<> check_limits(soci::session& s, const std::string& tenant) const;

  std::filesystem::path folder_;
  Clock clock_;
  const Quota quota_;               // bytes of a tenant's models
  std::optional<FolderLock> lock_;  // nothing: it only looks
  std::mutex mutex_;                // guards what follows
  sql::Database database_;
  std::map<std::string, std::uint64_t> turns_;  // by tenant: when it had its last, as next() counts
  std::uint64_t turn_ = 0;
};

// What a job learns from, in its folder: before it has been checked, and behind.
std::string upload_name(bool validation);  // "training.upload"
std::string rows_name(bool validation);    // "training.jsonl"

// JSON text of a record, and back. Error: corrupt. The tenant is not part of it.
std::string record_json(const JobRecord& record);
Result<JobRecord> read_job_record(const std::string& text);

}  // namespace freehold::app
