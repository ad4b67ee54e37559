#include "text/grammar/schema_node.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/utf8.h"
#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

constexpr double kBeyondAll = 1e120;  // more than a number without a bound is ever written

using JsonKind = Json::Kind;

// Keywords that say nothing about which values are valid.
constexpr std::string_view kAnnotations[] = {
    "$schema",          "$id",           "id",           "$anchor",     "$comment",         "$defs",
    "definitions",      "$vocabulary",   "title",        "description", "default",          "examples",
    "example",          "deprecated",    "readOnly",     "writeOnly",   "contentEncoding",  "contentMediaType",
    "contentSchema",    "discriminator", "externalDocs", "xml",         "propertyOrdering", "markdownDescription",
    "enumDescriptions", "enumNames"};

class Reader {
 public:
  Reader(const Json& schema, const Limits& limits, const Omissions& omissions)
      : schema_(schema), limits_(limits), omissions_(omissions) {
    node_.source = &schema;
  }

  Result<SchemaNode> read() {
    if (schema_.is(JsonKind::boolean)) {
      node_.never = !schema_.truth;
      return std::move(node_);
    }
    if (!schema_.is(JsonKind::object)) return wrong(schema_, "a schema is an object or a boolean");
    for (std::size_t i = 0; i < schema_.keys.size(); ++i) {
      const Json& v = *schema_.items[i];
      auto understood = keyword(schema_.keys[i], v);
      if (understood) continue;
      // Some libraries write null for a list that is empty.
      const bool unknown = understood.error().code == Errc::unsupported || v.is(JsonKind::null);
      if (!omissions_.loose() || !unknown) return tl::unexpected(std::move(understood).error());
      leave_out(v);
    }
    FH_TRY_VOID(finish());
    return std::move(node_);
  }

 private:
  static Unexpected wrong(const Json& at, std::string_view what) {
    return fail(Errc::invalid, pointer_of(at) + ": " + std::string(what));
  }
  static Unexpected refuse(const Json& at, std::string_view what) {
    return fail(Errc::unsupported, pointer_of(at) + ": " + std::string(what));
  }

  void leave_out(const Json& what) {
    omissions_.add(what);
    node_.incomplete = true;
  }
  // Whether an automaton can hold it; what is no pattern at all is found out where it is used, and so is one that is
  // only too large, unless everything may be left out.
  bool can_hold(std::string_view pattern) const {
    auto parsed = parse_regex(pattern, limits_);
    if (parsed || parsed.error().code == Errc::invalid) return true;
    return parsed.error().code == Errc::exhausted && !omissions_.loose();
  }

  Result<void> keyword(std::string_view key, const Json& v) {
    if (key == "type") return type(v);
    if (key == "enum") return values(v);
    if (key == "const") return constant(v);
    if (key == "$ref") {
      if (!v.is(JsonKind::string)) return wrong(v, "$ref is a string");
      node_.reference = &v;
      return {};
    }
    if (key == "properties") return members(v, node_.properties);
    if (key == "patternProperties") return key_patterns(v);
    if (key == "propertyNames") return key_names(v);
    if (key == "required") return required(v);
    if (key == "additionalProperties") return object_schema(v, node_.additional);
    if (key == "unevaluatedProperties" || key == "unevaluatedItems") {
      if (v.is(JsonKind::boolean) && v.truth) return {};
      return refuse(v, std::string(key) + " is not supported; use " +
                           (key.ends_with("Items") ? "items" : "additionalProperties"));
    }
    if (key == "minProperties") return count(v, node_.min_properties, true);
    if (key == "maxProperties") return count(v, node_.max_properties, true);
    if (key == "items") {
      if (v.is(JsonKind::array)) return list(v, node_.prefix);  // draft-07's tuples
      return schema(v, node_.items);
    }
    if (key == "prefixItems") return list(v, node_.prefix);
    if (key == "additionalItems") {
      const Json* items = schema_.find("items");
      if (items == nullptr || !items->is(JsonKind::array)) return {};  // says nothing without a tuple
      return schema(v, node_.items);
    }
    if (key == "minItems") return count(v, node_.min_items, false);
    if (key == "maxItems") return count(v, node_.max_items, false);
    if (key == "uniqueItems") return boolean(v, node_.unique);
    if (key == "minLength") return count(v, node_.min_length, false);
    if (key == "maxLength") return count(v, node_.max_length, false);
    if (key == "pattern") {
      if (!v.is(JsonKind::string)) return wrong(v, "a pattern is a string");
      pattern_ = &v;
      return {};
    }
    if (key == "format") return format(v);
    if (key == "minimum" || key == "maximum" || key == "exclusiveMinimum" || key == "exclusiveMaximum")
      return bound(key, v);
    if (key == "multipleOf") return step(v);
    if (key == "allOf") return list(v, node_.all_of);
    if (key == "anyOf") return list(v, node_.any_of);
    if (key == "oneOf") return list(v, node_.one_of);
    if (key == "not") return schema(v, node_.negated);
    if (key == "nullable") return boolean(v, nullable_);
    if (key.starts_with("x-") || std::ranges::find(kAnnotations, key) != std::end(kAnnotations)) return {};
    return refuse(v, "the keyword \"" + printable(key, 60) + "\" is not supported");
  }

