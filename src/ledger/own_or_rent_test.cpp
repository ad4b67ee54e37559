#include "ledger/own_or_rent.h"

#include <gtest/gtest.h>

namespace freehold::ledger {
namespace {

Money usd(std::string_view text) {
  return Money::parse(text).value();
}

// 0.0001 USD a second fixed, 10 W idle and 100 W under load at 0.36 a kWh: 0.000001 and 0.00001 USD a second.
Machine owned() {
  Machine m;
  m.from = "2026-01-01", m.price = usd("3153.60"), m.life_days = 365, m.tariff = usd("0.36");
  m.idle_milliwatts = 10'000, m.load_milliwatts = 100'000;
  return m;
}

TEST(OwnOrRent, TheVolumeFromWhichOwningIsCheaper) {
  const Rates rates = rates_of(owned());
  // 1 M tokens in 10000 s: 100 tokens a second; 0.1 USD of power, of which 0.01 would have been drawn idle.
  const Work work{1'000'000, 10'000'000'000, usd("0.1")};
  const OwnOrRent got = own_or_rent(rates, work, usd("5"));
  EXPECT_EQ(got.fixed_month.text(), "265.428");  // 2628000 s at 0.000101
  EXPECT_EQ(got.energy_above_idle.text(), "0.09");
  EXPECT_EQ(got.tokens_month_at_most, 262'800'000u);
  // 265.428 / (5 - 0.09) million tokens, rounded up.
  EXPECT_EQ(got.break_even, 54'058'656u);
  // At that volume both cost the same; a token fewer and the vendor is cheaper.
  const auto own = [&](std::uint64_t tokens) { return 265.428 + 0.09e-6 * static_cast<double>(tokens); };
  EXPECT_LE(own(*got.break_even), 5e-6 * static_cast<double>(*got.break_even) + 1e-9);
  EXPECT_GT(own(*got.break_even - 1), 5e-6 * static_cast<double>(*got.break_even - 1));
  EXPECT_FALSE(own_or_rent(rates, work, usd("0.09")).break_even) << "cheaper than power";
}

TEST(OwnOrRent, APriceOfAMillionByUtilisation) {
  const Rates rates = rates_of(owned());
  const Work work{1'000'000, 10'000'000'000, usd("0.1")};
  // 10000 s of the machine for a million: 1.01 fixed and idle, 0.09 above idle.
  EXPECT_EQ(own_per_million(rates, work, 1000).text(), "1.10");
  EXPECT_EQ(own_per_million(rates, work, 500).text(), "2.11");
  EXPECT_EQ(own_per_million(rates, work, 100).text(), "10.19");
  EXPECT_EQ(own_or_rent(rates, work, usd("5")).own_per_million_at_most.text(), "1.10");
}

TEST(OwnOrRent, WhenItHasPaidForItself) {
  // Idle power is 0.0864 a day.
  EXPECT_EQ(payback_days(owned(), usd("10.1864"), usd("0.1")), 316);  // 3153.6 / 10 = 315.36
  EXPECT_FALSE(payback_days(owned(), usd("0.18"), usd("0.1")));
  Machine rented;
  rented.from = "2026-01-01", rented.rent_per_hour = usd("4");
  EXPECT_FALSE(payback_days(rented, usd("1000"), usd("0")));
}

// FACTS: Mistral 7B on one A100 at 4 USD an hour for 40 minutes, against GPT-4's 499.01322.
TEST(OwnOrRent, TheWorkedExample) {
  Machine m;
  m.from = "2024-01-01", m.rent_per_hour = usd("4");
  const Work work{14'253'584 + 1'190'095, std::int64_t{2400} * 1'000'000, {}};
  const Rates rates = rates_of(m);
  const double own = for_time(rates.busy(), work.busy_us).as_double();
  EXPECT_NEAR(own, 2.67, 0.005);
  EXPECT_NEAR(499.01322 / own, 187, 0.5);
  EXPECT_NEAR(own_per_million(rates, work, 1000).as_double(), own / 15.443679, 1e-9);
}

}  // namespace
}  // namespace freehold::ledger
