#include "text/jinja/repr.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

Done append_items(Interpreter& in, const std::vector<Value>& items, std::string& out) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out += ", ";
    first = false;
    FH_TRY_VOID(append_repr(in, item, out));
  }
  return {};
}

Done append_dict(Interpreter& in, const Dict& dict, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out += ", ";
    first = false;
    FH_TRY_VOID(append_repr(in, key, out));
    out += ": ";
    FH_TRY_VOID(append_repr(in, value, out));
  }
  out += '}';
  return {};
}

Done append_view(Interpreter& in, const Value& value, std::string& out) {
  const auto& view = as<View>(value);
  out += type_name(value);
  out += "([";
  bool first = true;
  for (const auto& [key, item] : view.dict.as_dict().entries()) {
    if (!first) out += ", ";
    first = false;
    if (view.kind == ViewKind::items) out += '(';
    if (view.kind != ViewKind::values) FH_TRY_VOID(append_repr(in, key, out));
    if (view.kind == ViewKind::items) out += ", ";
    if (view.kind != ViewKind::keys) FH_TRY_VOID(append_repr(in, item, out));
    if (view.kind == ViewKind::items) out += ')';
  }
  out += "])";
  return {};
}

Done append_namespace(Interpreter& in, Namespace& space, std::string& out) {
  out += "<Namespace {";
  for (std::size_t i = 0; i < space.attributes.size(); ++i) {
    if (i != 0) out += ", ";
    FH_TRY_VOID(append_quoted(in, space.attributes[i].first, out));
    out += ": ";
    FH_TRY_VOID(append_repr(in, space.attributes[i].second, out));
  }
  out += "}>";
  return {};
}

Done append_object(Interpreter& in, const Value& value, std::string& out) {
  switch (value.type()) {
    case Type::list:
      out += '[';
      FH_TRY_VOID(append_items(in, value.as_sequence().items, out));
      out += ']';
      return {};
    case Type::tuple:
      out += '(';
      FH_TRY_VOID(append_items(in, value.as_sequence().items, out));
      out += value.as_sequence().items.size() == 1 ? ",)" : ")";
      return {};
    case Type::dict:
      return append_dict(in, value.as_dict(), out);
    case Type::view:
      return append_view(in, value, out);
    case Type::name_space:
      return append_namespace(in, as<Namespace>(value), out);
    case Type::range: {
      const auto& r = as<Range>(value);
      out += fmt::format("range({}, {}", r.start, r.stop);
      out += r.step == 1 ? ")" : fmt::format(", {})", r.step);
      return {};
    }
    case Type::loop: {
      FH_TRY(Value n, loop_attribute(in, value, "length"));
      out += fmt::format("<LoopContext {}/{}>", as<LoopState>(value).index0 + 1, n.as_integer());
      return {};
    }
    case Type::callable: {
      const auto& f = as<Callable>(value);
      out += f.macro != nullptr ? "<Macro '" + std::string(f.name) + "'>" : "<built-in " + std::string(f.name) + ">";
      return {};
    }
    default:
      out += "<" + std::string(type_name(value)) + " object>";
      return {};
  }
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));  // [-]d[.ddd]e±dd
  std::size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0), end, exponent);
  std::string out = text[0] == '-' ? "-" : "";
  std::string digits;
  for (char c : text.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  auto n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (n <= exponent + 1) return out + digits + std::string(static_cast<std::size_t>(exponent + 1 - n), '0') + ".0";
  auto whole = static_cast<std::size_t>(exponent) + 1;
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

Done append_quoted(Interpreter& in, std::string_view text, std::string& out) {
  FH_TRY_VOID(in.extend(out, text.size() + 2));
  char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  out += quote;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    std::uint32_t c = next_code_point(text, at);
    FH_TRY_VOID(in.extend(out, 10 + 1));  // \U0001f642, and the closing quote
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(begin, at - begin);
    } else {
      append_escape(out, c < 0x100 ? 'x' : c < 0x10000 ? 'u' : 'U', c < 0x100 ? 2 : c < 0x10000 ? 4 : 8, c);
    }
  }
  out += quote;
  return {};
}

Done append_repr(Interpreter& in, const Value& value, std::string& out) {
  FH_TRY_VOID(in.step());
  FH_TRY_VOID(in.extend(out, 128));  // everything but text is short
  switch (value.type()) {
    case Type::missing:
    case Type::undefined:
      out += "Undefined";
      return {};
    case Type::none:
      out += "None";
      return {};
    case Type::boolean:
      out += value.as_bool() ? "True" : "False";
      return {};
    case Type::integer:
      out += std::to_string(value.as_integer());
      return {};
    case Type::real:
      out += float_repr(value.as_real());
      return {};
    case Type::big_integer:
      return in.add(out, value.as_text());
    case Type::string: {
      FH_TRY_VOID(in.touch(value.as_text().size()));
      bool markup = value.as_string().markup;
      if (markup) out += "Markup(";
      FH_TRY_VOID(append_quoted(in, value.as_text(), out));
      if (markup) out += ")";
      return {};
    }
    default:
      break;
  }
  Interpreter::Level level(in);
  if (!level.ok()) return Interpreter::too_deep();
  return append_object(in, value, out);
}

Done append_str(Interpreter& in, const Value& value, std::string& out) {
  if (value.is(Type::undefined)) return {};
  if (!value.is(Type::string)) return append_repr(in, value, out);
  FH_TRY_VOID(in.touch(value.as_text().size()));
  return in.add(out, value.as_text());
}

Outcome<std::string> str(Interpreter& in, const Value& value) {
  std::string out;
  FH_TRY_VOID(append_str(in, value, out));
  return out;
}
Outcome<std::string> repr(Interpreter& in, const Value& value) {
  std::string out;
  FH_TRY_VOID(append_repr(in, value, out));
  return out;
}

Outcome<std::string> ascii(Interpreter& in, const Value& value) {
  FH_TRY(const std::string text, repr(in, value));
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_code_point(text, at);
    FH_TRY_VOID(in.extend(out, 10));
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      append_escape(out, c < 0x100 ? 'x' : c < 0x10000 ? 'u' : 'U', c < 0x100 ? 2 : c < 0x10000 ? 4 : 8, c);
    }
  }
  return out;
}

}  // namespace freehold::text::jinja
