// That the loops run, count and end, on whatever CPU this is. How fast they are is nobody's business here.
#include "app/peaks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <set>

#include "app/peaks_crew.h"
#include "kernel/level.h"

namespace freehold::app {
namespace {

TEST(Peaks, EverySupportedLoopRuns) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const ArithmeticLoop& loop : arithmetic_loops()) {
    EXPECT_TRUE(seen.emplace(loop.name, loop.level).second) << loop.name << " " << loop.level << " twice";
    EXPECT_GT(loop.operations, 0);
    if (loop.supported) loop.run(3);  // an instruction that this CPU lacks would end the process
  }
  EXPECT_TRUE(seen.contains({"int8", "amx"})) << "compiled everywhere, chosen at run time";
}

TEST(Peaks, ALevelIsBoundedByALoopItMayUse) {
  const kernel::Level best = kernel::detect_level();
  for (int i = 0; i <= static_cast<int>(best); ++i) {
    const auto level = static_cast<kernel::Level>(i);
    for (std::string_view name : {"int8", "f32"}) {
      const ArithmeticLoop& loop = bounding_loop(name, level);
      EXPECT_TRUE(loop.supported);
      EXPECT_EQ(loop.name, name);
      // int8 has a loop of its own at every level; f32 has none of AMX.
      if (name == "f32" && kernel::name_of(level) == "amx") continue;
      EXPECT_EQ(loop.level, kernel::name_of(level));
    }
  }
}

TEST(Peaks, CpuTimeRatesAddUpAndWallTimeCountsTheWholeSpan) {
  const Window threads[] = {{.amount = 6, .begin = 10, .end = 14, .cpu = 2},
                            {.amount = 3, .begin = 11, .end = 13, .cpu = 1}};
  EXPECT_DOUBLE_EQ(rate_by_cpu_time(threads), 6);         // 6/2 + 3/1
  EXPECT_DOUBLE_EQ(rate_by_wall_time(threads), 9.0 / 4);  // from 10 to 14
  EXPECT_EQ(rate_by_cpu_time({}), 0);
  EXPECT_EQ(rate_by_wall_time({}), 0);
}

TEST(Peaks, AWindowIsDisturbedWhenAThreadLostItsCpuOrRanAlone) {
  EXPECT_TRUE(undisturbed(std::vector<Window>{{1, 0, 1, 1}, {1, 0.01, 1, 0.98}}));
  EXPECT_FALSE(undisturbed(std::vector<Window>{{1, 0, 1, 0.5}, {1, 0, 1, 1}})) << "waited for its CPU";
  EXPECT_FALSE(undisturbed(std::vector<Window>{{1, 0, 1, 1}, {1, 1, 2, 1}})) << "one after the other";
}

TEST(Peaks, DisturbedWindowsDoNotCountWhenThereAreOthers) {
  const std::vector<Window> good = {{10, 0, 1, 1}}, lucky = {{99, 0, 1, 0.1}};
  EXPECT_EQ(summarise_undisturbed({good, lucky, good, good}, rate_by_wall_time).high, 10);
  EXPECT_EQ(summarise_undisturbed({good, lucky}, rate_by_wall_time).windows, 2) << "too few: all count";
  EXPECT_NEAR(summarise({good, lucky}, rate_by_wall_time).lost, 0.45, 1e-9);
}

TEST(Peaks, EveryThreadDoesItsPartOfEveryWindow) {
  std::atomic<int> calls{0};
  const auto windows = measure_together(3, 4, [&](int thread, int window) {
    ++calls;
    return 10.0 * window + thread;
  });
  EXPECT_EQ(calls, 12);
  ASSERT_EQ(windows.size(), 4u);
  for (std::size_t w = 0; w < 4; ++w) {
    ASSERT_EQ(windows[w].size(), 3u);
    for (std::size_t t = 0; t < 3; ++t) {
      EXPECT_EQ(windows[w][t].amount, 10.0 * static_cast<double>(w) + static_cast<double>(t));
      EXPECT_LE(windows[w][t].begin, windows[w][t].end);
    }
  }
}

TEST(Peaks, AChainOfPointersIsFollowedToItsEnd) {
  const void* chain[4] = {};
  for (std::size_t i = 0; i < 3; ++i) chain[i] = &chain[i + 1];
  EXPECT_EQ(x86::follow(&chain[0], 3), &chain[3]);
}

TEST(Peaks, ReadingStaysWithinTheBuffer) {
  // Under AddressSanitizer assembly is not watched, but an unmapped page behind the buffer would be felt.
  alignas(64) static std::byte buffer[8 * 1024];
  std::memset(buffer, 1, sizeof(buffer));
  for (const std::size_t streams : {1, 2, 4}) {
    for (const std::size_t ahead : {0, 4096}) x86::read_all(buffer, sizeof(buffer), streams, ahead);
  }
}

}  // namespace
}  // namespace freehold::app
