// The usage record: what was acknowledged is there, whatever was killed or failed; commits are shared; queries add up.
#include "ledger/usage_log.h"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <thread>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "ledger/usage_query.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

Event event(std::string id, std::string key = "k", std::string model = "m", std::int64_t time = 0) {
  Event e;
  e.request_id = std::move(id);
  e.key_id = std::move(key);
  e.model = std::move(model);
  e.time = time;
  return e;
}

class UsageTest : public ::testing::Test {
 protected:
  ~UsageTest() override { set_disk_fault_for_tests(nullptr); }
  UsageLog open(UsageLogOptions options = {}) { return UsageLog::open(folder_.path(), options).value(); }
  UsageQuery query() { return UsageQuery::open(folder_.path()).value(); }
  static bool store(UsageLog& log, Event e) {
    std::promise<bool> answer;
    log.append(std::move(e), [&](bool durable) { answer.set_value(durable); });
    return answer.get_future().get();
  }
  TemporaryFolder folder_;
};

TEST_F(UsageTest, AnEventIsReadBackAsItWas) {
  EXPECT_EQ(UsageQuery::open(folder_.path()).error().code, Errc::not_found);
  const Event whole{.request_id = "req-1",
                    .time = 1'800'000'000'123'456,
                    .key_id = "abcdefgh",
                    .model = "mistral:q4 '; DROP TABLE events; --",
                    .model_digest = "sha256:00",
                    .adapter = "support",
                    .vendor = "openai/gpt-4o",
                    .tag = "a customer",
                    .dialect = "openai",
                    .endpoint = "/v1/chat/completions",
                    .prompt_tokens = 1234,
                    .cached_tokens = 1000,
                    .cache_write_tokens = 234,
                    .completion_tokens = 56,
                    .sampling = "temperature=0.7",
                    .seed = ~std::uint64_t{0},
                    .queue_seconds = 0.1,
                    .prefill_seconds = 2.5,
                    .decode_seconds = 1e-9,
                    .compute_us = 0,
                    .energy_nwh = 12'345,
                    .outcome = Outcome::cancelled,
                    .finish_reason = "length",
                    .batched = true,
                    .steered = true,
                    .http_status = 499};
  UsageLog log = open();
  ASSERT_TRUE(store(log, whole));
  ASSERT_TRUE(store(log, event("req-2")));
  UsageQuery q = query();
  EXPECT_EQ(q.find("req-1").value(), whole);
  EXPECT_EQ(q.find("req-2").value(), event("req-2"));
  EXPECT_FALSE(q.find("req-3").value());
}

TEST_F(UsageTest, OddEventsNeverStopTheRecord) {
  UsageLog log = open();
  ASSERT_TRUE(store(log, event("a")));
  EXPECT_FALSE(store(log, event("a"))) << "the id is taken";
  EXPECT_FALSE(store(log, event("")));
  Event odd = event("b");
  odd.queue_seconds = std::nan("");
  odd.prefill_seconds = std::numeric_limits<double>::infinity();
  odd.decode_seconds = -1;
  odd.model = std::string("\xff\x01 raw");
  ASSERT_TRUE(store(log, odd));
  const Event back = *query().find("b").value();
  EXPECT_EQ(back.queue_seconds, 0);
  EXPECT_EQ(back.prefill_seconds, 0);
  EXPECT_EQ(back.decode_seconds, 0);
  EXPECT_EQ(back.model, odd.model);
  EXPECT_TRUE(store(log, event("c")));
  EXPECT_FALSE(log.failure());
  EXPECT_EQ(log.counts().refused, 2u);
}

