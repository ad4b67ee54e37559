#include "base/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace freehold {
namespace {

// How many bytes a sequence with this first byte has; 0 = no sequence starts so.
std::size_t sequence_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

// Is `byte` allowed at position `index` (>= 1) of a sequence that starts with `first`? (Unicode 15, table 3-7)
bool continues(unsigned char first, std::size_t index, unsigned char byte) {
  if (index == 1) {
    if (first == 0xE0) return byte >= 0xA0 && byte <= 0xBF;
    if (first == 0xED) return byte >= 0x80 && byte <= 0x9F;
    if (first == 0xF0) return byte >= 0x90 && byte <= 0xBF;
    if (first == 0xF4) return byte >= 0x80 && byte <= 0x8F;
  }
  return byte >= 0x80 && byte <= 0xBF;
}

// Number of bytes at the front that form a sequence or the valid beginning of one; `complete` says which.
std::size_t valid_part(std::string_view text, bool& complete) {
  auto first = static_cast<unsigned char>(text[0]);
  std::size_t length = sequence_length(first);
  complete = false;
  if (length == 0) return 0;
  std::size_t i = 1;
  while (i < length && i < text.size() && continues(first, i, static_cast<unsigned char>(text[i]))) ++i;
  complete = i == length;
  return i;
}

bool is_bidi_control(std::uint32_t c) {
  return c == 0x200E || c == 0x200F || c == 0x061C || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

bool is_terminal_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || is_bidi_control(c) || c == 0x2028 || c == 0x2029;
}

CodePoint decode_utf8(std::string_view text) {
  bool complete = false;
  std::size_t length = valid_part(text, complete);
  if (!complete) return {};
  auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  switch (length) {
    case 1:
      return {byte(0), 1};
    case 2:
      return {(byte(0) & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    case 3:
      return {(byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    default:
      return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    CodePoint c = decode_utf8(text);
    if (c.length == 0) return false;
    text.remove_prefix(c.length);
  }
  return true;
}

void append_utf8(std::string& out, std::uint32_t c) {
  auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

std::size_t complete_utf8_prefix(std::string_view text) {
  // Only the last three bytes can belong to an unfinished character.
  std::size_t start = text.size() > 3 ? text.size() - 3 : 0;
  for (std::size_t i = start; i < text.size(); ++i) {
    bool complete = false;
    std::size_t part = valid_part(text.substr(i), complete);
    if (part > 0 && !complete && i + part == text.size()) return i;
  }
  return text.size();
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    bool complete = false;
    std::size_t part = valid_part(text, complete);
    if (complete) {
      out.append(text.substr(0, part));
    } else {
      out += "\xEF\xBF\xBD";
      if (part == 0) part = 1;
    }
    text.remove_prefix(part);
  }
  return out;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "…";
    // ASCII as it is: nearly always all of it.
    const std::size_t most = std::min(text.size(), limit - out.size());
    std::size_t plain = 0;
    while (plain < most && text[plain] >= ' ' && text[plain] < '\x7f') ++plain;
    if (plain > 0) {
      out.append(text.substr(0, plain));
      text.remove_prefix(plain);
      continue;
    }
    CodePoint c = decode_utf8(text);
    if (c.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (c.value < 0x20 || c.value == 0x7F) {
      out += c.value == '\n' ? "\\n" : c.value == '\t' ? "\\t" : fmt::format("\\x{:02x}", c.value);
    } else if (is_terminal_control(c.value)) {
      out += fmt::format("\\u{:04x}", c.value);
    } else {
      out.append(text.substr(0, c.length));
    }
    text.remove_prefix(c.length);
  }
  return out;
}

}  // namespace freehold
