// exp for the inner loop of sampling: a vocabulary has 150,000 logits, and base/mathd.h's exp (written for tables)
// takes seven times as long. Plain multiplications and additions, so that every machine gives the same bits.
#pragma once

#include <bit>
#include <cstdint>

namespace freehold::engine {

// exp(x) for x <= 0 to about 2^-52 relative; 0 below -708, where a probability is no longer a normal number.
// x = n ln 2 + r with |r| <= ln(2) / 2; Taylor series to r^13, whose first missing term is below 2^-57.
inline double weight_of(double x) {
  constexpr double kLn2High = 6.93147180369123816490e-01;  // ends in zero bits: n * it is exact (Cody and Waite 1980)
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kRound = 0x1.8p52;  // adding it leaves the nearest integer in the low bits
  if (x < -708) return 0;
  double shifted = x * 1.44269504088896340736 + kRound;
  double n = shifted - kRound;
  double r = (x - n * kLn2High) - n * kLn2Low;
  double r2 = r * r;
  // Pairs, so that half of the multiplications do not wait for each other.
  double p = 1.0 / 479001600 + r * (1.0 / 6227020800);
  p = p * r2 + (1.0 / 3628800 + r * (1.0 / 39916800));
  p = p * r2 + (1.0 / 40320 + r * (1.0 / 362880));
  p = p * r2 + (1.0 / 720 + r * (1.0 / 5040));
  p = p * r2 + (1.0 / 24 + r * (1.0 / 120));
  p = p * r2 + (0.5 + r * (1.0 / 6));
  p = p * r2 + (1.0 + r);
  auto power = std::bit_cast<std::uint64_t>(shifted) + 1023;  // the low bits hold n
  return p * std::bit_cast<double>(power << 52);
}

}  // namespace freehold::engine
