#include "text/regex_dialect.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace freehold::text {
namespace {

constexpr std::string_view kSpace = "\\p{White_Space}";
constexpr std::string_view kNotSpace = "\\P{White_Space}";

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (at_ < in_.size()) {
      char c = in_[at_];
      switch (c) {
        case '\\':
          FH_TRY_VOID(escape());
          break;
        case '[':
          FH_TRY_VOID(character_class());
          break;
        case '(':
          FH_TRY_VOID(group());
          break;
        case '{':
          FH_TRY_VOID(braces());
          break;
        case '#':  // harmless to PCRE2 without the extended flag
        default:
          out_ += c;
          ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  Unexpected refuse(std::string_view what) const {
    return fail(Errc::unsupported,
                fmt::format("the regular expression '{}' uses {}, which we do not read", printable(in_, 120), what));
  }
  bool next_is(std::string_view s) const { return in_.substr(at_, s.size()) == s; }
  void copy(std::size_t n) {
    out_ += in_.substr(at_, n);
    at_ += n;
  }

  // At a backslash; the same inside and outside a class.
  Result<> escape() {
    if (at_ + 1 >= in_.size()) return refuse("a backslash at its end");
    char c = in_[at_ + 1];
    switch (c) {
      case 's':
        out_ += kSpace, at_ += 2;
        return {};
      case 'S':
        out_ += kNotSpace, at_ += 2;
        return {};
      case 'd':
        out_ += "\\p{Nd}", at_ += 2;
        return {};
      case 'D':
        out_ += "\\P{Nd}", at_ += 2;
        return {};
      case 'v':  // Oniguruma: the one character U+000B; PCRE2: any vertical space
        out_ += "\\x{0B}", at_ += 2;
        return {};
      case 'r':
      case 'n':
      case 't':
      case 'f':
        copy(2);
        return {};
      case 'p':
      case 'P': {
        std::size_t close = in_.find('}', at_);
        if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || close == std::string_view::npos) {
          return refuse("\\p without braces");
        }
        copy(close + 1 - at_);
        return {};
      }
      case 'u': {
        if (at_ + 6 > in_.size()) return refuse("an incomplete \\u");
        for (std::size_t i = 2; i < 6; ++i) {
          if (!is_hex(in_[at_ + i])) return refuse("an incomplete \\u");
        }
        out_ += fmt::format("\\x{{{}}}", in_.substr(at_ + 2, 4));
        at_ += 6;
        return {};
      }
      case 'x': {
        std::size_t close = in_.find('}', at_);
        if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || close == std::string_view::npos || close == at_ + 3) {
          return refuse("\\x without braces");
        }
        for (std::size_t i = at_ + 3; i < close; ++i) {
          if (!is_hex(in_[i])) return refuse("a malformed \\x");
        }
        copy(close + 1 - at_);
        return {};
      }
      default:
        if (!is_ascii_punctuation(c) && c != ' ') return refuse(fmt::format("\\{}", printable(in_.substr(at_ + 1, 1))));
        copy(2);
        return {};
    }
  }

  Result<> character_class() {
    copy(1);
    if (at_ < in_.size() && in_[at_] == '^') copy(1);
    bool first = true;
    while (true) {
      if (at_ >= in_.size()) return refuse("a class without end");
      char c = in_[at_];
      if (c == ']') {
        if (first) return refuse("an empty class");
        copy(1);
        return {};
      }
      if (c == '[') return refuse("a class within a class");
      if (next_is("&&")) return refuse("an intersection of classes");
      if (c == '\\') {
        FH_TRY_VOID(escape());
      } else {
        copy(1);
      }
      first = false;
    }
  }

  Result<> group() {
    if (next_is("(*")) return refuse("a verb");
    if (!next_is("(?")) {
      copy(1);
      return {};
    }
    for (std::string_view known : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"}) {
      if (next_is(known)) {
        copy(known.size());
        return {};
      }
    }
    return refuse(fmt::format("the group '{}'", printable(in_.substr(at_, 4))));
  }

  Result<> braces() {
    std::size_t close = in_.find('}', at_);
    if (close == std::string_view::npos) return refuse("a brace without end");
    std::string_view inside = in_.substr(at_ + 1, close - at_ - 1);
    bool digits = false;
    for (char c : inside) {
      if (c != ',' && (c < '0' || c > '9')) return refuse("a literal brace");
      digits = digits || c != ',';
    }
    if (!digits || inside.front() == ',') return refuse("a repetition without lower bound");
    copy(close + 1 - at_);
    // In Oniguruma {n,m}+ repeats the repetition; in PCRE2 it is possessive.
    if (at_ < in_.size() && in_[at_] == '+') return refuse("a repetition followed by '+'");
    return {};
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> to_pcre2(std::string_view pattern) {
  if (!is_utf8(pattern)) return fail(Errc::corrupt, "a regular expression is not UTF-8");
  // Tried at every position of a long run of spaces this takes quadratic time. The first match begins where the run
  // does, so it may as well be found there only.
  if (pattern == "\\s+$") return fmt::format("(?<!{0}){0}++\\z", kSpace);
  return Translator(pattern).run();
}

std::string quote_regex(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_ascii_punctuation(c)) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace freehold::text
