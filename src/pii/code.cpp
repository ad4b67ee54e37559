#include "pii/code.h"

#include <algorithm>
#include <cstring>

#include "pii/context.h"

namespace freehold::pii {
namespace {

struct Separator {
  std::size_t bytes = 0;
  char kind = 0;
  bool wide = false, line = false;
};

// Bytes of a blank at `i` as texts of the web have it too: "&nbsp;", "%20".
std::size_t written_blank_at(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c == '&') return text.has(i, "&nbsp;") ? 6 : 0;
  if (c == '%') return text.has(i, "%20") ? 3 : 0;
  return blank_at(text, i);
}

// What stands between the group that ends at `i` and the next, if it is no single sign before a letter or a digit:
// blanks with a dash, a slash or a line's end among them, five signs in all.
[[gnu::noinline]] Separator wide_separator_at(const Text& text, std::size_t i) {
  constexpr unsigned kMostSigns = 5;
  Separator out;
  std::size_t at = i;
  for (unsigned signs = 0;; ++signs) {
    std::size_t n = written_blank_at(text, at);
    char kind = ' ';
    if (n == 0 && (out.kind == 0 || out.kind == ' ')) {
      n = text[at] == '/' ? 1 : dash_at(text, at);
      kind = text[at] == '/' ? '/' : '-';
    }
    if (n == 0 && !out.line) {
      n = text[at] == '\r' && text[at + 1] == '\n' ? 2 : text[at] == '\n' ? 1 : 0;
      out.line = n != 0;
      kind = ' ';
    }
    if (n == 0) break;
    if (signs == kMostSigns) return {};
    if (out.kind == 0 || kind != ' ') out.kind = kind;
    out.wide = out.line || signs > 0;
    at += n;
  }
  out.bytes = at - i;
  return out;
}

// What stands between the group that ends at `i` and the next.
inline Separator separator_at(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c == '.' || c == '+') return {.bytes = 1, .kind = static_cast<char>(c)};
  if ((c == ' ' || c == '-') && is_alphanumeric(text[i + 1])) return {.bytes = 1, .kind = static_cast<char>(c)};
  return is_alphanumeric(c) ? Separator() : wide_separator_at(text, i);
}

// Digits, capitals and small letters, counted together: a byte for each.
using Tally = std::uint32_t;
constexpr Tally kMostOfOne = 0xFF;
constexpr auto kTallies = [] {
  std::array<Tally, 256> out{};
  for (unsigned c = '0'; c <= '9'; ++c) out[c] = 1;
  for (unsigned c = 'A'; c <= 'Z'; ++c) out[c] = 1 << 8;
  for (unsigned c = 'a'; c <= 'z'; ++c) out[c] = 1 << 16;
  return out;
}();

// Whether what stands between two groups may begin with a byte.
constexpr auto kMaySeparate = [] {
  std::array<bool, 256> out{};
  for (const unsigned char c : {' ', '\t', '\r', '\n', '.', '+', '-', '/', '&', '%', '\xC2', '\xE2'}) out[c] = true;
  return out;
}();

// Where the "x123" of a telephone's extension begins in a group from `begin` to `end`, `end` if there is none.
std::size_t extension_at(const Text& text, std::size_t begin, std::size_t end, bool grouped) {
  std::size_t x = begin;
  while (is_digit(text[x])) ++x;
  const std::size_t digits = x - begin;
  const bool is_one = (text[x] | 0x20) == 'x' && is_digit(text[x + 1]) && (digits >= 10 || (digits >= 3 && grouped));
  return is_one ? x : end;
}

}  // namespace

std::size_t gap_at(const Text& text, std::size_t i) {
  return kMaySeparate[text[i]] ? separator_at(text, i).bytes : 0;
}

Code code_at(const Text& text, std::size_t i) {
  Code code;
  const unsigned char left = text.before(i, 1), further = text.before(i, 2);
  if (left == '-' || left == '.' || left == '/' || left == '+') {
    code.joined = is_digit(further);
    code.hyphened = left == '-' && !code.joined && is_alphanumeric(further);
  }
  code.money = left == '$' || (left == 0xA3 && further == 0xC2) || (left == 0xAC && further == 0x82) ||
               (left == ' ' && (further == '$' || further == 0xAC));
  code.underscored = left == '_';
  std::size_t characters = 0, lines = 0;
  while (code.count < Code::kMostGroups) {
    const std::size_t begin = i, most = begin + Code::kMostCharacters + 1 - characters;
    const std::size_t here = std::min(most, text.size());
    Tally tally = 0;
    for (Tally one = 0; i < here && (one = kTallies[text.data()[i]]) != 0; ++i) tally += one;
    if (tally > kMostOfOne) {  // letters
      if (const std::size_t x = extension_at(text, begin, i, code.count > 0); x != i) {
        code.extension = true;
        tally = x - begin;
        i = x;
      }
    }
    if (i < most && i == text.size()) static_cast<void>(text[i]);  // what has not arrived
    const auto digits = static_cast<std::uint8_t>(tally), upper = static_cast<std::uint8_t>(tally >> 8),
               lower = static_cast<std::uint8_t>(tally >> 16);
    Code::Group& group = code.groups[code.count];
    group = {begin, i, digits, upper, lower, 0, false, false};
    code.with_letters |= std::uint32_t{tally > kMostOfOne} << code.count;
    code.with_lower |= std::uint32_t{lower != 0} << code.count;
    characters += i - begin;
    ++code.count;
    if (code.extension) return code;
    if (characters > Code::kMostCharacters) {
      code.cut = true;
      return code;
    }
    if (!kMaySeparate[text[i]]) return code;
    const Separator separator = separator_at(text, i);
    const std::size_t next = i + separator.bytes;
    if (separator.kind == 0 || !is_alphanumeric(text[next])) return code;
    // A word of the text is no part of a code, nor is what the next line begins with, but for digits and capitals.
    if ((separator.kind == ' ' || separator.wide) && text[next] >= 'a') return code;
    if (separator.wide && !is_digit(text[next])) {
      const unsigned char second = text[next + 1];
      if (second >= 'a' && letter_at(text, next + 1) != 0) return code;
    }
    if (separator.line && lines++ > 0) return code;
    group.separator = separator.kind;
    group.wide = separator.wide;
    group.line = separator.line;
    code.before_wide |= std::uint32_t{separator.wide} << (code.count - 1);
    code.before_line |= std::uint32_t{separator.line} << (code.count - 1);
    i = next;
  }
  code.cut = true;
  return code;
}

