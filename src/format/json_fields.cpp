#include "format/json_fields.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace freehold::format {

const Value* JsonFields::find(std::string_view key) {
  known_.emplace(key);
  const Value* v = object_.member(key);
  return v == nullptr || v->is_null() ? nullptr : v;
}

Result<std::string> JsonFields::string(std::string_view key) {
  const Value* v = find(key);
  auto s = v != nullptr ? v->as_string() : std::nullopt;
  if (!s) return wrong(key, "a string", v);
  return std::string(*s);
}

Result<std::string> JsonFields::string_or(std::string_view key, std::string_view otherwise) {
  if (find(key) == nullptr) return std::string(otherwise);
  return string(key);
}

Result<bool> JsonFields::boolean_or(std::string_view key, bool otherwise) {
  const Value* v = find(key);
  if (v == nullptr) return otherwise;
  auto b = v->as_bool();
  if (!b) return wrong(key, "true or false", v);
  return *b;
}

Result<std::uint32_t> JsonFields::u32(std::string_view key) {
  const Value* v = find(key);
  auto n = v != nullptr ? v->as_u64() : std::nullopt;
  if (!n || *n > 0x7FFFFFFF) return wrong(key, "a number from 0 to 2^31 - 1", v);
  return static_cast<std::uint32_t>(*n);
}

Result<> JsonFields::finish() const {
  for (const Member& m : object_.members()) {
    if (known_.find(m.key) == known_.end()) {
      return fail(Errc::unsupported, fmt::format("{}: field '{}'", where_, printable(m.key, 60)));
    }
  }
  return {};
}

Unexpected JsonFields::wrong(std::string_view key, std::string_view expected, const Value* found) const {
  return fail(Errc::corrupt, fmt::format("{}: field '{}': expected {}, found {}", where_, key, expected,
                                         found == nullptr ? std::string("nothing") : found->describe()));
}

}  // namespace freehold::format
