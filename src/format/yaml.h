// YAML from people's files (recipes, tasks, configuration): a tree of scalars, lists and maps, each with its line, so
// that an error can say where. The texts stay as written; whoever reads them says what type is wanted, with YAML 1.2's
// words for it (1.1's yes/no/on/off too, because the field's recipes use them).
//
// What is refused: more than kMaxYamlNodes nodes (anchors that multiply count as often as they are used), a key that
// occurs twice in a map, keys that are not scalars, several documents, merge keys ("<<").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::format {

inline constexpr std::size_t kMaxYamlBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxYamlNodes = 100'000;

struct YamlMember;

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  bool quoted = false;   // of a scalar: it is a string whatever it looks like
  std::size_t line = 0;  // from 1; 0: not known
  std::string text;      // of a scalar, as written
  std::vector<YamlNode> items;
  std::vector<YamlMember> members;  // in the order of the file

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }

  // The scalar as a type; nothing if it is not one of that type. A quoted number is no number, a quoted "true" no
  // truth.
  std::optional<bool> as_bool() const;  // true/false/yes/no/on/off in lower, upper or title case
  std::optional<std::int64_t> as_integer() const;
  std::optional<double> as_number() const;  // finite; "1e-4" is one

  const YamlNode* member(std::string_view key) const;  // null if there is none, or this is no map
};

struct YamlMember {
  std::string key;
  YamlNode value;
};

// Errors: corrupt ("line 3: …"), exhausted (too large).
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace freehold::format
