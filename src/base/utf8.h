// UTF-8: strict validation, decoding, and making untrusted text safe to show on a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace freehold {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length =
      0;  // bytes consumed; 0 = the bytes at the front are not UTF-8 (RFC 3629: no overlong, no surrogates)
};

// The code point at the front of `text` (which is not empty).
CodePoint decode_utf8(std::string_view text);

bool is_utf8(std::string_view text);

void append_utf8(std::string& out, std::uint32_t code_point);

// The length of the longest prefix that does not end in the middle of a character: what a stream may emit. Bytes that
// can never become UTF-8 count as complete.
std::size_t complete_utf8_prefix(std::string_view text);

// Invalid sequences replaced by U+FFFD (one per maximal invalid subpart, as the Unicode standard recommends).
std::string replace_invalid_utf8(std::string_view text);

// Characters that change what a terminal shows: C0, DEL, C1, bidi controls, line and paragraph separators. All lie
// below U+10000.
bool is_terminal_control(std::uint32_t code_point);

// For error messages and listings: control characters (also C1, DEL, bidi overrides) and invalid bytes become
// \x1b-style escapes, and text over `limit` bytes is shortened with "…": nothing from a file reaches the terminal raw.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace freehold
