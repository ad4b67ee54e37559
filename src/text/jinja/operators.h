// Python's operators over values.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

bool truth(const Value& value);
// int, str, NoneType, …
std::string_view type_name(const Value& value);
// "unhashable type", "… object is not iterable": the words of Python's TypeError.
tl::unexpected<Failure> type_error(std::string what);
// The error that any use of this undefined value gives.
tl::unexpected<Failure> undefined_error(const Value& value);

Outcome<Value> arithmetic(Interpreter& in, Op op, const Value& a, const Value& b);
Outcome<Value> negate(Interpreter& in, const Value& a, bool minus);
// ==, and <, <=, >, >= with Python's errors for what has no order.
Outcome<bool> equal(Interpreter& in, const Value& a, const Value& b);
Outcome<bool> compare(Interpreter& in, Op op, const Value& a, const Value& b);
Outcome<bool> contains(Interpreter& in, const Value& item, const Value& container);
// len(); a TypeError for what has none.
Outcome<std::int64_t> length(Interpreter& in, const Value& value);
bool has_length(const Value& value);

}  // namespace freehold::text::jinja
