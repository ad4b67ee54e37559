// Filters that make text or numbers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/number_text.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/tojson.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

// soft_str: a string as it is, anything else as str() shows it.
Outcome<Value> soft(Interpreter& in, const Value& v) {
  if (v.is(Type::string)) return v;
  FH_TRY(std::string text, str(in, v));
  return in.string(std::move(text));
}

// The filter is the str method of the same name over soft_str(input).
Outcome<Value> through(Interpreter& in, const char* method, const Value& v, Args& args) {
  FH_TRY(Value text, soft(in, v));
  return find_string_method(method)(in, text, args);
}

Outcome<Value> upper(Interpreter& in, const Value& v, Args& args) {
  return through(in, "upper", v, args);
}
Outcome<Value> lower(Interpreter& in, const Value& v, Args& args) {
  return through(in, "lower", v, args);
}
Outcome<Value> capitalize(Interpreter& in, const Value& v, Args& args) {
  return through(in, "capitalize", v, args);
}
Outcome<Value> trim(Interpreter& in, const Value& v, Args& args) {
  return through(in, "strip", v, args);
}
Outcome<Value> string(Interpreter& in, const Value& v, Args&) {
  return soft(in, v);
}

Outcome<Value> center(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"width"};
  FH_TRY(auto arguments, bind_args("center", args, kNames, 0));
  Args width;
  width.positional.push_back(given(arguments[0]) ? arguments[0] : Value::integer(80));
  return through(in, "center", v, width);
}

// Words begin after whitespace and the opening characters - ( { [ <; unlike str.title() the rest is only lowered.
Outcome<Value> title(Interpreter& in, const Value& v, Args&) {
  FH_TRY(Value input, soft(in, v));
  std::string_view text = input.as_text();
  FH_TRY_VOID(in.room(text.size() * 3));
  FH_TRY_VOID(in.touch(text.size() * 8));
  auto separates = [](std::uint32_t c) {
    return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    bool separator = separates(next_code_point(text, at));
    std::size_t second = at;
    while (at < text.size()) {
      std::size_t next = at;
      if (separates(next_code_point(text, next)) != separator) break;
      at = next;
    }
    out += to_upper(text.substr(begin, second - begin));
    out += to_lower(text.substr(second, at - second));
  }
  return in.string(std::move(out), input.as_string().markup);
}

Outcome<Value> replace(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"old", "new", "count"};
  FH_TRY(auto arguments, bind_args("replace", args, kNames, 2));
  FH_TRY(std::string text, str(in, v));
  FH_TRY(std::string old, str(in, arguments[0]));
  FH_TRY(std::string fresh, str(in, arguments[1]));
  std::int64_t limit = -1;
  if (given(arguments[2])) {
    FH_TRY(limit, to_index(arguments[2]));
  }
  std::string out;
  std::size_t at = 0;
  for (std::int64_t n = 0; limit < 0 || n < limit; ++n) {
    std::size_t hit = find_text(text, old, at);
    if (old.empty() && n > 0) {  // between all characters
      if (at >= text.size()) break;
      next_code_point(text, hit);
    }
    if (hit == std::string::npos) break;
    if ((n & 255) == 0) FH_TRY_VOID(in.step(4));
    FH_TRY_VOID(in.extend(out, (hit - at) + fresh.size()));
    FH_TRY_VOID(in.touch(fresh.size()));
    out.append(text, at, hit - at);
    out += fresh;
    at = hit + old.size();
  }
  FH_TRY_VOID(in.add(out, std::string_view(text).substr(std::min(at, text.size()))));
  return in.string(std::move(out));
}

Outcome<Value> safe(Interpreter& in, const Value& v, Args&) {
  FH_TRY(std::string text, str(in, v));
  return in.string(std::move(text), true);
}
Outcome<Value> force_escape(Interpreter& in, const Value& v, Args&) {
  FH_TRY(std::string text, str(in, v));
  FH_TRY(std::string out, escaped(in, text));
  return in.string(std::move(out), true);
}
Outcome<Value> escape(Interpreter& in, const Value& v, Args& args) {
  if (v.is(Type::string) && v.as_string().markup) return v;
  return force_escape(in, v, args);
}

