#include "text/jinja/unicode.h"

#include <string.h>
#include <utf8proc.h>

#include <algorithm>

#include "text/jinja/case_tables.h"

namespace freehold::text::jinja {
namespace {

utf8proc_category_t category(std::uint32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

template <std::size_t N>
bool in_ranges(const std::array<CodePointRange, N>& ranges, std::uint32_t c) {
  auto it = std::lower_bound(ranges.begin(), ranges.end(), c,
                             [](const CodePointRange& r, std::uint32_t x) { return r.last < x; });
  return it != ranges.end() && it->first <= c;
}

const SpecialCase* special_case(std::uint32_t c) {
  if (c < 0xDF) return nullptr;
  auto it = std::lower_bound(kSpecialCases.begin(), kSpecialCases.end(), c,
                             [](const SpecialCase& s, std::uint32_t x) { return s.code_point < x; });
  return it != kSpecialCases.end() && it->code_point == c ? &*it : nullptr;
}

void append_upper(std::string& out, std::uint32_t c) {
  if (const SpecialCase* s = special_case(c)) {
    out += s->upper;
  } else {
    append_utf8(out, static_cast<std::uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, std::uint32_t c) {
  if (const SpecialCase* s = special_case(c)) {
    out += s->title;
  } else {
    append_utf8(out, static_cast<std::uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
  }
}

bool is_cased(std::uint32_t c) {
  return is_lower(c) || is_upper(c) || is_title(c);
}

// Characters that Unicode ignores when it decides whether a sigma ends a word.
bool is_case_ignorable(std::uint32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027;
  }
}

// A capital sigma at byte `at` ends a word: a cased letter before it and none after it.
bool is_final_sigma(std::string_view text, std::size_t at, std::size_t after) {
  std::uint32_t c = 0;
  bool before = false;
  for (std::size_t i = at; i > 0;) {
    i = previous(text, i);
    std::size_t p = i;
    c = next_code_point(text, p);
    if (is_case_ignorable(c)) continue;
    before = is_cased(c);
    break;
  }
  if (!before) return false;
  while (after < text.size()) {
    c = next_code_point(text, after);
    if (is_case_ignorable(c)) continue;
    return !is_cased(c);
  }
  return true;
}

// `at` is where `c` begins, `after` where the next character does.
void append_lower(std::string& out, std::uint32_t c, std::string_view text, std::size_t at, std::size_t after) {
  if (c == 0x130) {
    out += "i\u0307";
  } else if (c == 0x3A3) {
    out += is_final_sigma(text, at, after) ? "\u03c2" : "\u03c3";
  } else {
    append_utf8(out, static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

}  // namespace

void append_escape(std::string& out, char letter, int digits, std::uint32_t c) {
  out += '\\';
  out += letter;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(c >> shift) & 15];
}

std::size_t byte_of(const String& s, std::size_t index) {
  if (s.ascii() || index == 0) return index;
  if (index >= s.length) return s.text.size();
  if (index > s.length / 2) {
    std::size_t at = s.text.size();
    for (std::size_t n = s.length; n > index; --n) at = previous(s.text, at);
    return at;
  }
  std::size_t at = 0;
  for (std::size_t n = 0; n < index; ++n) next_code_point(s.text, at);
  return at;
}

bool is_space(std::uint32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}
bool is_line_break(std::uint32_t c) {
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
}
bool is_alpha(std::uint32_t c) {
  if (c < 0x80) return (c | 32) >= 'a' && (c | 32) <= 'z';
  auto k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(std::uint32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return category(c) == UTF8PROC_CATEGORY_ND;
}
bool is_digit(std::uint32_t c) {
  return is_decimal(c) || in_ranges(kDigits, c);
}
bool is_numeric(std::uint32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  auto k = category(c);
  return (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO) || in_ranges(kNumerals, c);
}
// Letters of category Ll and what Unicode calls Other_Lowercase.
bool is_lower(std::uint32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  if (category(c) == UTF8PROC_CATEGORY_LL) return true;
  return c == 0xAA || c == 0xBA || (c >= 0x2B0 && c <= 0x2B8) || c == 0x2C0 || c == 0x2C1 ||
         (c >= 0x2E0 && c <= 0x2E4) || c == 0x345 || c == 0x37A || (c >= 0x1D2C && c <= 0x1D6A) || c == 0x1D78 ||
         (c >= 0x1D9B && c <= 0x1DBF) || c == 0x2071 || c == 0x207F || (c >= 0x2090 && c <= 0x209C) ||
         (c >= 0x2170 && c <= 0x217F) || (c >= 0x24D0 && c <= 0x24E9) || c == 0x2C7C || c == 0x2C7D || c == 0xA69C ||
         c == 0xA69D || c == 0xA770 || c == 0xA7F8 || c == 0xA7F9 || (c >= 0xAB5C && c <= 0xAB5F);
}
bool is_upper(std::uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  if (category(c) == UTF8PROC_CATEGORY_LU) return true;
  return (c >= 0x2160 && c <= 0x216F) || (c >= 0x24B6 && c <= 0x24CF) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}
bool is_title(std::uint32_t c) {
  return c >= 0x80 && category(c) == UTF8PROC_CATEGORY_LT;
}
bool is_printable(std::uint32_t c) {
  if (c < 0x80) return c >= 32 && c < 127;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}
bool is_word(std::uint32_t c) {
  return c == '_' || is_alnum(c);
}
bool is_identifier_start(std::uint32_t c) {
  return c == '_' || is_alpha(c) || (c >= 0x80 && category(c) == UTF8PROC_CATEGORY_NL);
}
bool is_identifier(std::string_view text) {
  if (text.empty()) return false;
  for (std::size_t at = 0; at < text.size();) {
    bool first = at == 0;
    std::uint32_t c = next_code_point(text, at);
    if (is_identifier_start(c)) continue;
    if (first) return false;
    if (is_decimal(c)) continue;
    auto k = category(c);
    if (k != UTF8PROC_CATEGORY_MN && k != UTF8PROC_CATEGORY_MC && k != UTF8PROC_CATEGORY_PC) return false;
  }
  return true;
}

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append_upper(out, next_code_point(text, at));
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    std::uint32_t c = next_code_point(text, at);
    append_lower(out, c, text, begin, at);
  }
  return out;
}

std::string to_casefolded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t c = next_code_point(text, at);
    utf8proc_int32_t folded[4];
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 4, UTF8PROC_CASEFOLD, nullptr);
    if (n < 1 || n > 4) {
      out += text.substr(begin, at - begin);
      continue;
    }
    for (utf8proc_ssize_t i = 0; i < n; ++i) append_utf8(out, static_cast<std::uint32_t>(folded[i]));
  }
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    std::uint32_t c = next_code_point(text, at);
    if (in_word)
      append_lower(out, c, text, begin, at);
    else
      append_title(out, c);
    in_word = is_cased(c);
  }
  return out;
}

std::string to_capitalized(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    std::uint32_t c = next_code_point(text, at);
    if (begin == 0)
      append_title(out, c);
    else
      append_lower(out, c, text, begin, at);
  }
  return out;
}

