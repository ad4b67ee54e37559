// Several schemas that must all hold at one place (allOf, $ref beside keywords, a key that two schemas speak of), as a
// list of alternatives without allOf, anyOf, oneOf or $ref. What a value of an alternative's objects and arrays
// contains is not looked at here: those are places of their own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar/code_dfa.h"
#include "text/grammar/limits.h"
#include "text/grammar/schema_node.h"

namespace freehold::text::grammar {

using SchemaSet = std::vector<const Json*>;  // in the order of the text, each once: all of them hold

struct Alternative {
  std::uint8_t types = kAllTypes;
  bool has_values = false;
  std::vector<const Json*> values;  // with the rest already applied
  NumberRange range;
  std::vector<Decimal> steps;
  std::uint32_t min_length = 0;
  std::uint32_t max_length = UINT32_MAX;
  std::vector<std::string> patterns;
  std::vector<const SchemaNode*> nodes;  // those that speak of arrays or objects, in order of appearance
};

class SchemaSource {
 public:
  SchemaSource(const Json& root, const Limits& limits, const Omissions& omissions = {})
      : root_(root), limits_(limits), omissions_(omissions) {}

  const Limits& limits() const { return limits_; }
  const Omissions& omissions() const { return omissions_; }
  Result<const SchemaNode*> node(const Json* schema);
  // Errors: unsupported (branches of oneOf that overlap, a `not` that cannot be decided), exhausted, invalid.
  Result<std::vector<Alternative>> alternatives(const SchemaSet& set);
  // Whether the value satisfies the schema; everything is looked at.
  Result<bool> satisfies(const Json& value, const Json* schema, std::size_t depth = 0);
  // What holds for the value of a key of objects that satisfy all `nodes`; nothing if one forbids the key.
  Result<std::optional<SchemaSet>> of_key(const std::vector<const SchemaNode*>& nodes, std::string_view key);
  // Of the item at a place of arrays.
  Result<std::optional<SchemaSet>> of_item(const std::vector<const SchemaNode*>& nodes, std::size_t place);
  Result<const CodeDfa*> pattern(const std::string& text);

 private:
  using Alternatives = std::vector<Alternative>;
  Result<Alternatives> expand(const Json* schema);
  Result<Alternatives> both(const Alternatives& a, const Alternatives& b);
  Result<Alternatives> any(const std::vector<const Json*>& schemas);
  Result<bool> disjoint(const SchemaSet& a, const SchemaSet& b, std::size_t depth);
  Result<bool> disjoint(const Alternative& a, const Alternative& b, std::size_t depth);
  Result<void> all_apart(const std::vector<const Json*>& branches);
  Result<void> negate(const SchemaNode& node, Alternatives& list);
  Result<Alternatives> without_negated(const SchemaNode& node, Alternatives list);
  // What a $ref stands for; null if that is left out. Error: invalid, unsupported.
  Result<const Json*> referred(const Json& reference);
  void learn_anchors();
  Result<bool> takes_key(const SchemaNode& n, std::string_view key);
  Result<bool> satisfies_alternative(const Json& value, const Alternative& a, std::size_t depth);
  Result<bool> satisfies_node(const Json& value, const SchemaNode& n, std::size_t depth);
  Result<void> spend(std::uint64_t work);

  const Json& root_;
  const Limits& limits_;
  const Omissions omissions_;
  bool met_incomplete_ = false;  // something was left out of a node that was asked for
  std::optional<std::map<std::string_view, const Json*>> anchors_;
  std::map<const Json*, std::unique_ptr<SchemaNode>> nodes_;
  std::map<std::string, CodeDfa> patterns_;
  std::vector<const Json*> expanding_;
  std::uint64_t work_ = 0;
};

// Adds to a set.
void insert(SchemaSet& set, const Json* schema);
// The error of a `not` around something that was left out.
Unexpected not_around_incomplete(const Json& negated);

}  // namespace freehold::text::grammar
