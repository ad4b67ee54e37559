// What one sequence teaches: its tokens, and which of them are scored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace freehold::train {

inline constexpr std::int32_t kIgnored = -100;  // a label that is not scored (Hugging Face's number)

// One sequence without padding. labels[i] is token i or kIgnored: what stands at row i - 1 is scored against labels[i],
// so the first token never is.
struct Example {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> labels;

  bool learns(std::size_t i) const { return labels[i] != kIgnored; }
  std::size_t scored() const;  // tokens
};

}  // namespace freehold::train
