#include "ledger/price_book.h"

#include <gtest/gtest.h>

namespace freehold::ledger {
namespace {

std::string row(const std::string& from, const std::string& price, const std::string& model = "m",
                const std::string& provider = "p") {
  return R"({"provider":")" + provider + R"(","model":")" + model + R"(","kind":"input","usd_per_1m_tokens":)" + price +
         R"(,"effective_from":)" + from + R"(,"source":"s","retrieved":"2026-01-01","confidence":"high"})";
}
PriceBook book(const std::string& rows) {
  auto parsed = PriceBook::parse("[" + rows + "]");
  EXPECT_TRUE(parsed) << parsed.error().what;
  return parsed ? std::move(*parsed) : PriceBook();
}
std::string why(const std::string& rows) {
  const auto parsed = PriceBook::parse(rows);
  return parsed ? "accepted" : parsed.error().what;
}

TEST(PriceBook, TheRowOfTheDay) {
  const PriceBook b = book(row("\"2024-10-01\"", "1.25") + "," + row("\"2024-05-13\"", "5") + "," + row("null", "9"));
  const PriceBook::Name m{"p", "m"};
  EXPECT_EQ(b.find(m, "input", "2024-09-30")->usd_per_million.text(), "5.00");
  EXPECT_EQ(b.find(m, "input", "2024-10-01")->usd_per_million.text(), "1.25");
  EXPECT_EQ(b.find(m, "input", "2030-01-01")->usd_per_million.text(), "1.25");
  EXPECT_EQ(b.find(m, "input", "2024-05-12")->from, "") << "a row without a day applies where no other does";
  EXPECT_EQ(b.find(m, "output", "2024-10-01"), nullptr);
  EXPECT_EQ(b.find({"p", "x"}, "input", "2024-10-01"), nullptr);
  EXPECT_EQ(b.history(m).size(), 3u);
}

TEST(PriceBook, RowsOfOnesOwnTakeThePlaceOfItsRows) {
  const PriceBook b = book(row("\"2024-05-13\"", "5") + "," + row("\"2024-10-01\"", "1.25"));
  Price own = *b.find({"p", "m"}, "input", "2024-06-01");
  own.usd_per_million = Money::parse("4").value();
  Price later = own;
  later.usd_per_million = Money::parse("3").value();
  Price between = own;
  between.from = "2024-08-01", between.usd_per_million = Money::parse("2").value();
  const PriceBook with = b.with({own, later, between});
  const PriceBook::Name m{"p", "m"};
  EXPECT_EQ(with.find(m, "input", "2024-06-01")->usd_per_million.text(), "3.00");
  EXPECT_EQ(with.find(m, "input", "2024-09-30")->usd_per_million.text(), "2.00");
  EXPECT_EQ(with.find(m, "input", "2024-10-01")->usd_per_million.text(), "1.25");
  EXPECT_EQ(b.find(m, "input", "2024-06-01")->usd_per_million.text(), "5.00");
  own.from = "soon";
  EXPECT_EQ(PriceBook::check(own).error().code, Errc::invalid);
}

TEST(PriceBook, NamesAreResolvedOrExplained) {
  const PriceBook b =
      book(row("null", "1", "a", "p") + "," + row("null", "1", "both", "p") + "," + row("null", "1", "both", "q"));
  EXPECT_EQ(b.resolve("a")->provider, "p");
  EXPECT_EQ(b.resolve("q/both")->provider, "q");
  EXPECT_EQ(b.resolve("both").error().what, "several have 'both': say PROVIDER/both with p, q");
  EXPECT_EQ(b.resolve("p/bth").error().what, "no price of 'p/bth' is known; did you mean 'p/both'?");
  EXPECT_EQ(b.resolve("zzzzzz").error().code, Errc::not_found);
}

TEST(PriceBook, WrongRowsAreNamed) {
  EXPECT_EQ(why("{}"), "a price book is a list of rows");
  EXPECT_EQ(why("[5]"), "row 1: not an object");
  EXPECT_EQ(why("[" + row("null", "1") + "," + row("\"2024-02-30\"", "1") + "]"), "row 2: 'effective_from' is no day");
  EXPECT_EQ(why("[" + row("null", "-1") + "]"), "row 1: 'usd_per_1m_tokens' must be a number from 0 to 1000000");
  EXPECT_EQ(why("[" + row("null", "0.0000001") + "]"),
            "row 1: 'usd_per_1m_tokens' has more than six digits behind the point");
  EXPECT_EQ(why("[" + row("null", "1") + "," + row("null", "2") + "]"), "two rows of p/m input from an unknown day");
  EXPECT_EQ(why(R"([{"provider":"p"}])"), "row 1: 'model' is missing");
}

TEST(PriceBook, TheOneBuiltInIsSound) {
  const PriceBook& b = PriceBook::built_in();
  EXPECT_GT(b.rows().size(), 500u);
  const auto price = [&](std::string_view model, std::string_view kind, std::string_view day) {
    const auto name = b.resolve(model);
    EXPECT_TRUE(name) << model;
    const Price* p = name ? b.find(*name, kind, day) : nullptr;
    return p != nullptr ? p->usd_per_million.text() : "none";
  };
  EXPECT_EQ(price("openai/gpt-4", "input", "2024-01-01"), "30.00");
  EXPECT_EQ(price("openai/gpt-4", "output", "2024-01-01"), "60.00");
  for (const Price& p : b.rows()) {
    EXPECT_FALSE(p.source.empty());
    EXPECT_TRUE(p.confidence == "high" || p.confidence == "medium" || p.confidence == "low") << p.confidence;
  }
}

TEST(Day, OfTheCalendar) {
  EXPECT_TRUE(is_day("2024-02-29"));
  for (const char* wrong : {"2023-02-29", "2024-13-01", "2024-1-01", "20240101", "", "2024-00-10", "abcd-ef-gh"})
    EXPECT_FALSE(is_day(wrong)) << wrong;
}

}  // namespace
}  // namespace freehold::ledger
