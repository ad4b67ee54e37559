#include "base/mathd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace freehold::mathd {
namespace {

// How many units in the last place of `reference` the two differ.
double ulps(double got, double reference) {
  double unit = std::nextafter(std::fabs(reference), std::numeric_limits<double>::infinity()) - std::fabs(reference);
  return std::fabs(got - reference) / unit;
}

TEST(Mathd, ExpAndLogAreWithinTwoUlp) {
  for (int i = 0; i < 20000; ++i) {
    double x = (uniform_draw(1, 1, static_cast<std::uint64_t>(i)) - 0.5) * 1400;
    EXPECT_LT(ulps(exp(x), std::exp(x)), 2) << x;
    double y = std::exp(x / 2);
    EXPECT_LT(ulps(log(y), std::log(y)), 2) << y;
  }
}

TEST(Mathd, SinAndCosAreAccurateUpToAMillionRadians) {
  for (int i = 0; i < 20000; ++i) {
    double x = (uniform_draw(2, 1, static_cast<std::uint64_t>(i)) - 0.5) * (i % 2 ? 2e6 : 20);
    EXPECT_NEAR(sin(x), std::sin(x), 3e-16) << x;
    EXPECT_NEAR(cos(x), std::cos(x), 3e-16) << x;
  }
}

TEST(Mathd, Edges) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(exp(0), 1);
  EXPECT_EQ(exp(-inf), 0);
  EXPECT_EQ(exp(inf), inf);
  EXPECT_EQ(exp(710), inf);
  EXPECT_EQ(log(1), 0);
  EXPECT_EQ(log(0), -inf);
  EXPECT_EQ(log(inf), inf);
  EXPECT_TRUE(std::isnan(log(-1)));
  EXPECT_TRUE(std::isnan(exp(std::nan(""))));
  EXPECT_TRUE(std::isnan(sin(inf)));
  EXPECT_EQ(sin(0), 0);
  EXPECT_EQ(cos(0), 1);
  EXPECT_NEAR(exp(-740) / std::exp(-740), 1, 1e-3);  // subnormal
  EXPECT_NEAR(log(5e-324), std::log(5e-324), 1e-12);
}

}  // namespace
}  // namespace freehold::mathd
