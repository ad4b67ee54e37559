// The JSON strings of a schema as expressions: any text, or texts of given lengths, patterns and keys.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/grammar/ir.h"
#include "text/grammar/schema_merge.h"

namespace freehold::text::grammar {

class SchemaStrings {
 public:
  SchemaStrings(Ir& ir, SchemaSource& source) : ir_(ir), source_(source) {}

  // With the quotes. A string without a pattern may use every escape of JSON; elsewhere each character has one
  // spelling.
  Result<NodeId> strings(std::uint32_t min_length, std::uint32_t max_length, const std::vector<std::string>& patterns);
  NodeId any() { return *strings(0, kNoMaximum, {}); }
  // Keys that match all of `matching` and none of `not_matching`, and are none of `excluded`. Nothing if there are
  // none.
  Result<std::optional<NodeId>> keys(const std::vector<std::string>& matching,
                                     const std::vector<std::string>& not_matching,
                                     std::span<const std::string> excluded);

 private:
  NodeId character();
  NodeId in_quotes(NodeId inside);
  Ir& ir_;
  SchemaSource& source_;
  std::optional<NodeId> character_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, RuleId> by_length_;
  std::map<std::string, NodeId> by_pattern_;
};

}  // namespace freehold::text::grammar
