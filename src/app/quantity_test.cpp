#include "app/quantity.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

TEST(Quantity, BytesAsPeopleWriteThem) {
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
  EXPECT_EQ(parse_bytes("123456"), 123456u);
  EXPECT_EQ(parse_bytes("0"), 0u);
  for (const char* text : {"8GiB", "8G", "8g", "8gib", "8 GiB", "8.0G", "8192M", "8388608K"}) {
    EXPECT_EQ(parse_bytes(text), 8 * kGiB) << text;
  }
  EXPECT_EQ(parse_bytes("8GB"), 8'000'000'000u);
  EXPECT_EQ(parse_bytes("1.5g"), kGiB + kGiB / 2);
  EXPECT_EQ(parse_bytes("2T"), 2048 * kGiB);
  EXPECT_EQ(parse_bytes("7b"), 7u);
}

TEST(Quantity, RefusesTheRest) {
  for (const char* text :
       {"", "G", "-1", "+1", "1X", "1GiBs", "1e30", "nan", "inf", "0x10", "99999999T", "1 2", " 1", "1G "}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

}  // namespace
}  // namespace freehold::app
