// Regular expressions as JSON Schema writes them (ECMA-262 with the u flag, and what Python and Rust share with it),
// for automata and not for a matcher: groups only group, lazy is greedy, and what no automaton can do is refused by
// name (back-references, look-around, word boundaries, inline flags).
//
// Accepted: literals, . ^ $ | ( ) (?: (?<name> (?P<name>, * + ? {n} {n,} {n,m} and their lazy forms, classes with
// ranges and negation, \d \D \w \W \s \S, \t \n \r \v \f \0 \cX \xHH \uHHHH \u{H…} (surrogate pairs too), \A \z \Z,
// \p{…} \P{…} with a general category, escaped punctuation. ^ and $ are the ends of the text: there is no m flag.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/char_set.h"
#include "text/grammar/code_dfa.h"
#include "text/grammar/ir.h"
#include "text/grammar/limits.h"

namespace freehold::text::grammar {

struct RegexAst {
  enum class Kind : std::uint8_t { chars, concat, any_of, repeat, begin, end };
  struct Part {
    Kind kind = Kind::concat;
    std::uint32_t min = 0;  // repeat
    std::uint32_t max = 0;
    CharSet set;  // chars
    std::vector<std::uint32_t> kids;
  };
  std::vector<Part> parts;
  std::uint32_t root = 0;
};

// Errors: invalid (not a regular expression), unsupported (what is refused, by name), exhausted (too long, too deep).
// Each names the byte.
Result<RegexAst> parse_regex(std::string_view pattern, const Limits& limits);

enum class Reach : std::uint8_t {
  whole,     // the expression is the whole text
  anywhere,  // it is found somewhere in it, as JSON Schema's `pattern` is
};

// The texts as an expression of the grammar, or as an automaton over code points. Error: exhausted.
Result<NodeId> regex_to_ir(Ir& ir, const RegexAst& ast, Reach reach, Encoding encoding);
Result<CodeDfa> regex_to_dfa(const RegexAst& ast, Reach reach, std::size_t max_states);

// For ^[…]{n,m}$: one class and how often. A length limit then needs no automaton.
struct CharRun {
  CharSet set;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
};
std::optional<CharRun> as_char_run(const RegexAst& ast, Reach reach);

}  // namespace freehold::text::grammar
