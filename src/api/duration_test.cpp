#include "api/duration.h"

#include <gtest/gtest.h>

namespace freehold::api {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsReadAsGoReadsIt) {
  EXPECT_EQ(parse_keep_alive_text("5m"), 5min);
  EXPECT_EQ(parse_keep_alive_text("1h30m"), 90min);
  EXPECT_EQ(parse_keep_alive_text("1.5s"), 1500ms);
  EXPECT_EQ(parse_keep_alive_text(".5s"), 500ms);
  EXPECT_EQ(parse_keep_alive_text("+2ms"), 2ms);
  EXPECT_EQ(parse_keep_alive_text("7us"), 7us);
  EXPECT_EQ(parse_keep_alive_text("7\xc2\xb5s"), 7us);
  EXPECT_EQ(parse_keep_alive_text("7\xce\xbcs"), 7us);
  EXPECT_EQ(parse_keep_alive_text("9ns"), 9ns);
  for (const char* zero : {"0", "0s", "-0", "-0s", "0h0m", "0.0s"}) EXPECT_EQ(parse_keep_alive_text(zero), 0ns) << zero;
}

TEST(Duration, BelowZeroAndTooLongAreForEver) {
  for (const char* text : {"-1s", "-1m", "-0.5s", "9999999h", "99999999999999999999999999999999h"}) {
    EXPECT_EQ(parse_keep_alive_text(text), kForever) << text;
  }
  EXPECT_EQ(keep_alive_of_seconds(-1), kForever);
  EXPECT_EQ(keep_alive_of_seconds(1e300), kForever);
  EXPECT_EQ(keep_alive_of_seconds(0), 0ns);
  EXPECT_EQ(keep_alive_of_seconds(2.5), 2500ms);
}

TEST(Duration, RefusesTheRest) {
  for (const char* text : {"", "-", "+", "5", "soon", "1.2.3s", "m", ".s", "5 m", "5m ", "5minutes", "1e3s", "5M"}) {
    EXPECT_FALSE(parse_keep_alive_text(text)) << text;
  }
}

}  // namespace
}  // namespace freehold::api
