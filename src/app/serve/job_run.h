// One fine-tuning job on its way from the queue to its end, or to the stop of the server.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "app/serve/job_check.h"
#include "app/serve/tuning_jobs.h"
#include "app/tune/training.h"

namespace freehold::app {

class JobRun {
 public:
  JobRun(TuningJobs& jobs, JobStore& store, JobRecord record)
      : jobs_(jobs), store_(store), record_(std::move(record)) {}

  // Returns when the job is over, does not run any more (paused, cancelled), makes room for a model, or the server
  // stops. Error: of the store; the job goes on when it is tried again.
  Result<> go();

 private:
  class Observer;
  class Threads;
  // Memory beside the model's own, for as long as it lives.
  class Room;

  Result<> prepare();
  Result<ModelLease> lease();
  Result<> plan_memory_of(train::RunPlan& plan);
  Result<> train();
  Result<> finish(Training& training, train::Ending ending, const train::Beginning& beginning,
                  const train::RunState& state);
  Result<JobModel> keep_adapter(const Training& training, const std::string& folder, std::string name) const;
  Result<std::string> keep_measurements(const Training& training);
  Result<> end_with(const Error& error);
  void tell(std::string level, std::string message);
  // Whether it is to go on, by what the store says; asks the store only when something has changed.
  bool goes_on();
  std::filesystem::path folder() const { return store_.folder_of(record_.job.id); }

  TuningJobs& jobs_;  // owner of these two: TuningJobs
  JobStore& store_;
  JobRecord record_;
  std::uint64_t seen_ = 0;  // changes that goes_on() knows of
  bool on_ = true, makes_room_ = false;
  std::optional<std::chrono::steady_clock::time_point> waited_since_;  // somebody else, for memory
  std::optional<PreparedJob> prepared_;
  std::uint64_t memory_ = 0;  // bytes beside the model's own
};

}  // namespace freehold::app
