#include "text/grammar/schema_merge.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

using JsonKind = Json::Kind;

std::uint8_t type_of(const Json& v) {
  switch (v.kind) {
    case JsonKind::null:
      return kNullType;
    case JsonKind::boolean:
      return kBooleanType;
    case JsonKind::string:
      return kStringType;
    case JsonKind::array:
      return kArrayType;
    case JsonKind::object:
      return kObjectType;
    case JsonKind::number:
      break;
  }
  auto number = Decimal::of_json(v.text);
  return number && number->is_whole() ? kIntegerType : kFractionType;
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

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

bool in_range(const Decimal& d, const NumberRange& r) {
  int low = r.low ? compare(d, *r.low) : 1;
  int high = r.high ? compare(d, *r.high) : -1;
  return low >= (r.low_open ? 1 : 0) && high <= (r.high_open ? -1 : 0);
}

bool no_number_in(const NumberRange& a, const NumberRange& b) {
  NumberRange both = a;
  tighten(both, b);
  if (!both.low || !both.high) return false;
  int c = compare(*both.low, *both.high);
  return c > 0 || (c == 0 && (both.low_open || both.high_open));
}

}  // namespace

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
    FH_TRY(SchemaNode read, read_schema_node(*schema));
    slot = std::make_unique<SchemaNode>(std::move(read));
  }
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

// ---- alternatives ------------------------------------------------------------------------------------------------

