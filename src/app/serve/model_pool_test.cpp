// The pool with a clock and a loader of the test's own; at the end with its own thread and many others.
#include "app/serve/model_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace freehold::app {
namespace {

using namespace std::chrono_literals;
using Lease = ModelPool::Lease;

// What is in memory, by key, as the fakes see it.
struct World {
  std::mutex mutex;  // guards what follows
  std::multiset<std::string> alive;
  std::map<std::string, int> loads;
  std::uint64_t bytes = 0, most = 0;
};

struct Fake : PooledModel {
  Fake(World& w, std::string k, std::uint64_t b) : world(w), key(std::move(k)), bytes(b) {
    const std::lock_guard lock(world.mutex);
    world.alive.insert(key);
    ++world.loads[key];
    world.bytes += bytes;
    world.most = std::max(world.most, world.bytes);
  }
  ~Fake() override {
    const std::lock_guard lock(world.mutex);
    world.alive.erase(world.alive.find(key));
    world.bytes -= bytes;
  }
  World& world;
  const std::string key;
  const std::uint64_t bytes;
};

struct Bench {
  World world;
  ModelPool::Nanoseconds now{0};
  std::set<std::string> broken;         // keys whose load fails
  std::function<void()> during_load;    // called once, in the next load
  std::map<std::string, Error> errors;  // of acquire, by key
  ModelPool pool;

  explicit Bench(std::uint64_t limit, ModelPool::Nanoseconds patience = 60s)
      : pool({.limit = limit,
              .patience = patience,
              .clock = [this] { return now; },
              .report = {},
              .own_thread = false}) {}

  ModelPool::Wanted wanted(const std::string& key, std::uint64_t bytes, ModelPool::Nanoseconds keep = 300s) {
    return {.key = key,
            .name = key,
            .bytes = bytes,
            .parts = "weights",
            .load = [this, key, bytes]() -> Result<std::unique_ptr<PooledModel>> {
              if (during_load) std::exchange(during_load, {})();
              if (broken.contains(key)) return fail(Errc::corrupt, "broken " + key);
              return std::make_unique<Fake>(world, key, bytes);
            },
            .keep_alive = keep};
  }
  // Asks, and does what is due. Null: not there (yet).
  std::shared_ptr<Lease> ask(const std::string& key, std::uint64_t bytes, ModelPool::Nanoseconds keep = 300s) {
    auto got = std::make_shared<Lease>();
    pool.acquire(wanted(key, bytes, keep), [this, key, got](Result<Lease> lease) {
      if (lease) *got = std::move(*lease);
      if (!lease) errors.insert_or_assign(key, lease.error());
    });
    run();
    return got;
  }
  void run() {
    while (pool.step()) {
    }
  }
  void use(const std::string& key, std::uint64_t bytes) { EXPECT_NE(*ask(key, bytes), nullptr) << key; }
  void pass(ModelPool::Nanoseconds time) {
    now += time;
    run();
  }
  std::string there() const {
    std::string out;
    for (const auto& key : world.alive) out += key;
    return out;
  }
};

TEST(ModelPool, WhatAModelTakesMayChange) {
  Bench b(100);
  EXPECT_FALSE(b.pool.resize("a", 10)) << "there is none";
  b.use("a", 40);
  b.use("b", 40);
  EXPECT_TRUE(b.pool.resize("a", 15));
  EXPECT_FALSE(b.pool.resize("a", 6)) << "nothing is unloaded for that";
  EXPECT_EQ(b.pool.counters().bytes, 95u);
  EXPECT_TRUE(b.pool.resize("a", -15));
  EXPECT_TRUE(b.pool.resize("b", 20));
  EXPECT_EQ(b.pool.counters().bytes, 100u);
  b.use("c", 40);  // the room of the one that was unused for longest
  EXPECT_EQ(b.there(), "bc");
}

TEST(ModelPool, LoadsOnceAndGivesTheSameModel) {
  Bench b(100);
  const auto first = b.ask("a", 10), second = b.ask("a", 10);
  ASSERT_NE(*first, nullptr);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(b.world.loads["a"], 1);
  EXPECT_EQ(b.pool.find("a"), *first);
  EXPECT_EQ(b.pool.find("b"), nullptr);
  EXPECT_EQ(b.pool.counters().loads, 1u);
  EXPECT_EQ(b.pool.counters().bytes, 10u);
}

TEST(ModelPool, WhoAsksWhileItIsLoadedWaitsForThatLoad) {
  Bench b(100);
  std::vector<Lease> got;
  const auto then = [&](Result<Lease> lease) { got.push_back(std::move(*lease)); };
  b.during_load = [&] {
    b.pool.acquire(b.wanted("a", 10), then);
    EXPECT_EQ(b.pool.find("a"), nullptr);
    ASSERT_EQ(b.pool.status().size(), 1u);
    EXPECT_EQ(b.pool.status()[0].state, ModelPool::State::loading);
  };
  b.pool.acquire(b.wanted("a", 10), then);
  b.run();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0], got[1]);
  EXPECT_EQ(b.world.loads["a"], 1);
  EXPECT_EQ(b.pool.status()[0].leases, 2u);
}

