// Money as exact decimals: a whole number of picodollars (1e-12 USD), in which every price of a token there is can be
// written, so that sums equal their parts to the last digit.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::ledger {

__extension__ typedef __int128 Int128;

class Money {
 public:
  static constexpr int kDigits = 12;  // behind the point

  constexpr Money() = default;
  static constexpr Money picodollars(Int128 n) {
    Money m;
    m.units_ = n;
    return m;
  }
  // "12", "-0.0375", "1e-3" is not one. Errors: invalid (no number, more than 12 digits behind the point or 15 before
  // it).
  static Result<Money> parse(std::string_view text);

  constexpr Int128 units() const { return units_; }
  // The shortest exact text with at least two digits behind the point: "0.0375", "12.00".
  std::string text() const;
  // Rounded half away from zero to so many digits behind the point, for people.
  std::string rounded(int digits) const;
  double as_double() const { return static_cast<double>(units_) * 1e-12; }

  constexpr Money operator+(Money other) const { return picodollars(units_ + other.units_); }
  constexpr Money operator-(Money other) const { return picodollars(units_ - other.units_); }
  constexpr Money& operator+=(Money other) { return *this = *this + other; }
  // Exact. The caller keeps |n| below 1e15, and money below 1e15 dollars: 127 bits hold the product.
  constexpr Money operator*(std::int64_t n) const { return picodollars(units_ * n); }
  constexpr auto operator<=>(const Money&) const = default;

 private:
  Int128 units_ = 0;
};

// What `tokens` cost at a price for a million: exact as long as the price has at most six digits behind the point,
// which PriceBook checks.
constexpr Money of_tokens(Money per_million, std::int64_t tokens) {
  return Money::picodollars(per_million.units() / 1'000'000 * tokens);
}

// `parts` shares of the whole that differ by at most one picodollar and add up to it exactly; the first ones get the
// more.
Money share(Money whole, std::uint64_t part, std::uint64_t parts);

}  // namespace freehold::ledger
