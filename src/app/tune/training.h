// A run put together: memory planned, weights loaded, what learns made as the recipe says, and the files at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "app/console.h"
#include "app/tune/prepare.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "train/full_model.h"
#include "train/lora.h"
#include "train/run.h"

namespace freehold::app {

struct TrainingMemory {
  std::uint64_t weights = 0;      // frozen ones, with the embedding; for full training, the panels of what learns
  std::uint64_t learning = 0;     // values and gradients of what learns
  std::uint64_t optimiser = 0;    // its states
  std::uint64_t activations = 0;  // of the largest micro-batch
  std::uint64_t parameters = 0;   // that learn
  std::uint64_t total() const { return weights + learning + optimiser + activations; }
  std::string describe(std::uint64_t available) const;
};
// Before anything is loaded. What is left of half of the `available` bytes goes to tapes, which save time and change no
// bit (plan.limits.tape_bytes).
TrainingMemory plan_memory(const Prepared& prepared, train::RunPlan& plan, int threads, std::uint64_t available);
// Errc::exhausted, saying what to change, if it is more than there is.
Result<> check_fits(const TrainingMemory& memory, const Prepared& prepared, const train::RunPlan& plan, int threads,
                    std::uint64_t available);

// Everything that a run borrows from, in the order in which it may be destroyed.
struct Training {
  std::unique_ptr<ThreadPool> pool;          // null: somebody else's
  std::shared_ptr<const model::Model> base;  // null when all weights learn
  std::unique_ptr<train::LoraModel> lora;    // one of these two
  std::unique_ptr<train::FullModel> full;
  std::unique_ptr<train::RunFolder> folder;
  std::unique_ptr<train::Run> run;

  train::Trainable& model() { return lora ? static_cast<train::Trainable&>(*lora) : *full; }
};
// Loads the weights, with a progress bar. `id` is identity_of the run's beginning (empty: nothing will be saved).
Result<Training> load_training(const Prepared& prepared, train::RunPlan plan, std::string id, int threads,
                               Console& console);

// The same of an adapter over a base that is in memory already, with the threads of somebody else, who lets go of what
// is returned before `pool`. `pause` as Pass::set_pause has it.
Result<Training> begin_training(const Prepared& prepared, train::RunPlan plan, std::string id, ThreadPool& pool,
                                std::shared_ptr<const model::Model> base, std::function<void()> pause = {});

// Bytes that the run writes: its checkpoints, as many as are kept, and the result.
struct TrainingDisk {
  std::uint64_t checkpoint = 0, checkpoints = 0;  // bytes of one, and how many
  std::uint64_t result = 0;
  std::uint64_t total() const { return checkpoint * checkpoints + result; }
};
TrainingDisk plan_disk(const Prepared& prepared, const train::RunPlan& plan, const TrainingMemory& memory);

// Tokens that the whole run learns from, every epoch counted.
std::uint64_t trained_tokens(const Prepared& prepared, const train::RunPlan& plan);

// Seconds that the whole run takes, evaluations included, from those of one token.
double estimate_seconds(const Prepared& prepared, const train::RunPlan& plan, double a_token);

// What a run that diverged had learned before: the newest checkpoint's values as files in the folder "last-good" of the
// run's. Says of which step they are; 0: there was no good checkpoint.
Result<std::uint64_t> write_last_good(const Prepared& prepared, Training& training);

// What the newest checkpoint has learned, as files in `folder`, which is made. Says of which step; 0: there is none,
// and no folder is made.
Result<std::uint64_t> write_newest(const Prepared& prepared, Training& training, const std::filesystem::path& folder);

// The result and where it comes from, in the run's folder.
Result<> write_result(const Prepared& prepared, Training& training, train::Ending ending,
                      const train::Beginning& beginning, const train::RunState& state);

}  // namespace freehold::app