TEST(ModelPool, TheLeastRecentlyUsedMakesRoom) {
  Bench b(30);
  b.use("a", 10), b.use("b", 10), b.use("c", 10);
  EXPECT_EQ(b.there(), "abc");
  b.use("a", 10);  // the clock has not moved: the order of use decides
  b.use("d", 10);
  EXPECT_EQ(b.there(), "acd");
  b.use("e", 15);  // takes two
  EXPECT_EQ(b.there(), "de");
  EXPECT_EQ(b.pool.counters().unloads, 3u);
  EXPECT_LE(b.world.most, 30u);
}

TEST(ModelPool, LookingIsNoUse) {
  Bench b(30);
  b.use("a", 10), b.use("b", 10);
  b.now += 100s;
  {
    const auto seen = b.pool.status(true);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].key, "b");
    ASSERT_NE(seen[1].lease, nullptr);
    EXPECT_EQ(seen[1].expires, 300s);
    b.pool.unload("a");
    b.run();
    EXPECT_EQ(b.there(), "ab");  // as long as somebody looks
  }
  b.run();
  EXPECT_EQ(b.there(), "b");
  b.pass(199s);
  EXPECT_EQ(b.there(), "b");
  b.pass(1s);
  EXPECT_EQ(b.there(), "");
}

TEST(ModelPool, WhatIsInUseStays) {
  Bench b(30);
  auto a = b.ask("a", 10), c = b.ask("c", 10);
  b.use("b", 10);
  auto d = b.ask("d", 20);
  EXPECT_EQ(*d, nullptr);
  EXPECT_EQ(b.there(), "abc");  // b alone would not have been enough, so it stays
  a->reset();
  b.run();
  EXPECT_NE(*d, nullptr);
  EXPECT_EQ(b.there(), "cd");
  b.now += 10h;  // c is in use all the time
  b.run();
  EXPECT_EQ(b.there(), "cd");
}

TEST(ModelPool, ASmallOneOvertakesWhoMustWaitAndPatienceEnds) {
  Bench b(30, 60s);
  auto a = b.ask("a", 20);
  auto big = b.ask("big", 25);
  b.use("c", 10);
  EXPECT_EQ(*big, nullptr);
  b.pass(59s);
  EXPECT_FALSE(b.errors.contains("big"));
  b.pass(1s);
  ASSERT_TRUE(b.errors.contains("big"));
  EXPECT_EQ(b.errors.at("big").code, Errc::exhausted);
  EXPECT_TRUE(b.errors.at("big").what.starts_with("busy"));
  EXPECT_EQ(b.there(), "ac");
  a->reset();
  b.use("big", 25);  // and nothing of it is left
}

