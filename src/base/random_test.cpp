#include "base/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace freehold {
namespace {

// The known-answer vectors that the authors publish with Random123 (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32(0, {0, 0, 0, 0}), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32(0xffffffffffffffff, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32(0x299f31d0a4093822, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Uniform, EvenlySpreadOverTheUnitInterval) {
  constexpr int kDraws = 200'000;
  constexpr int kBins = 64;
  std::vector<int> bins(kBins);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    double u = uniform_draw(42, 7, static_cast<std::uint64_t>(i));
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    ++bins[static_cast<std::size_t>(u * kBins)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.003);
  double chi2 = 0;
  for (int n : bins) chi2 += (n - kDraws / kBins) * (n - kDraws / kBins) / static_cast<double>(kDraws / kBins);
  EXPECT_LT(chi2, 120);  // 63 degrees of freedom: 99.9 % lie below 103
}

TEST(Uniform, SeedStreamAndIndexAllMatter) {
  double reference = uniform_draw(1, 2, 3);
  EXPECT_EQ(uniform_draw(1, 2, 3), reference) << "a pure function";
  EXPECT_NE(uniform_draw(0, 2, 3), reference);
  EXPECT_NE(uniform_draw(1, 3, 3), reference);
  EXPECT_NE(uniform_draw(1, 2, 4), reference);
  EXPECT_NE(uniform_draw(std::uint64_t{1} << 40 | 1, 2, 3), reference);
  EXPECT_NE(uniform_draw(1, std::uint64_t{1} << 40 | 2, 3), reference);
  EXPECT_NE(uniform_draw(1, 2, std::uint64_t{1} << 40 | 3), reference);
}

}  // namespace
}  // namespace freehold
