#include "ledger/money.h"

#include <gtest/gtest.h>

namespace freehold::ledger {
namespace {

Money parsed_money(std::string_view text) {
  auto parsed = Money::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Money();
}

TEST(Money, TextsAreExactBothWays) {
  for (const char* text :
       {"0.00", "12.00", "0.0375", "-0.000000000000000001", "999999999999999.999999999999999999", "-3.50"}) {
    EXPECT_EQ(parsed_money(text).text(), text);
  }
  EXPECT_EQ(parsed_money("7").text(), "7.00");
  EXPECT_EQ(parsed_money("-0").text(), "0.00");
  EXPECT_EQ(parsed_money("0.10").text(), "0.10");
  for (const char* wrong :
       {"", "-", ".5", "5.", "1e3", "1,5", " 1", "1 ", "0.0000000000000000001", "1000000000000000", "--1", "nan"}) {
    EXPECT_FALSE(Money::parse(wrong)) << wrong;
  }
}

TEST(Money, TextsOfSumsThatNoWordHolds) {
  const Int128 one = 1'000'000'000'000'000'000;  // a dollar
  const Int128 tens = one * 10'000'000'000'000'000'000U;
  EXPECT_EQ(Money::attodollars(tens).text(), "10000000000000000000.00");
  EXPECT_EQ(Money::attodollars(tens * 17 + 5).text(), "170000000000000000000.000000000000000005");
  EXPECT_EQ(Money::attodollars(-(tens * 3 + one * 42)).text(), "-30000000000000000042.00");
  EXPECT_EQ(Money::attodollars(tens - 1).text(), "9999999999999999999.999999999999999999");
  EXPECT_EQ(Money::attodollars(one / 10).text(), "0.10");
}

TEST(Money, RoundingIsHalfAwayFromZero) {
  EXPECT_EQ(parsed_money("0.125").rounded(2), "0.13");
  EXPECT_EQ(parsed_money("-0.125").rounded(2), "-0.13");
  EXPECT_EQ(parsed_money("0.1249").rounded(2), "0.12");
  EXPECT_EQ(parsed_money("0.5").rounded(0), "1");
  EXPECT_EQ(parsed_money("2").rounded(4), "2.0000");
}

TEST(Money, APriceOfAMillionTimesTokens) {
  EXPECT_EQ(of_tokens(parsed_money("0.01875"), 1).text(), "0.00000001875");
  EXPECT_EQ(of_tokens(parsed_money("30"), 14'253'584).text(), "427.60752");
  EXPECT_EQ((of_tokens(parsed_money("30"), 14'253'584) + of_tokens(parsed_money("60"), 1'190'095)).text(), "499.01322");
}

TEST(Money, QuotientsAreRoundedHalfAwayFromZero) {
  EXPECT_EQ(divided(parsed_money("1"), 3).text(), "0.333333333333333333");
  EXPECT_EQ(divided(parsed_money("2"), 3).text(), "0.666666666666666667");
  EXPECT_EQ(divided(parsed_money("-2"), 3).text(), "-0.666666666666666667");
  EXPECT_EQ(divided(parsed_money("2"), -3).text(), "-0.666666666666666667");
  EXPECT_EQ(divided(parsed_money("0.000000000000000001"), 2).text(), "0.000000000000000001");
}

}  // namespace
}  // namespace freehold::ledger
