// Python's literals as JSON: how some data sets keep a row in a cell of a table ("{'question': 'It\'s?', 'answer':
// None}").
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::eval {

// Of texts (with Python's escapes), numbers, lists, maps, True, False and None; what holds together of them is the JSON
// parser's to judge. Errors: corrupt (anything else: nothing is evaluated).
Result<std::string> json_of_literal(std::string_view literal);

}  // namespace freehold::eval
