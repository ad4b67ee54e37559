#include "eval/literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/utf8.h"

namespace freehold::eval {
namespace {

class Translation {
 public:
  explicit Translation(std::string_view text) : rest_(text) {}

  Result<std::string> run() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '\'' || c == '"') {
        FH_TRY_VOID(quoted(c));
      } else if (std::string_view("{}[],: \n\t\r").find(c) != std::string_view::npos) {
        out_ += c;
        rest_.remove_prefix(1);
      } else if (!word()) {
        return fail(Errc::corrupt, fmt::format("not a literal near '{}'", printable(rest_.substr(0, 20))));
      }
    }
    return std::move(out_);
  }

 private:
  bool word() {
    constexpr std::pair<std::string_view, std::string_view> kWords[] = {
        {"None", "null"}, {"True", "true"}, {"False", "false"}};
    for (const auto& [python, json] : kWords) {
      if (!rest_.starts_with(python)) continue;
      out_ += json;
      rest_.remove_prefix(python.size());
      return true;
    }
    const std::size_t size = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
    out_ += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return size > 0;
  }

  void put(char32_t code) {
    if (code == '"' || code == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(code);
    } else if (code < 0x20) {
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(code));
    } else {
      append_utf8(out_, code);
    }
  }

  std::optional<char32_t> digits(std::size_t count, unsigned base) {
    if (rest_.size() < count) return std::nullopt;
    std::uint32_t code = 0;
    for (const char c : rest_.substr(0, count)) {
      const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                             : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                    : base;
      if (digit >= base) return std::nullopt;
      code = code * base + digit;
    }
    rest_.remove_prefix(count);
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return std::nullopt;
    return code;
  }

  // Behind a backslash.
  Result<> escape() {
    if (rest_.empty()) return fail(Errc::corrupt, "a text that is never closed");
    const char c = rest_.front();
    constexpr std::string_view kNames = "abfnrtv\\'\"", kCodes = "\a\b\f\n\r\t\v\\'\"";
    std::optional<char32_t> code;
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      rest_.remove_prefix(1);
      code = static_cast<char32_t>(kCodes[at]);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      rest_.remove_prefix(1);
      code = digits(c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
    } else if (c >= '0' && c <= '7') {
      code = digits(
          std::min<std::size_t>({3, rest_.size(), std::min(rest_.find_first_not_of("01234567"), rest_.size())}), 8);
    } else if (c == '\n') {
      rest_.remove_prefix(1);
      return {};
    } else {
      code = U'\\';  // Python leaves what it does not know
    }
    if (!code)
      return fail(Errc::corrupt, fmt::format("an escape that is none near '{}'", printable(rest_.substr(0, 20))));
    put(*code);
    return {};
  }

  Result<> quoted(char quote) {
    rest_.remove_prefix(1);
    out_ += '"';
    while (!rest_.empty() && rest_.front() != quote) {
      const char c = rest_.front();
      if (c == '\\') {
        rest_.remove_prefix(1);
        FH_TRY_VOID(escape());
      } else if (static_cast<unsigned char>(c) < 0x80) {
        put(static_cast<char32_t>(c));
        rest_.remove_prefix(1);
      } else {
        out_ += c;  // of a longer character
        rest_.remove_prefix(1);
      }
    }
    if (rest_.empty()) return fail(Errc::corrupt, "a text that is never closed");
    rest_.remove_prefix(1);
    out_ += '"';
    return {};
  }

  std::string_view rest_;
  std::string out_;
};

}  // namespace

Result<std::string> json_of_literal(std::string_view literal) {
  return Translation(literal).run();
}

}  // namespace freehold::eval
