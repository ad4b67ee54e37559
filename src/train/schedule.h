// The learning rate as a function of the optimiser's step, counted from 0.
#pragma once

#include <cstdint>

namespace freehold::train {

enum class Decay : std::uint8_t { constant, linear, cosine };

// Hugging Face's get_*_schedule_with_warmup (transformers/optimization.py): s / warmup while s < warmup, so the very
// first step has rate 0; then, with x = (s - warmup) / (steps - warmup): 1, 1 - x, or (1 + cos(pi x)) / 2, which
// `floor` lifts to floor + (1 - floor) (1 + cos(pi x)) / 2.
struct Schedule {
  Decay decay = Decay::cosine;
  double peak = 0;  // learning rate
  std::uint64_t warmup = 0;
  std::uint64_t steps = 0;  // in all
  double floor = 0;         // where the cosine ends, as a part of peak

  double at(std::uint64_t step) const;
};

}  // namespace freehold::train
