// Cuts text into the words that merge on their own: a vocabulary's split steps, compiled.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"
#include "text/vocabulary.h"

namespace freehold::text {

// Immutable; shareable among threads.
class Splitter {
 public:
  static Result<Splitter> create(std::span<const SplitStep> steps);

  bool empty() const { return steps_.empty(); }
  // The words of `text` (UTF-8) in order, without empty ones; replaces what `words` holds. `spare` is scratch.
  Result<> split(std::string_view text, Matcher& matcher, std::vector<Span>& words, std::vector<Span>& spare) const;

 private:
  struct Step {
    Regex regex;
    SplitStep::Behaviour behaviour;
    bool invert;
  };
  static Result<> apply(const Step& step, std::string_view piece, std::size_t offset, Matcher& matcher,
                        std::vector<Span>& out);
  std::vector<Step> steps_;
};

}  // namespace freehold::text
