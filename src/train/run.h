// The loop of fine-tuning: steps, evaluation, checkpoints, early stopping, and the end. Killed at any moment and
// resumed, a run ends with the same bytes as one that nobody disturbed: a checkpoint holds all that changes, and what
// was written behind it is cut off.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/append_file.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "kernel/table.h"
#include "train/checkpoint_file.h"
#include "train/metrics.h"
#include "train/optimiser.h"
#include "train/pass.h"
#include "train/run_folder.h"
#include "train/run_plan.h"
#include "train/step.h"
#include "train/trainable.h"

namespace freehold::train {

// Told what happens, on the thread that runs.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void stepped(const StepMetrics& /*metrics*/) {}
  virtual void evaluated(const EvaluationMetrics& /*metrics*/, bool /*best*/) {}
  // A checkpoint is about to be written, and has been. In between no thread of the pool is at work.
  virtual void saving(std::uint64_t /*step*/) {}
  virtual void saved(std::uint64_t /*step*/) {}
  // Asked before every micro-batch: true makes the run save and end.
  virtual bool stop() { return false; }
};

enum class Ending : std::uint8_t {
  finished,  // all steps
  early,     // early_stopping_patience
  stopped,   // because the observer said so; a checkpoint is there
};

// What a run works with; it borrows all (owner: the caller, who also holds the folder's lock while it runs).
struct RunParts {
  const Recipe& recipe;
  const Dataset& dataset;
  Trainable& model;
  ThreadPool& pool;
  const kernel::Table& kernels;
  const RunFolder& folder;
  std::function<void()> pause = {};  // as Pass::set_pause has it
};

class Run {
 public:
  // `id` identifies recipe, data and base model. Errors: those of Pass::create; Errc::exhausted.
  static Result<std::unique_ptr<Run>> create(const RunParts& parts, RunPlan plan, std::string id);

  // Goes to the newest checkpoint; to the beginning, where it is anyway, if there is none. Errors as read_checkpoint.
  Result<> resume();
  // Puts the newest checkpoint's values into the model, and says of which step they are; 0: there is none.
  Result<std::uint64_t> restore_newest();
  // Seconds that one token of training takes, measured with the first micro-batch. Changes gradients only.
  Result<double> measure();
  // Runs to the end. After `finished` and `early` the model holds what is the result: the values of the last step, or
  // with load_best_model_at_end or early_stopping_patience those of the best evaluation. Errors: Errc::corrupt with
  // diverged() when the training went wrong: checkpoints that led there have been removed, so the newest is good;
  // Errc::io and Errc::exhausted of the disk, and all that steps give.
  Result<Ending> go(RunObserver& observer);

  const RunPlan& plan() const { return plan_; }
  const Counters& counters() const { return counters_; }
  bool diverged() const { return diverged_; }
  bool keeps_best() const;  // the result is the best evaluation, not the last step
  std::uint64_t optimiser_bytes() const { return optimiser_->bytes(); }

 private:
  struct Stepped {
    double loss = 0, gradient_norm = 0;
    std::optional<double> accuracy;
    std::uint64_t scored = 0;
  };
  Run(const RunParts& parts, RunPlan plan, std::string id)
      : parts_(parts), plan_(std::move(plan)), id_(std::move(id)) {}
  std::vector<MicroBatch> micro_batches(const std::vector<PackedRow>& rows, const std::vector<Example>& from) const;
  Result<Stepped> gradients(const std::vector<PackedRow>& rows, const std::function<bool()>& cancelled);
  Result<> one_step(RunObserver& observer);
  Result<> evaluate(RunObserver& observer);
  Result<> save(RunObserver& observer);
  Result<> prune();
  Result<> check_course(const StepMetrics& metrics);
  Unexpected diverge(std::uint64_t first_bad, const std::string& what);
  Result<> use_best();

  RunParts parts_;
  RunPlan plan_;
  std::string id_;
  std::unique_ptr<Pass> pass_;
  std::unique_ptr<Optimiser> optimiser_;
  AppendFile metrics_;
  Counters counters_;
  std::uint64_t saved_ = 0;  // the step of the last checkpoint that this process wrote or read
  bool diverged_ = false;
};

}  // namespace freehold::train
