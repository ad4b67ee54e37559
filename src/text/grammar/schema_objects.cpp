// Objects of a schema: members in the order in which it lists them, then those whose keys it does not name, counted
// where minProperties and maxProperties say so.
#include <algorithm>
#include <map>
#include <optional>

#include "text/grammar/schema_compiler.h"

namespace freehold::text::grammar {
namespace {

constexpr std::size_t kMaxKeyPatterns = 4;  // 2^n kinds of keys
constexpr std::uint32_t kMaxDistinct = 16;  // keys that are kept apart by their lengths

}  // namespace

Result<NodeId> SchemaCompiler::object(const Alternative& a) {
  std::vector<std::string> keys;
  std::map<std::string, bool, std::less<>> required;
  std::uint32_t min = 0;
  std::uint32_t max = kNoMaximum;
  auto learn = [&](std::string_view key) {
    if (required.try_emplace(std::string(key), false).second) keys.emplace_back(key);
  };
  for (const SchemaNode* n : a.nodes) {
    for (const auto& p : n->properties) learn(p.first);
    min = std::max(min, n->min_properties);
    max = std::min(max, n->max_properties);
  }
  for (const SchemaNode* n : a.nodes) {
    for (std::string_view key : n->required) {
      learn(key);
      required.find(key)->second = true;
    }
  }
  std::vector<Member> list;
  for (const std::string& key : keys) {
    FH_TRY(std::optional<SchemaSet> set, source_.of_key(a.nodes, key));
    bool needed = required.find(key)->second;
    if (!set) {
      if (needed) return ir_.nothing();
      continue;
    }
    FH_TRY(NodeId value, place(*set));
    list.push_back({ir_.concat({ir_.bytes(json_quoted(key)), colon(), value}), needed});
  }
  Extra extra{ir_.nothing(), {}};
  if (takes_extra_members(a, list.size(), min)) {
    const SchemaNode* names = nullptr;  // the shortest list of keys that propertyNames gives
    for (const SchemaNode* n : a.nodes) {
      if (n->lists_keys && (names == nullptr || n->key_values.size() < names->key_values.size())) names = n;
    }
    if (names == nullptr) {
      FH_TRY(extra.any, extra_members(a, keys, ""));
    }
    for (std::size_t i = 0; names != nullptr && i < names->key_values.size(); ++i) {
      const std::string key(names->key_values[i]);
      if (!required.try_emplace(key, false).second) continue;
      FH_TRY(std::optional<SchemaSet> set, source_.of_key(a.nodes, key));
      if (!set) continue;
      FH_TRY(NodeId value, place(*set));
      list.push_back({ir_.concat({ir_.bytes(json_quoted(key)), colon(), value}), false});
    }
  }
  const auto needed = static_cast<std::uint32_t>(std::ranges::count_if(list, &Member::required));
  if (extra.any != ir_.nothing() && min > needed + 1 && min <= max) {
    auto apart = distinct_members(a, keys, needed, min);
    if (apart) {
      extra.apart = std::move(*apart);
    } else if (apart.error().code != Errc::unsupported || min > list.size() + 1) {
      if (apart.error().code != Errc::unsupported || !source_.omissions().loose())
        return tl::unexpected(std::move(apart).error());
      for (const SchemaNode* n : a.nodes) {
        if (n->min_properties > 0) source_.omissions().add(*n->source->find("minProperties"));
      }
      min = needed + 1;  // one of those will do: none of the optional ones may become required
    }
  }
  return members(list, extra, min, max);
}

// What could be `min` keys that differ without remembering any: the one that comes as number c has a length of c modulo
// `min`.
Result<std::vector<NodeId>> SchemaCompiler::distinct_members(const Alternative& a,
                                                             const std::vector<std::string>& known, std::uint32_t from,
                                                             std::uint32_t min) {
  if (min > kMaxDistinct)
    return fail(Errc::unsupported, "minProperties: more than " + std::to_string(kMaxDistinct) +
                                       " members whose keys are not listed in properties and required");
  std::vector<NodeId> members(min, ir_.nothing());
  for (std::uint32_t c = from; c < min; ++c) {
    const std::string period = "([\\s\\S]{" + std::to_string(min) + "})";
    FH_TRY(
        members[c],
        extra_members(a, known, c == 0 ? "^" + period + "+$" : "^[\\s\\S]{" + std::to_string(c) + "}" + period + "*$"));
    if (members[c] == ir_.nothing())
      return fail(
          Errc::unsupported,
          "minProperties: keys that differ cannot be made from these patternProperties: list them in properties");
  }
  return members;
}

// An object whose properties are listed has no others unless the schema speaks of them, or needs more than it lists
// (docs/adr/0021).
bool SchemaCompiler::takes_extra_members(const Alternative& a, std::size_t listed, std::uint32_t min) const {
  if (options_.open_objects || min > listed) return true;
  bool lists = false;
  for (const SchemaNode* n : a.nodes) {
    if (n->open || n->additional != nullptr || !n->patterns_of_keys.empty()) return true;
    lists |= !n->properties.empty();
  }
  return !lists;
}

// Members whose keys no schema lists: for each set of key patterns that a key may match at once, its values.
// `also`: a pattern that all those keys have to match, too; may be empty.
Result<NodeId> SchemaCompiler::extra_members(const Alternative& a, std::span<const std::string> known,
                                             const std::string& also) {
  std::vector<std::string> patterns;
  for (const SchemaNode* n : a.nodes) {
    for (const auto& p : n->patterns_of_keys) {
      if (std::ranges::find(patterns, p.first) == patterns.end()) patterns.emplace_back(p.first);
    }
  }
  bool any_value_will_do = false;
  if (patterns.size() > kMaxKeyPatterns) {
    if (!source_.omissions().loose())
      return fail(Errc::unsupported,
                  "patternProperties: more than " + std::to_string(kMaxKeyPatterns) + " patterns for one object");
    for (const SchemaNode* n : a.nodes) {
      if (!n->patterns_of_keys.empty()) source_.omissions().add(*n->source->find("patternProperties"));
    }
    patterns.clear();
    any_value_will_do = true;
  }
  std::vector<NodeId> choices;
  for (std::uint32_t matched = 0; matched < 1u << patterns.size(); ++matched) {
    std::vector<std::string> with, without;
    for (std::size_t i = 0; i < patterns.size(); ++i) ((matched >> i & 1) != 0 ? with : without).push_back(patterns[i]);
    SchemaSet set;
    for (const SchemaNode* n : a.nodes) {
      bool spoken_of = false;
      for (const auto& p : n->patterns_of_keys) {
        if (std::ranges::find(with, p.first) == with.end()) continue;
        insert(set, p.second);
        spoken_of = true;
      }
      if (!spoken_of && n->additional != nullptr && !any_value_will_do) insert(set, n->additional);
    }
    for (const SchemaNode* n : a.nodes) with.insert(with.end(), n->key_patterns.begin(), n->key_patterns.end());
    bool forbidden = false;
    for (const Json* s : set) {
      FH_TRY(const SchemaNode* n, source_.node(s));
      forbidden |= n->never;
    }
    if (forbidden) continue;
    if (!also.empty()) with.push_back(also);
    FH_TRY(std::optional<NodeId> key, strings_.keys(with, without, known));
    if (!key) continue;
    FH_TRY(NodeId value, place(set));
    choices.push_back(ir_.concat({*key, colon(), value}));
  }
  return ir_.any_of(choices);
}

// The members in order, optional ones left out or not, then extra ones. Counted only if the counts can go wrong.
Result<NodeId> SchemaCompiler::members(const std::vector<Member>& list, const Extra& extra, std::uint32_t min,
                                       std::uint32_t max) {
  auto n = static_cast<std::uint32_t>(list.size());
  auto needed = static_cast<std::uint32_t>(std::ranges::count_if(list, &Member::required));
  bool more = extra.any != ir_.nothing();
  bool count_min = min > needed;
  bool count_max = max != kNoMaximum && (more || max < n);
  std::uint32_t limit = count_max ? max : more ? std::max(n + 1, min) : n;
  if (min > limit) return ir_.nothing();
  // Extra keys may repeat one another: those that the minimum needs are kept apart, unless it is one alone.
  const auto extra_at = [&](std::uint32_t c) {
    return c + 1 < min && !extra.apart.empty() ? extra.apart[c] : extra.any;
  };
  std::uint32_t levels = count_min || count_max ? std::min(limit, count_max ? max : std::max(min, 1u)) + 1 : 2;
  bool counted = count_min || count_max;
  if (std::uint64_t{levels} * (n + 2) > ir_.limits().nfa_states / 8)
    return fail(Errc::exhausted, "minProperties or maxProperties is too large for an object of so many properties");

  Net net;
  NodeId empty = ir_.empty();
  NodeId close = ir_.bytes("}");
  std::uint32_t open = net.add_state();
  net.arcs.push_back({0, open, ir_.bytes("{")});
  // state(i, c): members before i are done, c of them are there (at most levels - 1 are told apart; without counting:
  // none or some). choose(i, c): one of the members from i on must come now.
  std::vector<std::uint32_t> states((n + 2) * levels), chooses((n + 2) * levels);
  for (auto& s : states) s = net.add_state();
  for (auto& s : chooses) s = net.add_state();
  auto at = [&](std::uint32_t i, std::uint32_t c) { return i * levels + std::min(c, levels - 1); };
  net.arcs.push_back({open, states[at(0, 0)], empty});
  const auto last = std::find_if(list.rbegin(), list.rend(), [](const Member& m) { return m.required; });
  for (std::uint32_t i = 0; i <= n; ++i) {
    const bool all_optional = i >= list.rend() - last;
    for (std::uint32_t c = 0; c < levels; ++c) {
      std::uint32_t here = states[at(i, c)];
      std::uint32_t choose = chooses[at(i, c)];
      bool full = count_max && c >= max;
      if (all_optional && (!counted || c >= min)) net.arcs.push_back({here, 1, close});
      if (full) continue;
      net.arcs.push_back({here, choose, c == 0 ? empty : comma()});
      if (i < n) {
        net.arcs.push_back({choose, states[at(i + 1, c + 1)], list[i].node});
        if (!list[i].required) net.arcs.push_back({choose, chooses[at(i + 1, c)], empty});
      } else if (more) {
        net.arcs.push_back({choose, states[at(n + 1, c + 1)], extra_at(c)});
      }
    }
  }
  // Behind the first extra member.
  for (std::uint32_t c = 0; more && c < levels; ++c) {
    std::uint32_t here = states[at(n + 1, c)];
    if (!counted || c >= min) net.arcs.push_back({here, 1, close});
    if (c == 0 || (count_max && c >= max)) continue;
    const bool short_of = count_min && c < min;
    if (short_of && extra.apart.empty()) continue;  // nothing leads here
    std::uint32_t next = count_max || short_of ? states[at(n + 1, c + 1)] : here;
    NodeId one = short_of ? extra.apart[c] : extra.any;
    net.arcs.push_back({here, next, ir_.concat({comma(), one})});
  }
  return ir_.net(std::move(net));
}

}  // namespace freehold::text::grammar
