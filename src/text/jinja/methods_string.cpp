// str methods that make a new string or a list of strings.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

Outcome<std::string_view> text_argument(const Value& v) {
  if (v.is(Type::string)) return v.as_text();
  if (v.is(Type::undefined)) return undefined_error(v);
  return type_error("expected str, got " + std::string(type_name(v)));
}

template <std::string (*mapping)(std::string_view)>
Outcome<Value> mapped(Interpreter& in, const Value& self, Args& args) {
  if (!args.positional.empty() || !args.named.empty()) return type_error("this method takes no arguments");
  FH_TRY_VOID(in.room(self.as_text().size() * (self.as_string().ascii() ? 1 : 3)));
  FH_TRY_VOID(in.touch(self.as_text().size() * 8));
  return in.string(mapping(self.as_text()), self.as_string().markup);
}

template <int ends>
Outcome<Value> stripped(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"chars"};
  FH_TRY(auto arguments, bind_args("strip", args, kNames, 0));
  if (!given(arguments[0]))
    return in.string(std::string(strip(self.as_text(), nullptr, ends)), self.as_string().markup);
  FH_TRY(std::string_view chars, text_argument(arguments[0]));
  FH_TRY_VOID(in.room(chars.size() * 4));
  FH_TRY_VOID(in.touch(chars.size() * 8));
  return in.string(std::string(strip(self.as_text(), &chars, ends)), self.as_string().markup);
}

// The pieces of a string, made into a list of strings.
Outcome<Value> to_list(Interpreter& in, const std::vector<std::string_view>& pieces, bool markup) {
  FH_TRY_VOID(in.room(pieces.size() * (sizeof(Value) + sizeof(String))));
  std::vector<Value> out;
  out.reserve(pieces.size());
  for (std::string_view piece : pieces) {
    FH_TRY_VOID(in.step());
    FH_TRY(Value value, in.string(std::string(piece), markup));
    out.push_back(std::move(value));
  }
  return in.list(std::move(out));
}

// Splits at runs of whitespace, from the left or the right, at most `limit` times (negative = any number).
std::vector<std::string_view> split_spaces(std::string_view text, std::int64_t limit, bool from_right) {
  std::vector<std::string_view> out;
  text = strip(text, nullptr, from_right ? 2 : 1);
  while (!text.empty()) {
    if (limit >= 0 && static_cast<std::int64_t>(out.size()) == limit) {
      out.push_back(text);  // the rest keeps its whitespace
      break;
    }
    std::size_t cut = from_right ? text.size() : 0;
    if (from_right) {
      while (cut > 0) {
        std::size_t before = previous(text, cut);
        std::size_t p = before;
        if (is_space(next_code_point(text, p))) break;
        cut = before;
      }
      out.push_back(text.substr(cut));
      text = strip(text.substr(0, cut), nullptr, 2);
    } else {
      while (cut < text.size()) {
        std::size_t p = cut;
        if (is_space(next_code_point(text, p))) break;
        cut = p;
      }
      out.push_back(text.substr(0, cut));
      text = strip(text.substr(cut), nullptr, 1);
    }
  }
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

// How many pieces a step-limited render may ask for at once.
constexpr std::size_t kMaxPieces = 1'000'000;

Outcome<std::vector<std::string_view>> split_at(std::string_view text, std::string_view separator, std::int64_t limit,
                                                bool from_right) {
  if (separator.empty()) return runtime_error("empty separator");
  std::vector<std::string_view> out;
  std::vector<std::size_t> cuts;
  for (std::size_t at = find_text(text, separator, 0); at != std::string_view::npos && !from_right;
       at = find_text(text, separator, at + separator.size())) {
    if (limit >= 0 && static_cast<std::int64_t>(cuts.size()) >= limit) break;
    cuts.push_back(at);
    if (cuts.size() > kMaxPieces) return limit_error("a string is split into too many pieces");
  }
  if (from_right) {  // mirror both: the search itself is linear only from the left
    std::string mirrored(text.rbegin(), text.rend());
    std::string wanted(separator.rbegin(), separator.rend());
    for (std::size_t at = find_text(mirrored, wanted, 0); at != std::string::npos;
         at = find_text(mirrored, wanted, at + wanted.size())) {
      if (limit >= 0 && static_cast<std::int64_t>(cuts.size()) >= limit) break;
      cuts.push_back(text.size() - at - separator.size());
      if (cuts.size() > kMaxPieces) return limit_error("a string is split into too many pieces");
    }
    std::reverse(cuts.begin(), cuts.end());
  }
  std::size_t begin = 0;
  for (std::size_t cut : cuts) {
    out.push_back(text.substr(begin, cut - begin));
    begin = cut + separator.size();
  }
  out.push_back(text.substr(begin));
  return out;
}

template <bool from_right>
Outcome<Value> split(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"sep", "maxsplit"};
  FH_TRY(auto arguments, bind_args("split", args, kNames, 0));
  std::int64_t limit = -1;
  if (!arguments[1].is(Type::missing)) {
    FH_TRY(limit, to_index(arguments[1]));
  }
  FH_TRY_VOID(in.touch(self.as_text().size()));
  bool markup = self.as_string().markup;
  if (!given(arguments[0])) {
    FH_TRY_VOID(in.room(self.as_text().size() * 8));
    return to_list(in, split_spaces(self.as_text(), limit, from_right), markup);
  }
  FH_TRY(std::string_view separator, text_argument(arguments[0]));
  FH_TRY_VOID(in.room(from_right ? self.as_text().size() : 0));
  FH_TRY(auto pieces, split_at(self.as_text(), separator, limit, from_right));
  return to_list(in, pieces, markup);
}

