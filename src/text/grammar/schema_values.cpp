// Whether a value that stands in the schema (enum, const) satisfies it.
#include <algorithm>
#include <utility>

#include "text/grammar/schema_merge.h"

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

bool in_range(const Decimal& d, const NumberRange& r) {
  int low = r.low ? compare(d, *r.low) : 1;
  int high = r.high ? compare(d, *r.high) : -1;
  return low >= (r.low_open ? 1 : 0) && high <= (r.high_open ? -1 : 0);
}

}  // namespace

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
    FH_TRY(const Json* target, referred(*n->reference));
    if (target != nullptr) {
      FH_TRY(bool good, satisfies(v, target, depth + 1));
      if (!good) return false;
    }
  }
  for (const Json* s : n->all_of) {
    FH_TRY(bool good, satisfies(v, s, depth + 1));
    if (!good) return false;
  }
  for (const auto* list : {&n->any_of, &n->one_of}) {
    if (list->empty()) continue;
    std::size_t count = 0;
    const bool met_before = std::exchange(met_incomplete_, false);
    for (const Json* s : *list) {
      FH_TRY(bool good, satisfies(v, s, depth + 1));
      count += good ? 1 : 0;
    }
    const bool exact = !met_incomplete_;
    met_incomplete_ |= met_before;
    if (count == 0) return false;
    if (list == &n->one_of && count > 1) {
      if (exact || !omissions_.loose()) return false;
      omissions_.add(*schema->find("oneOf"));  // branches that lost a keyword may both be satisfied
    }
  }
  if (n->negated != nullptr) {
    const bool met_before = std::exchange(met_incomplete_, false);
    FH_TRY(bool bad, satisfies(v, n->negated, depth + 1));
    const bool exact = !met_incomplete_;
    met_incomplete_ |= met_before;
    if (bad && exact) return false;
    if (bad) {  // of what is left of it; all of it may not be satisfied
      if (!omissions_.loose()) return not_around_incomplete(*n->negated);
      omissions_.add(*n->negated);
    }
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
