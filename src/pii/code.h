// A number or code as it is written: groups of ASCII letters and digits with a blank, dash, full stop or slash between,
// or wider apart: with several blanks, or with one line's end in all of it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "pii/text.h"

namespace freehold::pii {

struct Code {
  static constexpr std::size_t kMostGroups = 10;
  static constexpr std::size_t kMostCharacters = 40;  // without separators
  struct Group {
    std::size_t begin = 0, end = 0;
    std::size_t digits = 0, upper = 0, lower = 0;
    char separator = 0;  // after it, if another group follows it: ' ', '-', '.', '/', '+'
    bool wide = false;   // more than one sign stands there: blanks, " - ", a line's end
    bool line = false;   // a line's end among them
    std::size_t size() const { return end - begin; }
  };
  std::array<Group, kMostGroups> groups;
  std::size_t count = 0;
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
  // How the first `n` groups are written (national_ids.h), and their letters and digits alone, upper case.
  void describe(const Text& text, std::size_t n, std::string& shape, std::string& plain) const;
  bool digits_only(std::size_t n) const;
  bool wide(std::size_t n) const;        // more than one sign between any of the first `n` groups
  bool broken(std::size_t n) const;      // a line's end between any of them
  bool lower_case(std::size_t n) const;  // any small letter
  // Where to go on when nothing was found: behind everything that is written together.
  std::size_t rest() const;
};

// The code at `i`, where an ASCII letter or digit stands and none before it.
Code code_at(const Text& text, std::size_t i);

// Bytes of what may stand between two groups at `i`, 0 if something else does.
std::size_t gap_at(const Text& text, std::size_t i);

// Whether `shape` is `pattern`; "*16": 16 letters and digits without a separator.
bool is_written(std::string_view shape, std::string_view pattern);

}  // namespace freehold::pii
