#include "text/jinja/string_literal.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/hex.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

// Exactly `digits` hexadecimal digits at `at`; false if there are fewer.
bool read_hex(std::string_view text, std::size_t& at, int digits, std::uint32_t& out) {
  out = 0;
  for (int i = 0; i < digits; ++i) {
    if (at >= text.size() || hex_digit(text[at]) < 0) return false;
    out = out * 16 + static_cast<std::uint32_t>(hex_digit(text[at++]));
  }
  return true;
}

constexpr std::string_view kSimple = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";  // pairs: letter, character

}  // namespace

tl::expected<std::string, std::string> unescape(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t at = 0; at < body.size();) {
    char c = body[at++];
    if (c != '\\') {
      out += c;
      continue;
    }
    if (at >= body.size()) return tl::unexpected<std::string>("\\ at end of string");
    c = body[at];
    std::uint32_t code = 0;
    bool numeric = true;
    if (c == '\n') {
      ++at;
      continue;
    }
    if (c >= '0' && c <= '7') {
      for (int i = 0; i < 3 && at < body.size() && body[at] >= '0' && body[at] <= '7'; ++i)
        code = code * 8 + static_cast<std::uint32_t>(body[at++] - '0');
    } else if (c == 'x' || c == 'u' || c == 'U') {
      int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      if (!read_hex(body, ++at, digits, code))
        return tl::unexpected<std::string>(fmt::format("truncated \\{} escape", c));
    } else {
      numeric = false;
    }
    if (numeric) {
      // A pair of surrogates is one character (Python keeps two halves and cannot encode them).
      if (code >= 0xD800 && code < 0xDC00 && body.substr(at, 2) == "\\u") {
        std::size_t p = at + 2;
        std::uint32_t low = 0;
        if (read_hex(body, p, 4, low) && low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          at = p;
        }
      }
      if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return tl::unexpected<std::string>("illegal Unicode character");
      append_utf8(out, code);
      continue;
    }
    bool simple = false;
    for (std::size_t i = 0; i < kSimple.size(); i += 2) {
      if (kSimple[i] != c) continue;
      out += kSimple[i + 1];
      simple = true;
    }
    if (simple) {
      ++at;
      continue;
    }
    if (c == 'N') return tl::unexpected<std::string>("\\N escapes are not supported");
    // An unknown escape stands for itself. Jinja writes characters outside ASCII as escapes first, so behind a
    // backslash they come out as the text of that escape.
    if (static_cast<unsigned char>(c) < 0x80) {
      out += '\\';
      out += c;
      ++at;
    } else {
      code = next_code_point(body, at);
      append_escape(out,
                    code < 0x100     ? 'x'
                    : code < 0x10000 ? 'u'
                                     : 'U',
                    code < 0x100     ? 2
                    : code < 0x10000 ? 4
                                     : 8,
                    code);
    }
  }
  return out;
}

}  // namespace freehold::text::jinja
