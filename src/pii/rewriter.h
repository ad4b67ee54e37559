// Puts something else in the place of what is found in a text, whole or as it comes: what feed() gives back may be
// shown, what it keeps may still become part of a finding. However the text is cut, the pieces put together are the
// same.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pii/scanner.h"

namespace freehold::pii {

class Rewriter {
 public:
  // Asked once for each finding, in order: what is to stand there; nothing: the value stays.
  using Replace = std::function<std::optional<std::string>(Kind kind, std::string_view value)>;

  explicit Rewriter(Profile profile) : scanner_(profile) {}
  // What is safe by now.
  std::string feed(std::string_view chunk, const Replace& replace);
  // Something that is no text (what stands for a value already) and is not looked into: nothing that is found reaches
  // into it.
  std::string pass(std::string_view mark, const Replace& replace);
  // The rest; nothing after it.
  std::string finish(const Replace& replace);

 private:
  std::string release(const Replace& replace);

  Scanner scanner_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> marks_;  // of the whole text: from, to
  std::string held_;                                            // what was not given out
  std::uint64_t begin_ = 0;                                     // of held_ in the whole text
  std::vector<Finding> findings_;
};

// A whole text at once.
std::string rewrite(std::string_view text, Profile profile, const Rewriter::Replace& replace);

}  // namespace freehold::pii
