#include "text/jinja/number_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

// Underscores between digits go; anything else about them is an error. Nothing = not well-formed.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    auto alnum = [](char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f'); };
    if (i == 0 || i + 1 == text.size() || !alnum(text[i - 1]) || !alnum(text[i + 1])) return std::nullopt;
  }
  return out;
}

std::optional<double> parse_real(std::string_view text) {
  text = strip(text, nullptr, 3);
  if (text.size() > 2000) return std::nullopt;
  auto plain = without_underscores(text);
  if (!plain || plain->empty()) return std::nullopt;
  std::string_view body = *plain;
  bool negative = body[0] == '-';
  if (negative || body[0] == '+') body.remove_prefix(1);
  std::string lower = to_lower(body);
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (body.empty() || !((body[0] >= '0' && body[0] <= '9') || body[0] == '.')) return std::nullopt;
    auto result = std::from_chars(body.data(), body.data() + body.size(), value);
    if (result.ptr != body.data() + body.size()) return std::nullopt;
    if (result.ec == std::errc::result_out_of_range)
      value = lower.find("e-") != std::string::npos ? 0.0 : std::numeric_limits<double>::infinity();
    else if (result.ec != std::errc())
      return std::nullopt;
  }
  return negative ? -value : value;
}

enum class Parse { ok, malformed, too_large };
Parse parse_integer(std::string_view text, std::int64_t base, std::int64_t& out) {
  text = strip(text, nullptr, 3);
  if (base != 0 && (base < 2 || base > 36)) return Parse::malformed;
  bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  bool prefixed = false;
  if (text.size() > 2 && text[0] == '0') {
    char letter = static_cast<char>(text[1] | 32);
    std::int64_t named = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (named != 0 && (base == named || base == 0)) {
      base = named;
      text.remove_prefix(text[2] == '_' ? 3 : 2);
      prefixed = true;
    }
  }
  if (base == 0) {
    base = 10;
    if (!prefixed && text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos)
      return Parse::malformed;
  }
  auto plain = without_underscores(text);
  if (!plain || plain->empty() || (*plain)[0] == '-' || (*plain)[0] == '+') return Parse::malformed;
  std::string digits = (negative ? "-" : "") + *plain;
  auto result = std::from_chars(digits.data(), digits.data() + digits.size(), out, static_cast<int>(base));
  if (result.ptr != digits.data() + digits.size()) return Parse::malformed;
  return result.ec == std::errc() ? Parse::ok : Parse::too_large;
}

// int(a float), towards zero.
Outcome<Value> truncated(double value, const Value& otherwise) {
  if (!std::isfinite(value)) return otherwise;
  if (!(std::fabs(value) < 9223372036854775808.0)) return limit_error("an integer outside 64 bits");
  return Value::integer(static_cast<std::int64_t>(value));
}

// round(value, digits) for a float: correct for the exact binary value, halves to even.
double rounded(double value, std::int64_t digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits >= 0) {
    std::string text = fmt::format("{:.{}f}", value, static_cast<int>(digits));
    double out = value;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
  }
  double unit = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / unit) * unit;
}

}  // namespace

Outcome<Value> to_float(Interpreter&, const Value& v) {
  switch (v.type()) {
    case Type::real:
      return v;
    case Type::integer:
      return Value::real(static_cast<double>(v.as_integer()));
    case Type::boolean:
      return Value::real(v.as_bool() ? 1 : 0);
    case Type::big_integer:
    case Type::string:
      if (auto value = parse_real(v.as_text())) return Value::real(*value);
      return runtime_error("could not convert string to float");
    case Type::undefined:
      return undefined_error(v);
    default:
      return type_error("float() argument must be a string or a real number, not '" + std::string(type_name(v)) + "'");
  }
}

