#include "text/jinja/tojson.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

struct Style {
  bool ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

class JsonWriter {
 public:
  JsonWriter(Interpreter& in, Style style) : in_(in), style_(std::move(style)) {}
  std::string out;

  Done write(const Value& value) {
    FH_TRY_VOID(in_.step());
    FH_TRY_VOID(in_.extend(out, kShort));
    switch (value.type()) {
      case Type::none:
        out += "null";
        return {};
      case Type::boolean:
        out += value.as_bool() ? "true" : "false";
        return {};
      case Type::integer:
        out += std::to_string(value.as_integer());
        return {};
      case Type::big_integer:
        return in_.add(out, value.as_text());
      case Type::real:
        out += real(value.as_real());
        return {};
      case Type::string:
        return string(value.as_text());
      case Type::list:
      case Type::tuple:
        return list(value.as_sequence().items);
      case Type::dict:
        return dict(value.as_dict());
      default:
        return type_error("Object of type " + std::string(type_name(value)) + " is not JSON serializable");
    }
  }

 private:
  // A number or a word, and a bracket on either side.
  static constexpr std::size_t kShort = 64;

  static std::string real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  Done string(std::string_view text) {
    FH_TRY_VOID(in_.extend(out, text.size() + 2));
    FH_TRY_VOID(in_.touch(text.size()));
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
      std::size_t begin = at;
      std::uint32_t c = next_code_point(text, at);
      // The longest is \ud83d\ude00. The closing quote has to fit as well.
      FH_TRY_VOID(in_.extend(out, 12 + 1));
      switch (c) {
        case '"':
          out += "\\\"";
          break;
        case '\\':
          out += "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        case '\b':
          out += "\\b";
          break;
        case '\f':
          out += "\\f";
          break;
        default:
          if (c < 0x20 || (style_.ascii && c > 0x7E)) {
            escape(c);
          } else {
            out += text.substr(begin, at - begin);
          }
      }
    }
    out += '"';
    return {};
  }

  void escape(std::uint32_t c) {
    if (c == 0x7F) {
      out += '\x7F';  // ASCII, not a control character to JSON
    } else if (c >= 0x10000) {
      append_escape(out, 'u', 4, 0xD800 + ((c - 0x10000) >> 10));
      append_escape(out, 'u', 4, 0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      append_escape(out, 'u', 4, c);
    }
  }

  Done new_line() {
    if (!style_.indented) return {};
    FH_TRY_VOID(in_.extend(out, 1 + depth_ * style_.indent.size()));
    out += '\n';
    for (std::size_t i = 0; i < depth_; ++i) out += style_.indent;
    return {};
  }

  Done list(const std::vector<Value>& items) {
    if (items.empty()) return out += "[]", Done();
    Interpreter::Level level(in_);
    if (!level.ok()) return Interpreter::too_deep();
    out += '[';
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) FH_TRY_VOID(in_.add(out, style_.item_separator));
      FH_TRY_VOID(new_line());
      FH_TRY_VOID(write(items[i]));
    }
    --depth_;
    FH_TRY_VOID(new_line());
    out += ']';
    return {};
  }

  Done key(const Value& value) {
    switch (value.type()) {
      case Type::string:
        return string(value.as_text());
      case Type::none:
      case Type::boolean:
      case Type::integer:
      case Type::big_integer:
      case Type::real:
        out += '"';
        FH_TRY_VOID(write(value));
        out += '"';
        return {};
      default:
        return type_error("keys must be str, int, float, bool or None, not " + std::string(type_name(value)));
    }
  }

  Done dict(const Dict& dict) {
    const auto& entries = dict.entries();
    if (entries.empty()) return out += "{}", Done();
    Interpreter::Level level(in_);
    if (!level.ok()) return Interpreter::too_deep();
    std::vector<std::size_t> order(entries.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (style_.sort_keys) FH_TRY_VOID(sort(entries, order));
    out += '{';
    ++depth_;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i != 0) FH_TRY_VOID(in_.add(out, style_.item_separator));
      FH_TRY_VOID(new_line());
      FH_TRY_VOID(key(entries[order[i]].key));
      FH_TRY_VOID(in_.add(out, style_.key_separator));
      FH_TRY_VOID(write(entries[order[i]].value));
    }
    --depth_;
    FH_TRY_VOID(new_line());
    out += '}';
    return {};
  }

  Done sort(const std::vector<Dict::Entry>& entries, std::vector<std::size_t>& order) {
    Done failed;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      if (!failed) return false;
      auto less = compare(in_, Op::lt, entries[a].key, entries[b].key);
      if (less) return *less;
      failed = tl::unexpected(std::move(less).error());
      return false;
    });
    return failed;
  }

  Interpreter& in_;
  Style style_;
  std::size_t depth_ = 0;
};

}  // namespace

Outcome<Value> filter_tojson(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 4> kNames = {"ensure_ascii", "indent", "separators", "sort_keys"};
  FH_TRY(auto given, bind_args("tojson", args, kNames, 0));
  auto& [ensure_ascii, indent, separators, sort_keys] = given;
  Style style;
  style.ascii = truth(ensure_ascii);
  style.sort_keys = truth(sort_keys);
  if (indent.is(Type::string)) {
    style.indented = true;
    style.indent = indent.as_text();
  } else if (!indent.is(Type::missing) && !indent.is(Type::none)) {
    FH_TRY(std::int64_t width, to_index(indent));
    if (width > 1000) return limit_error("indent is larger than 1000");
    style.indented = true;
    style.indent.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
  }
  if (style.indented) style.item_separator = ",";
  if (!separators.is(Type::missing) && !separators.is(Type::none)) {
    FH_TRY(std::vector<Value> pair, collect(in, separators));
    if (pair.size() != 2 || !pair[0].is(Type::string) || !pair[1].is(Type::string))
      return type_error("separators must be two strings");
    style.item_separator = pair[0].as_text();
    style.key_separator = pair[1].as_text();
  }
  JsonWriter writer(in, std::move(style));
  FH_TRY_VOID(writer.write(self));
  return in.string(std::move(writer.out));
}

}  // namespace freehold::text::jinja
