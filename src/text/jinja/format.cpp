#include "text/jinja/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

constexpr std::size_t kMaxWidth = 100'000;  // of one field
constexpr int kMaxPrecision = 1000;

std::string group(std::string digits, char separator, std::size_t every) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % every == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string format_real(const FormatSpec& spec, double value) {
  int precision = spec.precision < 0 ? 6 : spec.precision;
  bool upper = spec.type == 'F' || spec.type == 'E' || spec.type == 'G';
  std::string out;
  if (!std::isfinite(value)) {
    out = std::isnan(value) ? "nan" : "inf";
    if (spec.type == '%') out += '%';
  } else {
    switch (spec.type) {
      case 'f':
      case 'F':
        out = fmt::format("{:.{}f}", value, precision);
        break;
      case 'e':
      case 'E':
        out = fmt::format("{:.{}e}", value, precision);
        break;
      case '%':
        out = fmt::format("{:.{}f}%", value * 100, precision);
        break;
      case 'g':
      case 'G':
        out = fmt::format("{:.{}g}", value, precision == 0 ? 1 : precision);
        break;
      default:
        if (spec.precision < 0) {
          out = float_repr(value);
        } else {
          out = fmt::format("{:.{}g}", value, precision == 0 ? 1 : precision);
          if (out.find_first_of(".e") == std::string::npos) out += ".0";
        }
    }
  }
  if (upper)
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  if (spec.grouping != '\0') {
    std::size_t end = std::min(out.find_first_not_of("0123456789"), out.size());
    out = group(out.substr(0, end), spec.grouping, 3) + out.substr(end);
  }
  return out;
}

std::string format_integer(const FormatSpec& spec, std::uint64_t magnitude) {
  std::string prefix;
  std::string digits;
  switch (spec.type) {
    case 'x':
    case 'X':
      digits = spec.type == 'x' ? fmt::format("{:x}", magnitude) : fmt::format("{:X}", magnitude);
      prefix = spec.type == 'x' ? "0x" : "0X";
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      prefix = "0o";
      break;
    case 'b':
      digits = fmt::format("{:b}", magnitude);
      prefix = "0b";
      break;
    default:
      digits = fmt::format("{}", magnitude);
  }
  if (spec.grouping != '\0') digits = group(digits, spec.grouping, prefix.empty() ? 3 : 4);
  return (spec.alternate ? prefix : "") + digits;
}

// Reads digits as a number that is at most `limit`.
Outcome<std::size_t> read_count(std::string_view text, std::size_t& at, std::size_t limit) {
  std::size_t n = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    n = n * 10 + static_cast<std::size_t>(text[at++] - '0');
    if (n > limit) return limit_error("a format asks for more than " + std::to_string(limit) + " characters");
  }
  return n;
}

// The arguments of a % format.
struct Supply {
  const Value& arguments;
  std::size_t used = 0;
  Outcome<Value> next() {
    if (arguments.is(Type::tuple)) {
      const auto& items = arguments.as_sequence().items;
      if (used < items.size()) return items[used++];
    } else if (used++ == 0) {
      return arguments;
    }
    return type_error("not enough arguments for format string");
  }
  bool left() const {
    if (arguments.is(Type::tuple)) return used < arguments.as_sequence().items.size();
    return used == 0 && !arguments.is(Type::dict) && !arguments.is(Type::list) && !arguments.is(Type::range) &&
           !arguments.is(Type::undefined);  // what has items counts as a mapping
  }
};

