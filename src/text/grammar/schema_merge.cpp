#include "text/grammar/schema_merge.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

using JsonKind = Json::Kind;

void tighten(NumberRange& r, const NumberRange& other) {
  if (other.low) {
    int c = r.low ? compare(*other.low, *r.low) : 1;
    if (c > 0) r.low = other.low, r.low_open = other.low_open;
    if (c == 0) r.low_open |= other.low_open;
  }
  if (other.high) {
    int c = r.high ? compare(*other.high, *r.high) : -1;
    if (c < 0) r.high = other.high, r.high_open = other.high_open;
    if (c == 0) r.high_open |= other.high_open;
  }
}

bool no_number_in(const NumberRange& a, const NumberRange& b) {
  NumberRange both = a;
  tighten(both, b);
  if (!both.low || !both.high) return false;
  int c = compare(*both.low, *both.high);
  return c > 0 || (c == 0 && (both.low_open || both.high_open));
}

}  // namespace

Unexpected not_around_incomplete(const Json& negated) {
  return fail(Errc::unsupported, pointer_of(negated) + ": \"not\" is not supported around what is not enforced");
}

void insert(SchemaSet& set, const Json* schema) {
  auto at = std::lower_bound(set.begin(), set.end(), schema, [](auto* a, auto* b) { return a->number < b->number; });
  if (at == set.end() || *at != schema) set.insert(at, schema);
}

Result<void> SchemaSource::spend(std::uint64_t work) {
  if ((work_ += work) > limits_.steps / 10) return fail(Errc::exhausted, "the schema takes too much work to compile");
  return {};
}

Result<const SchemaNode*> SchemaSource::node(const Json* schema) {
  auto& slot = nodes_[schema];
  if (!slot) {
    FH_TRY(SchemaNode read, read_schema_node(*schema, limits_, omissions_));
    slot = std::make_unique<SchemaNode>(std::move(read));
  }
  met_incomplete_ |= slot->incomplete;
  return slot.get();
}

Result<const CodeDfa*> SchemaSource::pattern(const std::string& text) {
  auto it = patterns_.find(text);
  if (it == patterns_.end()) {
    FH_TRY(RegexAst ast, parse_regex(text, limits_));
    FH_TRY(CodeDfa dfa, regex_to_dfa(ast, Reach::anywhere, limits_.dfa_states / 4));
    it = patterns_.emplace(text, std::move(dfa)).first;
  }
  return &it->second;
}

Result<const Json*> SchemaSource::referred(const Json& reference) {
  const std::string& text = reference.text;
  const bool local = text.starts_with('#');
  const Json* target = nullptr;
  if (text.size() > 1 && local && text[1] != '/') {
    if (!anchors_) learn_anchors();
    if (auto it = anchors_->find(std::string_view(text).substr(1)); it != anchors_->end()) target = it->second;
  } else {
    target = resolve(root_, text);
  }
  if (target != nullptr) return target;
  if (!local && omissions_.loose()) {
    omissions_.add(reference);
    met_incomplete_ = true;
    return target;
  }
  return fail(local ? Errc::invalid : Errc::unsupported,
              pointer_of(reference) + ": \"" + printable(text, 120) + "\" " +
                  (local ? "leads nowhere" : "is not inside this schema, and nothing is fetched"));
}

// $anchor wherever it may name a schema: in values that are only compared it is no keyword.
void SchemaSource::learn_anchors() {
  constexpr std::string_view kValues[] = {"enum", "const", "default", "examples"};
  constexpr std::string_view kOfNames[] = {"properties", "patternProperties", "$defs", "definitions"};
  anchors_.emplace();
  struct Place {
    const Json* at;
    bool of_names;  // its keys are the schema's own, not keywords
  };
  std::vector<Place> todo = {{&root_, false}};
  while (!todo.empty()) {
    const auto [at, of_names] = todo.back();
    todo.pop_back();
    const bool keywords = at->is(JsonKind::object) && !of_names;
    for (std::size_t i = 0; i < at->items.size(); ++i) {
      const Json* v = at->items[i];
      const std::string_view key = keywords ? std::string_view(at->keys[i]) : std::string_view();
      if (key == "$anchor" && v->is(JsonKind::string)) anchors_->emplace(v->text, at);
      if (std::ranges::find(kValues, key) != std::end(kValues)) continue;
      todo.push_back({v, std::ranges::find(kOfNames, key) != std::end(kOfNames) && v->is(JsonKind::object)});
    }
  }
}