// A count that cannot be is cut: neither it nor sums of many may leave 64 bits, or the record could not be read.
TEST_F(UsageTest, AbsurdCountsDoNotPoisonTheRecord) {
  UsageLog log = open();
  for (const char* id : {"a", "b", "c", "d"}) {
    Event absurd = event(id);
    absurd.prompt_tokens = *id == 'a' ? std::uint64_t{1} << 63 : std::uint64_t{1} << 62;
    absurd.cached_tokens = absurd.cache_write_tokens = absurd.completion_tokens = ~std::uint64_t{0};
    absurd.compute_us = absurd.energy_nwh = std::uint64_t{1} << 62;
    ASSERT_TRUE(store(log, absurd));
  }
  EXPECT_FALSE(log.failure());
  const auto back = query().find("a");
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ((*back)->prompt_tokens, kMostTokens);
  EXPECT_EQ((*back)->completion_tokens, kMostTokens);
  const auto sums = query().day_sums({}, GroupBy::all);
  ASSERT_TRUE(sums) << sums.error().what;
  ASSERT_EQ(sums->size(), 1u);
  EXPECT_EQ((*sums)[0].prompt_tokens, 4 * kMostTokens);
}

TEST_F(UsageTest, WhatArrivesDuringACommitSharesTheNext) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> commits{0};
  UsageLog log = open();
  set_disk_fault_for_tests([&](const char* operation) {
    if (std::string_view(operation) == "commit" && commits++ == 0) {
      begun.set_value();
      go_on.get_future().wait();
    }
    return 0;
  });
  std::atomic<int> durable{0};
  log.append(event("first"), [&](bool good) { durable += good ? 1 : 0; });
  begun.get_future().wait();
  for (int i = 0; i < 500; ++i) {
    log.append(event(std::to_string(i)), [&](bool good) { durable += good ? 1 : 0; });
  }
  EXPECT_EQ(durable, 0) << "nothing is acknowledged before its commit";
  go_on.set_value();
  log.flush();
  EXPECT_EQ(durable, 501);
  EXPECT_EQ(log.counts().stored, 501u);
  EXPECT_EQ(log.counts().groups, 2u);
}

TEST_F(UsageTest, AcknowledgedMeansReadableByOthers) {
  UsageLog log = open();
  UsageQuery* q = nullptr;
  ASSERT_TRUE(store(log, event("0")));
  UsageQuery reader = query();
  q = &reader;
  int missing = 0;  // only the log's thread touches it and the reader until flush()
  for (int i = 1; i <= 200; ++i) {
    std::string id = std::to_string(i);
    log.append(event(id), [&missing, q, id](bool good) {
      if (!good || !q->find(id).value()) ++missing;
    });
  }
  log.flush();
  EXPECT_EQ(missing, 0);
}

TEST_F(UsageTest, AFailedWriteStopsTheRecordForGood) {
  {
    UsageLog log = open();
    ASSERT_TRUE(store(log, event("before")));
    set_disk_fault_for_tests([](const char* operation) { return std::string_view(operation) == "commit" ? EIO : 0; });
    EXPECT_FALSE(store(log, event("lost")));
    set_disk_fault_for_tests(nullptr);
    EXPECT_FALSE(store(log, event("after"))) << "not tried again, although the disk would";
    ASSERT_TRUE(log.failure());
    EXPECT_EQ(log.failure()->code, Errc::io);
    EXPECT_NE(log.failure()->what.find("usage"), std::string::npos);
    EXPECT_EQ(log.counts().stored, 1u);
  }
  UsageLog again = open();
  EXPECT_TRUE(store(again, event("later")));
  EXPECT_TRUE(query().find("before").value());
  EXPECT_FALSE(query().find("lost").value());
  EXPECT_FALSE(query().find("after").value());
}

