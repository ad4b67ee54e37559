// Attributes, subscripts, slices and iteration, with the rules of Jinja2's ImmutableSandboxedEnvironment.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

// object.name: an attribute or method first, then the key. What does not exist is undefined, not an error.
Outcome<Value> get_attribute(Interpreter& in, const Value& object, const Value& name);
// object[key]: the key first, then an attribute.
Outcome<Value> get_item(Interpreter& in, const Value& object, const Value& key);
// object[start:stop:step]; missing values stand for parts that were left out.
Outcome<Value> get_slice(Interpreter& in, const Value& object, const Value& start, const Value& stop,
                         const Value& step);
// All the values an iterable yields.
Outcome<std::vector<Value>> collect(Interpreter& in, const Value& iterable);
bool is_iterable(const Value& value);
// "a.b.0" of map(attribute=…), sort and the like: keys first, digits are indexes. `fallback` missing = none.
Outcome<Value> get_path(Interpreter& in, Value object, const Value& path, const Value& fallback);
// loop.index and so on (loop.cpp); missing if a loop has no such attribute.
Outcome<Value> loop_attribute(Interpreter& in, const Value& loop, std::string_view name);
Outcome<bool> loop_next(Interpreter& in, LoopState& loop);

}  // namespace freehold::text::jinja