// ---- alternatives ------------------------------------------------------------------------------------------------

Result<SchemaSource::Alternatives> SchemaSource::alternatives(const SchemaSet& set) {
  Alternatives out(1);
  const std::size_t expanding = expanding_.size();
  for (const Json* schema : set) {
    auto one = expand(schema);
    expanding_.resize(expanding);  // after an error, too: it may be one that something is left out for
    if (!one) return tl::unexpected(std::move(one).error());
    FH_TRY(out, both(out, *one));
  }
  return out;
}

Result<SchemaSource::Alternatives> SchemaSource::any(const std::vector<const Json*>& schemas) {
  Alternatives out;
  for (const Json* s : schemas) {
    FH_TRY(Alternatives one, expand(s));
    out.insert(out.end(), std::make_move_iterator(one.begin()), std::make_move_iterator(one.end()));
    if (out.size() > limits_.alternatives) return fail(Errc::exhausted, pointer_of(*s) + ": too many alternatives");
  }
  return out;
}

Result<SchemaSource::Alternatives> SchemaSource::expand(const Json* schema) {
  FH_TRY_VOID(spend(1));
  if (std::ranges::find(expanding_, schema) != expanding_.end())
    return fail(Errc::invalid, pointer_of(*schema) + ": refers to itself with nothing between");
  if (expanding_.size() >= 4 * limits_.depth)
    return fail(Errc::exhausted, pointer_of(*schema) + ": combined too deeply");
  FH_TRY(const SchemaNode* n, node(schema));
  if (n->never) return Alternatives{};
  expanding_.push_back(schema);

  Alternative own;
  own.types = n->types;
  own.has_values = n->has_values;
  own.values = n->values;
  own.range = n->range;
  own.steps = n->steps;
  own.min_length = n->min_length;
  own.max_length = n->max_length;
  own.patterns = n->patterns;
  bool of_arrays =
      !n->prefix.empty() || n->items != nullptr || n->min_items > 0 || n->max_items != UINT32_MAX || n->unique;
  if (of_arrays || n->describes_object) own.nodes.push_back(n);
  Alternatives out = {own};

  if (n->reference != nullptr) {
    FH_TRY(const Json* target, referred(*n->reference));
    if (target != nullptr) {
      FH_TRY(Alternatives there, expand(target));
      FH_TRY(out, both(out, there));
    }
  }
  for (const Json* s : n->all_of) {
    FH_TRY(Alternatives one, expand(s));
    FH_TRY(out, both(out, one));
  }
  if (has_list(*schema, "anyOf")) {
    FH_TRY(Alternatives some, any(n->any_of));
    FH_TRY(out, both(out, some));
  }
  if (has_list(*schema, "oneOf")) {
    if (auto apart = all_apart(n->one_of); !apart) {
      if (!omissions_.loose() || apart.error().code != Errc::unsupported)
        return tl::unexpected(std::move(apart).error());
      omissions_.add(*schema->find("oneOf"));
      met_incomplete_ = true;
    }
    FH_TRY(Alternatives some, any(n->one_of));
    FH_TRY(out, both(out, some));
  }
  if (n->negated != nullptr) FH_TRY_VOID(negate(*n, out));
  expanding_.pop_back();
  return out;
}

Result<void> SchemaSource::all_apart(const std::vector<const Json*>& branches) {
  for (std::size_t i = 0; i < branches.size(); ++i) {
    for (std::size_t j = i + 1; j < branches.size(); ++j) {
      FH_TRY(bool apart, disjoint(SchemaSet{branches[i]}, SchemaSet{branches[j]}, 0));
      if (!apart)
        return fail(Errc::unsupported,
                    pointer_of(*branches[j]) + ": this branch of oneOf is not certainly disjoint from branch " +
                        std::to_string(i) + "; use anyOf, or give both a property with different constants");
    }
  }
  return {};
}

