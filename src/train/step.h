// One optimiser step over the micro-batches that make it up: forward, loss, backward, clipping, update.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/adamw.h"
#include "train/example.h"
#include "train/optimiser.h"
#include "train/pass.h"
#include "train/trainable.h"

namespace freehold::train {

using MicroBatch = std::vector<Example>;

// What the loss of a step is the mean of. They differ when micro-batches score different numbers of tokens.
enum class Mean : std::uint8_t {
  tokens,       // of all scored tokens of the step: accumulation changes nothing
  micro_means,  // of the micro-batches' means: what common trainers did for long
};

struct StepOptions {
  Mean mean = Mean::tokens;
  double max_norm = 1.0;  // 0: no clipping
  double learning_rate = 0;
  nn::Dropout dropout = {};              // its stream is made different for every micro-batch
  std::function<bool()> cancelled = {};  // asked before every micro-batch; true ends the step with Errc::cancelled
};

struct StepResult {
  double loss = 0;                  // before the update
  double gradient_norm = 0;         // before clipping
  std::vector<double> micro_means;  // each micro-batch's mean loss
  std::vector<std::uint64_t> scored;
};

// Gradients of one step, unclipped, in the model's parameters. Errors: Errc::invalid if nothing is scored, or as
// Pass::forward; Errc::corrupt if the loss is not finite; Errc::cancelled. Nothing but gradients has changed then.
Result<StepResult> accumulate(Trainable& model, Pass& pass, ThreadPool& pool, std::span<const MicroBatch> micro_batches,
                              const StepOptions& options);
// accumulate, clipping, the optimiser's update, refresh. Errors as accumulate, before anything is updated;
// Errc::corrupt from refresh if the update gave something that is not finite.
Result<StepResult> step(Trainable& model, Pass& pass, Optimiser& optimiser, ThreadPool& pool,
                        std::span<const MicroBatch> micro_batches, const StepOptions& options);

// The mean loss of the scored tokens, without gradients. Errors as accumulate.
Result<double> evaluate(const Trainable& model, Pass& pass, std::span<const MicroBatch> micro_batches,
                        const std::function<bool()>& cancelled = {});

}  // namespace freehold::train
