// A number or code as it is written: groups of ASCII letters and digits with a blank, dash, full stop or slash between,
// or wider apart: with several blanks, or with one line's end in all of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pii/text.h"

namespace freehold::pii {

// How a code is written, but for whether letters or digits: a byte for each sign between two groups, the first lowest,
// of what kind it is and how many letters and digits stand before it. What has eight and more is no form that is known.
using Form = std::uint64_t;
inline constexpr std::size_t kMostSigns = 8;  // of a form

constexpr Form form_sign(char sign, std::size_t characters, std::size_t signs) {
  const Form kind = sign == ' ' ? 1u : sign == '-' ? 2u : sign == '.' ? 3u : sign == '/' ? 4u : 5u;
  return (kind << 5 | (characters & 31)) << (8 * signs);
}

// How a code is written: what a shape says in figures.
struct Written {
  std::size_t size = 0;  // letters and digits
  Form form = 0;
  std::uint64_t letters = 0;  // which of them are letters, as bits
  bool operator==(const Written&) const = default;
};

// `shape`: '9' a digit, 'A' a letter, signs as they are (national_ids.h).
constexpr Written written_as(std::string_view shape) {
  Written out;
  std::size_t signs = 0;
  for (const char c : shape) {
    if (c == '9' || c == 'A') {
      out.letters |= std::uint64_t{c == 'A'} << out.size++;
    } else {
      out.form |= form_sign(c, out.size, signs++);
    }
  }
  return out;
}
consteval Written operator""_written(const char* shape, std::size_t size) {
  return written_as({shape, size});
}

// Letters and digits of a code, upper case.
struct Plain {
  static constexpr std::size_t kMost = 48, kSlack = 16;  // bytes, and how many are written at once
  std::array<char, kMost + kSlack> bytes;
  std::size_t size = 0;
  std::uint64_t letters = 0;  // which are letters, as bits
  std::string_view text() const { return {bytes.data(), size}; }
};

struct Code {
  static constexpr std::size_t kMostGroups = 10;
  static constexpr std::size_t kMostCharacters = 40;  // without separators
  struct Group {
    std::size_t begin, end;
    std::uint8_t digits, upper, lower;
    char separator;  // after it, if another group follows it: ' ', '-', '.', '/', '+'
    bool wide;       // more than one sign stands there: blanks, " - ", a line's end
    bool line;       // a line's end among them
    std::size_t size() const { return end - begin; }
  };
  std::array<Group, kMostGroups> groups;  // `count` of them are set
  std::size_t count = 0;
  // Groups as bits: with letters, with small ones, with more than one sign behind them, with a line's end behind them.
  std::uint32_t with_letters = 0, with_lower = 0, before_wide = 0, before_line = 0;
  bool joined = false;       // part of something longer to the left: "1.2-" before "3"
  bool hyphened = false;     // a letter and a hyphen before it: "ORD-123"
  bool money = false;        // a currency's sign before it
  bool underscored = false;  // an underscore before it: "card_4111…"
  bool cut = false;          // more groups or characters follow than are looked at
  bool extension = false;    // "x123" follows, as behind a telephone's number

  // Whether the first `n` groups may stand for themselves: what follows is no part of the same number. An underscore
  // after them is, unless `underscore`.
  bool may_end(const Text& text, std::size_t n, bool underscore = false) const;
  std::size_t end(std::size_t n) const { return groups[n - 1].end; }
  // The letters and digits of the first `n` groups, upper case.
  Plain plain(const Text& text, std::size_t n) const;
  // How the first `n` groups are written.
  Form form(std::size_t n) const;
  bool digits_only(std::size_t n) const { return (with_letters & first(n)) == 0; }
  bool wide(std::size_t n) const { return (before_wide & first(n - 1)) != 0; }    // more than one sign between any
  bool broken(std::size_t n) const { return (before_line & first(n - 1)) != 0; }  // a line's end between any of them
  bool lower_case(std::size_t n) const { return (with_lower & first(n)) != 0; }   // any small letter
  // Where to go on when nothing was found: behind everything that is written together.
  std::size_t rest() const;

 private:
  static std::uint32_t first(std::size_t n) { return (1u << n) - 1; }
};

// The code at `i`, where an ASCII letter or digit stands and none before it.
Code code_at(const Text& text, std::size_t i);

// Whether the first `n` groups are as cards are printed (4-4-4-4, 4-6-5, 4-6-4, 4-4-4-4-3), are years all of them, or
// stand in a row with other numbers: columns of a table.
bool in_card_groups(const Code& code, std::size_t n);
bool all_years(const Text& text, const Code& code, std::size_t n);
bool in_row(const Text& text, const Code& code, std::size_t n);
// "QKUF-L865-PXYP": capitals and digits, three groups and more of one size with dashes between.
bool in_equal_groups(const Code& code, std::size_t n);
// Ranges, choices and columns of numbers with no 0 before. With more than blanks between, a telephone is written in a
// form that is known (`score`), in three groups and more that are not of one size; with blanks, not in two such.
bool in_range(const Code& code, std::size_t n, int score);

// Bytes of what may stand between two groups at `i`, 0 if something else does.
std::size_t gap_at(const Text& text, std::size_t i);

}  // namespace freehold::pii
