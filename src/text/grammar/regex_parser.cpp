// The parser of regex_ast.h: recursive descent, no deeper than the limit.
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>

#include "base/hex.h"
#include "base/utf8.h"
#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

CharSet digits() {
  return CharSet::range('0', '9');
}

CharSet word() {
  CharSet s = digits();
  s.add('A', 'Z');
  s.add('a', 'z');
  s.add('_', '_');
  return s;
}

CharSet space() {
  CharSet s = CharSet::range(9, 13);
  for (std::uint32_t c : {0x20u, 0xA0u, 0x1680u, 0x2028u, 0x2029u, 0x202Fu, 0x205Fu, 0x3000u, 0xFEFFu}) s.add(c, c);
  s.add(0x2000, 0x200A);
  return s;
}

CharSet line_ends() {
  CharSet s;
  for (std::uint32_t c : {0x0Au, 0x0Du, 0x2028u, 0x2029u}) s.add(c, c);
  return s;
}

// The code points of a general category ("Lu") or a group of them ("L"); empty if there is none of that name.
CharSet category(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, CharSet, std::less<>> known;
  static const std::map<std::string_view, std::string_view> kLong = {
      {"Letter", "L"}, {"Lowercase_Letter", "Ll"}, {"Uppercase_Letter", "Lu"},
      {"Number", "N"}, {"Decimal_Number", "Nd"},   {"Punctuation", "P"},
      {"Symbol", "S"}, {"Separator", "Z"},         {"Mark", "M"},
      {"Other", "C"}};
  if (auto it = kLong.find(name); it != kLong.end()) name = it->second;
  if (name.empty() || name.size() > 2) return {};
  std::lock_guard lock(mutex);
  if (auto it = known.find(name); it != known.end()) return it->second;
  CharSet set;
  std::uint32_t begin = 0;
  bool inside = false;
  for (std::uint32_t c = 0; c <= kMaxCodePoint + 1; ++c) {
    std::string_view of = c > kMaxCodePoint ? "" : utf8proc_category_string(static_cast<utf8proc_int32_t>(c));
    bool in = of.starts_with(name);
    if (in && !inside) begin = c;
    if (!in && inside) set.add(begin, c - 1);
    inside = in;
  }
  (void)set.ranges();
  if (known.size() < 64) known.emplace(name, set);
  return set;
}

class RegexParser {
 public:
  RegexParser(std::string_view pattern, const Limits& limits) : text_(pattern), limits_(limits) {}

  Result<RegexAst> parse() {
    if (text_.size() > limits_.pattern_bytes)
      return fail(Errc::exhausted, "the pattern has more than " + std::to_string(limits_.pattern_bytes) + " bytes");
    if (!is_utf8(text_)) return fail(Errc::invalid, "the pattern is not UTF-8");
    FH_TRY(std::uint32_t root, alternatives(0));
    if (at_ < text_.size()) return error("unmatched \")\"");
    ast_.root = root;
    return std::move(ast_);
  }

 private:
  Unexpected error(std::string what, Errc code = Errc::invalid) const {
    return fail(code, "pattern, byte " + std::to_string(at_) + ": " + what);
  }
  Unexpected refuse(std::string_view what) const {
    return error(std::string(what) + " cannot be enforced", Errc::unsupported);
  }

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(std::string_view s) {
    if (!text_.substr(at_).starts_with(s)) return false;
    at_ += s.size();
    return true;
  }
  std::uint32_t add(RegexAst::Part part) {
    ast_.parts.push_back(std::move(part));
    return static_cast<std::uint32_t>(ast_.parts.size() - 1);
  }
  std::uint32_t add_chars(CharSet set) { return add({.kind = RegexAst::Kind::chars, .set = std::move(set)}); }

  Result<std::uint32_t> alternatives(std::size_t depth) {
    if (depth > limits_.depth) return error("groups are nested too deeply", Errc::exhausted);
    RegexAst::Part all{.kind = RegexAst::Kind::any_of};
    do {
      RegexAst::Part sequence{.kind = RegexAst::Kind::concat};
      while (!at_end() && peek() != '|' && peek() != ')') {
        FH_TRY(std::uint32_t item, quantified(depth));
        sequence.kids.push_back(item);
      }
      all.kids.push_back(add(std::move(sequence)));
    } while (take("|"));
    return all.kids.size() == 1 ? all.kids[0] : add(std::move(all));
  }

