#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
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

// Holds one thread up in the middle of a chunk, as if it had lost its processor.
struct Holdup {
  int thread = -1;
  std::atomic<bool> held{false}, over{false};
};

// out[i] += in[i] + 1, through memory of each thread's own.
struct AddOne {
  const long* in;
  long* out;
  std::size_t count;
  long* own;  // (threads, 2, count): the inputs' copy, results
  Holdup* holdup = nullptr;

  long* inputs(int thread) const { return own + static_cast<std::size_t>(thread) * 2 * count; }
  void enter(int thread) { std::copy_n(in, count, inputs(thread)); }
  void compute(std::size_t begin, std::size_t end, int thread) const {
    for (std::size_t i = begin; i < end; ++i) inputs(thread)[count + i] = inputs(thread)[i] + 1;
    if (holdup == nullptr) return;
    if (thread == holdup->thread) holdup->held = true;
    // The others wait until it is in the middle of its chunk, so that they cannot do without it.
    while (thread == holdup->thread ? !holdup->over : !holdup->held) std::this_thread::yield();
  }
  void publish(std::size_t begin, std::size_t end, int thread) const {
    for (std::size_t i = begin; i < end; ++i) out[i] += inputs(thread)[count + i];  // twice would show
  }
};

TEST(ThreadPool, DetachedLoopsPublishEachChunkOnceAndInOrder) {
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (std::size_t count : {1u, 7u, 61u, 3000u}) {
      std::vector<long> a(count, 0), b(count), own(static_cast<std::size_t>(threads) * 2 * count);
      const int steps = count > 1000 ? 200 : 5000;
      for (int step = 0; step < steps; ++step) {
        std::fill(b.begin(), b.end(), 0);
        pool.parallel_for_detached(count, 2, AddOne{a.data(), b.data(), count, own.data()});
        std::swap(a, b);
      }
      pool.wait_for_late_threads();
      for (long x : a) ASSERT_EQ(x, steps);
    }
  }
}

// The late thread is in the middle of a chunk while the loop ends, others run, and its inputs and outputs are freed.
TEST(ThreadPool, DetachedLoopsDoNotWaitForALateThread) {
  constexpr std::size_t kCount = 64;
  for (int threads : {2, 3}) {
    const auto n = static_cast<std::size_t>(threads);
    if (threads > available_cpus()) continue;
    ThreadPool pool(threads);
    std::vector<long> own(n * 2 * kCount);
    Holdup holdup;
    holdup.thread = 1;
    for (long step = 0; step < 50; ++step) {
      auto a = std::make_unique<std::vector<long>>(kCount, step);
      auto b = std::make_unique<std::vector<long>>(kCount, 0);
      pool.parallel_for_detached(kCount, 1, AddOne{a->data(), b->data(), kCount, own.data(), &holdup});
      ASSERT_TRUE(holdup.held);
      for (long x : *b) ASSERT_EQ(x, step + 1);
      std::atomic<int> done{0};
      pool.parallel_for(100, 1, [&](std::size_t, std::size_t, int) { done.fetch_add(1); });
      ASSERT_EQ(done.load(), 100);
    }
    holdup.over = true;
    pool.wait_for_late_threads();
    std::atomic<int> seen{0};
    for (int i = 0; i < 1000 && seen == 0; ++i) {
      pool.parallel_for(8, 1, [&](std::size_t, std::size_t, int thread) {
        if (thread == 1) seen = 1;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      });
    }
    EXPECT_EQ(seen.load(), 1) << "the late thread takes part again";
  }
}

TEST(ThreadPool, FollowsTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "one CPU";
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ThreadPool pool(4);
  auto highest = [&] {
    std::atomic<int> seen{0};
    for (int i = 0; i < 3000; ++i) {
      pool.parallel_for(8, 1, [&](std::size_t, std::size_t, int thread) {
        for (int s = seen.load(); s < thread && !seen.compare_exchange_weak(s, thread);) {
        }
      });
    }
    return seen.load();
  };
  EXPECT_LT(highest(), CPU_COUNT(&before));
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  highest();  // long enough for the mask to be read again
  EXPECT_EQ(highest(), 0);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  highest();
  std::atomic<bool> helped{false};
  for (int i = 0; i < 1000 && !helped; ++i) {
    pool.parallel_for(8, 1, [&](std::size_t, std::size_t, int thread) {
      if (thread > 0) helped = true;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    });
  }
  EXPECT_TRUE(helped.load()) << "the others take part again";
}

TEST(ThreadPool, ByDefaultAsManyAsTheAffinityMaskAllows) {
  EXPECT_GE(available_cpus(), 1);
  EXPECT_EQ(ThreadPool().threads(), available_cpus());
}

}  // namespace
}  // namespace freehold
