#include "base/apportion.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "base/random.h"

namespace freehold {
namespace {

std::vector<std::uint64_t> split(std::uint64_t total, const std::vector<std::uint64_t>& weights) {
  std::vector<std::uint64_t> parts(weights.size());
  std::vector<std::uint32_t> order(weights.size());
  apportion(total, weights, parts, order);
  return parts;
}
using Numbers = std::vector<std::uint64_t>;

TEST(Apportion, TheLargestRemaindersGetWhatIsLeft) {
  EXPECT_EQ(split(10, {1, 1, 1}), (Numbers{4, 3, 3})) << "among equals the first";
  EXPECT_EQ(split(100, {1, 2, 4}), (Numbers{14, 29, 57}));  // 14.29, 28.57, 57.14
  EXPECT_EQ(split(7, {0, 3, 0}), (Numbers{0, 7, 0}));
  EXPECT_EQ(split(7, {0, 0}), (Numbers{0, 0}));
  EXPECT_EQ(split(0, {1, 2}), (Numbers{0, 0}));
  EXPECT_EQ(split(~std::uint64_t{0}, {~std::uint64_t{0}, ~std::uint64_t{0}}),
            (Numbers{std::uint64_t{1} << 63, (std::uint64_t{1} << 63) - 1}));
  EXPECT_TRUE(split(5, {}).empty());
}

TEST(Apportion, PartsAddUpAndAreWithinOneOfTheirShare) {
  for (std::uint64_t trial = 0; trial < 3000; ++trial) {
    const auto draw = [&](std::uint64_t i) { return uniform_draw(7, trial, i); };
    const auto total = static_cast<std::uint64_t>(draw(0) * 1e7);
    Numbers weights(1 + static_cast<std::size_t>(draw(1) * 70));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint64_t>(draw(2 + i) * 600);
    weights[0] += 1;
    const Numbers parts = split(total, weights);
    ASSERT_EQ(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}), total);
    const double sum = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::uint64_t{0}));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const double exact = static_cast<double>(total) * static_cast<double>(weights[i]) / sum;
      EXPECT_LT(std::abs(static_cast<double>(parts[i]) - exact), 1 + 1e-6);
    }
  }
}

}  // namespace
}  // namespace freehold
