#include "app/bench_compare.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace freehold::app {
namespace {

std::string row(std::string_view key, double median, std::string_view cpu = "A", int cpus = 2,
                std::string_view isa = "avx2") {
  return fmt::format(
      R"({{"case":"{}","median":{},"low":{},"high":{},"unit":"tokens/s","flags":{{"isa":"{}"}},"machine":{{"cpu":"{}","cpus":{}}}}})"
      "\n",
      key, median, median * 0.9, median * 1.1, isa, cpu, cpus);
}

BenchLine now(double low, double median, double high, bool smaller = false) {
  BenchLine line;
  line.low = low;
  line.median = median;
  line.high = high;
  line.smaller_is_better = smaller;
  return line;
}

TEST(BenchCompare, ReadsWhatWasWritten) {
  auto baseline = Baseline::parse(row("decode | m q4_0 | 2 threads", 20) + "\n" + row("clock", 4));
  ASSERT_TRUE(baseline) << baseline.error().what;
  EXPECT_EQ(baseline->size(), 2u);
  const auto* line = baseline->find("decode | m q4_0 | 2 threads");
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line->median, 20);
  EXPECT_EQ(line->low, 18);
  EXPECT_EQ(line->unit, "tokens/s");
  EXPECT_EQ(baseline->find("decode"), nullptr);
}

TEST(BenchCompare, OfTwoLinesOfOneCaseTheLastCounts) {
  auto baseline = Baseline::parse(row("a", 1) + row("a", 2));
  ASSERT_TRUE(baseline);
  EXPECT_EQ(baseline->find("a")->median, 2);
}

TEST(BenchCompare, WhatIsNoResultIsRefusedWithItsLine) {
  for (const auto& [text, says] : std::initializer_list<std::pair<std::string, std::string_view>>{
           {"", "no results"},
           {"\n \n", "no results"},
           {row("a", 1) + "{\"x\":1}\n", "line 2"},
           {row("a", 1) + "\nnonsense\n", "line 3"},
           {"[1,2]\n", "line 1"},
           {"{\"case\":\"a\",\"median\":1,\"low\":1,\"high\":1}\n", "machine"},
           {"{\"case\":\"a\",\"median\":\"1\",\"low\":1,\"high\":1}\n", "line 1"},
           {"{\"case\":\"a\",\"median\":1,\"low\":1,\"high\":1,\"flags\":{\"quick\":true}}\n", "--quick"},
           {row("a", 1) + row("b", 1, "B"), "another machine"}}) {
    auto baseline = Baseline::parse(text);
    ASSERT_FALSE(baseline) << text;
    EXPECT_EQ(baseline.error().code, Errc::invalid) << text;
    EXPECT_NE(baseline.error().what.find(says), std::string::npos) << baseline.error().what;
  }
}

TEST(BenchCompare, OnlyTheSameMachineIsAccepted) {
  auto baseline = Baseline::parse(row("a", 1, "A", 2, "avx2"));
  ASSERT_TRUE(baseline);
  EXPECT_TRUE(baseline->check({"A", 2, "avx2"}));
  for (const BenchMachine& other :
       {BenchMachine{"B", 2, "avx2"}, BenchMachine{"A", 4, "avx2"}, BenchMachine{"A", 2, "avx512"}}) {
    auto checked = baseline->check(other);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, Errc::invalid);
    EXPECT_NE(checked.error().what.find(other.text()), std::string::npos) << checked.error().what;
  }
}

TEST(BenchCompare, RangesThatTouchAreNoise) {
  const Baseline::Line old = {100, 95, 105, "tokens/s"};
  EXPECT_EQ(compare(now(104, 110, 120), old).verdict, Verdict::within_noise);
  EXPECT_EQ(compare(now(106, 110, 120), old).verdict, Verdict::within_noise) << "each range is widened by 1 %";
  EXPECT_EQ(compare(now(108, 110, 120), old).verdict, Verdict::better);
  EXPECT_EQ(compare(now(80, 85, 90), old).verdict, Verdict::worse);
  EXPECT_DOUBLE_EQ(compare(now(108, 110, 120), old).ratio, 1.1);
  EXPECT_DOUBLE_EQ(compare(now(108, 110, 120), old).low, 108.0 / 105);
  EXPECT_DOUBLE_EQ(compare(now(108, 110, 120), old).high, 120.0 / 95);
}

TEST(BenchCompare, OfSecondsLessIsBetter) {
  const Baseline::Line old = {10, 9, 11, "s"};
  EXPECT_EQ(compare(now(5, 6, 7, true), old).verdict, Verdict::better);
  EXPECT_EQ(compare(now(15, 16, 17, true), old).verdict, Verdict::worse);
}

TEST(BenchCompare, SingleRunsOfEqualValueDoNotDiffer) {
  EXPECT_EQ(compare(now(10, 10, 10), {10.1, 10.1, 10.1, "s"}).verdict, Verdict::within_noise);
  EXPECT_EQ(compare(now(0, 0, 0), {0, 0, 0, "s"}).ratio, 1) << "nothing to compare";
}

TEST(BenchCompare, TheKeyNamesTheModelAndTheThreads) {
  BenchLine line = now(1, 1, 1);
  line.benchmark = "prefill";
  line.detail = {{"tokens", "32"}};
  EXPECT_EQ(bench_key(line, "m", "q4_0", 2), "prefill tokens=32 | m q4_0 | 2 threads");
  line.of_the_model = false;
  EXPECT_EQ(bench_key(line, "m", "q4_0", 2), "prefill tokens=32");
}

}  // namespace
}  // namespace freehold::app
