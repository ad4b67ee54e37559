// Limits under a clock of our own: what is admitted when, what is said about it, and that nothing accumulates.
#include "guard/limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

namespace freehold::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class LimiterTest : public ::testing::Test {
 protected:
  static Principal with(Limits limits, std::string id = "k") { return {id, id, Role::user, id, limits, std::nullopt}; }
  void wait(nanoseconds time) { now_ += time.count(); }
  static std::map<std::string, std::string> headers(const Admission& a) {
    auto list = rate_limit_headers(a);
    return {list.begin(), list.end()};
  }
  std::atomic<std::int64_t> now_{1'000'000'000'000};
  Limiter limiter_{[this] { return nanoseconds(now_.load()); }};
};

TEST_F(LimiterTest, WithoutLimitsNothingIsKept) {
  for (int i = 0; i < 100; ++i) {
    Admission a = limiter_.admit(with({}, std::to_string(i)), 1'000'000);
    EXPECT_TRUE(a.ok);
    EXPECT_TRUE(rate_limit_headers(a).empty());
  }
  EXPECT_EQ(limiter_.entries(), 0u);
}

TEST_F(LimiterTest, RequestsAMinute) {
  const Principal p = with({.requests_per_minute = 6});
  for (std::uint64_t i = 0; i < 6; ++i) {
    Admission a = limiter_.admit(p, 1);
    ASSERT_TRUE(a.ok) << i;
    EXPECT_EQ(a.requests, (Standing{6, 5 - i, seconds(10 * (i + 1))}));
  }
  Admission refused = limiter_.admit(p, 1);
  EXPECT_FALSE(refused.ok);
  EXPECT_EQ(refused.limit, LimitKind::requests);
  EXPECT_EQ(refused.retry_after, seconds(10));
  wait(milliseconds(9'999));
  refused = limiter_.admit(p, 1);
  EXPECT_FALSE(refused.ok);
  EXPECT_EQ(refused.retry_after, seconds(1)) << "rounded up";
  wait(milliseconds(1));
  EXPECT_TRUE(limiter_.admit(p, 1).ok);
  EXPECT_FALSE(limiter_.admit(p, 1).ok);
  EXPECT_TRUE(limiter_.admit(with({.requests_per_minute = 6}, "neighbour"), 1).ok);
}

// Whatever the limit, one who waits as long as was said is admitted, and over an hour gets what is due.
TEST_F(LimiterTest, WaitingAsToldIsEnough) {
  for (std::uint64_t limit : {1, 7, 13, 59, 61, 1000, 99'991}) {
    const Principal p = with({.requests_per_minute = limit}, std::to_string(limit));
    std::uint64_t admitted = 0;
    const std::int64_t begin = now_;
    while (now_ - begin < 600'000'000'000) {
      Admission a = limiter_.admit(p, 0);
      if (a.ok) {
        ++admitted;
      } else {
        wait(a.retry_after);
        ASSERT_TRUE(limiter_.admit(p, 0).ok) << limit;
        ++admitted;
      }
    }
    EXPECT_GE(admitted, limit * 10) << limit;
    EXPECT_LE(admitted, limit * 11 + limit / 60 + 2) << limit;
  }
}

TEST_F(LimiterTest, TokensAreReservedAndSettled) {
  const Principal p = with({.tokens_per_minute = 6000});  // 100 a second
  Admission a = limiter_.admit(p, 5000);
  ASSERT_TRUE(a.ok);
  EXPECT_EQ(a.tokens, (Standing{6000, 1000, seconds(50)}));
  Admission b = limiter_.admit(p, 2000);
  EXPECT_FALSE(b.ok);
  EXPECT_EQ(b.limit, LimitKind::tokens);
  EXPECT_EQ(b.retry_after, seconds(10));
  EXPECT_EQ(b.tokens->remaining, 1000u) << "a refused request counts for nothing";
  a.lease.settle(200);
  a.lease = Lease();
  b = limiter_.admit(p, 2000);
  ASSERT_TRUE(b.ok);
  EXPECT_EQ(b.tokens->remaining, 3800u);
  b.lease = Lease();  // never settled: what was reserved stays taken
  EXPECT_EQ(limiter_.admit(p, 0).tokens->remaining, 3800u);
}

TEST_F(LimiterTest, WhatIsLargerThanTheBucketPaysLater) {
  const Principal p = with({.tokens_per_minute = 60});
  Admission a = limiter_.admit(p, 1'000'000);
  ASSERT_TRUE(a.ok) << "a full bucket admits anything";
  EXPECT_EQ(a.tokens->remaining, 0u);
  a.lease.settle(180);
  a.lease = Lease();
  a = limiter_.admit(p, 1);
  EXPECT_FALSE(a.ok);
  EXPECT_EQ(a.retry_after, seconds(121));
  wait(seconds(121));
  EXPECT_TRUE(limiter_.admit(p, 1).ok);
}

TEST_F(LimiterTest, Concurrency) {
  const Principal p = with({.concurrency = 2});
  Admission a = limiter_.admit(p, 1);
  Admission b = limiter_.admit(p, 1);
  ASSERT_TRUE(a.ok && b.ok);
  Admission c = limiter_.admit(p, 1);
  EXPECT_FALSE(c.ok);
  EXPECT_EQ(c.limit, LimitKind::concurrency);
  EXPECT_EQ(c.retry_after, seconds(1));
  Lease moved = std::move(a.lease);
  EXPECT_FALSE(limiter_.admit(p, 1).ok) << "moving gives nothing back";
  moved = std::move(b.lease);
  c = limiter_.admit(p, 1);
  EXPECT_TRUE(c.ok) << "the place that `moved` held";
  EXPECT_FALSE(limiter_.admit(p, 1).ok);
}

TEST_F(LimiterTest, ARefusalByOneLimitTakesNothingFromTheOthers) {
  const Principal p = with({.requests_per_minute = 10, .tokens_per_minute = 100, .concurrency = 1});
  Admission a = limiter_.admit(p, 100);
  ASSERT_TRUE(a.ok);
  for (int i = 0; i < 50; ++i) {
    const Admission refused = limiter_.admit(p, 100);
    EXPECT_FALSE(refused.ok);
    EXPECT_EQ(refused.limit, LimitKind::tokens) << "the longest wait is named";
    EXPECT_EQ(refused.requests->remaining, 9u);
  }
}

TEST_F(LimiterTest, Headers) {
  const Principal p = with({.requests_per_minute = 600, .tokens_per_minute = 60'000});
  Admission a = limiter_.admit(p, 1500);
  EXPECT_EQ(headers(a), (std::map<std::string, std::string>{{"x-ratelimit-limit-requests", "600"},
                                                            {"x-ratelimit-remaining-requests", "599"},
                                                            {"x-ratelimit-reset-requests", "100ms"},
                                                            {"x-ratelimit-limit-tokens", "60000"},
                                                            {"x-ratelimit-remaining-tokens", "58500"},
                                                            {"x-ratelimit-reset-tokens", "1.5s"}}));
  a.lease.settle(240'000);
  a.lease = Lease();
  Admission refused = limiter_.admit(p, 60'000);
  EXPECT_FALSE(refused.ok);
  auto map = headers(refused);
  EXPECT_EQ(map["retry-after"], "240");
  EXPECT_EQ(map["x-ratelimit-reset-tokens"], "4m0s");
  EXPECT_EQ(map["x-ratelimit-remaining-tokens"], "0");
}

TEST_F(LimiterTest, WhatIsIdleIsForgotten) {
  std::vector<Admission> held;
  for (int i = 0; i < 1000; ++i) {
    Admission a = limiter_.admit(with({.requests_per_minute = 60}, "k" + std::to_string(i)), 1);
    if (i < 3) held.push_back(std::move(a));
  }
  EXPECT_EQ(limiter_.entries(), 1000u);
  wait(seconds(61));
  Admission last = limiter_.admit(with({.requests_per_minute = 60}, "last"), 1);
  EXPECT_EQ(limiter_.entries(), 4u) << "three are still being answered";
  held.clear();
  wait(seconds(61));
  last = limiter_.admit(with({.requests_per_minute = 60}, "last"), 1);
  EXPECT_EQ(limiter_.entries(), 1u);
}

TEST_F(LimiterTest, ManyThreadsNeverExceedALimit) {
  const Principal p = with({.requests_per_minute = 1000, .concurrency = 3});
  std::atomic<int> active{0};
  std::atomic<int> most{0};
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        Admission a = limiter_.admit(p, 1);
        if (!a.ok) continue;
        ++admitted;
        const int n = ++active;
        for (int m = most; n > m && !most.compare_exchange_weak(m, n);) {
        }
        --active;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_LE(most, 3);
  EXPECT_LE(admitted, 1000);
  EXPECT_GT(admitted, 0);
}

TEST_F(LimiterTest, ALeaseMayOutliveTheLimiter) {
  Lease lease;
  {
    Limiter limiter([] { return nanoseconds(0); });
    lease = limiter.admit(with({.concurrency = 1}), 1).lease;
  }
  lease.settle(1);
}

TEST_F(LimiterTest, LookingTakesNothing) {
  const Principal p = with({.requests_per_minute = 1, .tokens_per_minute = 100, .concurrency = 1});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limiter_.look(p, 100).ok);
  EXPECT_FALSE(limiter_.look(with({.tokens_per_minute = 100}, "none left"), 0).tokens == std::nullopt);
  {
    Admission held = limiter_.admit(p, 100);
    ASSERT_TRUE(held.ok);
    const Admission looked = limiter_.look(p, 1);
    EXPECT_FALSE(looked.ok);
    EXPECT_GE(looked.retry_after, seconds(1));
    EXPECT_EQ(headers(looked).at("x-ratelimit-remaining-requests"), "0");
  }
  EXPECT_EQ(limiter_.look(p, 1).limit, LimitKind::requests);
  wait(seconds(120));
  EXPECT_TRUE(limiter_.look(p, 1).ok);
  EXPECT_TRUE(limiter_.admit(p, 1).ok);
}

}  // namespace
}  // namespace freehold::guard
