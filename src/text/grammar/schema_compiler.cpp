#include "text/grammar/schema_compiler.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

// Numbers without bounds. Their digits are: a random text must end, be exact as a 64-bit integer and finite as a
// double.
constexpr std::string_view kInteger = "-?[1-9][0-9]{0,17}|0";
constexpr std::string_view kNumber = "-?(?:0|[1-9][0-9]{0,17})(?:\\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?";
constexpr std::size_t kMaxUnique = 8;  // values that uniqueItems can keep apart: 2^n states

std::uint32_t saturating_sub(std::uint32_t a, std::uint32_t b) {
  return a == kNoMaximum ? a : a - std::min(a, b);
}

}  // namespace

SchemaCompiler::SchemaCompiler(Ir& ir, const Json& root, const SchemaOptions& options)
    : ir_(ir), root_(root), options_(options), source_(root, ir.limits(), Omissions(options)), strings_(ir, source_) {}

NodeId SchemaCompiler::comma() {
  if (!comma_)
    comma_ = options_.allow_spaces ? ir_.concat({ir_.bytes(","), ir_.optional(ir_.bytes(" "))}) : ir_.bytes(",");
  return *comma_;
}

NodeId SchemaCompiler::colon() {
  if (!colon_)
    colon_ = options_.allow_spaces ? ir_.concat({ir_.bytes(":"), ir_.optional(ir_.bytes(" "))}) : ir_.bytes(":");
  return *colon_;
}

Result<NodeId> SchemaCompiler::compile() {
  FH_TRY(NodeId root, place({&root_}));
  FH_TRY_VOID(drain());
  return root;
}

Result<NodeId> SchemaCompiler::any_object() {
  any_value();
  return ir_.call(any_object_);
}

Result<void> SchemaCompiler::drain() {
  while (!todo_.empty()) {
    Todo next = std::move(todo_.front());
    todo_.pop_front();
    if (ir_.overflowed()) return fail(Errc::exhausted, "the schema is too large");
    FH_TRY(NodeId node, body(next.alternatives));
    ir_.define(next.rule, node);
  }
  return {};
}

// Where values of all schemas of the set stand: written out if they are simple, a rule's call if not.
Result<NodeId> SchemaCompiler::place(const SchemaSet& set) {
  if (auto it = places_.find(set); it != places_.end()) return it->second;
  FH_TRY(std::vector<Alternative> list, source_.alternatives(set));
  bool composite = false;
  std::size_t values = 0;
  bool anything = list.size() == 1 && list[0].types == kAllTypes && !list[0].has_values && list[0].nodes.empty() &&
                  list[0].steps.empty() && !list[0].range.low && !list[0].range.high && list[0].min_length == 0 &&
                  list[0].max_length == kNoMaximum && list[0].patterns.empty();
  for (const Alternative& a : list) {
    composite |= !a.has_values && (a.types & (kArrayType | kObjectType)) != 0;
    values += a.values.size();
  }
  NodeId node = 0;
  if (anything) {
    node = ir_.call(any_value());
  } else if (composite || values > 16) {
    std::string name = set.empty() ? "value" : pointer_of(*set.front());
    RuleId rule = ir_.add_rule(std::move(name), composite ? 1 : 0, composite);
    node = ir_.call(rule);
    todo_.push_back({rule, std::move(list)});
  } else {
    FH_TRY(node, body(list));
  }
  places_.emplace(set, node);
  return node;
}

Result<NodeId> SchemaCompiler::body(const std::vector<Alternative>& list) {
  std::vector<NodeId> choices;
  for (const Alternative& a : list) {
    if (a.has_values) {
      for (const Json* v : a.values) choices.push_back(constant(*v));
      continue;
    }
    FH_TRY(NodeId simple, scalar(a));
    choices.push_back(simple);
    if ((a.types & kArrayType) != 0) {
      FH_TRY(NodeId arrays, array(a));
      choices.push_back(arrays);
    }
    if ((a.types & kObjectType) != 0) {
      FH_TRY(NodeId objects, object(a));
      choices.push_back(objects);
    }
  }
  return ir_.any_of(choices);
}

