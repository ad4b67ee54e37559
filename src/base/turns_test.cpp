#include "base/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/thread_pool.h"

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

TEST(Turns, RestIsAtOnceWhenNobodyElseIsThere) {
  Turns turns;
  turns.take();
  turns.rest(std::chrono::nanoseconds(0), std::chrono::hours(1));
  turns.rest(std::chrono::hours(1), std::chrono::hours(1));  // nobody has ever given a turn
  turns.give();
}

TEST(Turns, RestEndsBesideThoseWhoNeverStop) {
  Turns turns;
  std::atomic<bool> stop{false};
  std::atomic<int> taken{0};
  turns.take();
  std::thread other([&] {
    while (!stop) {
      const Turn turn(&turns);
      ++taken;
    }
  });
  while (taken == 0) turns.pass();
  const int before = taken;
  for (int i = 0; i < 100 && taken == before; ++i) turns.rest(std::chrono::hours(1), std::chrono::milliseconds(20));
  stop = true;
  turns.give();
  other.join();
  EXPECT_GT(taken, before);  // as long as it was not the turn of who rests
}

// Owners of loops, one a model, on one pool.
TEST(Turns, SeveralOwnersShareAThreadPool) {
  constexpr std::size_t kCount = 512;
  ThreadPool pool(3);
  Turns turns;
  std::atomic<int> wrong{0};
  std::vector<std::thread> owners;
  for (std::size_t owner = 1; owner <= 3; ++owner) {
    owners.emplace_back([&, owner] {
      std::vector<std::size_t> out(kCount);
      for (int step = 0; step < 100; ++step) {
        const Turn turn(&turns);
        for (int loop = 0; loop < 3; ++loop) {
          std::fill(out.begin(), out.end(), 0);
          pool.parallel_for(kCount, 16, [&](std::size_t begin, std::size_t end, int) {
            for (std::size_t i = begin; i < end; ++i) out[i] = i * owner;
          });
          for (std::size_t i = 0; i < kCount; ++i) wrong += out[i] == i * owner ? 0 : 1;
        }
      }
    });
  }
  for (auto& owner : owners) owner.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Turns, NobodysTurnsAreNoTurns) {
  const Turn turn(nullptr);
  const Turn another(nullptr);
}

}  // namespace
}  // namespace freehold