Outcome<Value> indent(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"width", "first", "blank"};
  FH_TRY(auto arguments, bind_args("indent", args, kNames, 0));
  if (v.is(Type::undefined)) return undefined_error(v);
  if (!v.is(Type::string)) return type_error("indent needs a string, not " + std::string(type_name(v)));
  std::string by(4, ' ');
  if (arguments[0].is(Type::string)) {
    by = arguments[0].as_text();
  } else if (!arguments[0].is(Type::missing)) {
    FH_TRY(std::int64_t width, to_index(arguments[0]));
    if (width > 10'000) return limit_error("indent by more than 10000");
    by.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
  }
  bool first = truth(arguments[1]);
  bool blank = truth(arguments[2]);
  // Line by line: a list of a million lines takes more than they do. The text ends with one more line break than it
  // has.
  std::string_view text = v.as_text();
  FH_TRY_VOID(in.touch(text.size()));
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t end = at;
    if (at == text.size()) {
      ++at;
    } else {
      std::uint32_t c = next_code_point(text, at);
      if (!is_line_break(c)) continue;
      if (c == '\r' && (at == text.size() || text[at] == '\n')) ++at;
    }
    std::string_view line = text.substr(begin, end - begin);
    FH_TRY_VOID(in.extend(out, 1 + by.size() + line.size()));
    if (begin != 0) out += '\n';
    if (begin == 0 ? first : blank || !line.empty()) out += by;
    out += line;
    begin = at;
  }
  return in.string(std::move(out), v.as_string().markup);
}

Outcome<Value> truncate(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 4> kNames = {"length", "killwords", "end", "leeway"};
  FH_TRY(auto arguments, bind_args("truncate", args, kNames, 0));
  std::int64_t length_limit = 255;
  std::int64_t leeway = 5;
  if (!arguments[0].is(Type::missing)) {
    FH_TRY(length_limit, to_index(arguments[0]));
  }
  if (given(arguments[3])) {
    FH_TRY(leeway, to_index(arguments[3]));
  }
  std::string end = "...";
  if (!arguments[2].is(Type::missing)) {
    FH_TRY(end, str(in, arguments[2]));
  }
  if (v.is(Type::undefined) || !v.is(Type::string)) {
    FH_TRY(std::int64_t n, length(in, v));
    if (n <= length_limit) return v;
    return type_error("truncate needs a string");
  }
  auto end_length = static_cast<std::int64_t>(code_points(end));
  if (length_limit < end_length || leeway < 0)
    return runtime_error("truncate: expected length >= " + std::to_string(end_length));
  const String& s = v.as_string();
  if (s.length <= static_cast<std::uint64_t>(length_limit) + static_cast<std::uint64_t>(leeway)) return v;
  std::string_view kept =
      std::string_view(s.text).substr(0, byte_of(s, static_cast<std::size_t>(length_limit - end_length)));
  if (!truth(arguments[1])) kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  return in.string(std::string(kept) + end);
}

Outcome<Value> wordcount(Interpreter& in, const Value& v, Args&) {
  FH_TRY(std::string text, str(in, v));
  std::int64_t n = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    bool word = is_word(next_code_point(text, at));
    n += word && !in_word ? 1 : 0;
    in_word = word;
  }
  return Value::integer(n);
}

Outcome<Value> format(Interpreter& in, const Value& v, Args& args) {
  FH_TRY(Value text, soft(in, v));
  if (!args.named.empty()) {
    if (!args.positional.empty())
      return runtime_error("can't handle positional and keyword arguments at the same time");
    FH_TRY(Value dict, find_global("dict")(in, Value(), args));
    return format_percent(in, text, dict);
  }
  FH_TRY(Value tuple, in.tuple(std::move(args.positional)));
  return format_percent(in, text, tuple);
}

std::string quote_url(std::string_view text, bool query) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '.' || c == '-' ||
                 c == '~' || (c == '/' && !query);
    if (plain)
      out += c;
    else if (c == ' ' && query)
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Outcome<Value> urlencode(Interpreter& in, const Value& v, Args&) {
  if (v.is(Type::string) || !is_iterable(v)) {
    FH_TRY(std::string text, str(in, v));
    FH_TRY_VOID(in.room(text.size() * 3));
    return in.string(quote_url(text, false));
  }
  Value pairs = v;
  if (v.is(Type::dict)) {
    Args none;
    FH_TRY(pairs, find_dict_method("items")(in, v, none));
  }
  FH_TRY(std::vector<Value> items, collect(in, pairs));
  std::string out;
  for (const Value& item : items) {
    FH_TRY(std::vector<Value> pair, collect(in, item));
    if (pair.size() != 2) return runtime_error("urlencode needs pairs");
    FH_TRY(std::string key, str(in, pair[0]));
    FH_TRY(std::string value, str(in, pair[1]));
    FH_TRY_VOID(in.room(2 * out.size() + (key.size() + value.size()) * 6));
    if (!out.empty()) out += '&';
    out += quote_url(key, true) + "=" + quote_url(value, true);
  }
  return in.string(std::move(out));
}

