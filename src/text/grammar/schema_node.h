// One JSON Schema object as typed values: every keyword checked, what cannot be enforced refused by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/grammar/decimal.h"
#include "text/grammar/limits.h"
#include "text/grammar/schema_json.h"
#include "text/grammar/schema_omissions.h"

namespace freehold::text::grammar {

// Sets of types. A number without a fraction has both bits' worth: `integer` alone allows only whole ones.
enum : std::uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kFractionType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kNumberType = kIntegerType | kFractionType,
  kAllTypes = 127,
};

struct SchemaNode {
  const Json* source = nullptr;
  bool never = false;  // the schema `false`
  std::uint8_t types = kAllTypes;
  std::vector<const Json*> values;  // enum or const
  bool has_values = false;
  // Numbers.
  NumberRange range;
  std::vector<Decimal> steps;
  // Strings, lengths in code points.
  std::uint32_t min_length = 0;
  std::uint32_t max_length = UINT32_MAX;
  std::vector<std::string> patterns;  // pattern, and a format's
  // Arrays.
  std::vector<const Json*> prefix;
  const Json* items = nullptr;  // of all behind the prefix; null = anything
  std::uint32_t min_items = 0;
  std::uint32_t max_items = UINT32_MAX;
  bool unique = false;
  // Objects.
  std::vector<std::pair<std::string_view, const Json*>> properties;
  std::vector<std::string_view> required;
  std::vector<std::pair<std::string_view, const Json*>> patterns_of_keys;
  const Json* additional = nullptr;  // of all other keys; null = anything
  bool open = false;                 // others may be there although the schema lists some and says nothing of them
  // propertyNames: every key is one of key_values, if it lists them, and matches all of key_patterns.
  bool lists_keys = false;
  std::vector<std::string_view> key_values;  // in the schema's order
  std::vector<std::string_view> sorted_key_values;
  std::vector<std::string> key_patterns;
  std::uint32_t min_properties = 0;
  std::uint32_t max_properties = UINT32_MAX;
  bool describes_object = false;  // any keyword about objects
  // Combinations.
  const Json* reference = nullptr;  // the $ref's text
  std::vector<const Json*> all_of;
  std::vector<const Json*> any_of;
  std::vector<const Json*> one_of;
  const Json* negated = nullptr;
  bool incomplete = false;  // something was left out: there are more values than the schema has

  const Json* property(std::string_view key) const;
};

// Errors: invalid, and unsupported unless it may be left out.
Result<SchemaNode> read_schema_node(const Json& schema, const Limits& limits, const Omissions& omissions);

// The pattern of a string format ("" = nothing to enforce), nothing for a format that is not known.
std::optional<std::string_view> pattern_of_format(std::string_view format);

// Rewrites Gemini's dialect into JSON Schema, in place.
Result<void> from_gemini(JsonTree& tree);

}  // namespace freehold::text::grammar
