#include "upstream/event_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace freehold::upstream {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events read(std::string_view text, std::size_t piece) {
  Events events;
  EventStream stream([&](std::string_view name, std::string_view data) -> Result<> {
    events.emplace_back(name, data);
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += piece) EXPECT_TRUE(stream.feed(text.substr(at, piece)));
  return events;
}

TEST(EventStream, IsTheSameInAnyPieces) {
  constexpr std::string_view kText =
      "\xEF\xBB\xBF: a comment\n"
      "event: start\ndata: {\"a\": 1}\n\n"
      "data: one\r\ndata:two\r\n\r\n"
      "id: 7\rretry: 10\rdata\r\r"
      "event: nothing\n\n"
      "data:  kept space\n\n"
      "data: without an end\n";
  const Events expected = {
      {"start", "{\"a\": 1}"}, {"message", "one\ntwo"}, {"message", ""}, {"message", " kept space"}};
  for (std::size_t piece = 1; piece <= kText.size(); ++piece) EXPECT_EQ(read(kText, piece), expected) << piece;
}

TEST(EventStream, IsBounded) {
  EventStream stream([](std::string_view, std::string_view) -> Result<> { return {}; });
  const std::string mebibyte = "data: " + std::string(std::size_t{1} << 20, 'x') + "\n";
  Result<> fed;
  std::size_t count = 0;
  while (fed && count < 100) {
    fed = stream.feed(mebibyte);
    ++count;
  }
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::corrupt);
  EXPECT_LT(count, 20u);
}

TEST(EventStream, EndsWithTheSinksError) {
  EventStream stream([](std::string_view, std::string_view) -> Result<> { return fail(Errc::io, "enough"); });
  const auto fed = stream.feed("data: x\n\ndata: y\n\n");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().what, "enough");
}

}  // namespace
}  // namespace freehold::upstream
