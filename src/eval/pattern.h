// Texts with places for a row's fields: "Question: {question|strip}\nAnswer:". What may be done to a field is a fixed
// list of verbs, so that a task file is data and cannot run anything.
//
//   {name}  {name|verb}  {name|verb:argument|verb}   "{{" and "}}" are braces.
//
// Verbs: strip, lower, capital (first letter), spaces ('_' becomes ' '), period (one at the end if there is none),
// after:TEXT and before:TEXT (what follows the last, or comes before the first TEXT; all if there is none),
// without:TEXT (a beginning that is dropped), join:TEXT (a list's items with TEXT between), letters (a list's items
// behind "A. ", a line each), last_letter (the letter of a list's last item).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/row.h"

namespace freehold::eval {

class Pattern {
 public:
  Pattern() = default;
  // Errors: invalid (an open brace, an unknown verb: named).
  static Result<Pattern> parse(std::string_view text);
  // Errors: invalid (the row has no such field: named with its line).
  Result<std::string> fill(const Row& row) const;
  const std::string& source() const { return source_; }

 private:
  enum class Verb : std::uint8_t {
    strip,
    lower,
    capital,
    spaces,
    period,
    after,
    before,
    without,
    join,
    letters,
    last_letter
  };
  struct Step {
    Verb verb;
    std::string argument;
  };
  struct Piece {
    std::string text;   // as it is, if there is no field
    std::string field;  // empty: `text`
    std::vector<Step> steps;
  };
  struct VerbName {
    std::string_view name;
    Verb verb;
    bool argument;
  };
  static const std::vector<VerbName>& verbs();
  static Result<Piece> parse_place(std::string_view place);
  static void apply(const Step& step, Field& field);
  std::string source_;
  std::vector<Piece> pieces_;
};

// Without blanks and line ends at both ends.
std::string_view stripped(std::string_view text);
// "A" for 0.
char letter_of(std::size_t index);

}  // namespace freehold::eval
