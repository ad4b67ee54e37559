#include "upstream/retry.h"

#include <gtest/gtest.h>

namespace freehold::upstream {
namespace {

using std::chrono::milliseconds;

http::Headers with(std::string name, std::string value) {
  http::Headers headers;
  headers.add(std::move(name), std::move(value));
  return headers;
}

TEST(Retry, ReadsWhatVendorsWish) {
  const auto now = std::chrono::system_clock::from_time_t(1'700'000'000);  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(wished_pause(with("Retry-After", "7"), now), milliseconds(7000));
  EXPECT_EQ(wished_pause(with("retry-after", "0.5"), now), milliseconds(500));
  EXPECT_EQ(wished_pause(with("retry-after-ms", "1500"), now), milliseconds(1500));
  EXPECT_EQ(wished_pause(with("retry-after", "Tue, 14 Nov 2023 22:14:00 GMT"), now), milliseconds(40'000));
  EXPECT_EQ(wished_pause(with("retry-after", "Tue, 14 Nov 2023 22:10:00 GMT"), now), milliseconds(0));
  for (const char* wrong : {"", "soon", "-1", "nan", "Tue, 14 Nov 2023 22:14:00 CET"}) {
    EXPECT_EQ(wished_pause(with("retry-after", wrong), now), std::nullopt) << wrong;
  }
  EXPECT_GT(wished_pause(with("retry-after", "1e300"), now), milliseconds(86'400'000));
}

TEST(Retry, WaitsLongerEachTime) {
  const RetryPolicy policy{.attempts = 9, .first = milliseconds(100), .longest = milliseconds(1000), .patience = {}};
  EXPECT_EQ(backoff(policy, 2, 0), milliseconds(100));
  EXPECT_EQ(backoff(policy, 3, 0), milliseconds(200));
  EXPECT_EQ(backoff(policy, 5, 0), milliseconds(800));
  EXPECT_EQ(backoff(policy, 6, 0), milliseconds(1000));
  EXPECT_EQ(backoff(policy, 1000, 0), milliseconds(1000));
  EXPECT_EQ(backoff(policy, 2, 0.8), milliseconds(80));
}

TEST(Retry, OnlyWhereItMayHelp) {
  for (int status : {408, 409, 429, 500, 502, 503, 504, 529}) EXPECT_TRUE(may_help(status, {}, "")) << status;
  for (int status : {200, 301, 400, 401, 403, 404, 413, 422}) EXPECT_FALSE(may_help(status, {}, "")) << status;
  EXPECT_FALSE(may_help(429, {}, "insufficient_quota"));
  EXPECT_FALSE(may_help(500, with("x-should-retry", "false"), ""));
}

}  // namespace
}  // namespace freehold::upstream
