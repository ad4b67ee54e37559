// Runs fine-tuning jobs in the background, with the loop of `freehold tune` (train/run.h), beside the requests of the
// server and behind them (docs/adr/0032).
//
// 1. One job runs at a time, over the very weights that the server answers with. Between two blocks of the model it
// lets
//    go of the threads for as long as anybody else wants them (Turns::rest).
// 2. What a job computes is a function of its files and settings: stopped, paused or killed anywhere it goes on from
// its
//    newest checkpoint and ends with the same bytes.
// 3. Files are checked on a thread of their own, so that what is wrong is told while another job runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/serve/job_store.h"
#include "app/serve/models.h"
#include "guard/principal.h"

namespace freehold::app {

class Site;

class TuningJobs {
 public:
  struct Options {
    std::filesystem::path home;
    int threads = 1;                                 // that models share, to plan memory with
    Quota quota;                                     // of models, for each tenant
    JobStore::Clock clock;                           // empty: the system's
    std::function<void(const std::string&)> report;  // what goes wrong, in one line
  };
  TuningJobs(Options options, Site& site);
  ~TuningJobs();  // as stop()
  TuningJobs(const TuningJobs&) = delete;
  TuningJobs& operator=(const TuningJobs&) = delete;

  // Offers the models of earlier jobs, and goes on with those that are not over, if there are any.
  void resume();
  // The job that runs writes a checkpoint, and nothing more is started. Any thread, not the engine's.
  void stop();
  // Something has changed: a job is there, or is to be cancelled.
  void wake();

  // Opened when it is first asked for. Error: as JobStore::open, at every call until it can be opened.
  Result<JobStore*> store();

  // The label of a model of this tenant (empty: the lowest); nothing: there is none.
  Result<std::optional<std::string>> label_of(const std::string& tenant, const std::string& name);
  // Deletes a model of this tenant. False: there is none. Its job stays.
  Result<bool> delete_model(const std::string& tenant, const std::string& name);

  // What the two halves, JobCheck and JobRun, need.
  Site& site() { return site_; }
  const Options& options() const { return options_; }
  bool stopping();
  // How often wake() has been called: who runs a job looks at the store again when it has.
  std::uint64_t changes() const { return changes_; }
  // Waits for a change behind `seen`, stop(), or the time to pass.
  void pause(std::uint64_t seen, std::chrono::milliseconds most);
  void report(const std::string& line) const;
  // Offers a job's models.
  void offer(const JobRecord& record);

 private:
  void check();
  void run();
  void loop(const char* what, const std::function<Result<bool>()>& step);
  void reidentify();

  const Options options_;
  Site& site_;        // owner of this
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::unique_ptr<JobStore> store_;
  std::atomic<std::uint64_t> changes_{0};
  bool stopping_ = false;
  std::thread checker_, runner_;  // started with the store
};

// An adapter's files as Models wants them. Errors: of reading them.
Result<Digest> adapter_digest(const std::filesystem::path& folder);

}  // namespace freehold::app
