#include "ledger/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/check.h"
#include "base/utf8.h"
#include "ledger/price_book.h"

namespace freehold::ledger {
namespace {

constexpr Int128 kPico = 1'000'000;  // attodollars

Money dollars(std::int64_t n) {
  return Money::picodollars(static_cast<Int128>(n) * 1'000'000'000'000);
}

// Half up, to whole picodollars. Nothing here is negative.
Money quotient(Int128 attodollars, Int128 by) {
  const Int128 unit = kPico * by;
  return Money::attodollars((attodollars + unit / 2) / unit * kPico);
}

// Attodollars a second of so many milliwatts: 1 kWh is 3.6e9 milliwatt-seconds; the overhead counts in thousandths.
Money power(const Machine& m, std::int64_t milliwatts) {
  return quotient(m.tariff.units() * milliwatts / 1000 * m.overhead_permille, 3'600'000'000);
}

}  // namespace

Result<> check(const Machine& m) {
  const auto wrong = [](std::string_view what) { return fail(Errc::invalid, std::string(what)); };
  if (!is_day(m.from)) return wrong(fmt::format("'{}' is no day; write it as 2026-11-01", printable(m.from, 40)));
  for (const auto& [name, amount, most] :
       {std::tuple("the price", m.price, 1'000'000'000), std::tuple("the residual value", m.residual, 1'000'000'000),
        std::tuple("the rent an hour", m.rent_per_hour, 1'000'000),
        std::tuple("the hosting a month", m.hosting_per_month, 100'000'000),
        std::tuple("the price of a kWh", m.tariff, 1000)}) {
    if (amount < Money() || amount > dollars(most))
      return wrong(fmt::format("{} must be from 0 to {} USD", name, most));
  }
  if (m.residual > m.price) return wrong("the residual value is more than the price");
  if (m.price > Money() && (m.life_days < 1 || m.life_days > 36'500))
    return wrong("the years of use must be from 0.003 to 100");
  if (m.tariff.units() % 1'000'000'000'000 != 0)
    return wrong("the price of a kWh has more than six digits behind the point");
  for (const auto& [name, watts] : {std::pair("idle", m.idle_milliwatts), std::pair("under load", m.load_milliwatts)}) {
    if (watts < 0 || watts > 1'000'000'000) return wrong(fmt::format("the watts {} must be from 0 to 1000000", name));
  }
  if (m.load_milliwatts < m.idle_milliwatts) return wrong("the watts under load are fewer than those idle");
  if (m.overhead_permille < 1000 || m.overhead_permille > 10'000) return wrong("the overhead must be from 1 to 10");
  if (m.note.size() > 500 || !is_utf8(m.note)) return wrong("the note must be UTF-8 of at most 500 bytes");
  return {};
}

Rates rates_of(const Machine& m) {
  Rates r;
  if (m.price > Money()) r.depreciation = quotient((m.price - m.residual).units(), Int128{m.life_days} * 86'400);
  r.rent = quotient(m.rent_per_hour.units(), 3600);
  r.hosting = quotient(m.hosting_per_month.units(), kYearSeconds / 12);
  r.idle_power = power(m, m.idle_milliwatts);
  r.load_power = power(m, m.load_milliwatts);
  r.energy = Money::attodollars((m.tariff.units() / 1'000'000'000'000 * m.overhead_permille + 500) / 1000);
  return r;
}

Money for_time(Money per_second, std::int64_t microseconds) {
  FH_CHECK(per_second.units() % kPico == 0, "rates are whole picodollars");
  return Money::attodollars(per_second.units() / kPico * microseconds);
}

LocalCost local_cost(const Rates& rates, std::int64_t compute_us, std::int64_t metered_us, std::int64_t energy_nwh) {
  LocalCost cost;
  cost.depreciation = for_time(rates.depreciation, compute_us);
  cost.rent = for_time(rates.rent, compute_us);
  cost.hosting = for_time(rates.hosting, compute_us);
  cost.energy = for_time(rates.load_power, compute_us - metered_us) + rates.energy * energy_nwh;
  return cost;
}

MachineHistory::MachineHistory(std::vector<MachineRow> rows) : rows_(std::move(rows)) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::int64_t from = day_number(rows_[i].machine.from);
    std::erase_if(valid_, [&](const Valid& v) { return v.from == from; });
    valid_.push_back({from, i, rates_of(rows_[i].machine)});
  }
  std::sort(valid_.begin(), valid_.end(), [](const Valid& a, const Valid& b) { return a.from < b.from; });
}

const MachineHistory::Valid* MachineHistory::valid_on(std::int64_t day) const {
  const auto after =
      std::upper_bound(valid_.begin(), valid_.end(), day, [](std::int64_t d, const Valid& v) { return d < v.from; });
  return after == valid_.begin() ? nullptr : &*std::prev(after);
}
const MachineRow* MachineHistory::on(std::int64_t day) const {
  const Valid* v = valid_on(day);
  return v == nullptr ? nullptr : &rows_[v->row];
}
const Rates* MachineHistory::rates_on(std::int64_t day) const {
  const Valid* v = valid_on(day);
  return v == nullptr ? nullptr : &v->rates;
}

std::int64_t day_number(std::string_view day) {
  FH_CHECK(is_day(day), "checked where it came from");
  int y = 0, m = 0, d = 0;
  std::from_chars(day.data(), day.data() + 4, y);
  std::from_chars(day.data() + 5, day.data() + 7, m);
  std::from_chars(day.data() + 8, day.data() + 10, d);
  return std::chrono::sys_days(std::chrono::year(y) / m / d).time_since_epoch().count();
}

std::string day_text(std::int64_t number) {
  // Beyond these is no day that a text of ten characters could hold.
  const std::int64_t n = std::clamp<std::int64_t>(number, -719'162, 2'932'896);
  const std::chrono::year_month_day day{std::chrono::sys_days(std::chrono::days(n))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

}  // namespace freehold::ledger
