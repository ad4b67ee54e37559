// Reading a vendor's JSON: what may be missing or wrong, and is asked for by name.
#pragma once

#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "format/json.h"
#include "upstream/call.h"

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

// A count of tokens, written as 100 or as 100.0; nothing where it is missing or cannot be one.
inline std::optional<std::uint64_t> count_at(const format::Value* value, std::initializer_list<std::string_view> path) {
  const format::Value* found = at(value, path);
  if (found == nullptr) return std::nullopt;
  if (found->type() == format::ValueType::f64) {
    const double x = found->as_f64().value_or(-1);
    if (!(x >= 0 && x <= static_cast<double>(kMostTokens)) || x != std::floor(x)) return std::nullopt;
    return static_cast<std::uint64_t>(x);
  }
  const auto count = found->as_u64();
  return count && *count <= kMostTokens ? count : std::nullopt;
}

// The same text with U+FFFD for every escape of half a pair ("\ud83d" without its other half): vendors cut answers
// between the two, and no strict parser takes them.
std::string with_whole_pairs(std::string_view json);

// The event's data as an object. Errors: corrupt.
inline Result<format::Value> object_of(std::string_view data) {
  auto value = format::parse_json(data);
  if (!value && data.find("\\u") != std::string_view::npos) value = format::parse_json(with_whole_pairs(data));
  if (!value) return in_context(std::move(value).error(), "an event of its stream");
  if (!value->is_object()) return fail(Errc::corrupt, "an event of its stream is no JSON object");
  return std::move(*value);
}

}  // namespace freehold::upstream
