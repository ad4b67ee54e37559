#include "app/tune/cost.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

using ledger::Money;

TEST(TuningCost, EnergyIsExact) {
  const Energy energy{250, *Money::parse("0.30")};
  // 250 W for two hours are half a kilowatt-hour.
  const TuningCost cost = cost_of(1'000'000, 7200, energy, "2026-11-27");
  ASSERT_TRUE(cost.here);
  EXPECT_EQ(cost.here->text(), "0.15");
  EXPECT_DOUBLE_EQ(*cost.kwh, 0.5);
  EXPECT_NE(cost_text(cost).find("USD 0.1500 here: 0.5 kWh, at 250 W"), std::string::npos) << cost_text(cost);
  // A time that no plan has, still an amount.
  const TuningCost most = cost_of(1, 1e300, Energy{1'000'000, *Money::parse("10000")}, "2026-11-27");
  ASSERT_TRUE(most.here);
  EXPECT_EQ(most.here->rounded(0), "833333333333333");  // 3e11 s at 1 MW are 8.3333e10 kWh
}

TEST(TuningCost, WhatIsNotKnownIsNotMadeUp) {
  const Energy energy{250, *Money::parse("0.30")};
  EXPECT_FALSE(cost_of(5, {}, energy, "2026-11-27").here);
  EXPECT_FALSE(cost_of(5, 60, {}, "2026-11-27").here);
  EXPECT_NE(cost_text(cost_of(5, 60, {}, "2026-11-27")).find("--watts"), std::string::npos);
}

// Every vendor's price of training is a row of the book, times the tokens.
TEST(TuningCost, VendorsByTheBook) {
  const auto& book = ledger::PriceBook::built_in();
  const TuningCost cost = cost_of(2'500'000, {}, {}, "2026-11-27");
  ASSERT_FALSE(cost.vendors.empty());
  Money last;
  for (const auto& [price, usd] : cost.vendors) {
    EXPECT_EQ(price->kind, "training");
    EXPECT_EQ(book.find({price->provider, price->model}, "training", "2026-11-27"), price);
    EXPECT_EQ(usd, Money::attodollars(price->usd_per_million.units() * 5 / 2));
    EXPECT_GE(usd, last);
    last = usd;
  }
}

}  // namespace
}  // namespace freehold::app
