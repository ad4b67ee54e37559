#include "text/jinja/strftime.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace freehold::text::jinja {
namespace {

constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                 "July",    "August",   "September", "October", "November", "December"};

// The ISO 8601 week and the year it belongs to.
std::pair<int, int> iso_week(const std::tm& t) {
  int year = t.tm_year + 1900;
  int weekday = (t.tm_wday + 6) % 7;  // Monday = 0
  int week = (t.tm_yday - weekday + 10) / 7;
  auto weeks_in = [](int y) {
    auto p = [](int x) { return (x + x / 4 - x / 100 + x / 400) % 7; };
    return p(y) == 4 || p(y - 1) == 3 ? 53 : 52;
  };
  if (week < 1) return {year - 1, weeks_in(year - 1)};
  if (week > weeks_in(year)) return {year + 1, 1};
  return {year, week};
}

std::string number(int value, int width, char flag, char fill = '0') {
  if (flag == '-') return std::to_string(value);
  if (flag == '_') fill = ' ';
  if (flag == '0') fill = '0';
  std::string digits = std::to_string(value);
  auto w = static_cast<std::size_t>(width);
  return digits.size() < w ? std::string(w - digits.size(), fill) + digits : digits;
}

std::string conversion(char c, char flag, const std::tm& t) {
  int hour12 = t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12;
  std::string day = kDays[static_cast<std::size_t>(std::clamp(t.tm_wday, 0, 6))];
  std::string month = kMonths[static_cast<std::size_t>(std::clamp(t.tm_mon, 0, 11))];
  int year = t.tm_year + 1900;
  switch (c) {
    case 'a':
      return day.substr(0, 3);
    case 'A':
      return day;
    case 'b':
    case 'h':
      return month.substr(0, 3);
    case 'B':
      return month;
    case 'c':
      return format_time("%a %b %e %H:%M:%S %Y", t);
    case 'C':
      return number(year / 100, 2, flag);
    case 'd':
      return number(t.tm_mday, 2, flag);
    case 'D':
    case 'x':
      return format_time("%m/%d/%y", t);
    case 'e':
      return number(t.tm_mday, 2, flag, ' ');
    case 'f':
      return "000000";
    case 'F':
      return format_time("%Y-%m-%d", t);
    case 'G':
      return number(iso_week(t).first, 4, flag);
    case 'g':
      return number(iso_week(t).first % 100, 2, flag);
    case 'H':
      return number(t.tm_hour, 2, flag);
    case 'I':
      return number(hour12, 2, flag);
    case 'j':
      return number(t.tm_yday + 1, 3, flag);
    case 'k':
      return number(t.tm_hour, 2, flag, ' ');
    case 'l':
      return number(hour12, 2, flag, ' ');
    case 'm':
      return number(t.tm_mon + 1, 2, flag);
    case 'M':
      return number(t.tm_min, 2, flag);
    case 'n':
      return "\n";
    case 'p':
      return t.tm_hour < 12 ? "AM" : "PM";
    case 'P':
      return t.tm_hour < 12 ? "am" : "pm";
    case 'r':
      return format_time("%I:%M:%S %p", t);
    case 'R':
      return format_time("%H:%M", t);
    case 'S':
      return number(t.tm_sec, 2, flag);
    case 't':
      return "\t";
    case 'T':
    case 'X':
      return format_time("%H:%M:%S", t);
    case 'u':
      return std::to_string(t.tm_wday == 0 ? 7 : t.tm_wday);
    case 'U':
      return number((t.tm_yday + 7 - t.tm_wday) / 7, 2, flag);
    case 'V':
      return number(iso_week(t).second, 2, flag);
    case 'w':
      return std::to_string(t.tm_wday);
    case 'W':
      return number((t.tm_yday + 7 - (t.tm_wday + 6) % 7) / 7, 2, flag);
    case 'y':
      return number(year % 100, 2, flag);
    case 'Y':
      return std::to_string(year);
    case 'z':
    case 'Z':
      return "";  // the time has no zone
    case '%':
      return "%";
    default:
      return std::string(1, '%') + c;
  }
}

}  // namespace

std::string format_time(std::string_view format, const std::tm& time) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      out += format[i];
      continue;
    }
    char flag = '\0';
    std::size_t at = i + 1;
    if (std::string_view("-_0^").find(format[at]) != std::string_view::npos && at + 1 < format.size())
      flag = format[at++];
    std::string text = conversion(format[at], flag, time);
    if (flag == '^')
      std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
    out += text;
    i = at;
  }
  return out;
}

}  // namespace freehold::text::jinja
