// Tables behind text/jinja/unicode.h.
#pragma once

#include <array>
#include <cstdint>

namespace freehold::text::jinja {

struct SpecialCase {
  std::uint32_t code_point;
  const char* upper;
  const char* title;
};
struct CodePointRange {
  std::uint32_t first;
  std::uint32_t last;
};

extern const std::array<SpecialCase, 102> kSpecialCases;  // sorted
extern const std::array<CodePointRange, 20> kDigits;      // str.isdigit() but not str.isdecimal()
extern const std::array<CodePointRange, 72> kNumerals;    // str.isnumeric() outside the categories Nd, Nl, No

}  // namespace freehold::text::jinja
