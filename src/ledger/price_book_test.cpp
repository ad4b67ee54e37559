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

std::string with(const std::string& member) {
  std::string one = row("null", "1");
  return "[" + one.insert(one.size() - 1, "," + member) + "]";
}

TEST(PriceBook, WhatItDoesNotKnowIsRefused) {
  std::string other = row("null", "1");
  other.replace(other.find("\"input\""), 7, "\"inptu\"");
  EXPECT_TRUE(why("[" + other + "]")
                  .starts_with("row 1: 'inptu' is no kind of price; did you mean 'input'? Known are "
                               "input, output, cached_input, "))
      << why("[" + other + "]");
  EXPECT_EQ(why(with(R"("currency":"USD")")), "accepted");
  EXPECT_TRUE(why(with(R"("currency":"EUR")")).starts_with("row 1: 'currency' must be \"USD\""));
  EXPECT_TRUE(why(with(R"("currency":null)")).starts_with("row 1: 'currency' must be \"USD\""));
  EXPECT_TRUE(why(with(R"("effective_until":"2020-01-01")")).starts_with("row 1: 'effective_until' is no member"));
  EXPECT_NE(why(with(R"("nota":"x")")).find("did you mean 'note'?"), std::string::npos);
}

TEST(PriceBook, WhatMayBeAdded) {
  Price good;
  good.provider = "p", good.model = "m", good.kind = "output", good.source = "s", good.confidence = "high";
  good.from = "2026-12-24", good.retrieved = "2026-11-28", good.usd_per_million = Money::parse("10000").value();
  const auto refused = [&](auto&& change) {
    Price p = good;
    change(p);
    const auto got = PriceBook::check_new(p, "2026-11-28");
    return got ? std::string("accepted") : got.error().what;
  };
  EXPECT_EQ(refused([](Price&) {}), "accepted");
  EXPECT_NE(refused([](Price& p) { p.kind = "request"; }).find("all of a million tokens"), std::string::npos);
  EXPECT_NE(refused([](Price& p) { p.usd_per_million += Money::picodollars(1'000'000); }).find("a cent a token"),
            std::string::npos);
  EXPECT_NE(refused([](Price& p) { p.usd_per_million = -p.usd_per_million; }).find("from 0 to"), std::string::npos);
  EXPECT_EQ(refused([](Price& p) { p.retrieved = "2026-11-29"; }),
            "a price cannot have been read on 2026-11-29: today is 2026-11-28");
  for (const char* day : {"0001-01-01", "1999-12-31", "2200-01-01"})
    EXPECT_EQ(refused([&](Price& p) { p.from = day; }), std::string("a price cannot apply from ") + day);
  EXPECT_EQ(refused([](Price& p) { p.from.clear(); }), "accepted");
  for (const char* name : {" m", "m ", "a\nb", "\x1b[31m"})
    EXPECT_EQ(refused([&](Price& p) { p.model = name; }), "the model has spaces around it or control characters");
  // What an earlier version took stays readable.
  Price old = good;
  old.kind = "request", old.usd_per_million = Money::parse("1000000").value();
  EXPECT_TRUE(PriceBook::check(old));
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
    EXPECT_TRUE(p.from.empty() || PriceBook::check_new(p, "2026-12-31")) << p.provider << "/" << p.model << p.kind;
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