  Result<void> finish() {
    // OpenAPI 3.0: null beside the type. Without a type nullable says nothing.
    if (nullable_ && node_.types != kAllTypes) node_.types |= kNullType;
    if (pattern_ != nullptr) {
      const bool replaceable = omissions_.loose() || (omissions_.allowed() && format_holds_);
      if (replaceable && !can_hold(pattern_->text)) {
        leave_out(*pattern_);
      } else {
        node_.patterns.insert(node_.patterns.begin(), pattern_->text);
      }
    }
    if (key_patterns_left_out_) {
      // What the other keys' values are depends on which keys these are.
      if (node_.additional != nullptr) leave_out(*node_.additional);
      node_.additional = nullptr;
      node_.open = true;
    }
    return {};
  }

  Result<void> type(const Json& v) {
    std::vector<const Json*> names = {&v};
    if (v.is(JsonKind::array)) names.assign(v.items.begin(), v.items.end());
    std::uint8_t types = 0;
    for (const Json* n : names) {
      static constexpr std::pair<std::string_view, std::uint8_t> kTypes[] = {
          {"null", kNullType},     {"boolean", kBooleanType}, {"integer", kIntegerType}, {"number", kNumberType},
          {"string", kStringType}, {"array", kArrayType},     {"object", kObjectType}};
      auto known = std::ranges::find_if(kTypes, [&](auto& t) { return n->is(JsonKind::string) && t.first == n->text; });
      if (known == std::end(kTypes)) {
        std::string given = n->is(JsonKind::string) ? printable(n->text, 60) : "that";
        return wrong(*n, "the type \"" + given + "\" does not exist");
      }
      types |= known->second;
    }
    if (types == 0) return wrong(v, "no type");
    node_.types &= types;
    return {};
  }

  Result<void> values(const Json& v) {
    if (!v.is(JsonKind::array)) return wrong(v, "enum is an array");
    if (node_.has_values) return both();
    node_.has_values = true;
    node_.values.assign(v.items.begin(), v.items.end());
    return {};
  }
  Result<void> constant(const Json& v) {
    if (node_.has_values) return both();
    node_.has_values = true;
    node_.values = {&v};
    return {};
  }
  // enum beside const: the const, if it is in the enum.
  Result<void> both() {
    const Json* only = schema_.find("const");
    const Json* list = schema_.find("enum");
    bool member = std::ranges::any_of(list->items, [&](const Json* i) { return equal(*i, *only); });
    node_.values.clear();
    if (member) node_.values = {only};
    return {};
  }

