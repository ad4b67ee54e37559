// Known values, and what the tests promise about false alarms.
#include "eval/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/sanitized_testing.h"

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
  Paired differences;
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
    task.push_back({double(a), double(b)});
  }
  return pair;
}

TEST(Comparison, EqualModelsAreCalledDifferentAtMostAsOftenAsStated) {
  int mcnemar = 0, signs = 0, intervals = 0;
  constexpr int kPairs = repeats(200), kIntervals = repeats(50);
  for (int s = 0; s < kPairs; ++s) {
    const Pair pair = simulated(1000 + static_cast<std::uint64_t>(s), 300, 0);
    mcnemar += mcnemar_exact(pair.first, pair.second) < 0.05 ? 1 : 0;
    signs += sign_flip_test(pair.differences, 1, 199) < 0.05 ? 1 : 0;
    if (s >= kIntervals) continue;
    const Interval interval = paired_bootstrap(pair.differences, 1).difference;
    intervals += interval.low <= 0 && interval.high >= 0 ? 1 : 0;
  }
  EXPECT_LE(mcnemar, kPairs * 5 / 100);
  EXPECT_LE(signs, kPairs * 5 / 100);
  EXPECT_GE(intervals, kIntervals * 90 / 100);
}

TEST(Comparison, APlantedBetterModelIsFound) {
  int found = 0;
  constexpr int kPairs = repeats(50);
  for (std::uint64_t s = 0; s < kPairs; ++s) {
    const Pair pair = simulated(5000 + s, 1000, 0.12);
    const bool both = mcnemar_exact(pair.first, pair.second) < 0.05 && sign_flip_test(pair.differences, 1, 199) < 0.05;
    found +=
        both && pair.differences.difference() > 0 && paired_bootstrap(pair.differences, 1).difference.low > 0 ? 1 : 0;
  }
  EXPECT_GE(found, kPairs * 90 / 100);
}

TEST(Comparison, AGroupsMeanIsOverTasksOrOverItems) {
  Paired d{.tasks = {{{0, 1}, {0, 1}, {0, 1}, {0, 1}}, {{1, 1}, {0, 0}}}};
  EXPECT_DOUBLE_EQ(d.difference(), 0.5);
  d.by_items = true;
  EXPECT_DOUBLE_EQ(d.difference(), 4.0 / 6);
  EXPECT_EQ(paired_bootstrap(d, 3).difference.low, paired_bootstrap(d, 3).difference.low);
}

// One long text on which the second model is better, and eleven short ones on which it is worse: what counts is the
// ratio of sums, as in the score, not the mean over items.
TEST(Comparison, WeightsCountInTheDifferenceAsInTheScore) {
  Paired d{.tasks = {{{300, 200, 100, 100}}}, .exponential = true};
  for (int i = 0; i < 11; ++i) d.tasks[0].push_back({4, 5, 2, 2});
  EXPECT_NEAR(d.difference(), std::exp(255.0 / 122) - std::exp(344.0 / 122), 1e-12);
  d.exponential = false;
  EXPECT_NEAR(d.difference(), (255.0 - 344.0) / 122, 1e-12);
}

TEST(Comparison, RelativeIntervalsAreOfTheRatioOfScores) {
  Paired d{.tasks = {{}}, .exponential = true};
  for (int i = 0; i < 40; ++i) d.tasks[0].push_back({2.0 + 0.1 * (i % 7), 2.05 + 0.1 * (i % 7)});  // all 0.05 nats more
  const auto intervals = paired_bootstrap(d, 1);
  EXPECT_NEAR(intervals.relative.low, std::exp(0.05) - 1, 1e-12);
  EXPECT_NEAR(intervals.relative.high, std::exp(0.05) - 1, 1e-12);
  EXPECT_LT(intervals.difference.low, intervals.difference.high);
}

TEST(Comparison, ResampledIntervalsOfFewItemsAreWiderThanPercentiles) {
  int held = 0;
  constexpr int kTries = 400;
  for (std::uint64_t s = 7000; s < 7000 + kTries; ++s) {
    Paired d{.tasks = {{}}};
    for (std::uint64_t i = 0; i < kLeastResampled; ++i)
      d.tasks[0].push_back({0, uniform_draw(s, 1, i) + uniform_draw(s, 2, i) - 1});
    const Interval interval = paired_bootstrap(d, s).difference;
    held += interval.low <= 0 && interval.high >= 0 ? 1 : 0;
  }
  EXPECT_GE(held, kTries * 93 / 100);
}

TEST(ClopperPearson, KnownValues) {
  // Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 5: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  EXPECT_NEAR(clopper_pearson(81, 263).low, 0.2527, 1e-4);
  EXPECT_NEAR(clopper_pearson(81, 263).high, 0.3676, 1e-4);
  EXPECT_NEAR(clopper_pearson(15, 148).low, 0.0578, 1e-4);
  EXPECT_NEAR(clopper_pearson(15, 148).high, 0.1617, 1e-4);
  EXPECT_NEAR(clopper_pearson(0, 20).low, 0, 1e-12);
  EXPECT_NEAR(clopper_pearson(0, 20).high, 0.1684, 1e-4);
  EXPECT_NEAR(clopper_pearson(1, 29).low, 0.0009, 1e-4);
  EXPECT_NEAR(clopper_pearson(1, 29).high, 0.1776, 1e-4);
  EXPECT_NEAR(clopper_pearson(7000, 14042).high, 0.5068, 1e-4);  // large counts do not underflow
  EXPECT_EQ(clopper_pearson(0, 0).high, 1);
}

TEST(PairedShares, FewItemsStayFew) {
  for (const std::uint64_t n : {1u, 3u, 150u}) {
    const double most = 1 - std::pow(0.025, 1 / static_cast<double>(n));
    EXPECT_NEAR(paired_shares(0, 0, n).low, -most, 1e-12);
    EXPECT_NEAR(paired_shares(0, 0, n).high, most, 1e-12);
  }
  EXPECT_NEAR(paired_shares(5, 9, 100).low, -0.04179, 1e-5);  // an independent script's
  EXPECT_NEAR(paired_shares(5, 9, 100).high, 0.12342, 1e-5);
  EXPECT_NEAR(paired_shares(9, 5, 100).high, 0.04179, 1e-5);
  EXPECT_GE(paired_shares(0, 3, 3).high, 1 - 1e-12);
}

TEST(PairedShares, CoverWhatTheySayWhateverTheTruth) {
  for (const int n : {3, 10, 25}) {
    for (const double a : {0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5}) {
      for (const double b : {0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5}) {
        double covered = 0;  // the chance of outcomes whose interval holds b - a
        for (int i = 0; i <= n; ++i) {
          for (int j = 0; i + j <= n; ++j) {
            const double ways =
                std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(j + 1) - std::lgamma(n - i - j + 1);
            const double chance = std::exp(ways) * std::pow(a, i) * std::pow(b, j) * std::pow(1 - a - b, n - i - j);
            const Interval interval = paired_shares(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j),
                                                    static_cast<std::uint64_t>(n));
            if (interval.low <= b - a + 1e-12 && interval.high >= b - a - 1e-12) covered += chance;
          }
        }
        EXPECT_GE(covered, 0.95) << n << ' ' << a << ' ' << b;
      }
    }
  }
}

}  // namespace
}  // namespace freehold::eval
