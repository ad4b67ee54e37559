#include "guard/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace freehold::guard {
namespace {

namespace ch = std::chrono;

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kMonthsInCycle = 400 * 12;  // the calendar repeats after 400 years

struct UnitWord {
  std::string_view one, many;
  Period::Unit unit;
  std::int64_t each, most;
};
constexpr UnitWord kUnitWords[] = {{"day", "days", Period::Unit::day, 1, 36'500},
                                   {"month", "months", Period::Unit::month, 1, 1'200},
                                   {"year", "years", Period::Unit::month, 12, 100}};

// The first day of a month; months are counted from January of the year 0.
ch::sys_days first_of(std::int64_t month) {
  return ch::sys_days(ch::year(static_cast<int>(month / 12)) / ch::month(static_cast<unsigned>(month % 12) + 1) / 1);
}

// How many days so many months have at least and at most. Any month's clamped last day is as far from the next as the
// firsts of the months behind both, so the firsts are enough.
std::pair<std::int64_t, std::int64_t> days_of(std::int64_t months) {
  std::int64_t least = INT64_MAX, most = 0;
  for (std::int64_t at = 0; at < kMonthsInCycle; ++at) {
    const std::int64_t days = (first_of(2000 * 12 + at + months) - first_of(2000 * 12 + at)).count();
    least = std::min(least, days);
    most = std::max(most, days);
  }
  return {least, most};
}

constexpr std::array kRetentionPresets = {
    RetentionPreset{"hipaa-6-years", Period{Period::Unit::month, 72},
                    "45 CFR 164.316(b)(2)(i): documentation is kept 6 years from when it was made or last in effect"},
    RetentionPreset{"ai-act-6-months", Period{Period::Unit::month, 6},
                    "Regulation (EU) 2024/1689, Articles 19 and 26(6): logs are kept at least 6 months"},
};

}  // namespace

std::optional<Period> period_from(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ' || text.front() == '-') return {};
  const std::string_view word = text.substr(static_cast<std::size_t>(end - text.data()) + 1);
  for (const UnitWord& unit : kUnitWords) {
    if (word != unit.one && word != unit.many) continue;
    if (count < 1 || count > unit.most) return {};
    return Period{unit.unit, count * unit.each};
  }
  return {};
}

std::string text_of(const Period& period) {
  const bool years = period.unit == Period::Unit::month && period.count % 12 == 0;
  const UnitWord& unit = kUnitWords[period.unit == Period::Unit::day ? 0 : years ? 2 : 1];
  const std::int64_t count = period.count / unit.each;
  return fmt::format("{} {}", count, count == 1 ? unit.one : unit.many);
}

std::int64_t end_of(const Period& period, std::int64_t from) {
  static const std::int64_t kFirst = ch::sys_days(ch::year(-9'999) / 1 / 1).time_since_epoch().count() * kDaySeconds;
  static const std::int64_t kLast = ch::sys_days(ch::year(9'999) / 12 / 31).time_since_epoch().count() * kDaySeconds;
  from = std::clamp(from, kFirst, kLast);
  if (period.unit == Period::Unit::day) return from + period.count * kDaySeconds;
  const auto day = ch::floor<ch::days>(ch::sys_seconds(ch::seconds(from)));
  ch::year_month_day date(day);
  date += ch::months(period.count);
  if (!date.ok()) date = date.year() / date.month() / ch::last;
  const std::int64_t time_of_day = from - day.time_since_epoch().count() * kDaySeconds;
  return ch::sys_days(date).time_since_epoch().count() * kDaySeconds + time_of_day;
}

bool covers(const Period& longer, const Period& shorter) {
  if (longer.unit == shorter.unit) return longer.count >= shorter.count;
  if (longer.unit == Period::Unit::day) return longer.count >= days_of(shorter.count).second;
  return days_of(longer.count).first >= shorter.count;
}

std::span<const RetentionPreset> retention_presets() {
  return kRetentionPresets;
}

const RetentionRule& Retention::of(std::string_view label) const {
  const auto found = labels.find(label);
  return found != labels.end() ? found->second : otherwise;
}

bool Retention::keeps_all() const {
  return otherwise.keeps() &&
         std::all_of(labels.begin(), labels.end(), [](const auto& rule) { return rule.second.keeps(); });
}

Fate fate_of(const RetentionRule& rule, std::int64_t from, std::int64_t now) {
  if (rule.remove && end_of(*rule.remove, from) <= now) return Fate::remove;
  if (rule.drop_content && end_of(*rule.drop_content, from) <= now) return Fate::drop_content;
  return Fate::keep;
}

}  // namespace freehold::guard
