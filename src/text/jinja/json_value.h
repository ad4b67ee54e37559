// JSON text -> Value, keeping the order of keys and the difference between 1 and 1.0.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "text/jinja/value.h"

namespace freehold::text::jinja {

inline constexpr std::size_t kMaxJsonDepth = 100;

// Integers outside 64 bits stay exact (Type::big_integer). Errors: invalid, with the place in the text.
Result<Value> value_from_json(std::string_view text);

}  // namespace freehold::text::jinja
