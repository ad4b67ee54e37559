// Rates and what follows from them, against sums worked out by hand or with other arithmetic.
#include "ledger/machine.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/temporary_folder_testing.h"
#include "ledger/cost_store.h"

namespace freehold::ledger {
namespace {

Money amount(std::string_view text) {
  return Money::parse(text).value();
}

// A workstation: 3153.60 USD over 365 days, that is 0.0001 USD a second; 0.36 USD a kWh at 100 W, that is 0.00001 USD a
// second.
Machine workstation() {
  Machine m;
  m.from = "2026-11-01";
  m.price = amount("3253.60");
  m.residual = amount("100");
  m.life_days = 365;
  m.tariff = amount("0.36");
  m.idle_milliwatts = 10'000;
  m.load_milliwatts = 100'000;
  m.hosting_per_month = amount("26.28");  // 0.00001 a second
  return m;
}

TEST(Machine, RatesASecond) {
  const Rates r = rates_of(workstation());
  EXPECT_EQ(r.depreciation.text(), "0.0001");
  EXPECT_EQ(r.hosting.text(), "0.00001");
  EXPECT_EQ(r.load_power.text(), "0.00001");
  EXPECT_EQ(r.idle_power.text(), "0.000001");
  EXPECT_EQ(r.rent, Money());
  EXPECT_EQ(r.busy().text(), "0.00012");
  EXPECT_EQ(r.idle().text(), "0.000111");
  EXPECT_EQ((r.energy * 1'000'000'000'000).text(), "0.36") << "a kWh";
  Machine cooled = workstation();
  cooled.overhead_permille = 1580;
  EXPECT_EQ(rates_of(cooled).load_power.text(), "0.0000158");
  EXPECT_EQ((rates_of(cooled).energy * 1'000'000'000'000).text(), "0.5688");
  Machine rented;
  rented.from = "2026-11-01";
  rented.rent_per_hour = amount("4");
  EXPECT_EQ(rates_of(rented).busy().text(), "0.001111111111") << "rounded to a picodollar";
}

TEST(Machine, ARequestPaysForItsTime) {
  const Rates r = rates_of(workstation());
  const LocalCost stated = local_cost(r, 2'500'000, 0, 0);
  EXPECT_EQ(stated.depreciation.text(), "0.00025");
  EXPECT_EQ(stated.energy.text(), "0.000025");
  EXPECT_EQ(stated.total().text(), "0.0003");
  // 5 Wh were measured in the same time: 0.005 kWh at 0.36.
  const LocalCost metered = local_cost(r, 2'500'000, 2'500'000, 5'000'000'000);
  EXPECT_EQ(metered.energy.text(), "0.0018");
  EXPECT_EQ(metered.depreciation, stated.depreciation);
  EXPECT_EQ(local_cost(r, 1, 0, 0).total().text(), "0.00000000012") << "a microsecond";
}

// The rules of the worked example of an A100 at 4 USD an hour for 40 minutes.
TEST(Machine, TheWorkedExampleOfARentedMachine) {
  Machine m;
  m.from = "2024-01-01";
  m.rent_per_hour = amount("4");
  EXPECT_EQ(local_cost(rates_of(m), std::int64_t{40} * 60 * 1'000'000, 0, 0).total().rounded(2), "2.67");
}

TEST(Machine, PartsAddUpInEveryGrouping) {
  Rates r = rates_of(workstation());
  r.depreciation = amount("0.000063419584");
  std::int64_t us = 0, metered = 0, energy = 0;
  Money sum;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const auto time = static_cast<std::int64_t>(uniform_draw(3, 0, i) * 1e8);
    const auto nwh = static_cast<std::int64_t>(uniform_draw(3, 1, i) * 1e9);
    const bool measured = i % 3 == 0;
    sum += local_cost(r, time, measured ? time : 0, measured ? nwh : 0).total();
    us += time, metered += measured ? time : 0, energy += measured ? nwh : 0;
  }
  EXPECT_EQ(sum, local_cost(r, us, metered, energy).total());
}

TEST(Machine, WrongAnswersAreNamed) {
  const auto why = [](const std::function<void(Machine&)>& change) {
    Machine m = workstation();
    change(m);
    const auto checked = check(m);
    return checked ? std::string("accepted") : checked.error().what;
  };
  EXPECT_EQ(why([](Machine&) {}), "accepted");
  EXPECT_NE(why([](Machine& m) { m.from = "1.11.2026"; }).find("no day"), std::string::npos);
  EXPECT_NE(why([](Machine& m) { m.price = amount("-1"); }).find("the price"), std::string::npos);
  EXPECT_NE(why([](Machine& m) { m.residual = amount("4000"); }).find("residual"), std::string::npos);
  EXPECT_NE(why([](Machine& m) { m.life_days = 0; }).find("years"), std::string::npos);
  EXPECT_NE(why([](Machine& m) { m.load_milliwatts = 5; }).find("fewer"), std::string::npos);
  EXPECT_NE(why([](Machine& m) { m.tariff = amount("0.1234567"); }).find("six digits"), std::string::npos);
  EXPECT_NE(why([](Machine& m) { m.overhead_permille = 900; }).find("overhead"), std::string::npos);
}

TEST(Machine, RowsAreSupersededByDayAndByLaterRows) {
  TemporaryFolder folder;
  EXPECT_TRUE(machine_history(folder.path()).value().empty());
  {
    CostStore store = CostStore::open(folder.path(), sql::Open::create).value();
    Machine m = workstation();
    ASSERT_TRUE(store.add(m, 100));
    m.from = "2026-12-01", m.tariff = amount("0.72");
    ASSERT_TRUE(store.add(m, 200));
    m.from = "2026-11-01", m.tariff = amount("0.18"), m.note = "a mistake, put right; '--";
    ASSERT_TRUE(store.add(m, 300));
    m.life_days = 0;
    EXPECT_FALSE(store.add(m, 400));
  }
  const MachineHistory history = machine_history(folder.path()).value();
  ASSERT_EQ(history.rows().size(), 3u) << "nothing is edited";
  EXPECT_EQ(history.rows()[0].machine, workstation());
  EXPECT_EQ(history.on(day_number("2026-10-31")), nullptr);
  EXPECT_EQ(history.on(day_number("2026-11-01"))->recorded, 300);
  EXPECT_EQ(history.on(day_number("2026-11-30"))->machine.note, "a mistake, put right; '--");
  EXPECT_EQ(history.on(day_number("2026-12-01"))->machine.tariff.text(), "0.72");
  EXPECT_EQ(history.rates_on(day_number("2030-01-01"))->load_power.text(), "0.00002");
}

TEST(Day, NumbersAndTexts) {
  EXPECT_EQ(day_number("1970-01-01"), 0);
  EXPECT_EQ(day_number("2026-11-27"), 20'784);  // date -d 2026-11-27 +%s / 86400
  EXPECT_EQ(day_text(20'784), "2026-11-27");
  EXPECT_EQ(day_text(day_number("2024-02-29")), "2024-02-29");
  EXPECT_EQ(day_of(-1), -1);
  EXPECT_EQ(day_of(0), 0);
  EXPECT_EQ(day_of(kDayMicroseconds - 1), 0);
  EXPECT_EQ(day_text(INT64_MAX), "9999-12-31");
}

}  // namespace
}  // namespace freehold::ledger
