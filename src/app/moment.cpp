#include "app/moment.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "base/utf8.h"

namespace freehold::app {
namespace {

// Exactly text.size() digits.
std::optional<int> number(std::string_view text) {
  int n = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + (c - '0');
  }
  return n;
}

std::optional<std::int64_t> span(std::string_view text) {
  if (text.size() < 2 || text.size() > 7) return std::nullopt;
  const std::optional<int> n = number(text.substr(0, text.size() - 1));
  if (!n) return std::nullopt;
  switch (text.back()) {
    case 'm':
      return std::int64_t{60} * *n;
    case 'h':
      return std::int64_t{3600} * *n;
    case 'd':
      return std::int64_t{86'400} * *n;
    case 'w':
      return std::int64_t{7 * 86'400} * *n;
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::optional<int> y = number(text.substr(0, 4));
  const std::optional<int> m = number(text.substr(5, 2));
  const std::optional<int> d = number(text.substr(8, 2));
  if (!y || !m || !d) return std::nullopt;
  const std::chrono::year_month_day day(std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*m)),
                                        std::chrono::day(static_cast<unsigned>(*d)));
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day).time_since_epoch().count() * std::int64_t{86'400};
}

std::optional<std::int64_t> time_of_day(std::string_view text) {
  if (text.size() != 10 || text[0] != 'T' || text[3] != ':' || text[6] != ':' || text[9] != 'Z') return std::nullopt;
  const std::optional<int> h = number(text.substr(1, 2));
  const std::optional<int> m = number(text.substr(4, 2));
  const std::optional<int> s = number(text.substr(7, 2));
  if (!h || !m || !s || *h > 23 || *m > 59 || *s > 59) return std::nullopt;
  return *h * 3600 + *m * 60 + *s;
}

}  // namespace

Result<std::int64_t> parse_moment(std::string_view what, std::string_view text, std::int64_t now, Direction direction) {
  if (const auto length = span(text)) return now + static_cast<int>(direction) * *length;
  const std::optional<std::int64_t> day = date(text.substr(0, 10));
  const std::optional<std::int64_t> time =
      text.size() == 10 ? 0 : time_of_day(text.substr(std::min<std::size_t>(10, text.size())));
  if (!day || !time) {
    return fail(Errc::invalid, fmt::format("{} needs a span like 30d or 12h, or a date like 2027-01-31 or "
                                           "2027-01-31T12:00:00Z, not '{}'",
                                           what, printable(text, 40)));
  }
  return *day + *time;
}

std::string show_moment(std::int64_t seconds) {
  if (seconds < -62'135'596'800 || seconds > 253'402'300'799) return std::to_string(seconds);
  const std::chrono::sys_seconds moment{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss time(moment - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

}  // namespace freehold::app