  Result<std::uint32_t> quantified(std::size_t depth) {
    FH_TRY(std::uint32_t item, atom(depth));
    std::uint32_t min = 0;
    std::uint32_t max = kNoMaximum;
    if (take("*")) {
    } else if (take("+")) {
      min = 1;
    } else if (take("?")) {
      max = 1;
    } else {
      FH_TRY(bool braces, quantifier(min, max));
      if (!braces) return item;
    }
    (void)take("?");  // lazy: the same texts
    auto kind = ast_.parts[item].kind;
    if (kind == RegexAst::Kind::begin || kind == RegexAst::Kind::end) return error("nothing to repeat");
    if (peek() == '*' || peek() == '+' || peek() == '?') return error("nothing to repeat");
    return add({.kind = RegexAst::Kind::repeat, .min = min, .max = max, .kids = {item}});
  }

  // {n}, {n,}, {n,m}; anything else that begins with a brace is a literal.
  Result<bool> quantifier(std::uint32_t& min, std::uint32_t& max) {
    std::size_t begin = at_;
    if (!take("{")) return false;
    FH_TRY(std::optional<std::uint32_t> low, number());
    std::optional<std::uint32_t> high = low;
    if (low && take(",")) {
      FH_TRY(high, number());
      if (!high) high = kNoMaximum;
    }
    if (!low || !take("}")) {
      at_ = begin;
      return false;
    }
    if (*low > *high) return error("the numbers of a repetition are out of order");
    min = *low;
    max = *high;
    return true;
  }

  Result<std::optional<std::uint32_t>> number() {
    std::optional<std::uint32_t> value;
    while (peek() >= '0' && peek() <= '9') {
      value = value.value_or(0) * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (*value > kMaxRepetition) return error("a repetition of more than 100000", Errc::exhausted);
      ++at_;
    }
    return value;
  }

  Result<std::uint32_t> atom(std::size_t depth) {
    if (take("(")) {
      if (take("?")) {
        if (take("=") || take("!")) return refuse("look-ahead");
        if (take("<=") || take("<!")) return refuse("look-behind");
        if (take("P=")) return refuse("a back-reference");
        if (take("<") || take("P<")) {
          std::size_t end = text_.find('>', at_);
          if (end == std::string_view::npos || end == at_) return error("a group's name is not finished");
          at_ = end + 1;
        } else if (!take(":")) {
          return refuse("an inline flag or an unknown kind of group");
        }
      }
      FH_TRY(std::uint32_t inner, alternatives(depth + 1));
      if (!take(")")) return error("a group is not closed");
      return add({.kind = RegexAst::Kind::concat, .kids = {inner}});
    }
    if (take("^")) return add({.kind = RegexAst::Kind::begin});
    if (take("$")) return add({.kind = RegexAst::Kind::end});
    if (take(".")) return add_chars(line_ends().complement());
    if (peek() == '*' || peek() == '+' || peek() == '?') return error("nothing to repeat");
    if (take("[")) return char_class();
    if (take("\\")) {
      if (take("b") || take("B")) return refuse("a word boundary");
      if (peek() >= '1' && peek() <= '9') return refuse("a back-reference");
      if (take("k")) return refuse("a back-reference");
      if (take("A")) return add({.kind = RegexAst::Kind::begin});
      if (take("z") || take("Z")) return add({.kind = RegexAst::Kind::end});
      if (take("G")) return refuse("\\G");
      FH_TRY(CharSet set, escape());
      return add_chars(std::move(set));
    }
    return add_chars(CharSet::of(literal()));
  }

  std::uint32_t literal() {
    CodePoint c = decode_utf8(text_.substr(at_));
    at_ += c.length;
    return c.value;
  }