// One conversion, `at` behind its '%'.
Done percent_field(Interpreter& in, std::string_view format, std::size_t& at, Supply& supply, bool markup,
                   std::string& out) {
  Value value;
  if (at < format.size() && format[at] == '(') {
    std::size_t begin = ++at;
    for (int depth = 1; at < format.size(); ++at) {
      if (format[at] == '(') ++depth;
      if (format[at] == ')' && --depth == 0) break;
    }
    if (at >= format.size()) return runtime_error("incomplete format key");
    if (!supply.arguments.is(Type::dict)) return type_error("format requires a mapping");
    std::string_view key = format.substr(begin, at++ - begin);
    const Value* found = supply.arguments.as_dict().find(key);
    if (found == nullptr) return runtime_error("KeyError: '" + std::string(key) + "'");
    value = *found;
  }
  FormatSpec spec;
  bool zero = false;
  bool left = false;
  for (; at < format.size() && std::string_view("-+ #0").find(format[at]) != std::string_view::npos; ++at) {
    left |= format[at] == '-';
    zero |= format[at] == '0';
    spec.alternate |= format[at] == '#';
    if (format[at] == '+' || (format[at] == ' ' && spec.sign != '+')) spec.sign = format[at];
  }
  auto star = [&](std::size_t limit) -> Outcome<std::size_t> {
    if (at >= format.size() || format[at] != '*') return read_count(format, at, limit);
    ++at;
    FH_TRY(Value given, supply.next());
    FH_TRY(std::int64_t n, to_index(given));
    left |= n < 0;
    auto count = static_cast<std::size_t>(n < 0 ? -(n + 1) + 1 : n);
    if (count > limit) return limit_error("a format asks for too many characters");
    return count;
  };
  FH_TRY(spec.width, star(kMaxWidth));
  if (at < format.size() && format[at] == '.') {
    ++at;
    FH_TRY(std::size_t precision, star(kMaxPrecision));
    spec.precision = static_cast<int>(precision);
  }
  while (at < format.size() && (format[at] == 'h' || format[at] == 'l' || format[at] == 'L')) ++at;
  if (at >= format.size()) return runtime_error("incomplete format");
  char type = format[at++];
  if (type == '%') {
    out += '%';
    return {};
  }
  if (value.is(Type::missing)) {
    FH_TRY(value, supply.next());
  }
  spec.align = left ? '<' : zero ? '=' : '>';
  if (zero && !left) spec.fill = "0";
  std::string body;
  switch (type) {
    case 's':
    case 'r':
    case 'a': {
      FH_TRY(body, type == 's' ? str(in, value) : type == 'r' ? repr(in, value) : ascii(in, value));
      if (markup && !(value.is(Type::string) && value.as_string().markup)) {
        FH_TRY(body, escaped(in, body));
      }
      if (spec.precision >= 0) {
        String s(body, false);
        body.resize(byte_of(s, std::min(static_cast<std::size_t>(spec.precision), s.length)));
      }
      spec.fill = " ";
      FH_TRY_VOID(in.extend(out, body.size() + spec.width));
      out += pad(spec, "", body, '>');
      break;
    }
    case 'c':
      if (value.is(Type::string) && value.as_string().length == 1) {
        body = value.as_text();
      } else {
        FH_TRY(std::int64_t code, to_index(value));
        if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
          return runtime_error("%c arg not in range(0x110000)");
        append_utf8(body, static_cast<std::uint32_t>(code));
      }
      spec.fill = " ";
      out += pad(spec, "", body, '>');
      break;
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
      if (value.is(Type::real)) {
        if (!(std::fabs(value.as_real()) < 9.2e18)) return limit_error("an integer outside 64 bits");
        value = Value::integer(static_cast<std::int64_t>(value.as_real()));
      }
      if (value.is(Type::undefined)) return undefined_error(value);
      if (!value.is(Type::integer) && !value.is(Type::boolean))
        return type_error(fmt::format("%{} format: a real number is required, not {}", type, type_name(value)));
      spec.type = type == 'i' || type == 'u' ? 'd' : type;
      { FH_TRY(body, format_number(spec, value)); }
      out += body;
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      if (value.is(Type::undefined)) return undefined_error(value);
      spec.type = type;
      if (!value.is(Type::integer) && !value.is(Type::boolean) && !value.is(Type::real))
        return type_error("must be real number, not " + std::string(type_name(value)));
      FH_TRY(body, format_number(spec, value));
      out += body;
      break;
    }
    default:
      return runtime_error(fmt::format("unsupported format character (0x{:x})", static_cast<unsigned char>(type)));
  }
  return in.room(out.size());
}

}  // namespace

std::string pad(const FormatSpec& spec, std::string_view sign, std::string_view body, char default_align) {
  char align = spec.align == '\0' ? default_align : spec.align;
  std::size_t have = code_points(sign) + code_points(body);
  std::size_t missing = spec.width > have ? spec.width - have : 0;
  std::size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  auto fill = [&](std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += spec.fill;
    return out;
  };
  if (align == '=') return std::string(sign) + fill(before) + std::string(body);
  return fill(before) + std::string(sign) + std::string(body) + fill(missing - before);
}

