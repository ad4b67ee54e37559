// Money as exact decimals: a whole number of attodollars (1e-18 USD). In it every price of a token can be written, and
// every product of a machine's rate a second (a whole number of picodollars) with microseconds, so that nothing that is
// added up was ever rounded: sums equal their parts to the last digit, in whatever order and grouping.
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
  static constexpr int kDigits = 18;  // behind the point

  constexpr Money() = default;
  static constexpr Money attodollars(Int128 n) {
    Money m;
    m.units_ = n;
    return m;
  }
  static constexpr Money picodollars(Int128 n) { return attodollars(n * 1'000'000); }
  // "12", "-0.0375", "1e-3" is not one. Errors: invalid (no number, more than 18 digits behind the point or 15 before
  // it).
  static Result<Money> parse(std::string_view text);

  constexpr Int128 units() const { return units_; }  // attodollars
  // The shortest exact text with at least two digits behind the point: "0.0375", "12.00".
  std::string text() const;
  // Rounded half away from zero to so many digits behind the point, for people.
  std::string rounded(int digits) const;
  double as_double() const { return static_cast<double>(units_) * 1e-18; }

  constexpr Money operator+(Money other) const { return attodollars(units_ + other.units_); }
  constexpr Money operator-(Money other) const { return attodollars(units_ - other.units_); }
  constexpr Money& operator+=(Money other) { return *this = *this + other; }
  constexpr Money operator-() const { return attodollars(-units_); }
  // Exact. The caller keeps the product below 1e20 dollars, which 127 bits hold.
  constexpr Money operator*(std::int64_t n) const { return attodollars(units_ * n); }
  constexpr auto operator<=>(const Money&) const = default;

 private:
  Int128 units_ = 0;
};

// What `tokens` cost at a price for a million: exact as long as the price has at most twelve digits behind the
// point; PriceBook allows six.
constexpr Money of_tokens(Money per_million, std::int64_t tokens) {
  return Money::attodollars(per_million.units() / 1'000'000 * tokens);
}

// A quotient, rounded half away from zero: for prices a unit that are shown or estimated with, never for amounts that
// are added up.
Money divided(Money whole, std::int64_t by);

}  // namespace freehold::ledger
