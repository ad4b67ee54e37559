#include "api/gemini/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/gemini/proto_fields.h"

namespace freehold::api::gemini {
namespace {

std::string camel_case(std::string_view key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const bool joint = key[i] == '_' && i > 0 && i + 1 < key.size() && key[i + 1] >= 'a' && key[i + 1] <= 'z';
    out += joint ? static_cast<char>(key[++i] - 'a' + 'A') : key[i];
  }
  return out;
}

Parsed<Json> type_of(const Json& value, const std::string& where) {
  static constexpr std::string_view kTypes[] = {"string", "number", "integer", "boolean", "array", "object", "null"};
  std::string text = value.is_string() ? value.get<std::string>() : std::string();
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (text == "type_unspecified") return Json(nullptr);
  if (std::find(std::begin(kTypes), std::end(kTypes), text) == std::end(kTypes)) {
    return refuse(Problem::invalid,
                  fmt::format("'{}' must be one of STRING, NUMBER, INTEGER, BOOLEAN, ARRAY, OBJECT, NULL", where),
                  where);
  }
  return Json(text);
}

// At the end, without the search that [] makes: a schema may have any number of members.
void append(Json& object, std::string key, Json value) {
  object.get_ref<Json::object_t&>().emplace_back(std::move(key), std::move(value));
}

// Those that are named come first, in that order; then the others.
void reorder(Json& properties, const Json& ordering) {
  std::map<std::string_view, std::size_t> rank;
  for (const Json& name : ordering) {
    if (name.is_string()) rank.emplace(name.get_ref<const std::string&>(), rank.size());
  }
  const auto rank_of = [&](const std::string& name) {
    const auto found = rank.find(name);
    return found == rank.end() ? rank.size() : found->second;
  };
  auto& members = properties.get_ref<Json::object_t&>();
  std::vector<std::pair<std::size_t, std::size_t>> order;  // rank and place
  for (const auto& member : members) order.emplace_back(rank_of(member.first), order.size());
  std::sort(order.begin(), order.end());
  Json out = Json::object();
  for (const auto& [_, place] : order) {
    const auto& member = *(members.begin() + static_cast<std::ptrdiff_t>(place));
    append(out, member.first, member.second);
  }
  properties = std::move(out);
}

// Null as one of the types and, if values are listed, one of those.
void allow_null(Json& schema) {
  if (schema.contains("type")) schema["type"] = Json::array({schema["type"], "null"});
  if (schema.contains("enum") && schema["enum"].is_array()) schema["enum"].push_back(nullptr);
  if (schema.contains("anyOf") && !schema.contains("type")) schema["anyOf"].push_back({{"type", "null"}});
}

Parsed<void> add_keyword(Json& out, const std::string& key, const Json& value, const std::string& at) {
  static constexpr std::string_view kCounts[] = {"minItems",  "maxItems",      "minLength",
                                                 "maxLength", "minProperties", "maxProperties"};
  if (key == "type") {
    FH_TRY(Json type, type_of(value, at));
    if (!type.is_null()) append(out, key, std::move(type));
  } else if (key == "properties" || key == "$defs" || key == "defs") {
    if (!value.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", at), at);
    Json members = Json::object();
    for (const auto& item : value.items()) {
      FH_TRY(Json member, json_schema_of(item.value(), at + "." + item.key()));
      append(members, item.key(), std::move(member));
    }
    append(out, key == "defs" ? "$defs" : key, std::move(members));
  } else if ((key == "items" || key == "additionalProperties") && !value.is_boolean()) {
    FH_TRY(Json inner, json_schema_of(value, at));
    append(out, key, std::move(inner));
  } else if (key == "anyOf" || key == "prefixItems") {
    if (!value.is_array()) return refuse(Problem::invalid, fmt::format("'{}' must be an array", at), at);
    Json list = Json::array();
    for (std::size_t i = 0; i < value.size(); ++i) {
      FH_TRY(Json one, json_schema_of(value[i], fmt::format("{}[{}]", at, i)));
      list.push_back(std::move(one));
    }
    append(out, key, std::move(list));
  } else if (std::find(std::begin(kCounts), std::end(kCounts), key) != std::end(kCounts)) {
    const Json object = {{key, value}};
    ProtoFields f(object);
    const auto count = f.integer(key, 0, INT64_MAX);
    if (!count || !*count) return refuse(Problem::invalid, fmt::format("'{}' must be a count", at), at);
    append(out, key, **count);
  } else if (key == "example") {
    append(out, "examples", Json::array({value}));
  } else if (key == "ref") {
    append(out, "$ref", value);
  } else if (key != "nullable" && key != "propertyOrdering" && !(key == "format" && value == "enum")) {
    append(out, key, value);
  }
  return {};
}

}  // namespace

Parsed<Json> json_schema_of(const Json& schema, const std::string& where) {
  if (!schema.is_object())
    return refuse(Problem::invalid, fmt::format("'{}' must be a schema (an object)", where), where);
  Json out = Json::object();
  const Json* ordering = nullptr;
  bool nullable = false;
  for (const auto& item : schema.items()) {
    if (item.value().is_null() && item.key() != "default" && item.key() != "example") continue;
    const std::string key = item.key().starts_with('$') ? item.key() : camel_case(item.key());
    const std::string at = where + "." + item.key();
    if (key == "propertyOrdering") ordering = &item.value();
    if (key == "nullable") {
      if (!item.value().is_boolean())
        return refuse(Problem::invalid, fmt::format("'{}' must be true or false", at), at);
      nullable = item.value().get<bool>();
    }
    FH_TRY_VOID(add_keyword(out, key, item.value(), at));
  }
  if (ordering != nullptr) {
    const std::string at = where + ".propertyOrdering";
    if (!ordering->is_array()) return refuse(Problem::invalid, fmt::format("'{}' must be an array", at), at);
    if (out.contains("properties")) reorder(out["properties"], *ordering);
  }
  if (nullable) allow_null(out);
  return out;
}

}  // namespace freehold::api::gemini