Outcome<std::string> format_number(const FormatSpec& spec, const Value& number) {
  bool real_type = spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  bool negative = false;
  std::string body;
  if (number.is(Type::real) || real_type) {
    double value = number.is(Type::real)      ? number.as_real()
                   : number.is(Type::boolean) ? static_cast<double>(number.as_bool())
                                              : static_cast<double>(number.as_integer());
    if (!real_type && spec.type != '\0' && spec.type != 'n')
      return runtime_error(fmt::format("Unknown format code '{}' for object of type 'float'", spec.type));
    negative = std::signbit(value) && !std::isnan(value);
    body = format_real(spec, std::fabs(value));
  } else {
    std::int64_t value = number.is(Type::boolean) ? number.as_bool() : number.as_integer();
    if (spec.type != '\0' && std::string_view("dbxXon").find(spec.type) == std::string_view::npos)
      return runtime_error(fmt::format("Unknown format code '{}' for object of type 'int'", spec.type));
    negative = value < 0;
    auto magnitude = static_cast<std::uint64_t>(value);
    body = format_integer(spec, negative ? ~magnitude + 1 : magnitude);
    if (spec.precision > static_cast<int>(body.size()))
      body.insert(0, static_cast<std::size_t>(spec.precision) - body.size(), '0');
  }
  std::string sign = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  if (spec.grouping != '\0' && spec.align == '=' && spec.fill == "0") {  // the padding is grouped as well
    std::size_t whole = std::min(body.find_first_not_of("0123456789,_"), body.size());
    std::string digits = body.substr(0, whole);
    std::erase(digits, spec.grouping);
    std::string rest = body.substr(whole);
    while (sign.size() + body.size() < spec.width) {
      digits.insert(0, 1, '0');
      body = group(digits, spec.grouping, 3) + rest;
    }
  }
  return pad(spec, sign, body, '>');
}

Outcome<Value> format_percent(Interpreter& in, const Value& format, const Value& arguments) {
  std::string_view text = format.as_text();
  bool markup = format.as_string().markup;
  Supply supply{arguments};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    FH_TRY_VOID(in.step());
    std::size_t percent = std::min(text.find('%', at), text.size());
    FH_TRY_VOID(in.add(out, text.substr(at, percent - at)));
    at = percent;
    if (at < text.size()) FH_TRY_VOID(percent_field(in, text, ++at, supply, markup, out));
  }
  if (supply.left()) return type_error("not all arguments converted during string formatting");
  return in.string(std::move(out), markup);
}

namespace {

Outcome<FormatSpec> parse_spec(std::string_view text) {
  FormatSpec spec;
  std::size_t at = 0;
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  std::size_t next = 0;
  if (!text.empty()) next_code_point(text, next);
  if (next < text.size() && is_align(text[next])) {
    spec.fill = text.substr(0, next);
    spec.align = text[next];
    at = next + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[at++];
  }
  auto take = [&](char c) { return at < text.size() && text[at] == c ? (++at, true) : false; };
  if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string_view::npos) spec.sign = text[at++];
  spec.alternate = take('#');
  if (take('0') && spec.align == '\0') {
    spec.align = '=';
    spec.fill = "0";
  }
  FH_TRY(spec.width, read_count(text, at, kMaxWidth));
  if (take(',')) spec.grouping = ',';
  if (take('_')) spec.grouping = '_';
  if (take('.')) {
    std::size_t begin = at;
    FH_TRY(std::size_t precision, read_count(text, at, kMaxPrecision));
    if (at == begin) return runtime_error("Format specifier missing precision");
    spec.precision = static_cast<int>(precision);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) return runtime_error("Invalid format specifier");
  return spec;
}

Done format_field(Interpreter& in, const Value& value, std::string_view spec_text, std::string& out) {
  if (spec_text.empty()) return append_str(in, value, out);
  FH_TRY(FormatSpec spec, parse_spec(spec_text));
  if (value.is(Type::integer) || value.is(Type::boolean) || value.is(Type::real)) {
    if (spec.type == 'c') {
      FH_TRY(std::int64_t code, to_index(value));
      if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return runtime_error("%c arg not in range(0x110000)");
      std::string body;
      append_utf8(body, static_cast<std::uint32_t>(code));
      out += pad(spec, "", body, '<');
    } else {
      FH_TRY(std::string body, format_number(spec, value));
      out += body;
    }
  } else if (value.is(Type::string)) {
    if (spec.type != '\0' && spec.type != 's')
      return runtime_error(fmt::format("Unknown format code '{}' for object of type 'str'", spec.type));
    if (spec.align == '=') return runtime_error("'=' alignment not allowed in string format specifier");
    const String& s = value.as_string();
    std::size_t keep = spec.precision < 0 ? s.length : std::min(static_cast<std::size_t>(spec.precision), s.length);
    const std::string_view body = std::string_view(s.text).substr(0, byte_of(s, keep));
    FH_TRY_VOID(in.extend(out, body.size() + spec.width * spec.fill.size()));
    out += pad(spec, "", body, '<');
  } else {
    return type_error("unsupported format string passed to " + std::string(type_name(value)) + ".__format__");
  }
  return in.room(out.size());
}

