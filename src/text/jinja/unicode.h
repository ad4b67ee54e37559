// Python's view of text: whitespace, classes, case mappings and indexing by code point over valid UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "text/jinja/value.h"

namespace freehold::text::jinja {

// The code point at byte `at` of valid UTF-8; advances `at`. A byte that is not UTF-8 counts as one character.
inline std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return ++at, first;
  CodePoint c = decode_utf8(text.substr(at));
  at += c.length == 0 ? 1 : c.length;
  return c.length == 0 ? 0xFFFD : c.value;
}
// The byte where the character before byte `at` (> 0) begins.
inline std::size_t previous(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

// Appends \x0f, \u00e9 or \U0001f642: the letter and so many hexadecimal digits.
void append_escape(std::string& out, char letter, int digits, std::uint32_t c);

// The byte at which code point number `index` (0 … s.length) begins.
std::size_t byte_of(const String& s, std::size_t index);

bool is_space(std::uint32_t c);  // str.isspace(), what strip() removes and \s matches
bool is_line_break(std::uint32_t c);
bool is_alpha(std::uint32_t c);
bool is_decimal(std::uint32_t c);
bool is_digit(std::uint32_t c);
bool is_numeric(std::uint32_t c);
bool is_lower(std::uint32_t c);
bool is_upper(std::uint32_t c);
bool is_title(std::uint32_t c);
bool is_printable(std::uint32_t c);
bool is_word(std::uint32_t c);              // \w
bool is_identifier_start(std::uint32_t c);  // may begin a name
bool is_identifier(std::string_view text);  // str.isidentifier()
inline bool is_alnum(std::uint32_t c) {
  return is_alpha(c) || is_decimal(c) || is_digit(c) || is_numeric(c);
}

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_casefolded(std::string_view text);   // str.casefold()
std::string to_title(std::string_view text);        // str.title()
std::string to_capitalized(std::string_view text);  // str.capitalize()
std::string to_swapped_case(std::string_view text);

// `chars` empty = whitespace. Which ends: bit 0 left, bit 1 right.
std::string_view strip(std::string_view text, const std::string_view* chars, int ends);
// Lines without (or with) their ends, as str.splitlines().
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
// Linear in the worst case; npos where there is none.
std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from);
std::size_t rfind_text(std::string_view text, std::string_view wanted);
std::size_t code_points(std::string_view text);

}  // namespace freehold::text::jinja