TEST(ModelPool, WhatCanNeverFitIsRefusedWithTheFigures) {
  Bench b(std::uint64_t{2} << 30);
  b.use("a", 10);
  const auto big = b.ask("big", std::uint64_t{3} << 30);
  EXPECT_EQ(*big, nullptr);
  ASSERT_TRUE(b.errors.contains("big"));
  const std::string& what = b.errors.at("big").what;
  for (const char* part : {"'big'", "3.0 GiB", "2.0 GiB", "weights", "--memory-limit", "--context"}) {
    EXPECT_NE(what.find(part), std::string::npos) << part << " in " << what;
  }
  EXPECT_EQ(b.there(), "a");
}

TEST(ModelPool, TimeRunsFromTheLastUse) {
  Bench b(100);
  auto a = b.ask("a", 10, 60s);
  b.pass(1000s);
  EXPECT_EQ(b.there(), "a");
  EXPECT_EQ(b.pool.status()[0].expires, 1060s);
  a->reset();
  b.pass(59s);
  EXPECT_EQ(b.there(), "a");
  b.use("a", 10);
  b.pass(59s);
  EXPECT_EQ(b.there(), "a");
  b.pass(1s);
  EXPECT_EQ(b.there(), "");
  b.use("a", 10);
  EXPECT_EQ(b.world.loads["a"], 2);
}

TEST(ModelPool, KeepAliveOfZeroUnloadsAfterTheUseAndForeverIsForever) {
  Bench b(100);
  auto a = b.ask("a", 10);
  b.pool.keep_alive("a", 0s);
  b.run();
  EXPECT_EQ(b.there(), "a");
  a->reset();
  b.run();
  EXPECT_EQ(b.there(), "");
  b.use("a", 10);
  b.pool.keep_alive("a", ModelPool::kForever);
  b.pass(std::chrono::hours(24 * 365));
  EXPECT_EQ(b.there(), "a");
  EXPECT_EQ(b.pool.status()[0].expires, ModelPool::kForever);
  b.use("b", 95);  // but it makes room
  EXPECT_EQ(b.there(), "b");
  b.pool.keep_alive("none", 0s);
  b.pool.unload("none");
}

TEST(ModelPool, SomeMayStay) {
  Bench b(100);
  auto a = b.ask("a", 10);
  b.use("b", 10), b.use("c", 10);
  b.pool.unload_unless([](const std::string& key) { return key == "c"; });
  b.run();
  EXPECT_EQ(b.there(), "ac");
  a->reset();
  b.run();
  EXPECT_EQ(b.there(), "c");
}

TEST(ModelPool, AFailureReachesAllWhoWaitAndPoisonsNothing) {
  Bench b(30);
  b.use("x", 10);
  b.broken.insert("a");
  auto second = std::make_shared<Result<Lease>>(Lease());
  b.during_load = [&] {
    b.pool.acquire(b.wanted("a", 25), [second](Result<Lease> lease) { *second = std::move(lease); });
  };
  EXPECT_EQ(*b.ask("a", 25), nullptr);
  EXPECT_EQ(b.errors.at("a").what, "broken a");
  ASSERT_FALSE(*second);
  EXPECT_EQ(second->error().code, Errc::corrupt);
  EXPECT_EQ(b.pool.counters().failures, 1u);
  EXPECT_EQ(b.pool.counters().bytes, 0u);
  b.broken.clear();
  b.use("a", 25);
  EXPECT_EQ(b.there(), "a");
}