  Result<std::uint32_t> hex(std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i, ++at_) {
      int digit = hex_digit(peek());
      if (digit < 0) return error("expected " + std::to_string(count) + " hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  // Behind a backslash, in a class or outside.
  Result<CharSet> escape() {
    if (at_end()) return error("the pattern ends with a backslash");
    if (take("d")) return digits();
    if (take("D")) return digits().complement();
    if (take("w")) return word();
    if (take("W")) return word().complement();
    if (take("s")) return space();
    if (take("S")) return space().complement();
    if (take("t")) return CharSet::of('\t');
    if (take("n")) return CharSet::of('\n');
    if (take("r")) return CharSet::of('\r');
    if (take("v")) return CharSet::of('\v');
    if (take("f")) return CharSet::of('\f');
    bool negated = peek() == 'P';
    if (take("p") || take("P")) {
      std::size_t end = text_.find('}', at_);
      if (peek() != '{' || end == std::string_view::npos) return error("expected a property in braces");
      std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
      for (std::string_view prefix : {"General_Category=", "gc="}) {
        if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
      }
      CharSet set = name == "Any" ? CharSet::all() : category(name);
      if (set.empty()) return refuse("the property \"" + printable(name, 40) + "\"");
      at_ = end + 1;
      return negated ? set.complement() : set;
    }
    if (take("x")) {
      FH_TRY(std::uint32_t c, hex(2));
      return CharSet::of(c);
    }
    if (take("u")) return unicode_escape();
    if (take("c")) {
      char c = peek();
      bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter) return error("expected a letter behind \\c");
      ++at_;
      return CharSet::of(static_cast<std::uint32_t>(c) % 32);
    }
    if (take("0")) {
      if (peek() >= '0' && peek() <= '9') return refuse("an octal escape");
      return CharSet::of(0);
    }
    char c = peek();
    bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter_or_digit) return error("an unknown escape: \\" + std::string(1, c));
    return CharSet::of(literal());
  }

  Result<CharSet> unicode_escape() {
    std::uint32_t c = 0;
    if (take("{")) {
      while (hex_digit(peek()) >= 0 && c <= kMaxCodePoint) {
        c = c * 16 + static_cast<std::uint32_t>(hex_digit(peek()));
        ++at_;
      }
      if (!take("}") || c > kMaxCodePoint) return error("expected a code point in braces");
    } else {
      FH_TRY(c, hex(4));
      if (c >= 0xD800 && c < 0xDC00 && take("\\u")) {
        FH_TRY(std::uint32_t low, hex(4));
        if (low < 0xDC00 || low > 0xDFFF) return error("half a surrogate pair");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    if (c >= 0xD800 && c <= 0xDFFF) return error("half a surrogate pair");
    return CharSet::of(c);
  }

  // One member of a class: its set, and its code point if it is a single one (a range may begin or end with it).
  Result<CharSet> member() {
    if (!take("\\")) return CharSet::of(literal());
    if (take("b")) return CharSet::of('\b');
    if (take("-")) return CharSet::of('-');
    return escape();
  }
  static std::optional<std::uint32_t> single(const CharSet& set) {
    const auto& r = set.ranges();
    if (r.size() == 1 && r[0].lo == r[0].hi) return r[0].lo;
    return std::nullopt;
  }

  Result<std::uint32_t> char_class() {
    bool negated = take("^");
    CharSet set;
    while (!take("]")) {
      if (at_end()) return error("a class is not closed");
      if (peek() == '[' && text_.substr(at_).starts_with("[:")) return refuse("a POSIX class");
      FH_TRY(CharSet first, member());
      bool range = peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (!range) {
        set.add(first);
        continue;
      }
      ++at_;
      FH_TRY(CharSet last, member());
      auto lo = single(first);
      auto hi = single(last);
      if (lo && hi) {
        if (*lo > *hi) return error("a range of a class is out of order");
        set.add(*lo, *hi);
      } else {  // [\w-x]: three members
        set.add(first);
        set.add('-', '-');
        set.add(last);
      }
    }
    return add_chars(negated ? set.complement() : set);
  }

  std::string_view text_;
  const Limits& limits_;
  std::size_t at_ = 0;
  RegexAst ast_;
};

}  // namespace

Result<RegexAst> parse_regex(std::string_view pattern, const Limits& limits) {
  return RegexParser(pattern, limits).parse();
}

}  // namespace freehold::text::grammar
