// Runs a vocabulary's normalizer steps over one stretch of text, and remembers where each byte came from when asked to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocabulary.h"

namespace freehold::text {

// Unicode's White_Space property.
bool is_white_space(std::uint32_t code_point);

struct NormalizedText {
  std::string text;
  // Empty unless tracked. Otherwise text.size() + 1 entries that never fall: byte i of the result stands for the input
  // from origin[i] on. A character that composition changed points to the beginning of what it was composed from.
  std::vector<std::size_t> origin;
};

// `input` is valid UTF-8. `at_start`: it begins the whole text. Time is O(n log n) whatever the text.
// Errors: exhausted (steps that blow a text up beyond 64 times its size and 4 KiB), internal.
Result<> normalize(std::span<const NormalizerStep> steps, std::string_view input, bool at_start, bool track,
                   NormalizedText& out);

}  // namespace freehold::text
