// Finds any of a few literals in a stream of bytes; a constant cost per byte and literal (Knuth, Morris, Pratt 1977).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace freehold::text::tools {

class LiteralMatcher {
 public:
  static constexpr std::size_t kNone = SIZE_MAX;
  LiteralMatcher() = default;
  // Empty ones never match.
  explicit LiteralMatcher(std::vector<std::string> literals);

  // The literal that this byte completes (the longest, if several), or kNone.
  std::size_t push(char byte);
  // Bytes at the end of the stream that may be the beginning of a literal.
  std::size_t held() const;
  void reset();
  const std::string& literal(std::size_t i) const { return patterns_[i].text; }
  std::size_t size() const { return patterns_.size(); }

 private:
  struct Pattern {
    std::string text;
    std::vector<std::uint32_t> border;  // border[i]: the longest proper prefix of text that ends text[0, i]
    std::size_t matched = 0;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace freehold::text::tools
