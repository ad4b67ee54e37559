// The usage record: what was acknowledged is there, whatever was killed or failed; commits are shared; queries add up.
#include "ledger/usage_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <soci/soci.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <map>
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

// Rows as early versions of the program could write them, and others with a shell may.
void insert_raw(const std::filesystem::path& home, const sql::Schema& schema, const std::vector<std::string>& values) {
  auto database = sql::Database::open(usage_path(home), schema, sql::Open::create, sql::Check::none).value();
  ASSERT_TRUE(database.run([&](soci::session& s) -> Result<> {
    for (const std::string& row : values) {
      s << "INSERT INTO events (request_id, time, prompt_tokens, cached_tokens, completion_tokens, compute_us, "
           "energy_nwh, key_id, model, model_digest, dialect, endpoint, sampling, queue_seconds, prefill_seconds, "
           "decode_seconds, outcome, finish_reason, steered, http_status) VALUES (" +
               row + ", 'k', 'm', '', 'openai', '/', '', 0, 0, 0, 'completed', 'stop', 0, 200)";
    }
    return {};
  }));
}

// Version 3 of the record had them in its sums, where a second one of a day let no report be read.
TEST_F(UsageTest, CountsThatNoRequestCanHaveAreInNoSumAndAreNamed) {
  const std::string most = "9223372036854775807";
  const sql::Schema third{usage_schema().contents,
                          {usage_schema().steps[0], usage_schema().steps[1], usage_schema().steps[2]}};
  insert_raw(folder_.path(), third,
             {"'good', 500000000000, 130001, 100, 10, 7, NULL", "'huge', 500000000001, " + most + ", 0, 5, NULL, NULL",
              "'less', 86400000000, 10, 0, -1, 5, 2", "'fine', 86400000001, 10, 4, 1, 5, 2",
              "'long', 950400000000, 1, 0, 1, 9223372036854775000, NULL", "'last', 950400000000, 2, 0, 1, 3, 1"});
  const std::vector<DaySum> want = {DaySum{1, "", "", "m", 0, false, 1, 1, 1, 10, 4, 0, 1, 5, 5, 2},
                                    DaySum{5, "", "", "m", 1, false, 1, 1, 1, 130'001, 100, 0, 10, 7, 0, 0},
                                    DaySum{11, "", "", "m", 0, false, 1, 1, 1, 2, 0, 0, 1, 3, 3, 1}};
  EXPECT_EQ(query().day_sums({}, GroupBy::all).value(), want) << "brought forward";
  // After that others may still write them; no sum sees them, whether of days that are kept or of events.
  insert_raw(folder_.path(), usage_schema(),
             {"'more', 500000000002, 5, " + most + ", 5, 1, 1", "'joule', 500000000003, 5, 1, 5, 1, -7"});
  UsageQuery q = query();
  EXPECT_EQ(q.day_sums({}, GroupBy::all).value(), want);
  EXPECT_EQ(q.day_sums({.since = 86'400'000'000, .until = 950'400'000'001}, GroupBy::all).value(), want);
  EXPECT_EQ(q.day_sums({.since = 86'400'000'000 - 1, .until = 950'400'000'001}, GroupBy::tag).value(), want);
  EXPECT_EQ(q.sums({}, GroupBy::all).value().at(0), (Sum{"", 3, 3, 130'013, 104, 12, 0, 0, 0}));
  EXPECT_EQ(q.day_sums_behind({}, 0).value().sums, want);
  EXPECT_EQ(q.busy_days({}).value().at(2).compute_us, 3u);

  const LeftOut out = q.left_out({}).value();
  EXPECT_EQ(out.requests, 5u);
  std::string named;
  for (const LeftOut::Event& e : out.first) named += e.request_id + " (" + e.why + ") ";
  EXPECT_EQ(named, "less (completion_tokens -1) huge (prompt_tokens " + most + ") more (cached_tokens " + most +
                       ") joule (energy_nwh -7) long (compute_us 9223372036854775000) ");
  EXPECT_EQ(q.left_out({.since = 500'000'000'002}).value().requests, 3u);
  EXPECT_EQ(q.left_out({.model = "other"}).value().requests, 0u);
  const auto one = q.find("huge");
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code, Errc::corrupt);
  EXPECT_NE(one.error().what.find("'huge' holds counts that no request can have, so it is in no sum: prompt_tokens 9"),
            std::string::npos)
      << one.error().what;
  EXPECT_TRUE(q.find("fine").value());
}

// The first version's sums would not have fitted either.
TEST_F(UsageTest, TheFirstVersionIsBroughtForwardWhateverItHolds) {
  {
    const sql::Schema first{usage_schema().contents, {usage_schema().steps[0]}};
    auto database = sql::Database::open(usage_path(folder_.path()), first, sql::Open::create, sql::Check::none).value();
    ASSERT_TRUE(database.run([](soci::session& s) -> Result<> {
      for (const char* tokens : {"9223372036854775807", "9223372036854775806", "3"}) {
        s << "INSERT INTO events VALUES ('r" + std::string(tokens) + "', 500000000000, 'k', 'm', '', 'openai', '/', " +
                 tokens + ", 0, 10, '', NULL, 0, 0, 0, 'completed', 'stop', 0, 200)";
      }
      return {};
    }));
  }
  const std::vector<DaySum> sums = query().day_sums({}, GroupBy::all).value();
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0], (DaySum{5, "", "", "m", 0, false, 1, 1, 0, 3, 0, 0, 10, 0, 0, 0}));
  EXPECT_EQ(query().left_out({}).value().requests, 2u);
}

// What is read row by row is what is read as sums, in one order, whatever lies at the ends.
TEST_F(UsageTest, RowsOfDaysAreTheirSums) {
  UsageLog log = open();
  constexpr std::int64_t kDay = 86'400'000'000;
  for (int i = 0; i < 300; ++i) {
    Event e = event(std::to_string(i), "k" + std::to_string(i % 3), i % 2 == 0 ? "a" : "b", i * kDay / 31);
    e.tag = "t" + std::to_string(i % 7), e.vendor = i % 5 == 0 ? "p/v" : "", e.batched = i % 11 == 0;
    e.prompt_tokens = i % 13 == 0 ? 150'000 : 10, e.cached_tokens = 3, e.compute_us = static_cast<std::uint64_t>(i);
    log.append(e, [](bool durable) { EXPECT_TRUE(durable); });
  }
  log.flush();
  UsageQuery q = query();
  EXPECT_EQ(q.first_day(std::nullopt).value(), 0);
  EXPECT_EQ(q.first_day(1).value(), 0) << "in the middle of a day";
  EXPECT_FALSE(q.first_day(0).value());
  for (const Filter& filter :
       {Filter{}, Filter{.since = kDay, .until = 3 * kDay}, Filter{.since = kDay + 7, .until = 5 * kDay + kDay / 2},
        Filter{.since = kDay + 7, .until = 2 * kDay - 7}, Filter{.key_id = "k1", .since = kDay - 1},
        Filter{.tag = "t2", .until = 6 * kDay + 3}}) {
    std::map<std::int64_t, std::uint64_t> requests, tokens, busy;
    std::vector<std::string> order;
    const auto each = q.each_day_row(filter, [&](const DayRow& r) {
      requests[r.sum.day] += r.sum.requests, tokens[r.sum.day] += r.sum.prompt_tokens;
      busy[r.sum.day] += r.sum.vendor.empty() ? r.sum.compute_us : 0;
      order.push_back(fmt::format("{:02} {} {} {} {} {} {}", r.sum.day, r.key_id, r.sum.model, r.sum.vendor, r.tag,
                                  r.sum.long_prompts, r.sum.batched));
    });
    ASSERT_TRUE(each) << each.error().what;
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(std::adjacent_find(order.begin(), order.end()), order.end());
    const std::vector<DaySum> sums = q.day_sums(filter, GroupBy::key).value();
    for (const DaySum& sum : sums) {
      requests[sum.day] -= sum.requests, tokens[sum.day] -= sum.prompt_tokens;
    }
    const std::vector<BusyDay> days = q.busy_days(filter).value();
    for (const BusyDay& day : days) busy[day.day] -= day.compute_us;
    for (const auto& left : {requests, tokens, busy}) {
      EXPECT_FALSE(left.empty());
      for (const auto& [day, n] : left) EXPECT_EQ(n, 0u) << day;
    }
  }
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
  EXPECT_EQ(all, (Sum{"", 12, 11, 66, 11, 1200, 0, 0, 6})) << "no more is cached than the prompt has";
  const std::vector<Sum> by_key = q.sums({}, GroupBy::key).value();
  ASSERT_EQ(by_key.size(), 2u);
  EXPECT_EQ(by_key[0], (Sum{"even", 6, 6, 30, 5, 600, 0, 0, 3}));
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
