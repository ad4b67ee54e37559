// Known values, and what the tests promise about false alarms.
#include "eval/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"

namespace freehold::eval {
namespace {

TEST(Wilson, KnownValues) {
  // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
  EXPECT_NEAR(wilson(81, 263).low, 0.2553, 1e-4);
  EXPECT_NEAR(wilson(81, 263).high, 0.3662, 1e-4);
  EXPECT_NEAR(wilson(15, 148).low, 0.0624, 1e-4);
  EXPECT_NEAR(wilson(15, 148).high, 0.1605, 1e-4);
  EXPECT_EQ(wilson(0, 20).low, 0);
  EXPECT_NEAR(wilson(0, 20).high, 0.1611, 1e-4);
  EXPECT_EQ(wilson(20, 20).high, 1);
  EXPECT_EQ(wilson(0, 0).high, 1);
}

TEST(McNemar, IsTheBinomialTestOfTheDiscordantPairs) {
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_EQ(mcnemar_exact(4, 4), 1);
  EXPECT_NEAR(mcnemar_exact(0, 6), 2.0 / 64, 1e-12);
  EXPECT_NEAR(mcnemar_exact(1, 9), 2 * (1 + 10) / 1024.0, 1e-12);
  EXPECT_EQ(mcnemar_exact(3, 11), mcnemar_exact(11, 3));
  EXPECT_GT(mcnemar_exact(49900, 50100), 0.5);  // large counts do not underflow
  EXPECT_LT(mcnemar_exact(4000, 6000), 1e-80);
}

TEST(Holm, AdjustsAndKeepsTheOrder) {
  const double p[] = {0.04, 0.01, 0.03};
  const auto adjusted = holm(p);
  EXPECT_NEAR(adjusted[1], 0.03, 1e-12);
  EXPECT_NEAR(adjusted[2], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[0], 0.06, 1e-12);  // never below the one before it
}

TEST(SampleSize, MatchesConnorsFormulaAndItsInverse) {
  const double root = 1.959963984540054 * std::sqrt(0.5) + 0.8416212335729143 * std::sqrt(0.5 - 0.0004);
  EXPECT_EQ(items_needed(0.02, 0.5), static_cast<std::uint64_t>(std::ceil(root * root / 0.0004)));
  for (std::uint64_t n : {100u, 1000u, 14042u}) {
    const double d = visible_difference(n, 0.5);
    EXPECT_LE(items_needed(d, 0.5), n);
    EXPECT_GT(items_needed(d * 0.99, 0.5), n);
  }
}

TEST(Calibration, IsZeroForAHonestModel) {
  const std::vector<double> confidence(100, 0.7);
  std::vector<bool> right(100);
  for (std::size_t i = 0; i < 70; ++i) right[i] = true;
  std::vector<std::uint32_t> all(100);
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_NEAR(calibration_error(confidence, right, all), 0, 1e-12);
  EXPECT_NEAR(calibration_error(std::vector<double>(100, 0.95), right, all), 0.25, 1e-12);
}

// Two models whose answers to an item are independent given how hard it is.
struct Pair {
  Differences differences;
  std::uint64_t first = 0, second = 0;
};
Pair simulated(std::uint64_t seed, std::size_t items, double better) {
  Pair pair;
  auto& task = pair.differences.tasks.emplace_back();
  for (std::size_t i = 0; i < items; ++i) {
    const double ease = uniform_draw(seed, 1, i);
    const bool a = uniform_draw(seed, 2, i) < ease;
    const bool b = uniform_draw(seed, 3, i) < std::min(1.0, ease + better);
    pair.first += a && !b ? 1 : 0;
    pair.second += b && !a ? 1 : 0;
    task.push_back(double(b) - double(a));
  }
  return pair;
}

TEST(Comparison, EqualModelsAreCalledDifferentAtMostAsOftenAsStated) {
  int mcnemar = 0, signs = 0, intervals = 0;
  constexpr int kPairs = 200, kIntervals = 50;
  for (int s = 0; s < kPairs; ++s) {
    const Pair pair = simulated(1000 + static_cast<std::uint64_t>(s), 300, 0);
    mcnemar += mcnemar_exact(pair.first, pair.second) < 0.05 ? 1 : 0;
    signs += sign_flip_test(pair.differences, 1, 199) < 0.05 ? 1 : 0;
    if (s >= kIntervals) continue;
    const Interval interval = paired_bootstrap(pair.differences, 1);
    intervals += interval.low <= 0 && interval.high >= 0 ? 1 : 0;
  }
  EXPECT_LE(mcnemar, kPairs * 5 / 100);
  EXPECT_LE(signs, kPairs * 5 / 100);
  EXPECT_GE(intervals, kIntervals * 90 / 100);
}

TEST(Comparison, APlantedBetterModelIsFound) {
  int found = 0;
  for (std::uint64_t s = 0; s < 50; ++s) {
    const Pair pair = simulated(5000 + s, 1000, 0.12);
    const bool both = mcnemar_exact(pair.first, pair.second) < 0.05 && sign_flip_test(pair.differences, 1, 199) < 0.05;
    found += both && pair.differences.mean() > 0 && paired_bootstrap(pair.differences, 1).low > 0 ? 1 : 0;
  }
  EXPECT_GE(found, 45);
}

TEST(Comparison, AGroupsMeanIsOverTasksOrOverItems) {
  Differences d{.tasks = {{1, 1, 1, 1}, {0, 0}}};
  EXPECT_DOUBLE_EQ(d.mean(), 0.5);
  d.by_items = true;
  EXPECT_DOUBLE_EQ(d.mean(), 4.0 / 6);
  EXPECT_EQ(paired_bootstrap(d, 3).low, paired_bootstrap(d, 3).low);
}

}  // namespace
}  // namespace freehold::eval
