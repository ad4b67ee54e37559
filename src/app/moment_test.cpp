// Moments: what is accepted, that it means what it says, and that it reads back.
#include "app/moment.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z

TEST(Moment, Spans) {
  EXPECT_EQ(parse_moment("x", "5m", kNow, Direction::future).value(), kNow + 300);
  EXPECT_EQ(parse_moment("x", "12h", kNow, Direction::past).value(), kNow - 12 * 3600);
  EXPECT_EQ(parse_moment("x", "30d", kNow, Direction::future).value(), kNow + 30 * 86'400);
  EXPECT_EQ(parse_moment("x", "2w", kNow, Direction::future).value(), kNow + 14 * 86'400);
}

TEST(Moment, DatesReadBack) {
  EXPECT_EQ(show_moment(kNow), "2027-01-15T08:00:00Z");
  EXPECT_EQ(show_moment(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(show_moment(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(show_moment(INT64_MAX), std::to_string(INT64_MAX));
  EXPECT_EQ(parse_moment("x", "2027-01-15", 0, Direction::past).value(), kNow - 8 * 3600);
  for (std::int64_t t : {std::int64_t{0}, kNow, std::int64_t{951'782'400}, std::int64_t{253'402'300'799}}) {
    EXPECT_EQ(parse_moment("x", show_moment(t), 0, Direction::past).value(), t);
  }
}

TEST(Moment, EverythingElseIsAnError) {
  for (const char* bad :
       {"", "d", "30", "30y", "-30d", "3.5d", "99999999d", "2027-02-29", "2027-13-01", "2027-1-1", "2027-01-31T",
        "2027-01-31T24:00:00Z", "2027-01-31T12:00:00", "2027-01-31 12:00:00Z", "20a7-01-31", "\x1b[1m", "tomorrow"}) {
    auto parsed = parse_moment("--since", bad, kNow, Direction::past);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Errc::invalid);
    EXPECT_NE(parsed.error().what.find("--since"), std::string::npos);
    EXPECT_EQ(parsed.error().what.find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace freehold::app