Outcome<Value> filter_float(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"default"};
  FH_TRY(auto given, bind_args("float", args, kNames, 0));
  if (self.is(Type::undefined)) return undefined_error(self);
  auto value = to_float(in, self);
  if (value) return value;
  return given[0].is(Type::missing) ? Value::real(0) : given[0];
}

Outcome<Value> filter_int(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"default", "base"};
  FH_TRY(auto given, bind_args("int", args, kNames, 0));
  Value otherwise = given[0].is(Type::missing) ? Value::integer(0) : given[0];
  switch (self.type()) {
    case Type::undefined:
      return undefined_error(self);
    case Type::integer:
    case Type::big_integer:
      return self;
    case Type::boolean:
      return Value::integer(self.as_bool() ? 1 : 0);
    case Type::real:
      if (std::isinf(self.as_real())) return runtime_error("cannot convert float infinity to integer");
      return truncated(self.as_real(), otherwise);
    case Type::string: {
      std::int64_t base = 10;
      if (!given[1].is(Type::missing)) {
        FH_TRY(base, to_index(given[1]));
      }
      std::int64_t value = 0;
      FH_TRY_VOID(in.touch(self.as_text().size()));
      Parse parsed = parse_integer(self.as_text(), base, value);
      if (parsed == Parse::ok) return Value::integer(value);
      if (parsed == Parse::too_large) return limit_error("an integer outside 64 bits");
      if (auto real = parse_real(self.as_text())) return truncated(*real, otherwise);
      return otherwise;
    }
    default:
      return otherwise;
  }
}

Outcome<Value> filter_abs(Interpreter& in, const Value& self, Args&) {
  if (self.is(Type::real)) return Value::real(std::fabs(self.as_real()));
  if (self.is(Type::boolean)) return Value::integer(self.as_bool() ? 1 : 0);
  if (self.is(Type::integer)) return self.as_integer() < 0 ? negate(in, self, true) : self;
  if (self.is(Type::undefined)) return undefined_error(self);
  return type_error("bad operand type for abs(): '" + std::string(type_name(self)) + "'");
}

Outcome<Value> filter_round(Interpreter&, const Value& self, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"precision", "method"};
  FH_TRY(auto given, bind_args("round", args, kNames, 0));
  std::int64_t digits = 0;
  if (!given[0].is(Type::missing)) {
    FH_TRY(digits, to_index(given[0]));
  }
  std::string_view how = given[1].is(Type::string) ? given[1].as_text() : "common";
  if (how != "common" && how != "ceil" && how != "floor") return runtime_error("method must be common, ceil or floor");
  if (self.is(Type::undefined)) return undefined_error(self);
  bool integral = self.is(Type::integer) || self.is(Type::boolean);
  if (!integral && !self.is(Type::real))
    return type_error("type " + std::string(type_name(self)) + " doesn't define __round__ method");
  std::int64_t whole = self.is(Type::boolean) ? self.as_bool() : self.is(Type::integer) ? self.as_integer() : 0;
  if (how == "common") {
    if (!integral) return Value::real(rounded(self.as_real(), digits));
    if (digits >= 0) return Value::integer(whole);
    if (digits < -18) return Value::integer(0);
    std::int64_t unit = 1;
    for (std::int64_t i = digits; i < 0; ++i) unit *= 10;
    std::int64_t rest = ((whole % unit) + unit) % unit;
    std::int64_t down = 0;
    if (__builtin_sub_overflow(whole, rest, &down)) return limit_error("an integer outside 64 bits");
    bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
    if (up && __builtin_add_overflow(down, unit, &down)) return limit_error("an integer outside 64 bits");
    return Value::integer(down);
  }
  double value = integral ? static_cast<double>(whole) : self.as_real();
  double unit = std::pow(10.0, static_cast<double>(digits));
  double scaled = value * unit;
  if (!std::isfinite(scaled)) return runtime_error("cannot convert float infinity to integer");
  return Value::real(((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) + 0.0) / unit);  // no -0.0
}

}  // namespace freehold::text::jinja
