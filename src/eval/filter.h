// From what a model wrote to the answer in it, and when two answers count as equal: fixed verbs, in the task's order.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::text {
class Regex;
}

namespace freehold::eval {

struct Filter {
  enum class Kind : std::uint8_t {
    regex,        // what the pattern matches, or its first group (…) if it has one
    last_number,  // the last number, without thousands' commas, "$" and a final "."
    json_field,   // the named member of the first JSON object in the text
    first_line,
    code,    // of Markdown: the first block between lines of ```; without one, all
    letter,  // the first capital letter that stands alone, "A" to the item's last choice
  };
  Kind kind = Kind::last_number;
  std::string argument;  // the pattern, or the member's name
  bool last = false;     // of regex: the last match
  std::shared_ptr<const text::Regex> regex;
};
// `kind` as in task files. Errors: invalid (an unknown kind, a pattern that is none).
Result<Filter> make_filter(std::string_view kind, std::string argument, bool last = false);

// Of one filter; an empty text where it finds nothing. Errors: exhausted (a pattern that takes too long).
Result<std::string> extract(const Filter& filter, std::string_view text);

// How answers are compared.
struct Normalisation {
  bool lower = false;        // of Unicode, as Python's str.lower()
  bool punctuation = false;  // ASCII's is dropped
  bool articles = false;     // "a", "an", "the" are dropped
  bool commas = false;       // ',' and '$' are dropped
  bool numbers = false;      // a number's sign and its decimal point are no punctuation
  bool blanks = true;        // runs of blanks become one, those at the ends are dropped
  bool operator==(const Normalisation&) const = default;
};
std::string normalise(std::string_view text, const Normalisation& how);
// Without what would leave nothing of the expected answer: where the answer is "A", articles count.
Normalisation fitting(std::string_view expected, Normalisation how);

// Of the bags of words of two normalised texts (SQuAD's F1); 1 if both are empty.
double word_f1(std::string_view answer, std::string_view expected);

}  // namespace freehold::eval