std::string to_swapped_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    std::uint32_t c = next_code_point(text, at);
    if (is_upper(c))
      append_lower(out, c, text, begin, at);
    else if (is_lower(c))
      append_upper(out, c);
    else
      append_utf8(out, c);
  }
  return out;
}

std::string_view strip(std::string_view text, const std::string_view* chars, int ends) {
  std::vector<std::uint32_t> set;
  if (chars != nullptr) {
    for (std::size_t at = 0; at < chars->size();) set.push_back(next_code_point(*chars, at));
    std::sort(set.begin(), set.end());
  }
  auto removed = [&](std::uint32_t c) {
    return chars == nullptr ? is_space(c) : std::binary_search(set.begin(), set.end(), c);
  };
  std::size_t begin = 0;
  std::size_t end = text.size();
  while ((ends & 1) != 0 && begin < end) {
    std::size_t at = begin;
    if (!removed(next_code_point(text, at))) break;
    begin = at;
  }
  while ((ends & 2) != 0 && end > begin) {
    std::size_t at = previous(text, end);
    std::size_t p = at;
    if (!removed(next_code_point(text, p))) break;
    end = at;
  }
  return text.substr(begin, end - begin);
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    std::uint32_t c = next_code_point(text, at);
    if (!is_line_break(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

// memmem is linear in the worst case, std::string_view::find is not.
std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (wanted.empty()) return from;
  const void* p = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return p == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(p) - text.data());
}

std::size_t rfind_text(std::string_view text, std::string_view wanted) {
  if (wanted.empty()) return text.size();
  if (wanted.size() > text.size()) return std::string_view::npos;
  if (wanted.size() <= 16 || text.size() <= 4096) return text.rfind(wanted);
  std::string t(text.rbegin(), text.rend());
  std::string w(wanted.rbegin(), wanted.rend());
  std::size_t at = find_text(t, w, 0);
  return at == std::string_view::npos ? at : text.size() - at - wanted.size();
}

std::size_t code_points(std::string_view text) {
  std::size_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

}  // namespace freehold::text::jinja
