// Text to numbers and rounding, as Python's int(), float(), abs() and round() do it.
#pragma once

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

// float(value); an error where Python raises one.
Outcome<Value> to_float(Interpreter& in, const Value& value);

Outcome<Value> filter_int(Interpreter& in, const Value& self, Args& args);
Outcome<Value> filter_float(Interpreter& in, const Value& self, Args& args);
Outcome<Value> filter_abs(Interpreter& in, const Value& self, Args& args);
Outcome<Value> filter_round(Interpreter& in, const Value& self, Args& args);

}  // namespace freehold::text::jinja
