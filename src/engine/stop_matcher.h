// Finds stop strings in a stream of text and holds back whatever may still become one.
//
// The stream ends at the stop string that is complete first, byte by byte (of several that end at the same byte, the
// longest counts). So the result does not depend on how the text was cut into pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::engine {

// One stream's state. The cost of a byte is constant per stop string (Knuth, Morris, Pratt 1977).
class StopMatcher {
 public:
  static constexpr std::size_t kNone = SIZE_MAX;

  // None of `stops` is empty.
  explicit StopMatcher(const std::vector<std::string>& stops);

  // Appends to `out` the text that is certain now, up to a stop string. Returns the index of the stop string that was
  // found, or kNone; after one was found nothing more may be pushed.
  std::size_t push(std::string_view text, std::string& out);
  // The stream ended without a stop string: what was held back is text.
  void finish(std::string& out);

 private:
  struct Pattern {
    std::string text;
    std::vector<std::uint32_t> border;  // border[i]: the longest proper prefix of text that ends text[0, i]
    std::size_t matched = 0;            // the longest prefix of text that ends the stream so far
  };
  std::vector<Pattern> patterns_;
  std::string held_;
};

}  // namespace freehold::engine
