// JSON Schema to rules: one rule for each set of schemas that hold together at a place where arrays or objects may
// stand, so that recursion by $ref is recursion of rules.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/grammar/ir.h"
#include "text/grammar/schema_merge.h"
#include "text/grammar/schema_strings.h"

namespace freehold::text::grammar {

class SchemaCompiler {
 public:
  // `source` outlives the compiler.
  SchemaCompiler(Ir& ir, const Json& root, const SchemaOptions& options);

  // The values of the whole schema. Everything it needs is defined when this returns.
  Result<NodeId> compile();
  // Any JSON object; the schema is not looked at.
  Result<NodeId> any_object();

 private:
  Result<NodeId> place(const SchemaSet& set);
  Result<NodeId> scalar(const Alternative& a);
  Result<NodeId> body(const std::vector<Alternative>& alternatives);
  Result<NodeId> numbers(const Alternative& a);
  Result<NodeId> array(const Alternative& a);
  Result<std::optional<NodeId>> unique_items(const Alternative& a, std::uint32_t min, std::uint32_t max);
  Result<NodeId> object(const Alternative& a);
  struct Member {
    NodeId node = 0;
    bool required = false;
  };
  bool takes_extra_members(const Alternative& a, std::size_t listed, std::uint32_t min) const;
  // Members whose keys no schema lists: any of them, and, where the minimum needs several, the ones that may come as
  // number `needed` (of what is required), …, min - 1: their keys differ.
  struct Extra {
    NodeId any;
    std::vector<NodeId> apart;
  };
  Result<NodeId> extra_members(const Alternative& a, std::span<const std::string> known, const std::string& also);
  Result<std::vector<NodeId>> distinct_members(const Alternative& a, const std::vector<std::string>& known,
                                               std::uint32_t from, std::uint32_t min);
  Result<NodeId> members(const std::vector<Member>& list, const Extra& extra, std::uint32_t min, std::uint32_t max);
  NodeId constant(const Json& value);
  NodeId comma();
  NodeId colon();
  RuleId any_value();
  Result<void> drain();

  Ir& ir_;
  const Json& root_;
  SchemaOptions options_;
  SchemaSource source_;
  SchemaStrings strings_;
  std::map<SchemaSet, NodeId> places_;
  struct Todo {
    RuleId rule = 0;
    std::vector<Alternative> alternatives;
  };
  std::deque<Todo> todo_;
  std::optional<RuleId> any_value_;
  RuleId any_object_ = 0;
  std::optional<NodeId> comma_, colon_, integer_, number_;
};

}  // namespace freehold::text::grammar
