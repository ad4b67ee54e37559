// Direct preference optimisation (Rafailov et al. 2023, equation 7): learns from pairs of answers, one preferred.
//
//   loss = mean over pairs of -log sigmoid(margin),  margin = beta ((log p(chosen) - log p_ref(chosen))
//                                                                 - (log p(rejected) - log p_ref(rejected)))
// log p of an answer is the sum over its tokens; the reference is the base model without the adapter.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/example.h"
#include "train/optimiser.h"
#include "train/pass.h"
#include "train/trainable.h"

namespace freehold::train {

struct PreferencePair {
  std::vector<std::int32_t> prompt, chosen, rejected;  // no padding; each at least one token
};
// The same as two examples whose labels are the answers: what a data set gives, where a prompt's last tokens may
// differ.
struct ComparedExamples {
  const Example* chosen = nullptr;  // owner: the caller
  const Example* rejected = nullptr;
};

struct DpoOptions {
  double beta = 0.1;      // the paper's default
  double max_norm = 1.0;  // 0: no clipping
  double learning_rate = 0;
  nn::Dropout dropout = {};
  std::function<bool()> cancelled = {};  // as StepOptions has it
};

// Of one pair.
struct Preference {
  double policy_chosen = 0, policy_rejected = 0, reference_chosen = 0, reference_rejected = 0;  // log probabilities
  double margin = 0;
};

struct DpoResult {
  double loss = 0;
  double gradient_norm = 0;  // before clipping
  std::vector<Preference> pairs;
};

// Gradients of one step over all pairs, unclipped, which are run one after the other, chosen and rejected packed.
// Errors as train::accumulate; the model must have an adapter (Errc::invalid), since the reference is what is left
// without it.
Result<DpoResult> dpo_accumulate(Trainable& model, Pass& pass, ThreadPool& pool,
                                 std::span<const ComparedExamples> pairs, const DpoOptions& options);
// dpo_accumulate, clipping, the optimiser's update, refresh. Errors as train::step.
Result<DpoResult> dpo_step(Trainable& model, Pass& pass, Optimiser& optimiser, ThreadPool& pool,
                           std::span<const ComparedExamples> pairs, const DpoOptions& options);
Result<DpoResult> dpo_step(Trainable& model, Pass& pass, Optimiser& optimiser, ThreadPool& pool,
                           std::span<const PreferencePair> pairs, const DpoOptions& options);

// Loss and preferences without gradients.
Result<DpoResult> dpo_evaluate(const Trainable& model, Pass& pass, std::span<const ComparedExamples> pairs,
                               const DpoOptions& options);

}  // namespace freehold::train