NodeId SchemaCompiler::constant(const Json& v) {
  bool composite = (v.is(Json::Kind::array) || v.is(Json::Kind::object)) && !v.items.empty();
  if (!composite) return ir_.bytes(to_compact(v));
  bool object = v.is(Json::Kind::object);
  std::vector<NodeId> parts = {ir_.bytes(object ? "{" : "[")};
  for (std::size_t i = 0; i < v.items.size(); ++i) {
    if (i > 0) parts.push_back(comma());
    if (object) {
      parts.push_back(ir_.bytes(json_quoted(v.keys[i])));
      parts.push_back(colon());
    }
    parts.push_back(constant(*v.items[i]));
  }
  parts.push_back(ir_.bytes(object ? "}" : "]"));
  return ir_.concat(parts);
}

Result<NodeId> SchemaCompiler::scalar(const Alternative& a) {
  std::vector<NodeId> choices;
  if ((a.types & kNullType) != 0) choices.push_back(ir_.bytes("null"));
  if ((a.types & kBooleanType) != 0) {
    choices.push_back(ir_.bytes("true"));
    choices.push_back(ir_.bytes("false"));
  }
  if ((a.types & kNumberType) != 0) {
    FH_TRY(NodeId node, numbers(a));
    choices.push_back(node);
  }
  if ((a.types & kStringType) != 0) {
    FH_TRY(NodeId node, strings_.strings(a.min_length, a.max_length, a.patterns));
    choices.push_back(node);
  }
  return ir_.any_of(choices);
}

Result<NodeId> SchemaCompiler::numbers(const Alternative& a) {
  bool whole = (a.types & kFractionType) == 0;
  if (!a.range.low && !a.range.high && a.steps.empty()) {
    auto& known = whole ? integer_ : number_;
    if (!known) {
      FH_TRY(RegexAst ast, parse_regex(whole ? kInteger : kNumber, ir_.limits()));
      FH_TRY(NodeId node, regex_to_ir(ir_, ast, Reach::whole, Encoding::raw));
      RuleId rule = ir_.add_rule(whole ? "integer" : "number");
      ir_.define(rule, node);
      known = ir_.call(rule);
    }
    return *known;
  }
  NumberRange range = a.range;
  range.whole = whole;
  std::optional<CodeDfa> all;
  std::size_t most = ir_.limits().dfa_states / 4;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, a.steps.size()); ++i) {
    if (!a.steps.empty()) range.step = a.steps[i];
    FH_TRY(CodeDfa dfa, dfa_of_range(range, most));
    if (all) {
      FH_TRY(all, intersect(*all, dfa, most));
    } else {
      all = std::move(dfa);
    }
  }
  return ir_.graph(std::move(*all), Encoding::raw);
}

// ---- arrays ------------------------------------------------------------------------------------------------------

Result<NodeId> SchemaCompiler::array(const Alternative& a) {
  std::uint32_t min = 0;
  std::uint32_t max = kNoMaximum;
  std::size_t prefix = 0;
  bool unique = false;
  for (const SchemaNode* n : a.nodes) {
    min = std::max(min, n->min_items);
    max = std::min(max, n->max_items);
    prefix = std::max(prefix, n->prefix.size());
    unique |= n->unique;
  }
  if (unique && max > 1) {
    FH_TRY(std::optional<NodeId> node, unique_items(a, min, max));
    if (node) return *node;
    const Json* where = nullptr;
    for (const SchemaNode* n : a.nodes) {
      if (!n->unique) continue;
      where = n->source->find("uniqueItems");
      if (source_.omissions().loose()) source_.omissions().add(*where);
    }
    if (!source_.omissions().loose())
      return fail(Errc::unsupported, pointer_of(*where) + ": is supported only where items is an enum of up to " +
                                         std::to_string(kMaxUnique) + " values, or maxItems is 1");
  }
  // Items at places of their own, then those that are all alike.
  std::vector<NodeId> items;
  NodeId rest = ir_.nothing();
  for (std::size_t i = 0; i <= prefix; ++i) {
    if (i >= max) break;
    FH_TRY(std::optional<SchemaSet> set, source_.of_item(a.nodes, i));
    if (!set) {
      max = static_cast<std::uint32_t>(i);
      break;
    }
    FH_TRY(NodeId node, place(*set));
    if (i < prefix) {
      items.push_back(node);
    } else {
      rest = node;
    }
  }
  Net net;
  std::uint32_t at = 0;
  auto step = [&](NodeId label) {
    std::uint32_t next = net.add_state();
    net.arcs.push_back({at, next, label});
    at = next;
  };
  NodeId nothing_more = ir_.empty();
  step(ir_.bytes("["));
  std::uint32_t end = net.add_state();
  net.arcs.push_back({end, 1, ir_.bytes("]")});
  auto count = static_cast<std::uint32_t>(items.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i >= min) net.arcs.push_back({at, end, nothing_more});
    step(i == 0 ? items[i] : ir_.concat({comma(), items[i]}));
  }
  if (count >= min) net.arcs.push_back({at, end, nothing_more});
  if (rest != ir_.nothing() && max > count) {
    std::uint32_t more_min = min - std::min(min, count);
    std::uint32_t more_max = saturating_sub(max, count);
    if (count == 0) {
      step(rest);
      more_min -= std::min(more_min, 1u);
      more_max = saturating_sub(more_max, 1);
    }
    net.arcs.push_back({at, end, ir_.repeat(ir_.concat({comma(), rest}), more_min, more_max)});
  }
  return ir_.net(std::move(net));
}