Result<SchemaSource::Alternatives> SchemaSource::both(const Alternatives& a, const Alternatives& b) {
  Alternatives out;
  for (const Alternative& x : a) {
    for (const Alternative& y : b) {
      FH_TRY_VOID(spend(1 + x.values.size() + y.nodes.size()));
      Alternative z = x;
      z.types &= y.types;
      if (z.types == 0) continue;
      if (y.has_values) {
        if (z.has_values) {
          FH_TRY_VOID(spend(z.values.size() * y.values.size()));
          std::erase_if(z.values, [&](const Json* v) {
            return std::ranges::none_of(y.values, [&](const Json* w) { return equal(*v, *w); });
          });
        } else {
          z.has_values = true;
          z.values = y.values;
        }
      }
      tighten(z.range, y.range);
      z.steps.insert(z.steps.end(), y.steps.begin(), y.steps.end());
      z.min_length = std::max(z.min_length, y.min_length);
      z.max_length = std::min(z.max_length, y.max_length);
      for (const std::string& p : y.patterns) {
        if (std::ranges::find(z.patterns, p) == z.patterns.end()) z.patterns.push_back(p);
      }
      for (const SchemaNode* n : y.nodes) {
        if (std::ranges::find(z.nodes, n) == z.nodes.end()) z.nodes.push_back(n);
      }
      if (z.has_values) {
        Alternative rest = z;
        rest.has_values = false;  // each is among them: to look for it there would take the square of their number
        std::vector<const Json*> kept;
        for (const Json* v : z.values) {
          FH_TRY(bool good, satisfies_alternative(*v, rest, 0));
          if (good) kept.push_back(v);
        }
        z.values = std::move(kept);
        if (z.values.empty()) continue;
      }
      out.push_back(std::move(z));
      if (out.size() > limits_.alternatives)
        return fail(Errc::exhausted, "too many alternatives at one place of the schema");
    }
  }
  return out;
}

// `not`, where it can be decided: of types, and where the values are listed anyway. What is left out of the negated
// schema would forbid more than is meant.
Result<void> SchemaSource::negate(const SchemaNode& n, Alternatives& list) {
  const bool met_before = std::exchange(met_incomplete_, false);
  auto out = without_negated(n, list);
  if (out && met_incomplete_) {
    out = not_around_incomplete(*n.negated);
  }
  met_incomplete_ |= met_before;
  if (out) {
    list = std::move(*out);
    return {};
  }
  if (!omissions_.loose() || out.error().code != Errc::unsupported) return tl::unexpected(std::move(out).error());
  omissions_.add(*n.negated);
  met_incomplete_ = true;
  return {};
}

Result<SchemaSource::Alternatives> SchemaSource::without_negated(const SchemaNode& n, Alternatives list) {
  FH_TRY(const SchemaNode* no, node(n.negated));
  if (no->never) return list;
  bool only_types = n.negated->is(JsonKind::object) && n.negated->keys.size() == 1 && n.negated->keys[0] == "type";
  bool everything = n.negated->is(JsonKind::boolean) || n.negated->keys.empty();
  Alternatives out;
  for (Alternative& a : list) {
    if (everything) continue;
    if (only_types && !((no->types & kIntegerType) != 0 && (no->types & kFractionType) == 0)) {
      a.types &= static_cast<std::uint8_t>(~no->types);
      if (a.types == 0) continue;
    } else if (!a.has_values) {
      return fail(Errc::unsupported, pointer_of(*n.negated) + ": \"not\" is supported only for types and beside enum");
    }
    if (a.has_values) {
      std::vector<const Json*> kept;
      for (const Json* v : a.values) {
        FH_TRY(bool bad, satisfies(*v, n.negated));
        if (!bad) kept.push_back(v);
      }
      a.values = std::move(kept);
      if (a.values.empty()) continue;
    }
    out.push_back(std::move(a));
  }
  return out;
}

// ---- places inside -----------------------------------------------------------------------------------------------

Result<bool> SchemaSource::takes_key(const SchemaNode& n, std::string_view key) {
  FH_TRY_VOID(spend(1));
  if (n.lists_keys && !std::ranges::binary_search(n.sorted_key_values, key)) return false;
  for (const std::string& text : n.key_patterns) {
    FH_TRY(const CodeDfa* dfa, pattern(text));
    if (!dfa->matches(key)) return false;
  }
  return true;
}

