#include "upstream/retry.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace freehold::upstream {
namespace {

// Longer pauses are no longer told apart: a year.
constexpr double kMostSeconds = 366.0 * 86400;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0)) return std::nullopt;
  return value;
}

std::chrono::milliseconds pause_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, kMostSeconds) * 1000));
}

}  // namespace

bool may_help(int status, const http::Headers& headers, std::string_view code) {
  if (http::equal_ignoring_case(headers.get("x-should-retry"), "false")) return false;
  if (code == "insufficient_quota" || code == "billing_error") return false;
  return status == 408 || status == 409 || status == 429 || status >= 500;
}

std::optional<std::chrono::milliseconds> wished_pause(const http::Headers& headers,
                                                      std::chrono::system_clock::time_point now) {
  if (const auto ms = number(headers.get("retry-after-ms"))) return pause_of(*ms / 1000);
  const std::string text(headers.get("retry-after"));
  if (const auto seconds = number(text)) return pause_of(*seconds);
  std::tm date{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const auto then = std::chrono::system_clock::from_time_t(::timegm(&date));
  return pause_of(std::max(0.0, std::chrono::duration<double>(then - now).count()));
}

std::chrono::milliseconds backoff(const RetryPolicy& policy, int next, double draw) {
  double pause = static_cast<double>(policy.first.count());
  for (int i = 2; i < next && pause < static_cast<double>(policy.longest.count()); ++i) pause *= 2;
  pause = std::min(pause, static_cast<double>(policy.longest.count()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(pause * (1 - 0.25 * draw)));
}

}  // namespace freehold::upstream
