// Random JSON Schemas that can be satisfied, over every keyword that the compiler enforces.
#pragma once

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace freehold::text::grammar {

class RandomSchema {
 public:
  using json = nlohmann::ordered_json;
  explicit RandomSchema(std::uint32_t seed) : random_(seed) {}

  json make() {
    json schema = any(3);
    json defs = json::object();
    defs["list"] = {
        {"type", "object"},
        {"properties", {{"v", scalar()}, {"next", {{"anyOf", {{{"$ref", "#/$defs/list"}}, {{"type", "null"}}}}}}}},
        {"required", {"v", "next"}},
        {"additionalProperties", false}};
    defs["tree"] = {
        {"type", "object"},
        {"properties", {{"kids", {{"type", "array"}, {"items", {{"$ref", "#/$defs/tree"}}}}}, {"leaf", scalar()}}},
        {"required", {"kids"}}};
    defs["plain"] = scalar();
    if (schema.is_boolean()) schema = json::object();
    schema["$defs"] = defs;
    if (coin(3)) schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    if (coin(3)) schema["title"] = "T";
    return schema;
  }

 private:
  unsigned pick(unsigned n) { return random_() % n; }
  bool coin(unsigned n) { return pick(n) == 0; }

  std::string key(unsigned i) {
    static const char* kKeys[] = {"name", "id", "a\"b",  "new\nline",   "caf\xC3\xA9",      "",
                                  "$ref", "na", "type",  "back\\slash", "\xF0\x9F\x98\x80", "properties",
                                  "x",    "y",  "tab\t", "\x01"};
    return kKeys[i % 16];
  }

  json scalar() {
    switch (pick(14)) {
      case 0:
        return {{"type", "null"}};
      case 1:
        return {{"type", "boolean"}};
      case 2:
        return integer();
      case 3:
        return number();
      case 4:
      case 5:
        return string();
      case 6:
        return {
            {"enum",
             json::array({"a", "a\"\n\xC3\xA9", 1, 2.50, true, nullptr, {{"k", {1, "x"}}}, json::array({"q", 2})})}};
      case 7:
        return {{"const", coin(2) ? json("it's \"so\"") : json{{"deep", {{"er", json::array({1, 2, 3})}}}}}};
      case 8: {
        static const char* kFormats[] = {"date", "time", "date-time", "uuid", "email",
                                         "ipv4", "ipv6", "hostname",  "uri",  "duration"};
        return {{"type", "string"}, {"format", kFormats[pick(10)]}};
      }
      case 9:
        return {{"type", json::array({"string", "null"})}, {"maxLength", pick(5)}};
      case 10:
        return {{"type", json::array({"integer", "boolean"})}, {"minimum", 3}};
      case 11:
        return {{"type", "string"}, {"nullable", true}, {"minLength", 1}};
      case 12:
        return {{"enum", json::array({"x", "xy", "xyz", "y"})}, {"type", "string"}, {"minLength", 2}};
      default:
        return {{"type", "string"}, {"not", {{"type", "null"}}}, {"description", "d"}, {"default", "x"}};
    }
  }

  json integer() {
    json s = {{"type", "integer"}};
    int low = static_cast<int>(pick(2000)) - 1000;
    int width = static_cast<int>(pick(4) == 0 ? pick(3) : pick(100'000));
    if (coin(2)) s[coin(2) ? "minimum" : "exclusiveMinimum"] = low;
    if (coin(2)) s[coin(2) ? "maximum" : "exclusiveMaximum"] = low + width + 20;
    if (coin(4)) s["multipleOf"] = 1 + pick(9);
    if (coin(6)) s["format"] = "int32";
    return s;
  }

  json number() {
    json s = {{"type", "number"}};
    double low = (static_cast<double>(pick(4000)) - 2000) / 16;
    if (coin(2)) s[coin(2) ? "minimum" : "exclusiveMinimum"] = low;
    if (coin(2))
      s[coin(2) ? "maximum" : "exclusiveMaximum"] = low + 1.0 / (1 + pick(64)) + (coin(2) ? pick(500) : 0) + 0.01;
    if (coin(5)) s = {{"type", "number"}, {"multipleOf", coin(2) ? 0.25 : 0.01}, {"minimum", -3}, {"maximum", 1000.5}};
    return s;
  }

  json string() {
    json s = {{"type", "string"}};
    static const char* kPatterns[] = {
        "^[a-z]{2,5}$",  "^(foo|bar)-[0-9]+$", "[A-Z]", "^\xC3\xA9*x?$", "^a.c", "\\d{3}$",
        "^[\"\\\\\n]+$", "^(?:[ab]{2}){1,4}$"};
    switch (pick(6)) {
      case 0:
        s["pattern"] = kPatterns[pick(8)];
        break;
      case 1:
        s["minLength"] = pick(4);
        s["maxLength"] = 4 + pick(40);
        break;
      case 2:
        s["minLength"] = pick(70);
        break;
      case 3:
        s["pattern"] = "^[a-f]*$";
        s["minLength"] = 2;
        s["maxLength"] = 60;
        break;
      case 4:
        s["pattern"] = "b+";
        s["maxLength"] = 6;
        break;
      default:
        break;
    }
    return s;
  }

  json array(int depth) {
    json s = {{"type", "array"}};
    if (coin(6)) {
      s["items"] = {{"enum", json::array({1, "one", nullptr, false})}};
      s["uniqueItems"] = true;
      if (coin(2)) s["minItems"] = pick(4);
      return s;
    }
    if (coin(4)) {
      s["prefixItems"] = json::array({any(depth - 1), any(depth - 1)});
      if (coin(2)) s["items"] = coin(2) ? json(false) : any(depth - 1);
      if (coin(2)) s["minItems"] = pick(3);
      return s;
    }
    if (!coin(5)) s["items"] = any(depth - 1);
    if (coin(2)) s["minItems"] = pick(4);
    if (coin(2)) s["maxItems"] = 3 + pick(4);
    return s;
  }

  json object(int depth) {
    json s = {{"type", "object"}};
    json properties = json::object();
    json required = json::array();
    unsigned offset = pick(16);
    for (unsigned i = 0, n = pick(5); i < n; ++i) {
      std::string k = key(offset + i);
      properties[k] = any(depth - 1);
      if (coin(2)) required.push_back(k);
    }
    std::size_t known = properties.size();
    s["properties"] = properties;
    if (!required.empty()) s["required"] = required;
    switch (pick(5)) {
      case 0:
        break;
      case 1:
        s["additionalProperties"] = scalar();
        break;
      case 2:
        s["patternProperties"] = {{"^x_", scalar()}, {"_n$", {{"type", "integer"}}}};
        s["additionalProperties"] = coin(2);
        break;
      default:
        s["additionalProperties"] = false;
        break;
    }
    if (coin(6) && known > 1) s["minProperties"] = 1;
    if (coin(6) && known > 1) s["maxProperties"] = std::max<std::size_t>(required.size(), known - 1);
    return s;
  }

  // Objects as dictionaries: what their keys are is said by propertyNames.
  json record() {
    json s = {{"type", "object"}, {"propertyNames", {{"type", "string"}}}, {"additionalProperties", scalar()}};
    json& names = s["propertyNames"];
    switch (pick(4)) {
      case 0:
        names["enum"] = json::array({key(pick(5)), key(5 + pick(5)), key(10 + pick(6))});
        if (coin(2)) s["required"] = json::array({names["enum"][1]});
        break;
      case 1:
        names["pattern"] = coin(2) ? "^[a-z]+_?$" : "[0-9]";
        if (coin(2)) names["maxLength"] = 3 + pick(4);
        break;
      case 2:
        names["minLength"] = 1 + pick(3);
        if (coin(2)) s["minProperties"] = 1 + pick(3);
        break;
      default:
        break;
    }
    return s;
  }

  json any(int depth) {
    if (depth <= 0) return coin(30) ? json(true) : scalar();
    if (coin(12)) return record();
    switch (pick(16)) {
      case 0:
        return {{"anyOf", json::array({any(depth - 1), any(depth - 1), scalar()})}};
      case 1:
        return {{"oneOf", json::array({{{"type", "string"}},
                                       {{"type", "integer"}, {"minimum", 5}},
                                       {{"type", "integer"}, {"maximum", 2}}})}};
      case 2:
        return {{"oneOf", json::array({{{"type", "object"},
                                        {"properties", {{"kind", {{"const", "a"}}}, {"v", any(depth - 1)}}},
                                        {"required", {"kind"}}},
                                       {{"type", "object"},
                                        {"properties", {{"kind", {{"const", "b"}}}, {"w", scalar()}}},
                                        {"required", {"kind", "w"}}}})}};
      case 3:
        return {{"allOf",
                 json::array({{{"type", "object"}, {"properties", {{"p", {{"type", "integer"}}}}}, {"required", {"p"}}},
                              {{"properties", {{"p", {{"minimum", 10}, {"maximum", 12}}}, {"q", any(depth - 1)}}}}})}};
      case 4:
        return {{"$ref", coin(2) ? "#/$defs/list" : "#/$defs/tree"}};
      case 5:
        return {{"$ref", "#/$defs/plain"}, {"description", "beside"}};
      case 6:
        return {{"type", "object"},
                {"properties", {{"again", {{"$ref", "#"}}}, {"z", scalar()}}},
                {"additionalProperties", false}};
      case 7:
      case 8:
        return array(depth);
      case 9:
        return scalar();
      case 10:
        return {{"type", json::array({"object", "array", "string"})},
                {"maxItems", 2},
                {"maxLength", 3},
                {"additionalProperties", {{"type", "null"}}}};
      default:
        return object(depth);
    }
  }

  std::mt19937 random_;
};

}  // namespace freehold::text::grammar
