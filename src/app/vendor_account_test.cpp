// What requests to vendors are settled as.
#include "app/vendor_account.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

upstream::Call call() {
  upstream::Call out{.model = "m"};
  out.messages.push_back({upstream::Message::Role::user, std::string(36, 'x')});
  out.max_tokens = 10;
  return out;
}

constexpr std::uint64_t kMostInput = 100;  // 36 bytes and the 64 around them

TEST(Settled, TakesTheVendorsCountsWhereTheyCanBe) {
  upstream::Attempt attempt{.counted = {90, 5, 40, 60}, .answer_bytes = 4, .answered = true};
  const Settled all = settled(attempt, call());
  EXPECT_TRUE(all.counted);
  EXPECT_EQ(all.tokens.prompt, 90u);
  EXPECT_EQ(all.tokens.cached, 40u);
  EXPECT_EQ(all.tokens.cache_writes, 50u) << "no more than is left of the prompt";
  EXPECT_EQ(all.tokens.completion, 5u);
  attempt.counted = {90, 0, 0, 0};
  EXPECT_FALSE(settled(attempt, call()).counted) << "a text has tokens";
  EXPECT_EQ(settled(attempt, call()).tokens.completion, 10u);
  attempt.answer_bytes = 0;
  EXPECT_TRUE(settled(attempt, call()).counted) << "an empty answer may have none";
  attempt.counted = {0, 5, 0, 0};
  EXPECT_EQ(settled(attempt, call()).tokens.prompt, kMostInput);
}

TEST(Settled, IsTheMostThatItCanBeWhereNobodyCounted) {
  upstream::Attempt attempt{.status = 200, .answer_bytes = 4, .answered = true};
  const Settled none = settled(attempt, call());
  EXPECT_FALSE(none.counted);
  EXPECT_EQ(none.tokens.prompt, kMostInput);
  EXPECT_EQ(none.tokens.completion, 10u);
  // A stream that broke: what it said of the prompt is so, what it said of the answer was its beginning.
  attempt = {.status = 200, .counted = {30, 1, 0, 0}, .answer_bytes = 4};
  const Settled broken = settled(attempt, call());
  EXPECT_FALSE(broken.counted);
  EXPECT_EQ(broken.tokens.prompt, 30u);
  EXPECT_EQ(broken.tokens.completion, 10u);
  attempt.counted.output = 17;
  EXPECT_EQ(settled(attempt, call()).tokens.completion, 17u) << "more than was asked for, if the vendor says so";
  const Settled failed = settled({.status = 500}, call());
  EXPECT_EQ(failed.tokens.prompt + failed.tokens.completion, kMostInput + 10);
  const Settled refused = settled({.status = 429, .free = true}, call());
  EXPECT_TRUE(refused.counted);
  EXPECT_EQ(refused.tokens, ledger::Tokens{});
}

}  // namespace
}  // namespace freehold::app
