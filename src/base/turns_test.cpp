#include "base/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace freehold {
namespace {

TEST(Turns, OneAtATime) {
  Turns turns;
  int inside = 0;  // guarded by the turn alone: ThreadSanitizer sees if that is not enough
  int most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const Turn turn(&turns);
        most = std::max(most, ++inside);
        if (i % 3 == 0) {
          --inside;
          turns.pass();
          ++inside;
        }
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(inside, 0);
}

TEST(Turns, PassLetsWhoeverWaitsGoFirst) {
  Turns turns;
  std::atomic<bool> ran{false};
  turns.take();
  turns.pass();  // nobody waits: at once
  std::thread other([&] {
    const Turn turn(&turns);
    ran = true;
  });
  // It asks at some time; from then on a pass does not come back before it has run.
  while (!ran) turns.pass();
  turns.give();
  other.join();
  EXPECT_TRUE(ran);
}

TEST(Turns, NobodysTurnsAreNoTurns) {
  const Turn turn(nullptr);
  const Turn another(nullptr);
}

}  // namespace
}  // namespace freehold
