// Exact decimal numbers, as far as ranges of JSON numbers need them, and the automaton of a range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/grammar/code_dfa.h"

namespace freehold::text::grammar {

struct Decimal {
  bool negative = false;
  std::string whole = "0";  // without leading zeros, at least one digit
  std::string fraction;     // without trailing zeros

  bool is_zero() const { return whole == "0" && fraction.empty(); }
  bool is_whole() const { return fraction.empty(); }
  // A JSON number: what its double is, in the fewest digits, unless it is an integer: that is taken as it is written
  // (readers compare doubles, and rounding keeps the order). Nothing for more than 60 digits on a side.
  static std::optional<Decimal> of_json(std::string_view text);
};

int compare(const Decimal& a, const Decimal& b);  // < 0, 0, > 0
// Whether a is a multiple of b (> 0); false also where numbers are too long to tell.
bool is_multiple(const Decimal& a, const Decimal& b);

struct NumberRange {
  std::optional<Decimal> low, high;
  bool low_open = false;  // exclusive
  bool high_open = false;
  std::optional<Decimal> step;  // > 0: only its multiples
  bool whole = false;           // without a fraction
};

// All numbers of the range in plain notation: at most 18 digits for integers and 15 before and behind the point
// otherwise, or as many as a bound has. Errors: unsupported (a step that takes too many states).
Result<CodeDfa> dfa_of_range(const NumberRange& range, std::size_t max_states);

}  // namespace freehold::text::grammar
