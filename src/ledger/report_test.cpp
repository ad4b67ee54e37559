// Reports against the sums of the events themselves, each priced alone with arithmetic of the test's own.
#include "ledger/report.h"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "base/temporary_folder_testing.h"
#include "ledger/explain.h"
#include "ledger/usage_log.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

Money amount_of(std::string_view text) {
  return Money::parse(text).value();
}

std::string price_row(std::string_view model, std::string_view kind, std::string_view price, std::string_view from) {
  return std::string(R"({"provider":"p","model":")") + std::string(model) + R"(","kind":")" + std::string(kind) +
         R"(","usd_per_1m_tokens":)" + std::string(price) + R"(,"effective_from":")" + std::string(from) +
         R"(","source":"s","retrieved":"2026-01-01","confidence":"high"})";
}

// big: 5 and 15 a million, from 1970-01-05 on 2.5 and 10, cached 1.25; long prompts 7 and 20; writing to the cache 3.1
// from 1970-01-04 on; batches 1.2 and 4 from 1970-01-07 on. late: from 1970-01-06 on, without any of these.
PriceBook some_prices() {
  return PriceBook::parse("[" + price_row("big", "input", "5", "1970-01-01") + "," +
                          price_row("big", "output", "15", "1970-01-01") + "," +
                          price_row("big", "input", "2.5", "1970-01-05") + "," +
                          price_row("big", "output", "10", "1970-01-05") + "," +
                          price_row("big", "cached_input", "1.25", "1970-01-05") + "," +
                          price_row("big", "input_above_128k", "7", "1970-01-01") + "," +
                          price_row("big", "output_above_128k", "20", "1970-01-01") + "," +
                          price_row("big", "cache_write_5m", "3.1", "1970-01-04") + "," +
                          price_row("big", "batch_input", "1.2", "1970-01-07") + "," +
                          price_row("big", "batch_output", "4", "1970-01-07") + "," +
                          price_row("late", "input", "0.1", "1970-01-06") + "," +
                          price_row("late", "output", "0.3", "1970-01-06") + "]")
      .value();
}

MachineHistory machines() {
  Machine m;
  m.from = "1970-01-03";
  m.price = amount_of("1000"), m.life_days = 1000;
  m.tariff = amount_of("0.3"), m.load_milliwatts = 150'000, m.idle_milliwatts = 50'000;
  MachineRow first{1, 0, m};
  m.from = "1970-01-07", m.tariff = amount_of("0.45");
  return MachineHistory({first, {2, 0, m}});
}

