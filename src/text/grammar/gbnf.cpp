#include "text/grammar/gbnf.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/utf8.h"
#include "text/grammar/limits.h"

namespace freehold::text::grammar {
namespace {

class GbnfParser {
 public:
  GbnfParser(std::string_view source, Ir& ir) : text_(source), ir_(ir) {}

  Result<RuleId> parse() {
    if (text_.size() > ir_.limits().source_bytes)
      return fail(Errc::exhausted, "the grammar has more than " + std::to_string(ir_.limits().source_bytes) + " bytes");
    if (!is_utf8(text_)) return fail(Errc::invalid, "the grammar is not UTF-8");
    skip(true);
    while (at_ < text_.size()) FH_TRY_VOID(rule());
    for (const auto& [name, known] : names_) {
      if (!known.defined) return fail(Errc::invalid, "rule \"" + printable(name) + "\" is used but not defined");
    }
    auto root = names_.find("root");
    if (root == names_.end()) return fail(Errc::invalid, "there is no rule \"root\"");
    if (ir_.overflowed()) return fail(Errc::exhausted, "the grammar is too large");
    return root->second.id;
  }

 private:
  struct Name {
    RuleId id = 0;
    bool defined = false;
  };

  Unexpected error(std::string what, Errc code = Errc::invalid) const {
    auto before = text_.substr(0, at_);
    auto line = 1 + std::count(before.begin(), before.end(), '\n');
    std::size_t column = at_ - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
    return fail(code, "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view s) {
    if (!text_.substr(at_).starts_with(s)) return false;
    at_ += s.size();
    return true;
  }
  // Blanks and comments; line ends only where a rule may go on.
  void skip(bool lines) {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }
  std::string_view name() {
    std::size_t begin = at_;
    while (is_name(peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  Name& named(std::string_view n) {
    auto it = names_.find(n);
    if (it == names_.end()) it = names_.emplace(std::string(n), Name{ir_.add_rule(std::string(n), 1), false}).first;
    return it->second;
  }

  Result<void> rule() {
    std::string_view n = name();
    if (n.empty()) return error("expected the name of a rule");
    skip(false);
    if (!take("::=")) return error("expected \"::=\"");
    skip(true);
    RuleId id = named(n).id;
    FH_TRY(NodeId body, alternatives(0));
    named(n).defined = true;  // a later definition replaces an earlier one
    ir_.define(id, body);
    if (at_ < text_.size() && peek() != '\n' && peek() != '\r') return error("expected the end of the rule");
    skip(true);
    return {};
  }

  // `depth` > 0: inside parentheses, where line ends mean nothing.
  Result<NodeId> alternatives(std::size_t depth) {
    if (depth > ir_.limits().depth) return error("groups are nested too deeply", Errc::exhausted);
    std::vector<NodeId> choices;
    do {
      if (!choices.empty()) skip(true);
      FH_TRY(NodeId one, sequence(depth));
      choices.push_back(one);
    } while (take("|"));
    return ir_.any_of(choices);
  }

  Result<NodeId> sequence(std::size_t depth) {
    std::vector<NodeId> items;
    for (;;) {
      if (ir_.overflowed()) return error("the grammar is too large", Errc::exhausted);
      std::optional<NodeId> item;
      if (take("\"")) {
        FH_TRY(item, literal());
      } else if (take("[")) {
        FH_TRY(item, char_class());
      } else if (take(".")) {
        item = ir_.chars(CharSet::all(), Encoding::raw);
      } else if (take("(")) {
        skip(true);
        FH_TRY(item, alternatives(depth + 1));
        if (!take(")")) return error("expected \")\"");
      } else if (peek() == '<' || text_.substr(at_).starts_with("!<")) {
        return error("a reference to a token is not supported: write the text instead", Errc::unsupported);
      } else if (is_name(peek())) {
        item = ir_.call(named(name()).id);
      } else if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') {
        return error("there is nothing to repeat");
      } else {
        break;
      }
      skip(depth > 0);
      FH_TRY(item, repetitions(*item, depth));
      items.push_back(*item);
    }
    return ir_.concat(items);
  }

  Result<NodeId> repetitions(NodeId item, std::size_t depth) {
    for (std::size_t count = 0;; ++count) {
      std::uint32_t min = 0;
      std::uint32_t max = kNoMaximum;
      if (take("*")) {
      } else if (take("+")) {
        min = 1;
      } else if (take("?")) {
        max = 1;
      } else if (take("{")) {
        skip(depth > 0);
        FH_TRY(min, number());
        skip(depth > 0);
        max = min;
        if (take(",")) {
          skip(depth > 0);
          max = kNoMaximum;
          if (peek() != '}') {
            FH_TRY(max, number());
            skip(depth > 0);
          }
        }
        if (!take("}")) return error("expected \"}\"");
        if (min > max) return error("the numbers of a repetition are out of order");
      } else {
        return item;
      }
      // "x"*** nests like parentheses do.
      if (count >= ir_.limits().depth) return error("too many repetitions of one item", Errc::exhausted);
      item = ir_.repeat(item, min, max);
      skip(depth > 0);
    }
  }

  Result<std::uint32_t> number() {
    if (peek() < '0' || peek() > '9') return error("expected a number");
    std::uint32_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (value > kMaxRepetition) return error("a repetition of more than 100000", Errc::exhausted);
      ++at_;
    }
    return value;
  }

  Result<std::uint32_t> character() {
    if (at_ >= text_.size()) return error("the grammar ends inside a literal or class");
    if (!take("\\")) {
      CodePoint c = decode_utf8(text_.substr(at_));
      at_ += c.length;
      return c.value;
    }
    if (take("x")) return hex(2);
    if (take("u")) return hex(4);
    if (take("U")) return hex(8);
    if (take("t")) return '\t';
    if (take("r")) return '\r';
    if (take("n")) return '\n';
    for (char c : {'\\', '"', '[', ']', '-', '^'}) {
      if (take(std::string_view(&c, 1))) return static_cast<std::uint32_t>(c);
    }
    return error("unknown escape");
  }

  Result<std::uint32_t> hex(std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i, ++at_) {
      const int digit = hex_digit(peek());
      if (digit < 0) return error("expected " + std::to_string(count) + " hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    if (value > kMaxCodePoint || (value >= 0xD800 && value <= 0xDFFF)) return error("not a code point");
    return value;
  }

  Result<NodeId> literal() {
    std::string bytes;
    while (!take("\"")) {
      FH_TRY(std::uint32_t c, character());
      append_utf8(bytes, c);
    }
    return ir_.bytes(bytes);
  }

  Result<NodeId> char_class() {
    bool negated = take("^");
    CharSet set;
    while (!take("]")) {
      FH_TRY(std::uint32_t first, character());
      std::uint32_t last = first;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        FH_TRY(last, character());
        if (last < first) return error("a range of a class is out of order");
      }
      set.add(first, last);
    }
    return ir_.chars(negated ? set.complement() : set, Encoding::raw);
  }

  std::string_view text_;
  Ir& ir_;
  std::size_t at_ = 0;
  std::map<std::string, Name, std::less<>> names_;
};

}  // namespace

Result<RuleId> parse_gbnf(std::string_view source, Ir& ir) {
  return GbnfParser(source, ir).parse();
}

}  // namespace freehold::text::grammar
