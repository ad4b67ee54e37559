// What compiling and running one grammar may cost. A grammar comes with a request, so each limit ends in one error.
#pragma once

#include <cstddef>
#include <cstdint>

namespace freehold::text::grammar {

// Of one {n,m} of a regular expression or a grammar.
inline constexpr std::uint32_t kMaxRepetition = 100'000;

struct Limits {
  std::size_t source_bytes = std::size_t{1} << 20;    // of a schema, a grammar, a choice list
  std::size_t pattern_bytes = std::size_t{16} << 10;  // of one regular expression
  std::size_t depth = 64;                             // nested values, groups, classes
  std::size_t rules = 10'000;
  std::size_t nodes = 400'000;         // of the expressions that rules are made of
  std::size_t nfa_states = 400'000;    // of one grammar, repetitions written out
  std::size_t dfa_states = 120'000;    // of one grammar
  std::size_t steps = 20'000'000;      // of compiling one grammar, counted where work can multiply; about a second
  std::size_t call_chain = 200;        // rules that begin with a rule that begins with a rule …
  std::size_t alternatives = 512;      // that a schema's anyOf and allOf multiply to at one place
  std::uint32_t shortest = 1'000'000;  // bytes of the shortest text
  std::uint32_t nesting = 64;  // arrays and objects inside one another, or 16 times as many rules of a GBNF grammar
};

}  // namespace freehold::text::grammar
