// str methods that ask: does it start with, where is, is it made of digits.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

// A part of a string chosen by code point indexes, as find(sub, start, end) has it.
struct Window {
  std::string_view text;
  std::int64_t start = 0;  // index of its first character in the whole
  bool outside = false;    // start lies behind the end
};

Outcome<Window> window(const String& s, const Value& start, const Value& end) {
  auto n = static_cast<std::int64_t>(s.length);
  std::int64_t bound[2] = {0, n};
  const Value* given[2] = {&start, &end};
  for (std::size_t i = 0; i < 2; ++i) {
    if (given[i]->is(Type::missing) || given[i]->is(Type::none)) continue;
    FH_TRY(bound[i], to_index(*given[i]));
    if (bound[i] < 0) bound[i] = std::max<std::int64_t>(0, bound[i] + n);
  }
  Window out;
  out.outside = bound[0] > n || bound[0] > bound[1];
  out.start = std::min(bound[0], n);
  std::size_t from = byte_of(s, static_cast<std::size_t>(out.start));
  std::size_t to = byte_of(s, static_cast<std::size_t>(std::clamp(bound[1], out.start, n)));
  out.text = std::string_view(s.text).substr(from, to - from);
  return out;
}

struct Search {
  Window where;
  std::string_view wanted;
};
Outcome<Search> search(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"sub", "start", "end"};
  FH_TRY(auto given, bind_args("find", args, kNames, 1));
  if (given[0].is(Type::undefined)) return undefined_error(given[0]);
  if (!given[0].is(Type::string)) return type_error("must be str, not " + std::string(type_name(given[0])));
  FH_TRY_VOID(in.touch(self.as_text().size()));
  FH_TRY(Window where, window(self.as_string(), given[1], given[2]));
  return Search{where, given[0].as_text()};  // args keeps the string alive
}

template <bool from_right>
Outcome<std::int64_t> locate(Interpreter& in, const Value& self, Args& args) {
  FH_TRY(Search s, search(in, self, args));
  if (s.where.outside) return -1;
  std::size_t at = from_right ? rfind_text(s.where.text, s.wanted) : find_text(s.where.text, s.wanted, 0);
  if (at == std::string_view::npos) return -1;
  return s.where.start + static_cast<std::int64_t>(code_points(s.where.text.substr(0, at)));
}

template <bool from_right>
Outcome<Value> find(Interpreter& in, const Value& self, Args& args) {
  FH_TRY(std::int64_t at, locate<from_right>(in, self, args));
  return Value::integer(at);
}
template <bool from_right>
Outcome<Value> index(Interpreter& in, const Value& self, Args& args) {
  FH_TRY(std::int64_t at, locate<from_right>(in, self, args));
  if (at < 0) return runtime_error("substring not found");
  return Value::integer(at);
}

Outcome<Value> count(Interpreter& in, const Value& self, Args& args) {
  FH_TRY(Search s, search(in, self, args));
  if (s.where.outside) return Value::integer(0);
  if (s.wanted.empty()) return Value::integer(static_cast<std::int64_t>(code_points(s.where.text)) + 1);
  std::int64_t n = 0;
  for (std::size_t at = find_text(s.where.text, s.wanted, 0); at != std::string_view::npos;
       at = find_text(s.where.text, s.wanted, at + s.wanted.size()))
    ++n;
  return Value::integer(n);
}

template <bool at_end>
Outcome<Value> has_affix(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"prefix", "start", "end"};
  FH_TRY(auto given, bind_args(at_end ? "endswith" : "startswith", args, kNames, 1));
  FH_TRY(Window where, window(self.as_string(), given[1], given[2]));
  auto one = [&](const Value& affix) -> Outcome<bool> {
    if (affix.is(Type::undefined)) return undefined_error(affix);
    if (!affix.is(Type::string))
      return type_error(std::string(at_end ? "endswith" : "startswith") +
                        " first arg must be str or a tuple of str, not " + std::string(type_name(affix)));
    FH_TRY_VOID(in.touch(affix.as_text().size()));
    return !where.outside && (at_end ? where.text.ends_with(affix.as_text()) : where.text.starts_with(affix.as_text()));
  };
  if (!given[0].is(Type::tuple)) {
    FH_TRY(bool yes, one(given[0]));
    return Value::boolean(yes);
  }
  for (const Value& affix : given[0].as_sequence().items) {
    FH_TRY_VOID(in.step());
    FH_TRY(bool yes, one(affix));
    if (yes) return Value::boolean(true);
  }
  return Value::boolean(false);
}

// Not empty, and every character has the property.
template <bool (*property)(std::uint32_t)>
Outcome<Value> all_are(Interpreter& in, const Value& self, Args&) {
  FH_TRY_VOID(in.touch(self.as_text().size() * 4));
  std::string_view text = self.as_text();
  for (std::size_t at = 0; at < text.size();)
    if (!property(next_code_point(text, at))) return Value::boolean(false);
  return Value::boolean(!text.empty());
}

bool is_alnum_character(std::uint32_t c) {
  return is_alnum(c);
}

Outcome<Value> isprintable(Interpreter& in, const Value& self, Args& args) {
  if (self.as_text().empty()) return Value::boolean(true);
  return all_are<is_printable>(in, self, args);
}
Outcome<Value> isascii(Interpreter&, const Value& self, Args&) {
  return Value::boolean(self.as_string().ascii());
}
Outcome<Value> isidentifier(Interpreter&, const Value& self, Args&) {
  return Value::boolean(is_identifier(self.as_text()));
}

template <bool upper>
Outcome<Value> is_cased(Interpreter& in, const Value& self, Args& args) {
  return find_test(upper ? "upper" : "lower")(in, self, args);
}

Outcome<Value> istitle(Interpreter&, const Value& self, Args&) {
  std::string_view text = self.as_text();
  bool any = false;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t c = next_code_point(text, at);
    bool upper = is_upper(c) || is_title(c);
    bool lower = is_lower(c);
    if ((upper && in_word) || (lower && !in_word)) return Value::boolean(false);
    any |= upper || lower;
    in_word = upper || lower;
  }
  return Value::boolean(any);
}

constexpr NamedNative kQueries[] = {
    {"find", find<false>},
    {"rfind", find<true>},
    {"index", index<false>},
    {"rindex", index<true>},
    {"count", count},
    {"startswith", has_affix<false>},
    {"endswith", has_affix<true>},
    {"isalpha", all_are<is_alpha>},
    {"isdigit", all_are<is_digit>},
    {"isdecimal", all_are<is_decimal>},
    {"isnumeric", all_are<is_numeric>},
    {"isalnum", all_are<is_alnum_character>},
    {"isspace", all_are<is_space>},
    {"isprintable", isprintable},
    {"isascii", isascii},
    {"isidentifier", isidentifier},
    {"islower", is_cased<false>},
    {"isupper", is_cased<true>},
    {"istitle", istitle},
};

}  // namespace

Native find_text_query(std::string_view name) {
  for (const NamedNative& entry : kQueries)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace freehold::text::jinja
