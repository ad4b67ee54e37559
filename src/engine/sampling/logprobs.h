// Log-probabilities of the model's own distribution, before any sampler.
#pragma once

#include <cstdint>
#include <span>

#include "engine/event.h"

namespace freehold::engine {

// log(sum exp(logits)), in double, in the order of ids. Logits without NaN and +infinity, not all -infinity.
double log_sum_exp(std::span<const float> logits);

// Fills `top` (at most V entries) with the likeliest tokens by falling probability, ties by id; `bytes` stay empty. One
// pass.
void top_logprobs(std::span<const float> logits, double log_sum, std::span<TokenLogprob> top);

}  // namespace freehold::engine
