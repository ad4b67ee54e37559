#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace freehold {
namespace {

TEST(ThreadPool, EveryIndexOnceInRangesNoLongerThanTheGrain) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    for (std::size_t count : {0u, 1u, 2u, 7u, 64u, 1000u}) {
      for (std::size_t grain : {0u, 1u, 3u, 64u, 5000u}) {
        std::vector<std::atomic<int>> seen(count);
        pool.parallel_for(count, grain, [&](std::size_t begin, std::size_t end, int thread) {
          EXPECT_LT(begin, end);
          EXPECT_LE(end, count);
          EXPECT_LE(end - begin, std::max<std::size_t>(grain, 1));
          EXPECT_GE(thread, 0);
          EXPECT_LT(thread, threads);
          for (std::size_t i = begin; i < end; ++i) seen[i].fetch_add(1);
        });
        for (auto& s : seen) ASSERT_EQ(s.load(), 1);
      }
    }
  }
}

// What the loops of a decode step are like: tens of thousands of short ones, each reading what the one before wrote.
// The plain (not atomic) memory lets ThreadSanitizer see whether the pool orders them.
TEST(ThreadPool, ManyShortLoopsSeeEachOthersResults) {
  constexpr std::size_t kCount = 61;
  for (int threads : {2, 4}) {
    ThreadPool pool(threads);
    std::vector<long> a(kCount, 0);
    std::vector<long> b(kCount, 0);
    for (int step = 0; step < 20'000; ++step) {
      pool.parallel_for(kCount, 4, [&](std::size_t begin, std::size_t end, int) {
        for (std::size_t i = begin; i < end; ++i) b[i] = a[(i + 1) % kCount] + 1;
      });
      std::swap(a, b);
    }
    for (long x : a) ASSERT_EQ(x, 20'000);
  }
}

TEST(ThreadPool, ThreadNumbersAreNeverInUseTwiceAtATime) {
  ThreadPool pool(4);
  std::vector<long> scratch(4, 0);  // unprotected on purpose
  for (int step = 0; step < 2000; ++step) {
    pool.parallel_for(40, 1,
                      [&](std::size_t, std::size_t, int thread) { ++scratch[static_cast<std::size_t>(thread)]; });
  }
  EXPECT_EQ(std::accumulate(scratch.begin(), scratch.end(), 0L), 2000 * 40);
}

TEST(ThreadPool, UnevenWorkAndSleepingWorkers) {
  ThreadPool pool(4);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 3));  // long enough that workers go to sleep
    std::atomic<int> done{0};
    pool.parallel_for(16, 1, [&](std::size_t begin, std::size_t, int) {
      if (begin % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
      done.fetch_add(1);
    });
    ASSERT_EQ(done.load(), 16);
  }
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int i = 0; i < 200; ++i) {
    ThreadPool pool(3);
    if (i % 2 == 0) continue;  // destroyed without having worked
    std::atomic<int> n{0};
    pool.parallel_for(10, 1, [&](std::size_t, std::size_t, int) { n.fetch_add(1); });
    ASSERT_EQ(n.load(), 10);
  }
}

TEST(ThreadPool, SeveralPoolsAtOnce) {
  std::vector<std::thread> owners;
  std::atomic<long> sum{0};
  for (int t = 0; t < 4; ++t) {
    owners.emplace_back([&] {
      ThreadPool pool(2);
      for (int step = 0; step < 500; ++step) {
        pool.parallel_for(8, 1, [&](std::size_t begin, std::size_t, int) { sum.fetch_add(static_cast<long>(begin)); });
      }
    });
  }
  for (auto& owner : owners) owner.join();
  EXPECT_EQ(sum.load(), 4L * 500 * 28);
}

TEST(ThreadPool, ByDefaultAsManyAsTheAffinityMaskAllows) {
  EXPECT_GE(available_cpus(), 1);
  EXPECT_EQ(ThreadPool().threads(), available_cpus());
}

}  // namespace
}  // namespace freehold