Outcome<Value> splitlines(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"keepends"};
  FH_TRY(auto arguments, bind_args("splitlines", args, kNames, 0));
  // A view and a string for each line, before there are any.
  std::size_t lines = 1;
  for (char c : self.as_text()) {
    lines += (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == '\xC2' || c == '\xE2';
  }
  FH_TRY_VOID(in.room(lines * 2 * sizeof(std::string_view)));
  return to_list(in, split_lines(self.as_text(), truth(arguments[0])), self.as_string().markup);
}

template <bool from_right>
Outcome<Value> partition(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"sep"};
  FH_TRY(auto arguments, bind_args("partition", args, kNames, 1));
  FH_TRY(std::string_view separator, text_argument(arguments[0]));
  if (separator.empty()) return runtime_error("empty separator");
  std::string_view text = self.as_text();
  std::size_t at = from_right ? rfind_text(text, separator) : find_text(text, separator, 0);
  std::string_view part[3] = {text, "", ""};
  if (at != std::string_view::npos) {
    part[0] = text.substr(0, at);
    part[1] = separator;
    part[2] = text.substr(at + separator.size());
  } else if (from_right) {
    std::swap(part[0], part[2]);
  }
  FH_TRY(Value list, to_list(in, {part[0], part[1], part[2]}, self.as_string().markup));
  return in.tuple(list.as_sequence().items);
}

Outcome<Value> replace_method(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"old", "new", "count"};
  FH_TRY(auto arguments, bind_args("replace", args, kNames, 2));
  Args filter_args;
  FH_TRY_VOID(text_argument(arguments[0]));
  FH_TRY_VOID(text_argument(arguments[1]));
  for (Value& v : arguments)
    if (!v.is(Type::missing)) filter_args.positional.push_back(std::move(v));
  FH_TRY(Value out, find_filter("replace")(in, self, filter_args));
  if (!self.as_string().markup) return out;
  return in.string(std::string(out.as_text()), true);
}

Outcome<Value> join_method(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"iterable"};
  FH_TRY(auto arguments, bind_args("join", args, kNames, 1));
  FH_TRY(std::vector<Value> items, collect(in, arguments[0]));
  bool markup = self.as_string().markup;
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is(Type::string))
      return type_error("sequence item " + std::to_string(i) + ": expected str instance, " +
                        std::string(type_name(items[i])) + " found");
    FH_TRY_VOID(in.step());
    if (i != 0) FH_TRY_VOID(in.add(out, self.as_text()));
    if (markup && !items[i].as_string().markup) {
      FH_TRY(const std::string item, escaped(in, items[i].as_text()));
      FH_TRY_VOID(in.add(out, item));
    } else {
      FH_TRY_VOID(in.add(out, items[i].as_text()));
    }
  }
  return in.string(std::move(out), markup);
}

Outcome<Value> format_method(Interpreter& in, const Value& self, Args& args) {
  return format_braces(in, self, args);
}