  Result<void> schema(const Json& v, const Json*& out) {
    if (!v.is(JsonKind::object) && !v.is(JsonKind::boolean)) return wrong(v, "a schema is an object or a boolean");
    out = &v;
    return {};
  }
  Result<void> object_schema(const Json& v, const Json*& out) {
    node_.describes_object = true;
    return schema(v, out);
  }
  Result<void> list(const Json& v, std::vector<const Json*>& out) {
    if (!v.is(JsonKind::array)) return wrong(v, "expected an array of schemas");
    for (const Json* item : v.items) {
      const Json* one = nullptr;
      FH_TRY_VOID(schema(*item, one));
      out.push_back(one);
    }
    return {};
  }
  Result<void> members(const Json& v, std::vector<std::pair<std::string_view, const Json*>>& out) {
    node_.describes_object = true;
    if (!v.is(JsonKind::object)) return wrong(v, "expected an object of schemas");
    for (std::size_t i = 0; i < v.keys.size(); ++i) {
      const Json* one = nullptr;
      FH_TRY_VOID(schema(*v.items[i], one));
      out.emplace_back(v.keys[i], one);
    }
    return {};
  }
  Result<void> key_patterns(const Json& v) {
    FH_TRY_VOID(members(v, node_.patterns_of_keys));
    if (!omissions_.loose() || std::ranges::all_of(v.keys, [&](auto& key) { return can_hold(key); })) return {};
    node_.patterns_of_keys.clear();
    key_patterns_left_out_ = true;
    leave_out(v);
    return {};
  }
  Result<void> key_names(const Json& v) {
    node_.describes_object = true;
    const Json* names = nullptr;
    FH_TRY_VOID(schema(v, names));
    FH_TRY(const SchemaNode of, Reader(v, limits_, omissions_).read());
    bool combines = of.reference != nullptr || of.negated != nullptr;
    for (std::string_view key : {"allOf", "anyOf", "oneOf"}) combines |= has_list(v, key);
    const bool lengths = of.min_length > 0 || of.max_length != UINT32_MAX;
    const bool countable =
        of.min_length <= kMaxRepetition && (of.max_length <= kMaxRepetition || of.max_length == UINT32_MAX);
    if (combines || (lengths && !countable))
      return refuse(v,
                    "propertyNames is supported only with type, enum, const, pattern, format, minLength and maxLength");
    node_.incomplete |= of.incomplete;
    node_.key_patterns = of.patterns;
    if (lengths) {
      const std::string most = of.max_length == UINT32_MAX ? "" : std::to_string(of.max_length);
      node_.key_patterns.push_back("^[\\s\\S]{" + std::to_string(of.min_length) + "," + most + "}$");
    }
    const bool none = of.never || (of.types & kStringType) == 0;
    node_.lists_keys = none || of.has_values;
    for (const Json* value : of.values) {
      if (!none && value->is(JsonKind::string)) node_.key_values.push_back(value->text);
    }
    node_.sorted_key_values = node_.key_values;
    std::ranges::sort(node_.sorted_key_values);
    return {};
  }
  Result<void> required(const Json& v) {
    node_.describes_object = true;
    if (v.is(JsonKind::boolean)) return {};  // draft-03's, on a property: says nothing here
    if (!v.is(JsonKind::array)) return wrong(v, "required is an array of strings");
    std::set<std::string_view> known;
    for (const Json* item : v.items) {
      if (!item->is(JsonKind::string)) return wrong(*item, "required is an array of strings");
      if (known.insert(item->text).second) node_.required.push_back(item->text);
    }
    return {};
  }
  Result<void> boolean(const Json& v, bool& out) {
    if (!v.is(JsonKind::boolean)) return wrong(v, "expected true or false");
    out = v.truth;
    return {};
  }
  Result<void> count(const Json& v, std::uint32_t& out, bool of_object) {
    node_.describes_object |= of_object;
    auto number = v.is(JsonKind::number) ? Decimal::of_json(v.text) : std::nullopt;
    if (!number || number->negative || !number->is_whole()) return wrong(v, "expected a count");
    out = number->whole.size() > 9 ? 1'000'000'000 : static_cast<std::uint32_t>(std::stoul(number->whole));
    return {};
  }

  Result<void> bound(std::string_view key, const Json& v) {
    bool low = key == "minimum" || key == "exclusiveMinimum";
    bool open = key.starts_with("exclusive");
    auto& known = low ? node_.range.low : node_.range.high;
    bool& known_open = low ? node_.range.low_open : node_.range.high_open;
    if (open && v.is(JsonKind::boolean)) {  // draft-04
      if (v.truth) {
        known_open = true;
        (low ? old_low_ : old_high_) = true;
      }
      return {};
    }
    if (!v.is(JsonKind::number)) return wrong(v, "expected a number");
    auto number = Decimal::of_json(v.text);
    if (!number) {
      // The bounds of float64 stand in many schemas: no number that is written passes them.
      double value = 0;
      const auto [end, error] = std::from_chars(v.text.data(), v.text.data() + v.text.size(), value);
      if (error == std::errc() && (low ? value < -kBeyondAll : value > kBeyondAll)) return {};
      return refuse(v, std::string(key) + " has more than 60 digits");
    }
    if (!known) {
      known = number;
      known_open = open || (low ? old_low_ : old_high_);
      return {};
    }
    int order = compare(*number, *known);
    bool tighter = low ? order > 0 : order < 0;
    if (order == 0) known_open |= open;
    if (tighter) {
      known = number;
      known_open = open;
    }
    return {};
  }

  Result<void> step(const Json& v) {
    auto number = v.is(JsonKind::number) ? Decimal::of_json(v.text) : std::nullopt;
    if (!number || number->negative || number->is_zero()) return wrong(v, "multipleOf is a number above zero");
    node_.steps.push_back(*number);
    return {};
  }

  Result<void> format(const Json& v) {
    if (!v.is(JsonKind::string)) return wrong(v, "a format is a string");
    struct Integer {
      std::string_view name, low, high;
    };
    static constexpr Integer kIntegers[] = {{"int32", "-2147483648", "2147483647"},
                                            {"int64", "-9223372036854775808", "9223372036854775807"},
                                            {"uint32", "0", "4294967295"},
                                            {"uint64", "0", "18446744073709551615"}};
    for (const Integer& i : kIntegers) {
      if (v.text != i.name) continue;
      auto low = Decimal::of_json(i.low);
      auto high = Decimal::of_json(i.high);
      if (!node_.range.low || compare(*node_.range.low, *low) < 0)
        node_.range.low = low, node_.range.low_open = old_low_;
      if (!node_.range.high || compare(*node_.range.high, *high) > 0)
        node_.range.high = high, node_.range.high_open = old_high_;
      return {};
    }
    auto pattern = pattern_of_format(v.text);
    if (!pattern) {
      if (!omissions_.allowed()) return refuse(v, "the format \"" + printable(v.text, 60) + "\" is not supported");
      leave_out(v);  // an annotation: JSON Schema 2020-12, validation, section 7.2.1
      return {};
    }
    if (pattern->empty()) return {};
    node_.patterns.emplace_back(*pattern);
    format_holds_ = true;
    return {};
  }

