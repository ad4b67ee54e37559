#include "base/checked.h"

#include <gtest/gtest.h>

#include <limits>

namespace freehold {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, SumsAndProductsThatFit) {
  EXPECT_EQ(add_ok(kMax - 1, 1), kMax);
  EXPECT_EQ(mul_ok(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1), 0xFFFFFFFF00000000u);
  EXPECT_EQ(mul_ok(0, kMax), 0u);
  EXPECT_EQ(round_up_ok(0, 32), 0u);
  EXPECT_EQ(round_up_ok(1, 32), 32u);
  EXPECT_EQ(round_up_ok(32, 32), 32u);
  EXPECT_EQ(round_up_ok(33, 32), 64u);
  EXPECT_EQ(round_up_ok(kMax, 1), kMax);
}

TEST(Checked, OverflowIsNothingAndNeverASmallNumber) {
  EXPECT_FALSE(add_ok(kMax, 1).has_value());
  EXPECT_FALSE(mul_ok(std::uint64_t{1} << 32, std::uint64_t{1} << 32).has_value());
  EXPECT_FALSE(mul_ok(kMax, 2).has_value());
  EXPECT_FALSE(round_up_ok(kMax, 2).has_value());
  EXPECT_FALSE(round_up_ok(kMax - 30, 32).has_value());
}

}  // namespace
}  // namespace freehold