template <char align>
Outcome<Value> justify(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"width", "fillchar"};
  FH_TRY(auto arguments, bind_args("justify", args, kNames, 1));
  FormatSpec spec;
  FH_TRY(std::int64_t width, to_index(arguments[0]));
  spec.width = width < 0 ? 0 : static_cast<std::size_t>(width);
  if (spec.width / 4 > in.limits().memory_bytes) return limit_error("a string is padded too far");
  FH_TRY_VOID(in.room(spec.width * 4 + self.as_text().size() * 2));
  spec.align = align;
  if (given(arguments[1])) {
    FH_TRY(std::string_view fill, text_argument(arguments[1]));
    if (code_points(fill) != 1) return type_error("The fill character must be exactly one character long");
    spec.fill = fill;
  }
  bool markup = self.as_string().markup;
  if (align != '^') return in.string(pad(spec, "", self.as_text(), align), markup);
  // Python puts the odd space left if the width is odd.
  std::size_t have = self.as_string().length;
  std::size_t missing = spec.width > have ? spec.width - have : 0;
  std::size_t left = missing / 2 + (missing & spec.width & 1);
  std::string out;
  for (std::size_t i = 0; i < left; ++i) out += spec.fill;
  out += self.as_text();
  for (std::size_t i = left; i < missing; ++i) out += spec.fill;
  return in.string(std::move(out), markup);
}

Outcome<Value> zfill(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"width"};
  FH_TRY(auto arguments, bind_args("zfill", args, kNames, 1));
  FH_TRY(std::int64_t width, to_index(arguments[0]));
  auto have = static_cast<std::int64_t>(self.as_string().length);
  if (width <= have) return self;
  FH_TRY_VOID(in.room(static_cast<std::size_t>(width)));
  std::string_view text = self.as_text();
  std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  std::string out;
  FH_TRY_VOID(in.extend(out, text.size() + static_cast<std::size_t>(width - have)));
  out += text.substr(0, sign);
  out.append(static_cast<std::size_t>(width - have), '0');
  out += text.substr(sign);
  return in.string(std::move(out));
}

template <bool at_end>
Outcome<Value> remove_affix(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"affix"};
  FH_TRY(auto arguments, bind_args("removeprefix", args, kNames, 1));
  FH_TRY(std::string_view affix, text_argument(arguments[0]));
  std::string_view text = self.as_text();
  if (at_end ? !text.ends_with(affix) : !text.starts_with(affix)) return self;
  text = at_end ? text.substr(0, text.size() - affix.size()) : text.substr(affix.size());
  return in.string(std::string(text), self.as_string().markup);
}

Outcome<Value> expandtabs(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"tabsize"};
  FH_TRY(auto arguments, bind_args("expandtabs", args, kNames, 0));
  std::int64_t size = 8;
  if (!arguments[0].is(Type::missing)) {
    FH_TRY(size, to_index(arguments[0]));
  }
  if (size > 1000) return limit_error("tabs wider than 1000");
  std::string out;
  std::int64_t column = 0;
  for (char c : self.as_text()) {
    if (c == '\t') {
      std::int64_t n = size <= 0 ? 0 : size - column % size;
      FH_TRY_VOID(in.extend(out, static_cast<std::size_t>(n)));
      out.append(static_cast<std::size_t>(n), ' ');
      column += n;
      continue;
    }
    FH_TRY_VOID(in.extend(out, 1));
    out += c;
    if (c == '\n' || c == '\r')
      column = 0;
    else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)
      ++column;
  }
  return in.string(std::move(out));
}

constexpr NamedNative kMethods[] = {
    {"upper", mapped<to_upper>},
    {"lower", mapped<to_lower>},
    {"casefold", mapped<to_casefolded>},
    {"title", mapped<to_title>},
    {"capitalize", mapped<to_capitalized>},
    {"swapcase", mapped<to_swapped_case>},
    {"strip", stripped<3>},
    {"lstrip", stripped<1>},
    {"rstrip", stripped<2>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", splitlines},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"replace", replace_method},
    {"join", join_method},
    {"format", format_method},
    {"ljust", justify<'<'>},
    {"rjust", justify<'>'>},
    {"center", justify<'^'>},
    {"zfill", zfill},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"expandtabs", expandtabs},
};

}  // namespace

Native find_string_method(std::string_view name) {
  for (const NamedNative& entry : kMethods)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace freehold::text::jinja
