// How random a token looks.
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "pii/keys.h"

namespace freehold::pii {

double entropy(std::string_view token) {
  std::array<std::uint32_t, 256> count{};
  std::array<std::uint64_t, 4> occurs{};  // bytes, as bits
  for (const char c : token) {
    const auto byte = static_cast<unsigned char>(c);
    ++count[byte];
    occurs[byte / 64] |= std::uint64_t{1} << byte % 64;
  }
  // Most occur as often as others: a logarithm is taken once for each of the small counts.
  std::array<double, 16> terms{};
  double bits = 0;
  for (std::size_t k = 0; k < occurs.size(); ++k) {
    for (std::uint64_t rest = occurs[k]; rest != 0; rest &= rest - 1) {
      const unsigned n = count[k * 64 + static_cast<std::size_t>(std::countr_zero(rest))];
      double term = n < terms.size() ? terms[n] : 0;
      if (term == 0) {
        const double p = n / static_cast<double>(token.size());
        term = p * std::log2(p);
        if (n < terms.size()) terms[n] = term;
      }
      bits -= term;
    }
  }
  return bits;
}

bool is_mixed(std::string_view token) {
  bool digit = false, letter = false;
  for (const char c : token) {
    digit = digit || is_digit(static_cast<unsigned char>(c));
    letter = letter || (is_alphanumeric(static_cast<unsigned char>(c)) && !is_digit(static_cast<unsigned char>(c)));
  }
  return digit && letter;
}

}  // namespace freehold::pii