TEST_F(UsageTest, TheQueueIsBounded) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> first{true};
  UsageLog log = open({.most_at_once = 3, .most_waiting = 10});
  set_disk_fault_for_tests([&](const char* operation) {
    if (std::string_view(operation) == "commit" && first.exchange(false)) {
      begun.set_value();
      go_on.get_future().wait();
    }
    return 0;
  });
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  auto count = [&](bool durable) { ++(durable ? good : bad); };
  log.append(event("first"), count);
  begun.get_future().wait();
  for (int i = 0; i < 15; ++i) log.append(event(std::to_string(i)), count);
  EXPECT_EQ(bad, 5);
  go_on.set_value();
  log.flush();
  EXPECT_EQ(good, 11);
  EXPECT_EQ(log.counts().groups, 1u + 4) << "10 in threes";
}

TEST_F(UsageTest, ManyThreadsAndAnEndInTheMiddle) {
  std::atomic<int> called{0};
  {
    UsageLog log = open();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 250; ++i) {
          log.append(event(std::to_string(t) + "-" + std::to_string(i)), [&](bool good) { called += good ? 1 : 0; });
        }
      });
    }
    for (std::thread& t : threads) t.join();
  }
  EXPECT_EQ(called, 1000) << "the destructor writes what waits";
  EXPECT_EQ(query().sums({}, GroupBy::all).value().at(0).requests, 1000u);
}

// Two processes with one home: neither loses anything.
TEST_F(UsageTest, TwoWriters) {
  UsageLog one = open();
  UsageLog two = open();
  std::atomic<int> good{0};
  for (int i = 0; i < 200; ++i) {
    one.append(event("a" + std::to_string(i)), [&](bool d) { good += d ? 1 : 0; });
    two.append(event("b" + std::to_string(i)), [&](bool d) { good += d ? 1 : 0; });
  }
  one.flush();
  two.flush();
  EXPECT_EQ(good, 400);
  EXPECT_EQ(query().sums({}, GroupBy::all).value().at(0).requests, 400u);
}

TEST_F(UsageTest, QueriesByKeyModelAndTime) {
  UsageLog log = open();
  constexpr std::int64_t kDay = 86'400'000'000;
  for (int i = 0; i < 12; ++i) {
    Event e = event(std::to_string(i), i % 2 == 0 ? "even" : "odd", i < 6 ? "small" : "large", i * kDay / 2);
    e.prompt_tokens = static_cast<std::uint64_t>(i);
    e.completion_tokens = 100;
    e.cached_tokens = 1;
    e.decode_seconds = 0.5;
    if (i == 3) e.outcome = Outcome::failed;
    ASSERT_TRUE(store(log, e));
  }
  UsageQuery q = query();
  const Sum all = q.sums({}, GroupBy::all).value().at(0);
  EXPECT_EQ(all, (Sum{"", 12, 11, 66, 12, 1200, 0, 0, 6}));
  const std::vector<Sum> by_key = q.sums({}, GroupBy::key).value();
  ASSERT_EQ(by_key.size(), 2u);
  EXPECT_EQ(by_key[0], (Sum{"even", 6, 6, 30, 6, 600, 0, 0, 3}));
  EXPECT_EQ(by_key[1].completed, 5u);
  EXPECT_EQ(q.sums({.key_id = "odd", .model = "large"}, GroupBy::all).value().at(0).prompt_tokens, 7u + 9 + 11);
  EXPECT_EQ(q.sums({.since = kDay, .until = 2 * kDay}, GroupBy::all).value().at(0).requests, 2u);
  const std::vector<Sum> days = q.sums({}, GroupBy::day).value();
  ASSERT_EQ(days.size(), 6u);
  EXPECT_EQ(days[0].group, "1970-01-01");
  EXPECT_EQ(days[5].group, "1970-01-06");
  EXPECT_EQ(q.sums({.key_id = "nobody"}, GroupBy::all).value().at(0), Sum{});
  EXPECT_TRUE(q.sums({.key_id = "nobody"}, GroupBy::key).value().empty());
  const std::vector<Event> newest = q.list({.key_id = "even"}, 2).value();
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].request_id, "10");
  EXPECT_EQ(newest[1].request_id, "8");
}

}  // namespace
}  // namespace freehold::ledger
