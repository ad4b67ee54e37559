#include "api/duration.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace freehold::api {
namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr Unit kUnits[] = {{"ns", 1e-9}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"\xce\xbcs", 1e-6},
                           {"ms", 1e-3}, {"s", 1},     {"m", 60},           {"h", 3600}};

}  // namespace

std::chrono::nanoseconds keep_alive_of_seconds(double seconds) {
  constexpr double kMost = 9.2e9;  // seconds in 63 bits of nanoseconds
  if (!(seconds >= 0) || seconds >= kMost) return kForever;
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

std::optional<std::chrono::nanoseconds> parse_keep_alive_text(std::string_view text) {
  bool below = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    below = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const std::size_t number = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view digits = text.substr(0, number);
    if (digits.find_first_of("0123456789") == std::string_view::npos || digits.find('.') != digits.rfind('.')) {
      return std::nullopt;
    }
    // A leading point is no number to from_chars, but one to Go.
    const std::string with_zero = "0" + std::string(digits);
    double value = 0;
    const auto read = std::from_chars(with_zero.data(), with_zero.data() + with_zero.size(), value);
    if (read.ec == std::errc::result_out_of_range) value = HUGE_VAL;
    text.remove_prefix(number);
    const std::size_t end = std::min(text.find_first_of("0123456789."), text.size());
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                    [&](const Unit& u) { return u.name == text.substr(0, end); });
    if (unit == std::end(kUnits)) return std::nullopt;
    seconds += value * unit->seconds;
    text.remove_prefix(end);
  }
  if (below && seconds > 0) return kForever;
  return keep_alive_of_seconds(seconds);
}

}  // namespace freehold::api