Result<std::optional<SchemaSet>> SchemaSource::of_key(const std::vector<const SchemaNode*>& nodes,
                                                      std::string_view key) {
  SchemaSet set;
  for (const SchemaNode* n : nodes) {
    FH_TRY(bool may_be_there, takes_key(*n, key));
    if (!may_be_there) return std::optional<SchemaSet>();
    bool known = false;
    if (const Json* p = n->property(key); p != nullptr) {
      insert(set, p);
      known = true;
    }
    for (const auto& [text, schema] : n->patterns_of_keys) {
      FH_TRY(const CodeDfa* dfa, pattern(std::string(text)));
      if (!dfa->matches(key)) continue;
      insert(set, schema);
      known = true;
    }
    if (!known && n->additional != nullptr) insert(set, n->additional);
  }
  for (const Json* s : set) {
    FH_TRY(const SchemaNode* n, node(s));
    if (n->never) return std::optional<SchemaSet>();
  }
  return std::optional<SchemaSet>(std::move(set));
}

Result<std::optional<SchemaSet>> SchemaSource::of_item(const std::vector<const SchemaNode*>& nodes, std::size_t place) {
  SchemaSet set;
  for (const SchemaNode* n : nodes) {
    const Json* s = place < n->prefix.size() ? n->prefix[place] : n->items;
    if (s == nullptr) continue;
    FH_TRY(const SchemaNode* read, node(s));
    if (read->never) return std::optional<SchemaSet>();
    insert(set, s);
  }
  return std::optional<SchemaSet>(std::move(set));
}

// ---- disjoint ----------------------------------------------------------------------------------------------------

Result<bool> SchemaSource::disjoint(const SchemaSet& a, const SchemaSet& b, std::size_t depth) {
  // Nothing is said about what is nested deep; and recursion ends.
  if (depth > 3) return false;
  auto saved = std::move(expanding_);
  expanding_.clear();
  auto x = alternatives(a);
  auto y = x ? alternatives(b) : x;
  expanding_ = std::move(saved);
  if (!x) return tl::unexpected(std::move(x).error());
  if (!y) return tl::unexpected(std::move(y).error());
  for (const Alternative& p : *x) {
    for (const Alternative& q : *y) {
      FH_TRY(bool apart, disjoint(p, q, depth));
      if (!apart) return false;
    }
  }
  return true;
}

Result<bool> SchemaSource::disjoint(const Alternative& a, const Alternative& b, std::size_t depth) {
  FH_TRY_VOID(spend(10));
  if (a.has_values || b.has_values) {
    const Alternative& listed = a.has_values ? a : b;
    const Alternative& other = a.has_values ? b : a;
    for (const Json* v : listed.values) {
      FH_TRY(bool good, satisfies_alternative(*v, other, 0));
      if (good) return false;
    }
    return true;
  }
  std::uint8_t common = a.types & b.types;
  if ((common & (kNullType | kBooleanType)) != 0) return false;
  if ((common & kNumberType) != 0 && !no_number_in(a.range, b.range)) return false;
  if ((common & kStringType) != 0) {
    bool lengths = std::max(a.min_length, b.min_length) > std::min(a.max_length, b.max_length);
    if (!lengths) {
      if (a.patterns.empty() || b.patterns.empty()) return false;
      FH_TRY(const CodeDfa* p, pattern(a.patterns[0]));
      FH_TRY(const CodeDfa* q, pattern(b.patterns[0]));
      FH_TRY(CodeDfa common_texts, intersect(*p, *q, limits_.dfa_states / 4));
      if (!common_texts.empty()) return false;
    }
  }
  if ((common & kArrayType) != 0) return false;
  if ((common & kObjectType) == 0) return true;
  // Some key that one of them requires: forbidden by the other, or with disjoint values.
  for (const auto* pair : {&a, &b}) {
    const Alternative& other = pair == &a ? b : a;
    for (const SchemaNode* n : pair->nodes) {
      for (std::string_view key : n->required) {
        FH_TRY(auto mine, of_key(pair->nodes, key));
        FH_TRY(auto theirs, of_key(other.nodes, key));
        if (!mine || !theirs) return true;
        FH_TRY(bool apart, disjoint(*mine, *theirs, depth + 1));
        if (apart) return true;
      }
    }
  }
  return false;
}

}  // namespace freehold::text::grammar
