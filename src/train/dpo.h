// Direct preference optimisation (Rafailov et al. 2023, equation 7): learns from pairs of answers, one preferred.
//
//   loss = mean over pairs of -log sigmoid(margin),  margin = beta ((log p(chosen) - log p_ref(chosen))
//                                                                 - (log p(rejected) - log p_ref(rejected)))
// log p of an answer is the sum over its tokens; the reference is the base model without the adapter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/adamw.h"
#include "train/pass.h"
#include "train/trainable.h"

namespace freehold::train {

struct PreferencePair {
  std::vector<std::int32_t> prompt, chosen, rejected;  // no padding; each at least one token
};

struct DpoOptions {
  double beta = 0.1;      // the paper's default
  double max_norm = 1.0;  // 0: no clipping
  double learning_rate = 0;
  nn::Dropout dropout = {};
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

// One step over all pairs, which are run one after the other, chosen and rejected packed. Errors as train::step; the
// model must have an adapter (Errc::invalid), since the reference is what is left without it.
Result<DpoResult> dpo_step(Trainable& model, Pass& pass, AdamW& optimiser, ThreadPool& pool,
                           std::span<const PreferencePair> pairs, const DpoOptions& options);

}  // namespace freehold::train