// The entities that escape_html writes, and their usual other spellings.
std::string unescape_html(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&#34;", '"'}, {"&quot;", '"'}, {"&#39;", '\''}, {"&#x27;", '\''}};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto* found = std::find_if(std::begin(kEntities), std::end(kEntities),
                                     [&](const auto& e) { return text.substr(at).starts_with(e.first); });
    if (found == std::end(kEntities)) {
      out += text[at++];
    } else {
      out += found->second;
      at += found->first.size();
    }
  }
  return out;
}

Outcome<Value> striptags(Interpreter& in, const Value& v, Args&) {
  FH_TRY(std::string text, str(in, v));
  FH_TRY_VOID(in.room(text.size() * 3));  // and two more, none of them longer
  std::string bare;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '<') {
      bool comment = text.compare(at, 4, "<!--") == 0;
      std::size_t end = comment ? text.find("-->", at) : text.find('>', at);
      if (end == std::string::npos) {
        bare.append(text, at);
        break;
      }
      at = end + (comment ? 3 : 1);
    } else {
      bare += text[at++];
    }
  }
  std::string out;
  for (std::string_view rest = strip(bare, nullptr, 3); !rest.empty();) {
    std::size_t at = 0;
    while (at < rest.size()) {
      std::size_t next = at;
      if (is_space(next_code_point(rest, next))) break;
      at = next;
    }
    if (!out.empty()) out += ' ';
    out += rest.substr(0, at);
    rest = strip(rest.substr(at), nullptr, 1);
  }
  return in.string(unescape_html(out));
}

Outcome<Value> filesizeformat(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"binary"};
  FH_TRY(auto arguments, bind_args("filesizeformat", args, kNames, 0));
  bool binary = truth(arguments[0]);
  FH_TRY(Value number, to_float(in, v));
  double bytes = number.as_real();
  double base = binary ? 1024 : 1000;
  if (bytes == 1) return in.string("1 Byte");
  if (bytes < base) return in.string(fmt::format("{} Bytes", static_cast<std::int64_t>(bytes)));
  double unit = base;
  for (char prefix : std::string_view("kMGTPEZY")) {
    unit *= base;
    if (bytes >= unit && prefix != 'Y') continue;
    char letter = binary && prefix == 'k' ? 'K' : prefix;
    return in.string(fmt::format("{:.1f} {}{}", base * bytes / unit, letter, binary ? "iB" : "B"));
  }
  return in.string("");
}

Outcome<Value> xmlattr(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"autospace"};
  FH_TRY(auto arguments, bind_args("xmlattr", args, kNames, 0));
  if (!v.is(Type::dict)) return type_error("xmlattr needs a mapping");
  std::string out;
  for (const auto& [key, value] : v.as_dict().entries()) {
    if (value.is(Type::none) || value.is(Type::undefined)) continue;
    FH_TRY(std::string name, str(in, key));
    FH_TRY(std::string text, str(in, value));
    FH_TRY_VOID(in.room(2 * out.size() + (name.size() + text.size()) * 10));
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      return runtime_error("Invalid character in attribute name");
    if (!out.empty()) out += ' ';
    out += escape_html(name) + "=\"" + escape_html(text) + "\"";
  }
  if (!out.empty() && (arguments[0].is(Type::missing) || truth(arguments[0]))) out.insert(0, " ");
  return in.string(std::move(out));
}

constexpr NamedNative kStringFilters[] = {
    {"upper", upper},
    {"lower", lower},
    {"capitalize", capitalize},
    {"title", plain<title>},
    {"trim", trim},
    {"string", plain<string>},
    {"center", center},
    {"replace", replace},
    {"safe", plain<safe>},
    {"escape", plain<escape>},
    {"e", plain<escape>},
    {"forceescape", plain<force_escape>},
    {"indent", indent},
    {"truncate", truncate},
    {"wordcount", plain<wordcount>},
    {"format", format},
    {"urlencode", plain<urlencode>},
    {"striptags", plain<striptags>},
    {"filesizeformat", filesizeformat},
    {"xmlattr", xmlattr},
    {"tojson", filter_tojson},
    {"int", filter_int},
    {"float", filter_float},
    {"abs", plain<filter_abs>},
    {"round", filter_round},
};

}  // namespace

Native find_string_filter(std::string_view name) {
  for (const NamedNative& entry : kStringFilters)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace freehold::text::jinja
