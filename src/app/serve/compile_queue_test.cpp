// Whose job is next, who is refused, and that nobody's flood takes all threads. No clock: jobs end when they are told.
#include "app/serve/compile_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

namespace freehold::app {
namespace {

// Jobs that have begun, and wait until they may end.
class Gate {
 public:
  std::function<void()> job(std::string name) {
    return [this, name = std::move(name)] {
      std::unique_lock lock(mutex_);
      begun_.push_back(name);
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_ || free_.contains(name); });
      ++ended_;
      changed_.notify_all();
    };
  }
  std::vector<std::string> wait_for(std::size_t begun) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_.size() >= begun; });
    return begun_;
  }
  void wait_for_end(std::size_t ended) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ >= ended; });
  }
  void end(const std::string& name) {
    const std::lock_guard lock(mutex_);
    free_.insert(name);
    changed_.notify_all();
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> begun_;
  std::set<std::string> free_;
  std::size_t ended_ = 0;
  bool open_ = false;
};

TEST(CompileQueue, OneTenantNeverHasAllThreads) {
  Gate gate;
  CompileQueue queue({.threads = 2});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.add("flood", gate.job("f" + std::to_string(i))));
  EXPECT_EQ(gate.wait_for(1), std::vector<std::string>{"f0"});
  ASSERT_TRUE(queue.add("other", gate.job("o")));
  EXPECT_EQ(gate.wait_for(2), (std::vector<std::string>{"f0", "o"})) << "although four were there before";
  gate.end("o");
  gate.wait_for_end(1);
  // A place is free, and stays so.
  ASSERT_TRUE(queue.add("third", gate.job("t")));
  EXPECT_EQ(gate.wait_for(3), (std::vector<std::string>{"f0", "o", "t"}));
  gate.open();
  EXPECT_EQ(gate.wait_for(7).size(), 7u);
}

TEST(CompileQueue, WhoHasLeastIsNextThenTheOldest) {
  Gate gate;
  CompileQueue queue({.threads = 3});
  for (const char* name : {"a0", "a1"}) ASSERT_TRUE(queue.add("a", gate.job(name)));
  gate.wait_for(2);
  ASSERT_TRUE(queue.add("b", gate.job("b0")));
  gate.wait_for(3);
  ASSERT_TRUE(queue.add("a", gate.job("a2")));
  ASSERT_TRUE(queue.add("b", gate.job("b1")));
  ASSERT_TRUE(queue.add("c", gate.job("c0")));
  ASSERT_TRUE(queue.add("d", gate.job("d0")));
  gate.end("b0");
  EXPECT_EQ(gate.wait_for(4).back(), "b1") << "of b, c and d nobody has any: the oldest";
  gate.end("b1");
  EXPECT_EQ(gate.wait_for(5).back(), "c0");
  gate.end("c0");
  EXPECT_EQ(gate.wait_for(6).back(), "d0");
  gate.end("d0");
  gate.end("a0");
  EXPECT_EQ(gate.wait_for(7).back(), "a2");
  gate.open();
}

TEST(CompileQueue, RefusesWhatIsTooMuch) {
  Gate gate;
  CompileQueue queue({.threads = 2, .waiting = 4, .waiting_of_tenant = 3});
  ASSERT_TRUE(queue.add("a", gate.job("a")));
  ASSERT_TRUE(queue.add("b", gate.job("b")));
  gate.wait_for(2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.add("a", gate.job("more")));
  const auto own = queue.add("a", gate.job("never"));
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code, Errc::exhausted);
  EXPECT_TRUE(own.error().what.starts_with("busy")) << "an error that a client may try again after";
  ASSERT_TRUE(queue.add("c", gate.job("c")));
  EXPECT_FALSE(queue.add("d", gate.job("never")));
  gate.open();
  for (const std::string& name : gate.wait_for(6)) EXPECT_NE(name, "never");
}

TEST(CompileQueue, EndsWithoutWhatWaits) {
  auto held = std::make_shared<int>(0);
  std::atomic<bool> called{false};
  Gate gate;
  {
    CompileQueue queue({.threads = 1});
    ASSERT_TRUE(queue.add("a", gate.job("a")));
    gate.wait_for(1);
    ASSERT_TRUE(queue.add("a", [held, &called] { called = true; }));
    EXPECT_EQ(held.use_count(), 2);
    gate.open();  // it may or may not come to the second
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace freehold::app
