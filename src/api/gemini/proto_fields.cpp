#include "api/gemini/proto_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace freehold::api::gemini {
namespace {

// A number, or a string that is one and nothing else; else NaN.
double number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return std::nan("");
  const auto& text = json.get_ref<const std::string&>();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : std::nan("");
}

std::optional<std::int64_t> integer_of(const Json& json) {
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return {};
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
  }
  const double value = number_of(json);
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!(value >= -kExact && value <= kExact) || value != std::floor(value)) return {};
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::string ProtoFields::spelling(std::string_view camel) const {
  if (object_.contains(camel)) return std::string(camel);
  std::string snake;
  for (char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      snake += '_';
      snake += static_cast<char>(c - 'A' + 'a');
    } else {
      snake += c;
    }
  }
  return object_.contains(snake) ? snake : std::string(camel);
}

Parsed<std::optional<double>> ProtoFields::number(std::string_view key, double least, double most) {
  const Json* v = find(key);
  if (v == nullptr) return std::optional<double>();
  const double x = number_of(*v);
  if (!(x >= least && x <= most)) return wrong(key, fmt::format("a number from {} to {}", least, most));
  return std::optional(x);
}

Parsed<std::optional<std::int64_t>> ProtoFields::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const Json* v = find(key);
  if (v == nullptr) return std::optional<std::int64_t>();
  const auto x = integer_of(*v);
  if (!x || *x < least || *x > most) return wrong(key, fmt::format("an integer from {} to {}", least, most));
  return x;
}

Parsed<std::string> ProtoFields::word(std::string_view key) {
  FH_TRY(auto text, string(key));
  std::string out = text.value_or("");
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

Parsed<const Json*> ProtoFields::object(std::string_view key) {
  const Json* v = find(key);
  if (v != nullptr && !v->is_object()) return wrong(key, "an object");
  return v;
}

Parsed<std::vector<ProtoFields::Item>> ProtoFields::items(std::string_view key) {
  std::vector<Item> out;
  const Json* v = find(key);
  if (v == nullptr) return out;
  const std::string where = name(key);
  if (v->is_object()) {
    out.push_back({v, where});
    return out;
  }
  if (!v->is_array()) return wrong(key, "an array");
  for (std::size_t i = 0; i < v->size(); ++i) {
    std::string at = fmt::format("{}[{}]", where, i);
    if (!(*v)[i].is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", at), at);
    out.push_back({&(*v)[i], std::move(at)});
  }
  return out;
}

tl::unexpected<Failure> ProtoFields::missing(std::string_view key) const {
  return refuse(Problem::invalid, fmt::format("'{}' is required", name(key)), name(key));
}

tl::unexpected<Failure> ProtoFields::unsupported(std::string_view key) const {
  return refuse(Problem::invalid, fmt::format("'{}' is not supported", name(key)), name(key));
}

}  // namespace freehold::api::gemini
