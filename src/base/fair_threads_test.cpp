// Whose job is next, who is refused, and what becomes of jobs at the end. No clock: jobs end when they are told.
// (app/serve/compile_queue_test.cpp asks more of the same threads.)
#include "base/fair_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <vector>

namespace freehold {
namespace {

using Added = FairThreads::Added;

TEST(FairThreads, OneShareNeverHasAllThreads) {
  std::promise<void> go_on;
  const std::shared_future<void> released = go_on.get_future();
  std::atomic<int> busy{0};
  {
    FairThreads threads({.threads = 3});
    for (int i = 0; i < 9; ++i) {
      EXPECT_EQ(threads.add("flood",
                            [&] {
                              ++busy;
                              released.wait();
                            }),
                Added::yes);
    }
    // Each begins beside the two that run and the seven that came before it.
    for (int i = 0; i < 5; ++i) {
      std::promise<void> done;
      threads.add("other", [&] { done.set_value(); });
      done.get_future().wait();
      EXPECT_LE(busy, 2);
    }
    go_on.set_value();
    threads.finish();
  }
  EXPECT_EQ(busy, 9);
}

TEST(FairThreads, SharesTakeTurnsOnOneThread) {
  std::promise<void> go_on;
  const std::shared_future<void> released = go_on.get_future();
  std::string order;
  FairThreads threads({.threads = 1});
  threads.add("a", [&] { released.wait(); });
  for (const char name : {'a', 'a', 'b', 'c'}) threads.add(std::string(1, name), [&order, name] { order += name; });
  go_on.set_value();
  threads.finish();
  EXPECT_EQ(order, "aabc") << "nobody has any: the oldest";
}

TEST(FairThreads, RefusesWhatIsTooMuchAndWhatComesTooLate) {
  std::promise<void> go_on, began;
  const std::shared_future<void> released = go_on.get_future();
  std::atomic<int> done{0};
  FairThreads threads({.threads = 1, .waiting = 3, .waiting_of_share = 2});
  threads.add("a", [&] {
    began.set_value();
    released.wait();
  });
  began.get_future().wait();
  const auto job = [&] { ++done; };
  EXPECT_EQ(threads.add("a", job), Added::yes);
  EXPECT_EQ(threads.add("a", job), Added::yes);
  EXPECT_EQ(threads.add("a", job), Added::too_many_of_share);
  EXPECT_EQ(threads.add("b", job), Added::yes);
  EXPECT_EQ(threads.add("b", job), Added::too_many);
  EXPECT_EQ(threads.add("c", job), Added::too_many);
  go_on.set_value();
  threads.finish();
  EXPECT_EQ(done, 3);
  EXPECT_EQ(threads.add("a", job), Added::ended);
  threads.finish();
  EXPECT_EQ(done, 3);
}

TEST(FairThreads, ForgetsWhatWaitsWhenItGoes) {
  auto held = std::make_shared<int>(0);
  std::promise<void> go_on, began;
  const std::shared_future<void> released = go_on.get_future();
  {
    FairThreads threads({.threads = 2});
    threads.add("a", [&] {
      began.set_value();
      released.wait();
    });
    began.get_future().wait();
    threads.add("a", [held] {});
    EXPECT_EQ(held.use_count(), 2);
    go_on.set_value();  // it may or may not come to the second
    threads.close();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(threads.add("a", [held] {}), Added::ended);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace freehold