TEST(ModelPool, WhoLeavesWhileItLoadsDisturbsNobody) {
  Bench b(100);
  int first = 0, second = 0;
  ModelPool::Ticket leaving = 0;
  b.during_load = [&] { b.pool.cancel(leaving); };
  leaving = b.pool.acquire(b.wanted("a", 10), [&](const Result<Lease>&) { ++first; });
  b.pool.acquire(b.wanted("a", 10), [&](const Result<Lease>& lease) { second += lease.has_value() ? 1 : 0; });
  b.run();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  b.pool.cancel(leaving);  // again: nothing
  // Nobody is left: the load that has begun goes on, and what it loaded is there for the next.
  b.during_load = [&] { b.pool.cancel(leaving); };
  leaving = b.pool.acquire(b.wanted("b", 10), [&](const Result<Lease>&) { ++first; });
  b.run();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(b.there(), "ab");
  // One that has not begun does not begin.
  leaving = b.pool.acquire(b.wanted("c", 10), [&](const Result<Lease>&) { ++first; });
  b.pool.cancel(leaving);
  b.run();
  EXPECT_EQ(b.there(), "ab");
  EXPECT_EQ(b.pool.status().size(), 2u);
  EXPECT_EQ(first, 0);
}

TEST(ModelPool, ClosesUnderWhoeverIsThere) {
  Lease lease;
  World world;
  std::optional<Error> told;
  {
    ModelPool pool({.limit = 10, .own_thread = false});
    const auto wanted = [&](const std::string& key) {
      return ModelPool::Wanted{
          .key = key, .name = key, .bytes = 10, .load = [&world, key]() -> Result<std::unique_ptr<PooledModel>> {
            return std::make_unique<Fake>(world, key, 10);
          }};
    };
    pool.acquire(wanted("a"), [&](Result<Lease> l) { lease = std::move(*l); });
    while (pool.step()) {
    }
    pool.acquire(wanted("b"), [&](const Result<Lease>& l) { told = l.error(); });
    ASSERT_NE(lease, nullptr);
  }
  EXPECT_TRUE(world.alive.empty());
  ASSERT_TRUE(told);
  EXPECT_EQ(told->code, Errc::cancelled);
  lease.reset();
}

// With its own thread: many ask for more models than there is room for, some leave, some loads fail.
TEST(ModelPool, UnderManyThreads) {
  World world;
  std::atomic<int> answered{0}, failed{0}, used{0};
  constexpr int kThreads = 6, kRounds = 150;
  {
    ModelPool pool({.limit = 30, .patience = 30s, .own_thread = true});
    std::atomic<int> tries{0};
    const auto wanted = [&](int i) {
      const std::string key(1, static_cast<char>('a' + i));
      return ModelPool::Wanted{.key = key,
                               .name = key,
                               .bytes = 10,
                               .load = [&, key]() -> Result<std::unique_ptr<PooledModel>> {
                                 if (++tries % 7 == 0) return fail(Errc::io, "not this time");
                                 return std::make_unique<Fake>(world, key, 10);
                               },
                               .keep_alive = i % 2 == 0 ? ModelPool::Nanoseconds(0) : ModelPool::kForever};
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < kRounds; ++round) {
          const int which = (round * 7 + t * 3) % 5;
          struct Box {
            std::mutex mutex;
            std::condition_variable changed;
            std::optional<Result<Lease>> got;
          };
          auto box = std::make_shared<Box>();
          const auto ticket = pool.acquire(wanted(which), [box](Result<Lease> lease) {
            const std::lock_guard lock(box->mutex);
            box->got.emplace(std::move(lease));
            box->changed.notify_one();
          });
          if (round % 11 == 5) {
            pool.cancel(ticket);
            continue;
          }
          if (round % 13 == 3) (void)pool.status(true);
          std::unique_lock lock(box->mutex);
          box->changed.wait(lock, [&] { return box->got.has_value(); });
          ++answered;
          if (!*box->got) {
            ++failed;
            continue;
          }
          used += static_cast<Fake&>(***box->got).key == std::string(1, static_cast<char>('a' + which)) ? 1 : 0;
          if (round % 17 == 0) pool.unload(std::string(1, static_cast<char>('a' + which)));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(used + failed, answered);
    EXPECT_GT(used, 0);
    EXPECT_GT(failed, 0);
    EXPECT_GT(pool.counters().unloads, 0u);
  }
  EXPECT_TRUE(world.alive.empty());
  EXPECT_LE(world.most, 30u);
}

}  // namespace
}  // namespace freehold::app
