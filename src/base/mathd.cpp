#include "base/mathd.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace freehold::mathd {
namespace {

constexpr double kLn2High = 6.93147180369123816490e-01;  // ln 2 with 21 zero bits at the end, so that n * it is exact
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double power_of_two(int n) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

// x = k * pi/2 + r, |r| <= pi/4; pi/2 in three parts (Cody and Waite 1980, with FMAs).
double reduce(double x, int& quadrant) {
  double k = std::nearbyint(x * 0.63661977236758134308);
  quadrant = static_cast<int>(static_cast<std::int64_t>(k) & 3);
  double r = std::fma(-k, 1.57079632679489655800e+00, x);
  r = std::fma(-k, 6.12323399573676603587e-17, r);
  return std::fma(-k, -1.49738490485916983e-33, r);
}

// Taylor series; the first term left out is below 2^-57 on |r| <= pi/4.
double sin_core(double r) {
  constexpr double kTerms[] = {-1.0 / 6,
                               1.0 / 120,
                               -1.0 / 5040,
                               1.0 / 362880,
                               -1.0 / 39916800,
                               1.0 / 6227020800.0,
                               -1.0 / 1307674368000.0,
                               1.0 / 355687428096000.0};
  double r2 = r * r;
  double p = kTerms[7];
  for (int i = 6; i >= 0; --i) p = std::fma(p, r2, kTerms[i]);
  return std::fma(p * r2, r, r);
}

double cos_core(double r) {
  constexpr double kTerms[] = {1.0 / 24,
                               -1.0 / 720,
                               1.0 / 40320,
                               -1.0 / 3628800,
                               1.0 / 479001600.0,
                               -1.0 / 87178291200.0,
                               1.0 / 20922789888000.0,
                               -1.0 / 6402373705728000.0};
  double r2 = r * r;
  double p = kTerms[7];
  for (int i = 6; i >= 0; --i) p = std::fma(p, r2, kTerms[i]);
  return std::fma(p * r2, r2, std::fma(-0.5, r2, 1.0));
}

}  // namespace

double exp(double x) {
  if (x != x) return x;
  if (x > 709.78) return kInfinity;
  if (x < -745.2) return 0.0;
  double n = std::nearbyint(x * 1.44269504088896340736);
  double r = std::fma(-n, kLn2High, x);
  r = std::fma(-n, kLn2Low, r);
  double p = 1.0;  // Horner over 1 + r/1 (1 + r/2 (1 + …)), to r^14
  for (int k = 14; k >= 1; --k) p = std::fma(p, r / k, 1.0);
  int e = static_cast<int>(n);
  return p * power_of_two(e / 2) * power_of_two(e - e / 2);
}

double log(double x) {
  if (x != x || x < 0) return kNan;
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return x;
  int shift = 0;
  if (x < 0x1p-1022) x *= 0x1p54, shift = -54;
  std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  int e = static_cast<int>(bits >> 52) - 1023 + shift;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull);
  if (m > 1.41421356237309504880) m *= 0.5, ++e;
  // log m = 2 atanh(f), f = (m-1)/(m+1), |f| < 0.172
  double f = (m - 1.0) / (m + 1.0);
  double f2 = f * f;
  double p = 0.0;
  for (int k = 25; k >= 3; k -= 2) p = std::fma(p, f2, 1.0 / k);
  double log_m = std::fma(2.0 * f * f2, p, 2.0 * f);
  return std::fma(static_cast<double>(e), kLn2High, std::fma(static_cast<double>(e), kLn2Low, log_m));
}

double sin(double x) {
  if (!(std::fabs(x) < kInfinity)) return kNan;
  int quadrant = 0;
  double r = reduce(x, quadrant);
  double v = quadrant % 2 == 0 ? sin_core(r) : cos_core(r);
  return quadrant >= 2 ? -v : v;
}

double cos(double x) {
  if (!(std::fabs(x) < kInfinity)) return kNan;
  int quadrant = 0;
  double r = reduce(x, quadrant);
  double v = quadrant % 2 == 0 ? cos_core(r) : sin_core(r);
  return quadrant == 1 || quadrant == 2 ? -v : v;
}

}  // namespace freehold::mathd
