#include "ledger/own_or_rent.h"

#include <algorithm>

namespace freehold::ledger {
namespace {

constexpr std::int64_t kMonthUs = kMonthSeconds * 1'000'000;

Money above_idle(const Rates& rates, const Work& work) {
  return std::max(Money(), work.energy - for_time(rates.idle_power, work.busy_us));
}

Int128 rounded_up(Int128 a, Int128 by) {
  return (a + by - 1) / by;
}

}  // namespace

OwnOrRent own_or_rent(const Rates& rates, const Work& work, Money vendor) {
  OwnOrRent out;
  out.fixed_month = for_time(rates.idle(), kMonthUs);
  out.energy_above_idle = above_idle(rates, work);
  out.tokens_month_at_most = static_cast<std::uint64_t>(Int128{work.tokens} * kMonthUs / work.busy_us);
  out.own_per_million_at_most = own_per_million(rates, work, 1000);
  // Fixed costs against what the vendor asks more than power, a token.
  const Money more = vendor - out.energy_above_idle;
  if (more > Money()) {
    const Int128 tokens = rounded_up(out.fixed_month.units() * work.tokens, more.units());
    out.break_even = static_cast<std::uint64_t>(std::min<Int128>(tokens, INT64_MAX));
  }
  return out;
}

Money own_per_million(const Rates& rates, const Work& work, int utilisation_permille) {
  // Of a second of which the machine works so much.
  const Int128 fixed = rates.idle().units() * 1000;
  const Int128 power = above_idle(rates, work).units() * 1'000'000 / work.busy_us * utilisation_permille;
  // tokens = work.tokens * 1e6 / busy_us * utilisation, so cost / tokens * 1e6 is:
  const Int128 tokens = Int128{work.tokens} * utilisation_permille;
  return Money::attodollars(((fixed + power) * work.busy_us + tokens / 2) / tokens);
}

std::optional<std::int64_t> payback_days(const Machine& machine, Money vendor_a_day, Money energy_above_idle_a_day) {
  if (machine.price <= Money()) return std::nullopt;
  const Rates rates = rates_of(machine);
  const Money running = for_time(rates.rent + rates.hosting + rates.idle_power, kDayMicroseconds);
  const Money saved = vendor_a_day - running - energy_above_idle_a_day;
  if (saved <= Money()) return std::nullopt;
  return static_cast<std::int64_t>(
      std::min<Int128>(rounded_up((machine.price - machine.residual).units(), saved.units()), 10'000'000));
}

}  // namespace freehold::ledger
