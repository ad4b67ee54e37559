#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/result.h"
#include "base/utf8.h"
#include "text/jinja/string_literal.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

// \r\n and \r become \n; one newline at the end of a template is dropped.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  Outcome<std::vector<Token>> run() {
    while (pos_ < source_.size()) {
      if (auto done = text(); !done) return tl::unexpected(std::move(done).error());
    }
    add(TokenType::eof, "");
    return std::move(tokens_);
  }

 private:
  tl::unexpected<Failure> fail(std::string what) const { return refuse(FailureKind::syntax, std::move(what), line_); }
  std::string_view rest() const { return std::string_view(source_).substr(pos_); }

  void add(TokenType type, std::string text) { tokens_.push_back(Token{type, line_, std::move(text)}); }
  void advance(std::size_t to) {
    line_ += static_cast<std::uint32_t>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                                   source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    pos_ = to;
  }
  std::size_t after_spaces(std::size_t at) const {
    while (at < source_.size()) {
      std::size_t next = at;
      if (!is_space(next_code_point(source_, next))) break;
      at = next;
    }
    return at;
  }
  bool starts(std::size_t at, std::string_view what) const { return source_.compare(at, what.size(), what) == 0; }

  // Emits source_[pos_, end) as data after what the sign of the following tag says about whitespace: '-' strips all of
  // it, '+' none, and before a block or comment (`lstrip`) the indentation of its line goes.
  void data(std::size_t end, char sign, bool lstrip) {
    std::string_view part = std::string_view(source_).substr(pos_, end - pos_);
    if (sign == '-') {
      part = strip(part, nullptr, 2);
    } else if (sign != '+' && lstrip) {
      std::size_t line_begin = part.rfind('\n') + 1;  // npos + 1 = 0
      bool line_starting = pos_ == 0 || source_[pos_ - 1] == '\n';
      if ((line_begin > 0 || line_starting) && strip(part.substr(line_begin), nullptr, 3).empty())
        part = part.substr(0, line_begin);
    }
    if (!part.empty()) add(TokenType::data, std::string(part));
  }

  char sign_at(std::size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  // One stretch of text and the tag behind it.
  Done text() {
    std::size_t at = pos_;
    while (true) {
      at = source_.find('{', at);
      if (at == std::string::npos) {
        add(TokenType::data, std::string(rest()));
        advance(source_.size());
        return {};
      }
      char kind = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (kind == '{' || kind == '%' || kind == '#') break;
      ++at;
    }
    char kind = source_[at + 1];
    char sign = sign_at(at + 2);
    data(at, sign, kind != '{');
    std::size_t inside = at + 2 + (sign != '\0' ? 1 : 0);
    if (kind == '#') return comment(at, inside);
    if (kind == '%') {
      if (auto body = raw_begin(inside); body != 0) return raw(body);
    }
    advance(at);
    add(kind == '{' ? TokenType::variable_begin : TokenType::block_begin, "");
    advance(inside);
    return kind == '{' ? expression("}}", TokenType::variable_end) : expression("%}", TokenType::block_end);
  }

  Done comment(std::size_t begin, std::size_t inside) {
    std::size_t close = source_.find("#}", inside);
    if (close == std::string::npos) {
      advance(begin);
      return fail("Missing end of comment tag");
    }
    char sign = close > inside ? sign_at(close - 1) : '\0';
    advance(after_tag(close + 2, sign));
    return {};
  }

  // Where the text goes on behind a block or comment that ends at `end` with this sign before its delimiter.
  std::size_t after_tag(std::size_t end, char sign) const {
    if (sign == '-') return after_spaces(end);
    if (sign != '+' && end < source_.size() && source_[end] == '\n') return end + 1;  // trim_blocks
    return end;
  }

  // Is this "{% raw %}"? Then the position of its body, else 0.
  std::size_t raw_begin(std::size_t inside) const {
    std::size_t at = after_spaces(inside);
    if (!starts(at, "raw")) return 0;
    at = after_spaces(at + 3);
    if (starts(at, "-%}")) return after_spaces(at + 3);
    return starts(at, "%}") ? at + 2 : 0;
  }

  Done raw(std::size_t body) {
    advance(body);
    for (std::size_t at = source_.find("{%", body); at != std::string::npos; at = source_.find("{%", at + 1)) {
      char sign = sign_at(at + 2);
      std::size_t p = after_spaces(at + 2 + (sign != '\0' ? 1 : 0));
      if (!starts(p, "endraw")) continue;
      p = after_spaces(p + 6);
      char end_sign = sign_at(p);
      if (end_sign != '\0') ++p;
      if (!starts(p, "%}")) continue;
      data(at, sign, true);
      advance(after_tag(p + 2, end_sign));
      return {};
    }
    return fail("Missing end of raw directive");
  }

  // The inside of a tag up to and including its end.
  Done expression(std::string_view close, TokenType end_type) {
    brackets_.clear();
    while (true) {
      advance(after_spaces(pos_));
      if (pos_ >= source_.size()) return fail("unexpected end of template, a tag is not closed");
      if (brackets_.empty()) {
        char sign = sign_at(pos_);
        bool block = end_type == TokenType::block_end;
        if (sign == '+' && !block) sign = '\0';
        if (starts(pos_ + (sign != '\0' ? 1 : 0), close)) {
          add(end_type, "");
          std::size_t end = pos_ + (sign != '\0' ? 1 : 0) + 2;
          advance(block ? after_tag(end, sign) : sign == '-' ? after_spaces(end) : end);
          return {};
        }
      }
      FH_TRY_VOID(token());
    }
  }

  Done token() {
    char c = source_[pos_];
    if (is_ascii_digit(c)) return number();
    if (c == '\'' || c == '"') return string(c);
    std::size_t at = pos_;
    while (at < source_.size()) {
      std::size_t next = at;
      if (!is_word(next_code_point(source_, next))) break;
      at = next;
    }
    if (at > pos_) {
      std::string name = source_.substr(pos_, at - pos_);
      if (!is_identifier(name)) return fail("Invalid character in identifier");
      add(TokenType::name, std::move(name));
      advance(at);
      return {};
    }
    return op();
  }

  // Digits with single underscores between them; returns where they end.
  std::size_t digits(std::size_t at) const {
    while (at < source_.size() && is_ascii_digit(source_[at])) {
      ++at;
      if (at + 1 < source_.size() && source_[at] == '_' && is_ascii_digit(source_[at + 1])) ++at;
    }
    return at;
  }

  Done number() {
    std::size_t whole = digits(pos_);
    std::size_t at = whole;
    bool fraction = false;
    bool exponent = false;
    bool after_dot = pos_ > 0 && source_[pos_ - 1] == '.';
    if (!after_dot) {
      if (at + 1 < source_.size() && source_[at] == '.' && is_ascii_digit(source_[at + 1])) {
        at = digits(at + 1);
        fraction = true;
      }
      if (at < source_.size() && (source_[at] == 'e' || source_[at] == 'E')) {
        std::size_t e = at + 1;
        if (e < source_.size() && (source_[e] == '+' || source_[e] == '-')) ++e;
        if (e < source_.size() && is_ascii_digit(source_[e])) {
          at = digits(e);
          exponent = true;
        }
      }
    }
    if (!fraction && !exponent) return integer(whole);
    std::string text = source_.substr(pos_, at - pos_);
    std::erase(text, '_');
    double value = 0;
    auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec == std::errc::result_out_of_range) {
      bool tiny = text.find("e-") != std::string::npos || text.find("E-") != std::string::npos;
      value = tiny ? 0.0 : HUGE_VAL;
    }
    add(TokenType::real, "");
    tokens_.back().real = value;
    advance(at);
    return {};
  }

  Done integer(std::size_t whole) {
    int base = 10;
    std::size_t end = whole;
    std::size_t skip = 0;
    if (source_[pos_] == '0' && pos_ + 2 < source_.size()) {
      switch (source_[pos_ + 1] | 32) {
        case 'x':
          base = 16;
          break;
        case 'o':
          base = 8;
          break;
        case 'b':
          base = 2;
          break;
        default:
          break;
      }
      if (base != 10) {
        end = pos_ + 2;
        while (end < source_.size() && digit_value(source_[end]) < base) ++end;
        if (end == pos_ + 2) return fail("invalid number");
        skip = 2;
      }
    }
    std::string text = source_.substr(pos_ + skip, end - pos_ - skip);
    std::erase(text, '_');
    if (base == 10 && text.size() > 1 && text[0] == '0' && text.find_first_not_of('0') != std::string::npos)
      return fail("a number may not begin with 0");
    std::int64_t value = 0;
    auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (result.ec != std::errc()) return fail("an integer outside 64 bits");
    add(TokenType::integer, "");
    tokens_.back().integer = value;
    advance(end);
    return {};
  }

  static int digit_value(char c) {
    if (is_ascii_digit(c)) return c - '0';
    char lower = static_cast<char>(c | 32);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
  }

  Done string(char quote) {
    std::size_t at = pos_ + 1;
    while (at < source_.size() && source_[at] != quote) at += source_[at] == '\\' ? 2 : 1;
    if (at >= source_.size()) return fail("a string is not closed");
    auto value = unescape(std::string_view(source_).substr(pos_ + 1, at - pos_ - 1));
    if (!value) return fail(value.error());
    add(TokenType::string, std::move(*value));
    advance(at + 1);
    return {};
  }

  Done op() {
    static constexpr std::array<std::string_view, 26> kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                                    "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                                    ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (std::string_view candidate : kOperators) {
      if (!starts(pos_, candidate)) continue;
      FH_TRY_VOID(balance(candidate[0]));
      add(TokenType::op, std::string(candidate));
      advance(pos_ + candidate.size());
      return {};
    }
    return fail("unexpected character '" + printable(rest().substr(0, 1)) + "'");
  }

  Done balance(char c) {
    if (c == '(') brackets_.push_back(')');
    if (c == '[') brackets_.push_back(']');
    if (c == '{') brackets_.push_back('}');
    if (c != ')' && c != ']' && c != '}') return {};
    if (brackets_.empty()) return fail(std::string("unexpected '") + c + "'");
    char expected = brackets_.back();
    brackets_.pop_back();
    if (expected != c) return fail(std::string("unexpected '") + c + "', expected '" + expected + "'");
    return {};
  }

  std::string source_;
  std::size_t pos_ = 0;
  std::uint32_t line_ = 1;
  std::vector<char> brackets_;
  std::vector<Token> tokens_;
};

}  // namespace

Outcome<std::vector<Token>> tokenize(std::string_view source) {
  return Lexer(normalize_newlines(source)).run();
}

}  // namespace freehold::text::jinja
