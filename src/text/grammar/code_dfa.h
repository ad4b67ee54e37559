// Deterministic automata over code points: the sets of strings that a pattern, a length, a list of keys or a range of
// numbers describe, before they are written as bytes. What is missing goes to the implicit dead state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/char_set.h"

namespace freehold::text::grammar {

struct CodeDfa {
  struct Edge {
    std::uint32_t lo = 0;
    std::uint32_t hi = 0;
    std::uint32_t to = 0;
  };
  struct State {
    std::vector<Edge> edges;  // sorted, disjoint
    bool accepts = false;
  };
  std::vector<State> states;  // 0 is the start; none = the empty set

  bool matches(std::string_view utf8) const;
  // No string is a member.
  bool empty() const;
};

CodeDfa complement(const CodeDfa& dfa);
// Errors of both: exhausted (more than `max_states`).
Result<CodeDfa> intersect(const CodeDfa& a, const CodeDfa& b, std::size_t max_states);
// Exactly these strings.
Result<CodeDfa> dfa_of_strings(std::span<const std::string> strings, std::size_t max_states);
// Between `min` and `max` code points; max = UINT32_MAX for any number.
Result<CodeDfa> dfa_of_length(std::uint32_t min, std::uint32_t max, std::size_t max_states);

}  // namespace freehold::text::grammar