// "0.name[key]" -> the value it names.
Outcome<Value> field_value(Interpreter& in, std::string_view field, const Args& args, std::size_t& automatic) {
  std::size_t at = std::min(field.find_first_of(".["), field.size());
  std::string_view first = field.substr(0, at);
  Value value;
  if (first.empty() || first.find_first_not_of("0123456789") == std::string_view::npos) {
    std::size_t digits = 0;
    std::size_t index = automatic;
    if (first.empty()) {
      ++automatic;
    } else {
      FH_TRY(index, read_count(first, digits, kMaxWidth));
    }
    if (index >= args.positional.size())
      return runtime_error("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
    value = args.positional[index];
  } else {
    for (const auto& [name, given] : args.named)
      if (name == first) value = given;
    if (value.is(Type::missing)) return runtime_error("KeyError: '" + std::string(first) + "'");
  }
  while (at < field.size()) {
    FH_TRY_VOID(in.step());
    bool attribute = field[at] == '.';
    std::size_t end = attribute ? std::min(field.find_first_of(".[", at + 1), field.size()) : field.find(']', at);
    if (end == std::string_view::npos) return runtime_error("Missing ']' in format string");
    std::string_view name = field.substr(at + 1, end - at - 1);
    if (name.empty()) return runtime_error("Empty attribute in format string");
    bool digits = !attribute && name.size() < 10 && name.find_first_not_of("0123456789") == std::string_view::npos;
    FH_TRY(Value key, in.string(std::string(name)));
    if (digits) key = Value::integer(std::stoll(std::string(name)));
    FH_TRY(value, attribute ? get_attribute(in, value, key) : get_item(in, value, key));
    at = attribute ? end : end + 1;
  }
  return value;
}

Done expand(Interpreter& in, std::string_view text, const Args& args, std::size_t& automatic, int depth,
            std::string& out) {
  if (depth > 2) return runtime_error("Max string recursion exceeded");
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      out += c;
      ++at;
      continue;
    }
    if (c == '}') return runtime_error("Single '}' encountered in format string");
    if (c != '{') {
      out += c;
      continue;
    }
    FH_TRY_VOID(in.step());
    std::size_t begin = at + 1;
    int open = 1;
    for (at = begin; at < text.size(); ++at) {
      if (text[at] == '{') ++open;
      if (text[at] == '}' && --open == 0) break;
    }
    if (at >= text.size()) return runtime_error("expected '}' before end of string");
    std::string_view inside = text.substr(begin, at - begin);
    std::size_t bracket = inside.find('[');
    std::size_t name_end = inside.find_first_of("!:");
    if (bracket < name_end) name_end = inside.find_first_of("!:", std::min(inside.find(']', bracket), inside.size()));
    name_end = std::min(name_end, inside.size());
    FH_TRY(Value value, field_value(in, inside.substr(0, name_end), args, automatic));
    std::string_view rest = inside.substr(name_end);
    if (rest.size() >= 2 && rest[0] == '!') {
      if (rest[1] != 'r' && rest[1] != 's' && rest[1] != 'a') return runtime_error("Unknown conversion specifier");
      FH_TRY(std::string converted, rest[1] == 's'   ? str(in, value)
                                    : rest[1] == 'r' ? repr(in, value)
                                                     : ascii(in, value));
      FH_TRY(value, in.string(std::move(converted)));
      rest = rest.substr(2);
    }
    std::string spec;
    if (!rest.empty()) {
      if (rest[0] != ':') return runtime_error("expected ':' after conversion specifier");
      FH_TRY_VOID(expand(in, rest.substr(1), args, automatic, depth + 1, spec));
    }
    FH_TRY_VOID(format_field(in, value, spec, out));
  }
  return in.room(out.size());
}

}  // namespace

Outcome<Value> format_braces(Interpreter& in, const Value& format, const Args& args) {
  std::string out;
  std::size_t automatic = 0;
  FH_TRY_VOID(expand(in, format.as_text(), args, automatic, 1, out));
  return in.string(std::move(out), format.as_string().markup);
}

}  // namespace freehold::text::jinja