bool Code::may_end(const Text& text, std::size_t n, bool underscore) const {
  const Group& last = groups[n - 1];
  if (n == count) {
    if (cut) return false;
    if (extension) return true;
    const unsigned char c = text[last.end];
    if (c == '_') return underscore;
    if (c == '@' || c == '%') return false;
    if (c >= 0x80) return letter_at(text, last.end) == 0;
    if (c == ',' && count == 1 && last.size() <= 3 && is_digit(text[last.end + 1])) return false;  // 12,000
    if (c == ':' && last.size() <= 2 && is_digit(text[last.end + 1])) return false;                // 12:30
    if (dash_at(text, last.end) != 0) return !is_alphanumeric(text[last.end + 1]);
    return true;
  }
  const Group& next = groups[n];
  if (last.separator == ' ' || last.wide) return true;
  return (last.separator == '.' || last.separator == '/') && next.digits == 0;
}

Plain Code::plain(const Text& text, std::size_t n) const {
  constexpr std::size_t kAtOnce = Plain::kSlack;
  Plain out;
  for (std::size_t g = 0; g < n; ++g) {
    const std::size_t size = groups[g].size();
    const unsigned char* const from = text.data() + groups[g].begin;
    char* const to = out.bytes.data() + out.size;
    if (groups[g].digits == size) {
      if (groups[g].begin + kAtOnce <= text.size()) {  // more than there is: what follows goes over it
        std::memcpy(to, from, kAtOnce);
        if (size > kAtOnce) std::memcpy(to + kAtOnce, from + kAtOnce, size - kAtOnce);
      } else {
        std::memcpy(to, from, size);
      }
    } else {
      for (std::size_t i = 0; i < size; ++i) {
        out.letters |= std::uint64_t{from[i] > '9'} << (out.size + i);
        to[i] = static_cast<char>(from[i] >= 'a' ? from[i] - 0x20 : from[i]);
      }
    }
    out.size += size;
  }
  return out;
}

Form Code::form(std::size_t n) const {
  Form out = 0;
  std::size_t characters = 0;
  for (std::size_t g = 0; g + 1 < n && g < kMostSigns; ++g) {
    characters += groups[g].size();
    out |= form_sign(groups[g].separator, characters, g);
  }
  return out;
}

std::size_t Code::rest() const {
  std::size_t n = 1;
  // "12 555-…": what follows a blank may begin something else.
  while (n < count && groups[n - 1].separator != ' ' && !groups[n - 1].wide && groups[n].digits != 0) ++n;
  return groups[n - 1].end;
}

bool in_card_groups(const Code& code, std::size_t n) {
  static constexpr std::array<std::array<std::size_t, 5>, 4> kPrinted = {
      {{4, 4, 4, 4, 0}, {4, 6, 5, 0, 0}, {4, 6, 4, 0, 0}, {4, 4, 4, 4, 3}}};
  std::array<std::size_t, 5> sizes{};
  if (n > sizes.size()) return false;
  for (std::size_t g = 0; g < n; ++g) sizes[g] = code.groups[g].size();
  return std::find(kPrinted.begin(), kPrinted.end(), sizes) != kPrinted.end();
}

bool all_years(const Text& text, const Code& code, std::size_t n) {
  for (std::size_t g = 0; g < n; ++g) {
    const std::size_t begin = code.groups[g].begin;
    if (code.groups[g].size() != 4 || !(text.has(begin, "19") || text.has(begin, "20"))) return false;
  }
  return true;
}

bool in_row(const Text& text, const Code& code, std::size_t n) {
  if (n < code.count && code.groups[n].digits != 0 && !code.groups[n - 1].line) return true;
  const std::size_t begin = code.groups[0].begin;
  std::size_t back = 1;
  while (back < kHistory && (text.before(begin, back) == ' ' || text.before(begin, back) == '\t')) ++back;
  return is_digit(text.before(begin, back));
}

bool in_equal_groups(const Code& code, std::size_t n) {
  bool equal = n >= 3 && !code.lower_case(n);
  for (std::size_t g = 0; g < n; ++g) {
    const Code::Group& group = code.groups[g];
    equal = equal && group.size() == code.groups[0].size() && (g + 1 == n || group.separator == '-');
  }
  return equal;
}

bool in_range(const Code& code, std::size_t n, int score) {
  bool equal = true, blanks = true;
  for (std::size_t g = 0; g < n; ++g) equal = equal && code.groups[g].size() == code.groups[0].size();
  for (std::size_t g = 0; g + 1 < n; ++g) blanks = blanks && code.groups[g].separator == ' ';
  return blanks ? n == 2 && equal : n == 2 || equal || score < 90;
}

}  // namespace freehold::pii
