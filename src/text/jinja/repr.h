// Python's str() and repr() of values.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

Outcome<std::string> str(Interpreter& in, const Value& value);
Outcome<std::string> repr(Interpreter& in, const Value& value);
// Python's ascii(): repr() with what is not ASCII as \x, \u or \U.
Outcome<std::string> ascii(Interpreter& in, const Value& value);
// Appends str(value).
Done append_str(Interpreter& in, const Value& value, std::string& out);
Done append_repr(Interpreter& in, const Value& value, std::string& out);
// 1.0, 1e-05, inf: the shortest digits that read back as the same number.
std::string float_repr(double value);
// 'text' with Python's choice of quotes and escapes.
Done append_quoted(Interpreter& in, std::string_view text, std::string& out);

}  // namespace freehold::text::jinja
