// When a request that failed is sent again, and after how long.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace freehold::upstream {

struct RetryPolicy {
  int attempts = 6;                             // in all
  std::chrono::milliseconds first{500};         // before the second; twice as long before each further one
  std::chrono::milliseconds longest{60'000};    // between two by our own choice
  std::chrono::milliseconds patience{300'000};  // a vendor that wants a longer pause is given up
};

// Whether the same request may succeed later: 408, 409, 429 and 5xx, as OpenAI's and Anthropic's own clients hold it,
// unless the vendor's code says that an account is empty ("insufficient_quota") or its x-should-retry says no.
bool may_help(int status, const http::Headers& headers, std::string_view code);

// How long the vendor asks to wait: retry-after-ms, or Retry-After in seconds or as a date (RFC 9110 section 10.2.3),
// seen from `now`. Nothing if it does not say.
std::optional<std::chrono::milliseconds> wished_pause(const http::Headers& headers,
                                                      std::chrono::system_clock::time_point now);

// Before attempt `next` (2, 3, …): first * 2^(next - 2), at most `longest`, less up to a quarter by `draw` in [0, 1),
// so that many who failed together do not come back together.
std::chrono::milliseconds backoff(const RetryPolicy& policy, int next, double draw);

}  // namespace freehold::upstream
