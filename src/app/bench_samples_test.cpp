#include "app/bench_samples.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

TEST(BenchSamples, MedianIsTheMiddleAndOfAnEvenNumberTheMeanOfTheTwoInTheMiddle) {
  EXPECT_EQ(Samples({{3, 1, 2}}).median(), 2);
  EXPECT_EQ(Samples({{4, 1, 3, 2}}).median(), 2.5);
  EXPECT_EQ(Samples({{7}}).median(), 7);
  EXPECT_EQ(Samples().median(), 0);
  EXPECT_EQ(Samples().low(), 0);
  EXPECT_EQ(Samples().high(), 0);
}

TEST(BenchSamples, ALineHasTheRangeAndItsSpread) {
  const BenchLine line = line_of("decode", "tokens/s", Samples{{30, 20, 25}});
  EXPECT_EQ(line.median, 25);
  EXPECT_EQ(line.low, 20);
  EXPECT_EQ(line.high, 30);
  EXPECT_EQ(line.runs, 3);
  EXPECT_DOUBLE_EQ(line.spread(), 0.4);
  EXPECT_EQ(line_of("decode", "tokens/s", {}).spread(), 0);
}

TEST(BenchSamples, ANameHasEveryDetail) {
  BenchLine line = line_of("decode", "tokens/s", Samples{{1}});
  EXPECT_EQ(line.name(), "decode");
  line.detail = {{"batch", "4"}, {"depth", "8"}};
  EXPECT_EQ(line.name(), "decode batch=4 depth=8");
}

TEST(BenchSamples, WaitingNeverRunsBackwards) {
  const double before = waited_seconds();
  EXPECT_GE(before, 0);
  EXPECT_GE(waited_seconds(), before);
}

}  // namespace
}  // namespace freehold::app