  const Json& schema_;
  const Limits& limits_;
  const Omissions& omissions_;
  SchemaNode node_;
  bool nullable_ = false;
  const Json* pattern_ = nullptr;
  bool format_holds_ = false;  // a format is enforced
  bool key_patterns_left_out_ = false;
  bool old_low_ = false;  // draft-04's exclusiveMinimum: true
  bool old_high_ = false;
};

// ---- Gemini
// ----------------------------------------------------------------------------------------------------------

std::string camel_case(std::string_view key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    bool joint = key[i] == '_' && i > 0 && i + 1 < key.size() && key[i + 1] >= 'a' && key[i + 1] <= 'z';
    out += joint ? static_cast<char>(key[++i] - 'a' + 'A') : key[i];
  }
  return out;
}

}  // namespace

const Json* SchemaNode::property(std::string_view key) const {
  const Json* list = source->is(JsonKind::object) ? source->find("properties") : nullptr;
  return list == nullptr ? nullptr : list->find(key);
}

Result<SchemaNode> read_schema_node(const Json& schema, const Limits& limits, const Omissions& omissions) {
  return Reader(schema, limits, omissions).read();
}

Result<void> from_gemini(JsonTree& tree) {
  std::vector<Json*> todo = {&tree.mutable_root()};
  while (!todo.empty()) {
    Json* schema = todo.back();
    todo.pop_back();
    if (!schema->is(JsonKind::object)) continue;
    schema->index.clear();
    const Json* ordering = nullptr;
    Json* properties = nullptr;
    for (std::size_t i = 0; i < schema->keys.size(); ++i) {
      std::string& key = schema->keys[i];
      if (!key.starts_with('$')) key = camel_case(key);
      Json* v = schema->items[i];
      static const std::set<std::string_view> kCounts = {"minItems",  "maxItems",      "minLength",
                                                         "maxLength", "minProperties", "maxProperties"};
      if (key == "type" && v->is(JsonKind::string)) {
        for (char& c : v->text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (v->text == "type_unspecified") {  // the field's default: says nothing
          key = "x-type";
        }
      } else if (kCounts.contains(key) && v->is(JsonKind::string)) {
        bool digits =
            !v->text.empty() && v->text.size() < 20 && v->text.find_first_not_of("0123456789") == std::string::npos;
        if (!digits) return fail(Errc::invalid, pointer_of(*v) + ": expected a count");
        v->kind = JsonKind::number;
      } else if (key == "format" && v->is(JsonKind::string) && v->text == "enum") {
        key = "x-format";
      } else if (key == "properties" && v->is(JsonKind::object)) {
        properties = v;
        for (Json* p : v->items) todo.push_back(p);
      } else if (key == "propertyOrdering" && v->is(JsonKind::array)) {
        ordering = v;
      } else if (v->is(JsonKind::array) &&
                 (key == "anyOf" || key == "allOf" || key == "oneOf" || key == "prefixItems")) {
        for (Json* p : v->items) todo.push_back(p);
      } else if ((key == "$defs" || key == "definitions") && v->is(JsonKind::object)) {
        for (Json* p : v->items) todo.push_back(p);
      } else if (key == "items" || key == "additionalProperties" || key == "not") {
        todo.push_back(v);
      }
    }
    std::set<std::string_view> keys(schema->keys.begin(), schema->keys.end());
    if (keys.size() != schema->keys.size())
      return fail(Errc::invalid, pointer_of(*schema) + ": a keyword stands there in both spellings");
    if (ordering == nullptr || properties == nullptr) continue;
    auto rank = [&](const std::string& key) {
      auto at = std::ranges::find_if(ordering->items,
                                     [&](const Json* o) { return o->is(JsonKind::string) && o->text == key; });
      return at - ordering->items.begin();
    };
    std::vector<std::size_t> order(properties->keys.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order,
                             [&](auto a, auto b) { return rank(properties->keys[a]) < rank(properties->keys[b]); });
    Json sorted = *properties;
    properties->index.clear();
    for (std::size_t i = 0; i < order.size(); ++i) {
      properties->keys[i] = sorted.keys[order[i]];
      properties->items[i] = sorted.items[order[i]];
      properties->items[i]->place = i;
    }
  }
  return {};
}

}  // namespace freehold::text::grammar
