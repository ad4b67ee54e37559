#include "ledger/token_ratio.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/temporary_folder_testing.h"
#include "ledger/cost_store.h"
#include "ledger/explain.h"
#include "ledger/report.h"
#include "ledger/usage_log.h"

namespace freehold::ledger {
namespace {

using Counts = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST(TokenRatio, OfTextsThatWereCounted) {
  // Half of them 0.8, half 1.2 of the same length: 1, with a standard deviation of 0.2 x sqrt(8 / 7).
  Counts counts;
  for (int i = 0; i < 8; ++i) counts.emplace_back(1000, i % 2 == 0 ? 800 : 1200);
  const TokenRatio r = measured(counts).value();
  EXPECT_EQ(r.millionths, 1'000'000);
  EXPECT_EQ(r.error_millionths, 419'066);
  EXPECT_EQ(r.sample_tokens, 8000u);
  EXPECT_EQ(r.text(), "x 1.000 +- 41.9 %");
  counts.pop_back();
  EXPECT_NE(measured(counts).error().what.find("at least 8"), std::string::npos);
  counts.emplace_back(5, 0);
  EXPECT_NE(measured(counts).error().what.find("no tokens"), std::string::npos);
}

TokenRatio some(std::string vendor, std::string model, std::int64_t millionths) {
  return {std::move(vendor), std::move(model), millionths, 20'000, 5000, "sha256:00", 7};
}

TEST(TokenRatio, TheLastOneOfAVendorAndAModelIsKept) {
  TemporaryFolder folder;
  CostStore store = CostStore::open(folder.path(), sql::Open::create).value();
  ASSERT_TRUE(store.add(some("p/big", "a:1", 900'000)));
  ASSERT_TRUE(store.add(some("p/big", "b:1", 800'000)));
  ASSERT_TRUE(store.add(some("p/big", "a:1", 950'000)));
  EXPECT_EQ(store.token_ratios().value(), (std::vector{some("p/big", "b:1", 800'000), some("p/big", "a:1", 950'000)}));
  for (const TokenRatio& wrong :
       {some("", "a", 1), some("p/big", "", 900'000), some("p/big", "a", 0), some("p/big", "a", 200'000'000)})
    EXPECT_EQ(store.add(wrong).error().code, Errc::invalid);
  EXPECT_TRUE(token_ratios(folder.path() / "nobody").value().empty());
  EXPECT_EQ(token_ratios(folder.path()).value().size(), 2u);
}

// Every grouping gives the same to the last digit: the product is exact.
TEST(TokenRatio, AnswersOfThisMachineAreEstimatedAndVendorsAreNot) {
  TemporaryFolder folder;
  const PriceBook book =
      PriceBook::parse(R"([{"provider":"p","model":"big","kind":"input","usd_per_1m_tokens":2.5,)"
                       R"("effective_from":"1970-01-01","source":"s","retrieved":"2026-01-01","confidence":"high"},)"
                       R"({"provider":"p","model":"big","kind":"output","usd_per_1m_tokens":10,)"
                       R"("effective_from":"1970-01-01","source":"s","retrieved":"2026-01-01","confidence":"high"}])")
          .value();
  {
    UsageLog log = UsageLog::open(folder.path()).value();
    for (int i = 0; i < 40; ++i) {
      Event e;
      e.request_id = std::to_string(i), e.key_id = i % 3 == 0 ? "k" : "l", e.time = 86'400'000'000LL * (i % 4);
      e.model = i % 2 == 0 ? "a:1" : "c:1";
      e.vendor = i % 5 == 0 ? "p/big" : "";
      e.prompt_tokens = 101, e.completion_tokens = 13;
      log.append(e, [](bool durable) { EXPECT_TRUE(durable); });
    }
  }
  VendorPrices big(book, {"p", "big"});
  big.estimate_with({some("p/other", "c:1", 5'000'000), some("p/big", "a:1", 912'345)});
  const MachineHistory machines;
  Pricing pricing(book, machines, {big});
  UsageQuery query = UsageQuery::open(folder.path()).value();
  // 16 answers of a:1 here, 16 of c:1, whose ratio is not known, and 8 of the vendor, whose counts are its own.
  const Money plain = of_tokens(Money::parse("2.5").value(), 101) + of_tokens(Money::parse("10").value(), 13);
  const Money estimated = Money::attodollars(plain.units() / 1'000'000 * 912'345);
  for (const GroupBy by : {GroupBy::all, GroupBy::day, GroupBy::key, GroupBy::model}) {
    EXPECT_EQ(report(query, {}, by, pricing).value().total.others[0].usd, plain * 24 + estimated * 16);
  }
  Event e;
  e.model = "a:1", e.prompt_tokens = 101, e.completion_tokens = 13;
  const Explained told = explain_at(e, big);
  EXPECT_EQ(told.usd, estimated);
  ASSERT_EQ(told.factors.size(), 2u);
  EXPECT_EQ(told.factors[0].quantity, "101 tokens x 0.912345");
  ASSERT_FALSE(told.notes.empty());
  EXPECT_NE(told.notes.back().find("x 0.912 +- 2.2 %"), std::string::npos) << told.notes.back();
  e.model = "c:1";
  EXPECT_EQ(explain_at(e, big).usd, plain);
}

}  // namespace
}  // namespace freehold::ledger
