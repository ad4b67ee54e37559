#include "text/grammar/schema_strings.h"

#include <algorithm>

#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {

NodeId SchemaStrings::in_quotes(NodeId inside) {
  return ir_.concat({ir_.bytes("\""), inside, ir_.bytes("\"")});
}

// One character in any spelling that JSON has for it. Half a surrogate pair is none.
NodeId SchemaStrings::character() {
  if (character_) return *character_;
  auto one_of = [&](std::string_view chars) {
    CharSet set;
    for (char c : chars) set.add(static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(c));
    return ir_.chars(set, Encoding::raw);
  };
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  NodeId hex = one_of(kHex);
  NodeId u = ir_.bytes("\\u");
  NodeId d = one_of("dD");
  NodeId below = ir_.any_of(
      {ir_.concat({one_of("0123456789abcefABCEF"), hex, hex, hex}), ir_.concat({d, one_of("01234567"), hex, hex})});
  NodeId pair = ir_.concat({d, one_of("89abAB"), hex, hex, u, d, one_of("cdefCDEF"), hex, hex});
  character_ =
      ir_.any_of({ir_.chars(json_escaped().complement(), Encoding::raw),
                  ir_.concat({ir_.bytes("\\"), one_of("\"\\/bfnrt")}), ir_.concat({u, ir_.any_of({below, pair})})});
  return *character_;
}

Result<NodeId> SchemaStrings::strings(std::uint32_t min, std::uint32_t max, const std::vector<std::string>& patterns) {
  if (patterns.empty()) {
    auto [it, added] = by_length_.try_emplace({min, max}, 0);
    if (added) {
      it->second = ir_.add_rule("string");
      ir_.define(it->second, in_quotes(ir_.repeat(character(), min, max)));
    }
    return ir_.call(it->second);
  }
  std::string key = std::to_string(min) + "," + std::to_string(max);
  for (const std::string& p : patterns) key += std::string(1, '\0') + p;
  if (auto it = by_pattern_.find(key); it != by_pattern_.end()) return it->second;
  bool lengths = min > 0 || max != kNoMaximum;
  NodeId inside = ir_.nothing();
  FH_TRY(RegexAst first, parse_regex(patterns[0], ir_.limits()));
  auto run = as_char_run(first, Reach::anywhere);
  if (patterns.size() == 1 && run) {
    inside = ir_.repeat(ir_.chars(run->set, Encoding::json), std::max(min, run->min), std::min(max, run->max));
  } else if (patterns.size() == 1 && !lengths) {
    FH_TRY(inside, regex_to_ir(ir_, first, Reach::anywhere, Encoding::json));
  } else {
    std::size_t most = ir_.limits().dfa_states / 8;
    FH_TRY(const CodeDfa* dfa, source_.pattern(patterns[0]));
    CodeDfa all = *dfa;
    for (std::size_t i = 1; i < patterns.size(); ++i) {
      FH_TRY(const CodeDfa* next, source_.pattern(patterns[i]));
      FH_TRY(all, intersect(all, *next, most));
    }
    if (lengths) {
      FH_TRY(CodeDfa limit, dfa_of_length(min, max, most));
      FH_TRY(all, intersect(all, limit, most));
    }
    inside = ir_.graph(std::move(all), Encoding::json);
  }
  RuleId rule = ir_.add_rule("string");
  ir_.define(rule, in_quotes(inside));
  NodeId node = ir_.call(rule);
  by_pattern_.emplace(std::move(key), node);
  return node;
}

Result<std::optional<NodeId>> SchemaStrings::keys(const std::vector<std::string>& matching,
                                                  const std::vector<std::string>& not_matching,
                                                  std::span<const std::string> excluded) {
  if (matching.empty() && not_matching.empty() && excluded.empty()) return std::optional<NodeId>(any());
  std::size_t most = ir_.limits().dfa_states / 8;
  FH_TRY(CodeDfa listed, dfa_of_strings(excluded, most));
  CodeDfa all = complement(listed);
  for (const std::string& p : matching) {
    FH_TRY(const CodeDfa* dfa, source_.pattern(p));
    FH_TRY(all, intersect(all, *dfa, most));
  }
  for (const std::string& p : not_matching) {
    FH_TRY(const CodeDfa* dfa, source_.pattern(p));
    FH_TRY(all, intersect(all, complement(*dfa), most));
  }
  if (all.empty()) return std::optional<NodeId>();
  RuleId rule = ir_.add_rule("key");
  ir_.define(rule, in_quotes(ir_.graph(std::move(all), Encoding::json)));
  return std::optional<NodeId>(ir_.call(rule));
}

}  // namespace freehold::text::grammar
