// Reading a vendor's JSON: what may be missing and is asked for by name.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "format/json.h"

namespace freehold::upstream {

// value.a.b.c, or null where one of them is missing.
inline const format::Value* at(const format::Value* value, std::initializer_list<std::string_view> path) {
  for (const std::string_view key : path) {
    if (value == nullptr) return nullptr;
    value = value->member(key);
  }
  return value;
}

inline std::string_view text_at(const format::Value* value, std::initializer_list<std::string_view> path) {
  const format::Value* found = at(value, path);
  return found != nullptr ? found->as_string().value_or("") : std::string_view();
}

inline std::uint64_t count_at(const format::Value* value, std::initializer_list<std::string_view> path) {
  const format::Value* found = at(value, path);
  return found != nullptr ? found->as_u64().value_or(0) : 0;
}

// The event's data as an object. Errors: corrupt.
inline Result<format::Value> object_of(std::string_view data) {
  auto value = format::parse_json(data);
  if (!value) return in_context(std::move(value).error(), "an event of its stream");
  if (!value->is_object()) return fail(Errc::corrupt, "an event of its stream is no JSON object");
  return std::move(*value);
}

}  // namespace freehold::upstream
