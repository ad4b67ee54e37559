#include "ledger/budget.h"

#include <fmt/format.h>

#include <chrono>

#include "base/utf8.h"
#include "ledger/machine.h"

namespace freehold::ledger {

std::string_view name_of(BudgetScope scope) {
  constexpr std::string_view kNames[] = {"total", "key", "tag"};
  return kNames[static_cast<int>(scope)];
}
std::string_view name_of(BudgetMeasure measure) {
  return measure == BudgetMeasure::usd ? "usd" : "tokens";
}
std::string_view name_of(BudgetCounts counts) {
  constexpr std::string_view kNames[] = {"all", "vendors", "local"};
  return kNames[static_cast<int>(counts)];
}
std::string_view name_of(BudgetPeriod period) {
  constexpr std::string_view kNames[] = {"day", "week", "month", "forever"};
  return kNames[static_cast<int>(period)];
}

std::string Budget::amount(Int128 units) const {
  if (measure == BudgetMeasure::usd) return Money::attodollars(units).text() + " USD";
  return fmt::format("{} tokens", static_cast<std::int64_t>(units));
}

std::string Budget::text() const {
  std::string out(name_of(scope));
  if (scope != BudgetScope::total) out += " " + printable(subject, 80);
  out += ": " + amount(limit);
  if (period != BudgetPeriod::forever) out += fmt::format(" a {}", name_of(period));
  if (counts == BudgetCounts::vendors) out += " at vendors";
  if (counts == BudgetCounts::local) out += " on this machine";
  return out;
}

Result<> check(const Budget& b) {
  if ((b.scope == BudgetScope::total) != b.subject.empty())
    return fail(Errc::invalid, "a budget of a key or a tag names it, one of everybody names nobody");
  // A person's id is an issuer's address and their subject (guard/people.h).
  const std::size_t longest = b.scope == BudgetScope::key ? 600 : 64;
  if (b.subject.size() > longest || !is_utf8(b.subject))
    return fail(Errc::invalid, fmt::format("a {} has at most {} bytes of UTF-8", name_of(b.scope), longest));
  const Int128 most = b.measure == BudgetMeasure::usd
                          ? Money::picodollars(Int128{1'000'000'000} * 1'000'000'000'000).units()
                          : Int128{1'000'000'000'000'000};
  if (b.limit < 0 || b.limit > most)
    return fail(Errc::invalid, fmt::format("the limit must be from 0 to {}", b.amount(most)));
  if (b.soft_percent < 0 || b.soft_percent > 100)
    return fail(Errc::invalid, "the warning must be from 0 to 100 percent");
  return {};
}

BudgetTime time_of(BudgetPeriod period, std::int64_t moment) {
  const std::int64_t day = day_of(moment);
  switch (period) {
    case BudgetPeriod::day:
      return {day * kDayMicroseconds, (day + 1) * kDayMicroseconds};
    case BudgetPeriod::week: {
      const std::int64_t monday = day - ((day + 3) % 7 + 7) % 7;  // the first of 1970 was a Thursday
      return {monday * kDayMicroseconds, (monday + 7) * kDayMicroseconds};
    }
    case BudgetPeriod::month: {
      using namespace std::chrono;  // NOLINT
      const year_month_day d{sys_days(days(day))};
      const sys_days first(d.year() / d.month() / 1), next((d.year() / d.month() + months(1)) / 1);
      return {first.time_since_epoch().count() * kDayMicroseconds, next.time_since_epoch().count() * kDayMicroseconds};
    }
    case BudgetPeriod::forever:
      break;
  }
  return {INT64_MIN / 2, INT64_MAX / 2};
}

bool concerns(const Budget& b, const BudgetAsk& ask) {
  if (b.scope == BudgetScope::key && b.subject != ask.key_id) return false;
  if (b.scope == BudgetScope::tag && b.subject != ask.tag) return false;
  if (b.counts == BudgetCounts::vendors) return !ask.vendor.empty();
  return b.counts == BudgetCounts::all || ask.vendor.empty();
}

}  // namespace freehold::ledger
