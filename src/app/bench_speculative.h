// `freehold bench MODEL --speculative`: what guessing ahead gains and what it costs, plain against speculative in
// turns.
#pragma once

#include <cstdint>

#include "app/console.h"
#include "app/session.h"

namespace freehold::app {

struct SpeculativeBench {
  std::uint32_t tokens = 192;  // of each answer
  int repeat = 5;              // pairs of answers measured
  bool json = false;           // one object a line
};

inline constexpr std::uint32_t kSpeculativePrompt = 32;  // tokens; the model's context must hold these and the answer

// Measures a pass by its rows, then for several drafters the time of an answer with them over that of plain decoding.
// Error: internal if any answer differs from the plain one, in a token or a bit of its log-probability.
Result<> bench_speculative(const Loaded& loaded, const SpeculativeBench& bench, Console& console);

}  // namespace freehold::app