Result<SchemaSource::Alternatives> SchemaSource::alternatives(const SchemaSet& set) {
  Alternatives out(1);
  for (const Json* schema : set) {
    FH_TRY(Alternatives one, expand(schema));
    FH_TRY(out, both(out, one));
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
    const Json* target = resolve(root_, n->reference->text);
    if (target == nullptr) {
      bool local = n->reference->text.starts_with('#');
      return fail(local ? Errc::invalid : Errc::unsupported,
                  pointer_of(*n->reference) + ": \"" + printable(n->reference->text, 120) + "\" " +
                      (local ? "leads nowhere" : "is not inside this schema, and nothing is fetched"));
    }
    FH_TRY(Alternatives referred, expand(target));
    FH_TRY(out, both(out, referred));
  }
  for (const Json* s : n->all_of) {
    FH_TRY(Alternatives one, expand(s));
    FH_TRY(out, both(out, one));
  }
  if (schema->is(JsonKind::object) && schema->find("anyOf") != nullptr) {
    FH_TRY(Alternatives some, any(n->any_of));
    FH_TRY(out, both(out, some));
  }
  if (schema->is(JsonKind::object) && schema->find("oneOf") != nullptr) {
    for (std::size_t i = 0; i < n->one_of.size(); ++i) {
      for (std::size_t j = i + 1; j < n->one_of.size(); ++j) {
        FH_TRY(bool apart, disjoint(SchemaSet{n->one_of[i]}, SchemaSet{n->one_of[j]}, 0));
        if (!apart)
          return fail(Errc::unsupported,
                      pointer_of(*n->one_of[j]) + ": this branch of oneOf is not certainly disjoint from branch " +
                          std::to_string(i) + "; use anyOf, or give both a property with different constants");
      }
    }
    FH_TRY(Alternatives some, any(n->one_of));
    FH_TRY(out, both(out, some));
  }
  if (n->negated != nullptr) FH_TRY_VOID(negate(*n, out));
  expanding_.pop_back();
  return out;
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

// `not`, where it can be decided: of types, and where the values are listed anyway.
Result<void> SchemaSource::negate(const SchemaNode& n, Alternatives& list) {
  FH_TRY(const SchemaNode* no, node(n.negated));
  if (no->never) return {};
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
  list = std::move(out);
  return {};
}

// ---- places inside -----------------------------------------------------------------------------------------------

Result<std::optional<SchemaSet>> SchemaSource::of_key(const std::vector<const SchemaNode*>& nodes,
                                                      std::string_view key) {
  SchemaSet set;
  for (const SchemaNode* n : nodes) {
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

// ---- values ------------------------------------------------------------------------------------------------------

Result<bool> SchemaSource::satisfies_alternative(const Json& v, const Alternative& a, std::size_t depth) {
  if ((type_of(v) & a.types) == 0) return false;
  FH_TRY_VOID(spend(a.values.size() / 16));
  if (a.has_values && std::ranges::none_of(a.values, [&](const Json* w) { return equal(v, *w); })) return false;
  SchemaNode plain;  // the merged keywords, checked like one schema's
  static const Json kEmpty;
  plain.source = &kEmpty;
  plain.range = a.range;
  plain.steps = a.steps;
  plain.min_length = a.min_length;
  plain.max_length = a.max_length;
  plain.patterns = a.patterns;
  FH_TRY(bool good, satisfies_node(v, plain, depth));
  for (const SchemaNode* n : a.nodes) {
    if (!good) return false;
    FH_TRY(good, satisfies_node(v, *n, depth));
  }
  return good;
}

Result<bool> SchemaSource::satisfies(const Json& v, const Json* schema, std::size_t depth) {
  FH_TRY_VOID(spend(1));
  if (depth > 4 * limits_.depth) return fail(Errc::exhausted, pointer_of(*schema) + ": nested too deeply");
  FH_TRY(const SchemaNode* n, node(schema));
  if (n->never) return false;
  if ((type_of(v) & n->types) == 0) return false;
  FH_TRY_VOID(spend(n->values.size() / 16));  // a comparison is less than a step
  if (n->has_values && std::ranges::none_of(n->values, [&](const Json* w) { return equal(v, *w); })) return false;
  FH_TRY(bool plain, satisfies_node(v, *n, depth));
  if (!plain) return false;
  if (n->reference != nullptr) {
    const Json* target = resolve(root_, n->reference->text);
    if (target == nullptr) return fail(Errc::invalid, pointer_of(*n->reference) + ": leads nowhere");
    FH_TRY(bool good, satisfies(v, target, depth + 1));
    if (!good) return false;
  }
  for (const Json* s : n->all_of) {
    FH_TRY(bool good, satisfies(v, s, depth + 1));
    if (!good) return false;
  }
  for (const auto* list : {&n->any_of, &n->one_of}) {
    if (list->empty()) continue;
    std::size_t count = 0;
    for (const Json* s : *list) {
      FH_TRY(bool good, satisfies(v, s, depth + 1));
      count += good ? 1 : 0;
    }
    if (count == 0 || (list == &n->one_of && count > 1)) return false;
  }
  if (n->negated != nullptr) {
    FH_TRY(bool bad, satisfies(v, n->negated, depth + 1));
    if (bad) return false;
  }
  return true;
}

Result<bool> SchemaSource::satisfies_node(const Json& v, const SchemaNode& n, std::size_t depth) {
  switch (v.kind) {
    case JsonKind::null:
    case JsonKind::boolean:
      return true;
    case JsonKind::number: {
      auto d = Decimal::of_json(v.text);
      if (!d) return false;
      return in_range(*d, n.range) &&
             std::ranges::all_of(n.steps, [&](const Decimal& s) { return is_multiple(*d, s); });
    }
    case JsonKind::string: {
      std::size_t length = code_points(v.text);
      if (length < n.min_length || length > n.max_length) return false;
      for (const std::string& p : n.patterns) {
        FH_TRY(const CodeDfa* dfa, pattern(p));
        if (!dfa->matches(v.text)) return false;
      }
      return true;
    }
    case JsonKind::array: {
      if (v.items.size() < n.min_items || v.items.size() > n.max_items) return false;
      for (std::size_t i = 0; i < v.items.size(); ++i) {
        const Json* s = i < n.prefix.size() ? n.prefix[i] : n.items;
        if (s == nullptr) continue;
        FH_TRY(bool good, satisfies(*v.items[i], s, depth + 1));
        if (!good) return false;
      }
      for (std::size_t i = 0; n.unique && i < v.items.size(); ++i) {
        FH_TRY_VOID(spend(i));
        for (std::size_t j = 0; j < i; ++j) {
          if (equal(*v.items[i], *v.items[j])) return false;
        }
      }
      return true;
    }
    case JsonKind::object:
      break;
  }
  if (v.keys.size() < n.min_properties || v.keys.size() > n.max_properties) return false;
  for (std::string_view key : n.required) {
    if (v.find(key) == nullptr) return false;
  }
  for (std::size_t i = 0; i < v.keys.size(); ++i) {
    FH_TRY(auto set, of_key({&n}, v.keys[i]));
    if (!set) return false;
    for (const Json* s : *set) {
      FH_TRY(bool good, satisfies(*v.items[i], s, depth + 1));
      if (!good) return false;
    }
  }
  return true;
}

}  // namespace freehold::text::grammar
