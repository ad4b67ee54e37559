// Log-probabilities of the model's own distribution, before any sampler.
#pragma once

#include <cstdint>
#include <span>

#include "engine/event.h"

namespace freehold::engine {

// log(sum exp(logits)), in double, in the order of ids. Logits without +infinity. NaN (which a constraint survives)
// counts as -infinity; of nothing but those it is 0, so that every log-probability is -infinity.
double log_sum_exp(std::span<const float> logits);
double logprob_of(float logit, double log_sum);

// Fills `top` (at most V entries) with the likeliest tokens by falling probability, ties by id; `bytes` stay empty. One
// pass.
void top_logprobs(std::span<const float> logits, double log_sum, std::span<TokenLogprob> top);

}  // namespace freehold::engine