std::vector<Event> events() {
  std::vector<Event> out;
  for (std::uint64_t i = 0; i < 600; ++i) {
    const auto draw = [&](std::uint64_t stream, double most) {
      return static_cast<std::uint64_t>(uniform_draw(9, stream, i) * most);
    };
    Event e;
    e.request_id = std::to_string(i);
    e.time = static_cast<std::int64_t>(draw(0, 9 * 86.4e9));
    e.key_id = "key" + std::to_string(draw(1, 3));
    e.model = "model" + std::to_string(draw(2, 2));
    e.adapter = draw(3, 2) == 0 ? "" : "tuned";
    e.tag = draw(4, 3) == 0 ? "" : "tag" + std::to_string(draw(4, 3));
    e.vendor = draw(5, 10) == 0 ? "p/big" : draw(5, 10) == 1 ? "p/unheard-of" : "";
    e.prompt_tokens = draw(6, 5000) + (i % 50 == 0 ? 130'000 : 0);
    e.cached_tokens = e.prompt_tokens / (1 + draw(7, 4)) / 2;
    if (i % 4 == 0) e.cache_write_tokens = draw(11, static_cast<double>(e.prompt_tokens - e.cached_tokens));
    e.batched = draw(12, 3) == 0;
    e.completion_tokens = draw(8, 700);
    if (i % 11 != 0) e.compute_us = draw(9, 5e6);
    if (i % 3 == 0 && e.compute_us) e.energy_nwh = draw(10, 4e8);
    if (i % 13 == 0) e.outcome = Outcome::failed;
    out.push_back(std::move(e));
  }
  return out;
}

// In units of 1e-18 USD; by the words of docs/formats/databases.md and vendor_cost.h, not by the code.
struct Expected {
  Int128 local = 0, paid = 0, big = 0, late = 0;
  std::uint64_t local_unpriced = 0, paid_unpriced = 0, late_unpriced = 0, requests = 0;
};
void add(Expected& to, const Event& e) {
  const Int128 pico = 1'000'000;
  const std::int64_t day = e.time / 86'400'000'000;
  ++to.requests;
  Int128 in = day >= 4 ? 2'500'000 : 5'000'000, out = day >= 4 ? 10'000'000 : 15'000'000;  // picodollars a token
  Int128 cached = day >= 4 ? 1'250'000 : in;
  if (e.batched && day >= 6) in = cached = 1'200'000, out = 4'000'000;  // cached: less than 1.25
  Int128 written = day >= 3 ? 3'100'000 : in;
  if (e.prompt_tokens > 128'000) in = cached = written = 7'000'000, out = 20'000'000;
  const Int128 big = ((e.prompt_tokens - e.cached_tokens - e.cache_write_tokens) * in + e.cached_tokens * cached +
                      e.cache_write_tokens * written + e.completion_tokens * out) *
                     pico;
  to.big += big;
  if (day >= 5) {
    to.late += (Int128{100'000} * e.prompt_tokens + Int128{300'000} * e.completion_tokens) * pico;
  } else {
    ++to.late_unpriced;
  }
  if (e.vendor == "p/big") {
    to.paid += big;
  } else if (!e.vendor.empty()) {
    ++to.paid_unpriced;
  } else if (day < 2 || !e.compute_us) {
    ++to.local_unpriced;
  } else {
    // 1000 USD / 86.4e6 s; 150 W at 0.3 a kWh are 0.0000125 USD a second, at 0.45 they are 0.00001875.
    const Int128 depreciation = 11'574'074, power = day >= 6 ? 18'750'000 : 12'500'000;  // pUSD/s
    const Int128 us = *e.compute_us;
    to.local += us * depreciation;
    to.local += e.energy_nwh ? Int128{*e.energy_nwh} * (day >= 6 ? 450'000 : 300'000) : us * power;
  }
}

class ReportTest : public ::testing::Test {
 protected:
  void store(const std::vector<Event>& all) {
    UsageLog log = UsageLog::open(folder_.path()).value();
    for (const Event& e : all) log.append(e, [](bool durable) { EXPECT_TRUE(durable); });
  }
  static void compare(const ReportRow& got, const Expected& want, const std::string& where) {
    EXPECT_EQ(got.requests, want.requests) << where;
    EXPECT_EQ(got.local.usd.text(), Money::attodollars(want.local).text()) << where;
    EXPECT_EQ(got.local.unpriced, want.local_unpriced) << where;
    EXPECT_EQ(got.paid.usd.text(), Money::attodollars(want.paid).text()) << where;
    EXPECT_EQ(got.paid.unpriced, want.paid_unpriced) << where;
    ASSERT_EQ(got.others.size(), 2u) << where;
    EXPECT_EQ(got.others[0].usd.text(), Money::attodollars(want.big).text()) << where;
    EXPECT_EQ(got.others[0].unpriced, 0u) << where;
    EXPECT_EQ(got.others[1].usd.text(), Money::attodollars(want.late).text()) << where;
    EXPECT_EQ(got.others[1].unpriced, want.late_unpriced) << where;
  }
  const PriceBook book_ = some_prices();
  const MachineHistory machines_ = machines();
  Pricing pricing() {
    return {book_, machines_, {VendorPrices(book_, {"p", "big"}), VendorPrices(book_, {"p", "late"})}};
  }
  TemporaryFolder folder_;
};

TEST_F(ReportTest, EveryGroupingOfEveryTimeIsTheSumOfItsEvents) {
  const std::vector<Event> all = events();
  store(all);
  UsageQuery query = UsageQuery::open(folder_.path()).value();
  Pricing prices = pricing();
  constexpr std::int64_t kDay = 86'400'000'000;
  const std::pair<std::int64_t, std::int64_t> times[] = {{-1, -1},
                                                         {0, 9 * kDay},
                                                         {kDay + 1, 5 * kDay},
                                                         {2 * kDay - 1, 7 * kDay + 12'345},
                                                         {3 * kDay, 4 * kDay},
                                                         {3 * kDay + 5, 3 * kDay + 50'000'000'000},
                                                         {3 * kDay + 5, 4 * kDay + 5},
                                                         {20 * kDay, 21 * kDay}};
  for (const auto& [since, until] : times) {
    Filter filter;
    if (since >= 0) filter.since = since, filter.until = until;
    const auto in = [&, from = since, to = until](const Event& e) {
      return from < 0 || (e.time >= from && e.time < to);
    };
    for (const auto by :
         {GroupBy::key, GroupBy::model, GroupBy::adapter, GroupBy::tag, GroupBy::vendor, GroupBy::day}) {
      std::map<std::string, Expected> want;
      Expected total;
      for (const Event& e : all) {
        if (!in(e)) continue;
        const std::string group = by == GroupBy::key       ? e.key_id
                                  : by == GroupBy::model   ? e.model
                                  : by == GroupBy::adapter ? e.adapter
                                  : by == GroupBy::tag     ? e.tag
                                  : by == GroupBy::vendor  ? e.vendor
                                                           : "1970-01-0" + std::to_string(1 + e.time / kDay);
        add(want[group], e), add(total, e);
      }
      const Report got = report(query, filter, by, prices).value();
      const std::string where = std::to_string(since) + " by " + std::to_string(static_cast<int>(by));
      ASSERT_EQ(got.rows.size(), want.size()) << where;
      ReportRow sum;
      sum.others.resize(2);
      for (const ReportRow& r : got.rows) compare(r, want.at(r.group), where + " " + r.group), sum.add(r);
      compare(got.total, total, where);
      EXPECT_EQ(sum, got.total) << where;
    }
  }
  Filter one;
  one.key_id = "key1", one.tag = "tag2", one.since = kDay / 2;
  Expected want;
  for (const Event& e : all) {
    if (e.key_id == "key1" && e.tag == "tag2" && e.time >= kDay / 2) add(want, e);
  }
  compare(report(query, one, GroupBy::all, prices).value().total, want, "one key");
}

TEST_F(ReportTest, WhatIsExplainedAddsUpToTheReport) {
  const std::vector<Event> all = events();
  store(all);
  UsageQuery query = UsageQuery::open(folder_.path()).value();
  Pricing prices = pricing();
  Money local, big;
  std::uint64_t unpriced = 0;
  for (const Event& e : all) {
    const Explained here = explain_local(e, machines_), there = explain_at(e, prices.others()[0]);
    if (e.vendor.empty()) unpriced += here.unpriced.empty() ? 0 : 1;
    local += here.usd, big += there.usd;
    for (const Explained* x : {&here, &there}) {
      Money sum;
      for (const Factor& f : x->factors) {
        sum += f.usd;
        EXPECT_FALSE(f.source.empty());
      }
      EXPECT_EQ(sum, x->usd);
    }
  }
  const Report got = report(query, {}, GroupBy::key, prices).value();
  EXPECT_EQ(got.total.local, (Amount{local, unpriced}));
  EXPECT_EQ(got.total.others[0].usd, big);
}

TEST_F(ReportTest, WhatIsLeftOfTheTimeIsIdle) {
  Event e;
  e.request_id = "a", e.time = 2 * 86'400'000'000 + 5;
  e.compute_us = 3'600'000'000;
  store({e});
  UsageQuery query = UsageQuery::open(folder_.path()).value();
  const Idle got = idle(query, 86'400'000'000, 4 * 86'400'000'000, machines_).value();
  EXPECT_EQ(got.unpriced_microseconds, 86'400'000'000) << "the day before the machine's costs are known";
  EXPECT_EQ(got.microseconds, 2 * 86'400'000'000 - 3'600'000'000);
  // 50 W at 0.3 a kWh: 4166667 pUSD a second, rounded.
  EXPECT_EQ(got.usd, Money::attodollars(Int128{11'574'074 + 4'166'667} * got.microseconds));
  EXPECT_EQ(idle(query, 5, 5, machines_).value().microseconds, 0);
}

// A record of the first version is brought forward with its sums; what it does not know stays unpriced. One of the
// second version had sums already, which are taken over.
TEST_F(ReportTest, RecordsOfEarlierVersions) {
  {
    const sql::Schema old{usage_schema().contents, {usage_schema().steps.front()}};
    auto database = sql::Database::open(usage_path(folder_.path()), old, sql::Open::create, sql::Check::none).value();
    ASSERT_TRUE(database.run([](soci::session& s) -> Result<> {
      for (int i = 0; i < 10; ++i) {
        s << "INSERT INTO events VALUES ('old" + std::to_string(i) +
                 "', 500000000000, 'k', 'm', '', 'openai', '/', 130001, 100, 10, '', NULL, 0, 0, 0, 'completed', "
                 "'stop', 0, 200)";
      }
      return {};
    }));
  }
  {
    const sql::Schema old{usage_schema().contents, {usage_schema().steps[0], usage_schema().steps[1]}};
    auto database = sql::Database::open(usage_path(folder_.path()), old, sql::Open::create, sql::Check::none).value();
    ASSERT_TRUE(database.run([](soci::session& s) -> Result<> {
      s << "INSERT INTO events VALUES ('second', 500000000000, 'k', 'm', '', 'openai', '/', 130001, 100, 10, '', NULL, "
           "0, 0, 0, 'completed', 'stop', 0, 200, '', '', '', 7, NULL)";
      return {};
    }));
  }
  Event e;
  e.request_id = "new", e.key_id = "k", e.model = "m", e.time = 500'000'000'001, e.compute_us = 7;
  e.prompt_tokens = 5, e.cache_write_tokens = 4, e.batched = true;
  store({e});
  UsageQuery query = UsageQuery::open(folder_.path()).value();
  const std::vector<DaySum> sums = query.day_sums({}, GroupBy::key).value();
  ASSERT_EQ(sums.size(), 2u);
  EXPECT_EQ(sums[0], (DaySum{5, "k", "", "m", 0, true, 1, 1, 1, 5, 0, 4, 0, 7, 0, 0}));
  EXPECT_EQ(sums[1], (DaySum{5, "k", "", "m", 1, false, 11, 11, 1, 1'430'011, 1100, 0, 110, 7, 0, 0}));
  const Event old = *query.find("old3").value();
  EXPECT_FALSE(old.compute_us);
  EXPECT_NE(explain_local(old, machines_).unpriced.find("not recorded"), std::string::npos);
}

TEST(VendorCost, WhichRowsItTook) {
  const PriceBook b = some_prices();
  const VendorPrices big(b, {"p", "big"}), late(b, {"p", "late"});
  const auto kinds = [](const VendorCost& cost) {
    std::string out;
    for (const VendorItem& item : cost.items) {
      out += std::string(item.kind) + " " + std::to_string(item.tokens) + " by " + item.price->kind + "; ";
    }
    return out;
  };
  EXPECT_EQ(
      kinds(big.cost("1970-01-07", {100, 20, 5, 0, 30, false})),
      "input 50 by input; cached_input 20 by cached_input; cache_write 30 by cache_write_5m; output 5 by output; ");
  EXPECT_EQ(kinds(big.cost("1970-01-07", {100, 20, 5, 0, 30, true})),
            "input 50 by batch_input; cached_input 20 by batch_input; cache_write 30 by cache_write_5m; "
            "output 5 by batch_output; ");
  EXPECT_EQ(kinds(big.cost("1970-01-07", {100, 20, 5, 1, 30, true})),
            "input 50 by input_above_128k; cached_input 20 by input_above_128k; cache_write 30 by input_above_128k; "
            "output 5 by output_above_128k; ");
  EXPECT_EQ(kinds(late.cost("1970-01-07", {100, 20, 5, 0, 30, true})),
            "input 50 by input; cached_input 20 by input; cache_write 30 by input; output 5 by output; ");
  EXPECT_EQ(kinds(big.cost("1970-01-07", {100, 80, 0, 0, 50, false})),
            "cached_input 80 by cached_input; cache_write 20 by cache_write_5m; ")
      << "no more is written than was not read";

  Event e;
  e.time = 6 * 86'400'000'000, e.batched = true;
  e.prompt_tokens = 100, e.cached_tokens = 20, e.cache_write_tokens = 30, e.completion_tokens = 5;
  const std::vector<std::string> notes = explain_at(e, late).notes;
  for (const char* said : {"no price of a batch's input is known", "no price of cached input is known",
                           "no price of writing to the cache is known", "no price of a batch's output is known"}) {
    EXPECT_TRUE(std::any_of(notes.begin(), notes.end(), [&](const auto& n) { return n.find(said) != n.npos; })) << said;
  }
}

TEST(VendorCost, WhatNobodyCountedIsSaidToBeAnEstimate) {
  const PriceBook b = some_prices();
  const VendorPrices late(b, {"p", "late"});
  Event e;
  e.time = 6 * 86'400'000'000, e.vendor = "p/late", e.prompt_tokens = 100, e.completion_tokens = 5;
  const auto said = [&] {
    const auto notes = explain_at(e, late).notes;
    return std::any_of(notes.begin(), notes.end(), [](const auto& n) { return n.find("did not count") != n.npos; });
  };
  EXPECT_FALSE(said());
  e.finish_reason = kUncounted;
  EXPECT_TRUE(said());
}

TEST(VendorCost, NothingUnknownIsFree) {
  const PriceBook b = some_prices();
  const VendorPrices late(b, {"p", "late"});
  EXPECT_EQ(late.cost("1970-01-05", {10, 0, 10, 0}).missing, "input");
  EXPECT_EQ(late.cost("1970-01-05", {0, 0, 0, 0}).missing, "input") << "no tokens, and still no price";
  const VendorCost cost = late.cost("1970-01-06", {10, 4, 0, 0});
  ASSERT_TRUE(cost.priced());
  ASSERT_EQ(cost.items.size(), 2u);
  EXPECT_EQ(cost.items[1].price->kind, "input") << "no price of cached input";
  EXPECT_EQ(cost.total.text(), "0.000001");
  EXPECT_EQ(long_prompts(128'000), 0);
  EXPECT_EQ(long_prompts(128'001), 1);
  EXPECT_EQ(long_prompts(200'001), 2);
}

}  // namespace
}  // namespace freehold::ledger