// Items from a short list, none twice: a state for each set of those that were there.
Result<std::optional<NodeId>> SchemaCompiler::unique_items(const Alternative& a, std::uint32_t min, std::uint32_t max) {
  for (const SchemaNode* n : a.nodes) {
    if (!n->prefix.empty()) return std::optional<NodeId>();
  }
  FH_TRY(std::optional<SchemaSet> set, source_.of_item(a.nodes, 0));
  if (!set) return std::optional<NodeId>();
  FH_TRY(std::vector<Alternative> list, source_.alternatives(*set));
  std::vector<const Json*> values;
  std::vector<NodeId> nodes;
  bool booleans = false;
  bool nulls = false;
  for (const Alternative& one : list) {
    if (!one.has_values && (one.types & ~(kBooleanType | kNullType)) != 0) return std::optional<NodeId>();
    if (!one.has_values) {
      booleans |= (one.types & kBooleanType) != 0;
      nulls |= (one.types & kNullType) != 0;
    }
    for (const Json* v : one.values) {
      bool twice = std::ranges::any_of(values, [&](const Json* w) { return equal(*v, *w); });
      if (!twice) values.push_back(v);
    }
  }
  if ((booleans || nulls) && !values.empty()) return std::optional<NodeId>();
  for (const Json* v : values) nodes.push_back(constant(*v));
  if (booleans) nodes.insert(nodes.end(), {ir_.bytes("true"), ir_.bytes("false")});
  if (nulls) nodes.push_back(ir_.bytes("null"));
  if (nodes.size() > kMaxUnique) return std::optional<NodeId>();
  Net net;
  std::uint32_t open = net.add_state();
  std::uint32_t end = net.add_state();
  net.arcs.push_back({0, open, ir_.bytes("[")});
  net.arcs.push_back({end, 1, ir_.bytes("]")});
  std::vector<std::uint32_t> state(std::size_t{1} << nodes.size());
  for (auto& s : state) s = net.add_state();
  net.arcs.push_back({open, state[0], ir_.empty()});
  for (std::uint32_t used = 0; used < state.size(); ++used) {
    auto count = static_cast<std::uint32_t>(__builtin_popcount(used));
    if (count >= min && count <= max) net.arcs.push_back({state[used], end, ir_.empty()});
    if (count >= max) continue;
    std::uint32_t from = state[used];
    if (used != 0) {
      from = net.add_state();
      net.arcs.push_back({state[used], from, comma()});
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if ((used >> i & 1) == 0) net.arcs.push_back({from, state[used | 1u << i], nodes[i]});
    }
  }
  return std::optional<NodeId>(ir_.net(std::move(net)));
}

RuleId SchemaCompiler::any_value() {
  if (any_value_) return *any_value_;
  any_value_ = ir_.add_rule("value");
  any_object_ = ir_.add_rule("object", 1, true);
  RuleId any_array = ir_.add_rule("array", 1, true);
  NodeId value = ir_.call(*any_value_);
  NodeId member = ir_.concat({strings_.any(), colon(), value});
  auto list = [&](std::string_view open, NodeId item, std::string_view close) {
    NodeId items = ir_.concat({item, ir_.repeat(ir_.concat({comma(), item}), 0, kNoMaximum)});
    return ir_.concat({ir_.bytes(open), ir_.optional(items), ir_.bytes(close)});
  };
  ir_.define(any_object_, list("{", member, "}"));
  ir_.define(any_array, list("[", value, "]"));
  Alternative number;
  number.types = kNumberType;
  NodeId plain = *numbers(number);
  ir_.define(*any_value_, ir_.any_of({ir_.call(any_object_), ir_.call(any_array), strings_.any(), plain,
                                      ir_.bytes("true"), ir_.bytes("false"), ir_.bytes("null")}));
  return *any_value_;
}

}  // namespace freehold::text::grammar
