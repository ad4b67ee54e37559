// A JSON Schema validator for the tests, written from the specification and apart from the compiler's code: nlohmann's
// values, PCRE2's patterns, doubles for numbers, formats by hand.
#pragma once

#include <arpa/inet.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/regex.h"

namespace freehold::text::grammar {

class Validator {
 public:
  using json = nlohmann::json;
  explicit Validator(json schema) : root_(std::move(schema)) {}

  // "" if the value is valid, else what is wrong.
  std::string check(const json& value) { return check(root_, value, "$"); }

 private:
  static std::size_t length(const std::string& s) {
    std::size_t n = 0;
    for (char c : s) n += (c & 0xC0) != 0x80 ? 1 : 0;
    return n;
  }
  static bool is_type(const json& v, const std::string& t) {
    if (t == "null") return v.is_null();
    if (t == "boolean") return v.is_boolean();
    if (t == "integer")
      return v.is_number_integer() || (v.is_number() && std::floor(v.get<double>()) == v.get<double>());
    if (t == "number") return v.is_number();
    if (t == "string") return v.is_string();
    if (t == "array") return v.is_array();
    return t == "object" && v.is_object();
  }
  static bool search(const std::string& pattern, const std::string& text) {
    auto regex = Regex::compile(pattern);
    if (!regex) std::abort();
    text::Matcher matcher(std::chrono::seconds(5));
    return matcher.find(*regex, text, 0)->has_value();
  }
  static bool digits(std::string_view s, std::size_t at, std::size_t n) {
    for (std::size_t i = at; i < at + n; ++i) {
      if (i >= s.size() || s[i] < '0' || s[i] > '9') return false;
    }
    return true;
  }
  static bool date(const std::string& s) {
    if (s.size() != 10 || !digits(s, 0, 4) || s[4] != '-' || !digits(s, 5, 2) || s[7] != '-' || !digits(s, 8, 2))
      return false;
    int y = std::stoi(s.substr(0, 4)), m = std::stoi(s.substr(5, 2)), d = std::stoi(s.substr(8, 2));
    static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (y < 1 || m < 1 || m > 12) return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d >= 1 && d <= kDays[m - 1] + (m == 2 && leap ? 1 : 0);
  }
  static bool time(const std::string& s) {
    auto clock = [&](std::size_t at) {
      return digits(s, at, 2) && digits(s, at + 3, 2) && std::stoi(s.substr(at, 2)) < 24 &&
             std::stoi(s.substr(at + 3, 2)) < 60;
    };
    if (s.size() < 9 || !clock(0) || s[2] != ':' || s[5] != ':' || !digits(s, 6, 2) || std::stoi(s.substr(6, 2)) > 59)
      return false;
    std::size_t at = 8;
    if (s[at] == '.') {
      std::size_t begin = ++at;
      while (digits(s, at, 1)) ++at;
      if (at == begin) return false;
    }
    if (s.substr(at) == "Z") return true;
    return s.size() == at + 6 && (s[at] == '+' || s[at] == '-') && s[at + 3] == ':' && clock(at + 1);
  }
  static bool hostname(const std::string& s) {
    if (s.empty() || s.size() > 253) return false;
    std::size_t begin = 0;
    while (true) {
      std::size_t end = std::min(s.find('.', begin), s.size());
      std::string label = s.substr(begin, end - begin);
      if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
      for (char c : label) {
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') return false;
      }
      if (end == s.size()) return true;
      begin = end + 1;
    }
  }
  static bool format(const std::string& name, const std::string& s) {
    unsigned char buffer[16];
    if (name == "date") return date(s);
    if (name == "time") return time(s);
    if (name == "date-time") return s.size() > 11 && s[10] == 'T' && date(s.substr(0, 10)) && time(s.substr(11));
    if (name == "ipv4") return inet_pton(AF_INET, s.c_str(), buffer) == 1;
    if (name == "ipv6") return inet_pton(AF_INET6, s.c_str(), buffer) == 1;
    if (name == "hostname") return hostname(s);
    if (name == "email") {
      std::size_t at = s.find('@');
      if (at == std::string::npos || at == 0 || at > 64 || s.find('@', at + 1) != std::string::npos) return false;
      std::string local = s.substr(0, at);
      if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string::npos) return false;
      return hostname(s.substr(at + 1)) && s.find('.', at) != std::string::npos;
    }
    if (name == "uuid") {
      if (s.size() != 36) return false;
      for (std::size_t i = 0; i < 36; ++i) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !std::isxdigit(static_cast<unsigned char>(s[i]))) return false;
      }
      return true;
    }
    if (name == "uri") return s.find("://") != std::string::npos && s.find(' ') == std::string::npos;
    if (name == "duration") return s.size() > 2 && s[0] == 'P';
    return true;
  }

  std::string check(const json& schema, const json& v, const std::string& at) {
    if (schema.is_boolean()) return schema.get<bool>() ? "" : at + ": forbidden";
    auto bad = [&](const std::string& what) { return at + ": " + what + ": " + v.dump().substr(0, 200); };
    auto has = [&](const char* key) { return schema.contains(key); };
    if (has("$ref")) {
      std::string ref = schema["$ref"];
      const json& target = ref == "#" ? root_ : root_.at(json::json_pointer(ref.substr(1)));
      if (auto e = check(target, v, at); !e.empty()) return e;
    }
    if (has("type")) {
      const json& t = schema["type"];
      bool good = false;
      for (const auto& one : t.is_array() ? t : json::array({t})) good |= is_type(v, one);
      if (schema.value("nullable", false) && v.is_null()) good = true;
      if (!good) return bad("type");
    }
    if (has("enum")) {
      bool good = false;
      for (const auto& one : schema["enum"]) good |= one == v;
      if (!good) return bad("enum");
    }
    if (has("const") && schema["const"] != v) return bad("const");
    if (v.is_number()) {
      double x = v.get<double>();
      if (!std::isfinite(x)) return bad("not finite");
      if (has("minimum") && !(x >= schema["minimum"].get<double>())) return bad("minimum");
      if (has("maximum") && !(x <= schema["maximum"].get<double>())) return bad("maximum");
      if (has("exclusiveMinimum") && !(x > schema["exclusiveMinimum"].get<double>())) return bad("exclusiveMinimum");
      if (has("exclusiveMaximum") && !(x < schema["exclusiveMaximum"].get<double>())) return bad("exclusiveMaximum");
      if (has("multipleOf")) {
        double q = x / schema["multipleOf"].get<double>();
        if (std::fabs(q - std::round(q)) > 1e-9 * std::fmax(1, std::fabs(q))) return bad("multipleOf");
      }
      if (schema.value("format", "") == "int32" && std::fabs(x) > 2147483648.0) return bad("int32");
    }
    if (v.is_string()) {
      const auto& s = v.get_ref<const std::string&>();
      if (has("minLength") && length(s) < schema["minLength"]) return bad("minLength");
      if (has("maxLength") && length(s) > schema["maxLength"]) return bad("maxLength");
      if (has("pattern") && !search(schema["pattern"], s)) return bad("pattern");
      if (has("format") && !format(schema["format"], s)) return bad("format " + schema["format"].get<std::string>());
    }
    if (v.is_array()) {
      if (has("minItems") && v.size() < schema["minItems"]) return bad("minItems");
      if (has("maxItems") && v.size() > schema["maxItems"]) return bad("maxItems");
      std::size_t prefix = has("prefixItems") ? schema["prefixItems"].size() : 0;
      for (std::size_t i = 0; i < v.size(); ++i) {
        std::string e;
        if (i < prefix) {
          e = check(schema["prefixItems"][i], v[i], at + "/" + std::to_string(i));
        } else if (has("items")) {
          e = check(schema["items"], v[i], at + "/" + std::to_string(i));
        }
        if (!e.empty()) return e;
        for (std::size_t j = 0; schema.value("uniqueItems", false) && j < i; ++j) {
          if (v[i] == v[j]) return bad("uniqueItems");
        }
      }
    }
    if (v.is_object()) {
      if (has("minProperties") && v.size() < schema["minProperties"]) return bad("minProperties");
      if (has("maxProperties") && v.size() > schema["maxProperties"]) return bad("maxProperties");
      if (has("required")) {
        for (const auto& key : schema["required"]) {
          if (!v.contains(key.get<std::string>())) return bad("required");
        }
      }
      for (const auto& [key, member] : v.items()) {
        bool known = false;
        std::string e;
        if (has("propertyNames")) e = check(schema["propertyNames"], key, at + "/" + key);
        if (!e.empty()) return e;
        if (has("properties") && schema["properties"].contains(key)) {
          known = true;
          e = check(schema["properties"][key], member, at + "/" + key);
        }
        if (has("patternProperties")) {
          for (const auto& [pattern, sub] : schema["patternProperties"].items()) {
            if (!e.empty() || !search(pattern, key)) continue;
            known = true;
            e = check(sub, member, at + "/" + key);
          }
        }
        if (!known && e.empty() && has("additionalProperties"))
          e = check(schema["additionalProperties"], member, at + "/" + key);
        if (!e.empty()) return e;
      }
    }
    if (has("allOf")) {
      for (const auto& one : schema["allOf"]) {
        if (auto e = check(one, v, at); !e.empty()) return e;
      }
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      if (!has(key)) continue;
      std::size_t good = 0;
      for (const auto& one : schema[key]) good += check(one, v, at).empty() ? 1 : 0;
      if (good == 0 || (key[0] == 'o' && good != 1)) return bad(key);
    }
    if (has("not") && check(schema["not"], v, at).empty()) return bad("not");
    return "";
  }

  json root_;
};

}  // namespace freehold::text::grammar
