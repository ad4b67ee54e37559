#include "engine/drafting/ngram.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace freehold::engine {
namespace {

using Tokens = std::vector<std::int32_t>;

struct Guess {
  Tokens tokens;
  Evidence evidence = Evidence::weak;
};

// What is guessed after `tokens`, of which the first `prompt` are the prompt; asked as the answer grows. `expected`: as
// the request has it.
Guess guess_after(const Tokens& tokens, std::size_t most, std::size_t prompt = 1, Tokens expected = {}) {
  NgramDrafter drafter;
  Request request;
  request.expected = std::move(expected);
  request.prompt.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(prompt));
  auto state = drafter.start(request, static_cast<std::uint32_t>(tokens.size() - prompt), 16);
  Guess guess;
  for (std::size_t size = prompt; size <= tokens.size(); ++size) {
    Tokens draft(most, -1);
    DraftQuery query;
    query.request = &request;
    query.tokens = std::span<const std::int32_t>(tokens).first(size);
    query.state = state.get();
    query.draft = draft;
    drafter.propose({&query, 1});
    draft.resize(query.count);
    guess = {draft, query.evidence};
  }
  return guess;
}

TEST(NgramDrafter, ContinuesWhatWasThereBefore) {
  EXPECT_EQ(guess_after({1, 2, 3, 4, 5, 9, 2, 3}, 3).tokens, (Tokens{4, 5, 9}));
  EXPECT_EQ(guess_after({1, 2, 3, 4, 5, 9, 2, 3}, 3, 7).tokens, (Tokens{4, 5, 9})) << "the same from a long prompt";
  EXPECT_EQ(guess_after({1, 2, 3, 4, 5, 9, 3}, 3).tokens, Tokens()) << "one token is no evidence";
  EXPECT_EQ(guess_after({7}, 3).tokens, Tokens());
  EXPECT_EQ(guess_after({7, 7}, 3).tokens, Tokens());
}

TEST(NgramDrafter, TheLongestMatchWinsThenTheLatest) {
  EXPECT_EQ(guess_after({1, 2, 3, 40, 0, 2, 3, 50, 9, 1, 2, 3}, 1).tokens, Tokens{40});
  EXPECT_EQ(guess_after({2, 3, 40, 0, 2, 3, 50, 9, 2, 3}, 1).tokens, Tokens{50});
}

TEST(NgramDrafter, WhatRepeatsGoesOnRepeating) {
  EXPECT_EQ(guess_after({5, 6, 7, 5, 6, 7, 5}, 7).tokens, (Tokens{6, 7, 5, 6, 7, 5, 6}));
  EXPECT_EQ(guess_after({4, 4, 4}, 3).tokens, (Tokens{4, 4, 4}));
}

TEST(NgramDrafter, WhatIsExpectedGoesBeforeWhatWasThere) {
  const Tokens expected = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(guess_after({9, 2, 3}, 2, 1, expected).tokens, (Tokens{4, 5}));
  EXPECT_EQ(guess_after({9, 2, 3}, 9, 1, expected).tokens, (Tokens{4, 5, 6})) << "it ends";
  EXPECT_EQ(guess_after({9, 5, 6}, 9, 1, expected).tokens, Tokens());
  EXPECT_EQ(guess_after({2, 3, 40, 9, 2, 3}, 1, 1, expected).tokens, Tokens{4}) << "as long a match";
  EXPECT_EQ(guess_after({7, 2, 3, 40, 9, 7, 2, 3}, 1, 1, expected).tokens, Tokens{40}) << "a longer one";
  EXPECT_EQ(guess_after({9, 3}, 1, 1, expected).tokens, Tokens()) << "one token is no evidence";
  EXPECT_EQ(guess_after({9, 2, 3}, 1, 1, {2}).tokens, Tokens());
}

TEST(NgramDrafter, WhatIsExpectedGoesOnFromWhereItWas) {
  // Three times "1 2", each followed by something else, and more places before them than are looked at.
  const Tokens expected = {1, 2, 30, 31, 1, 2, 40, 41, 1, 2, 50, 51};
  EXPECT_EQ(guess_after({9, 1, 2}, 1, 1, expected).tokens, Tokens{30});
  EXPECT_EQ(guess_after({9, 1, 2, 30, 31, 8, 1, 2}, 1, 1, expected).tokens, Tokens{40});
  EXPECT_EQ(guess_after({9, 40, 41, 8, 1, 2}, 1, 1, expected).tokens, Tokens{50});
}

TEST(NgramDrafter, LongerMatchesAreBetterEvidence) {
  Tokens text;
  for (std::int32_t i = 0; i < 30; ++i) text.push_back(i);
  const std::pair<std::size_t, Evidence> cases[] = {
      {2, Evidence::weak}, {3, Evidence::fair}, {4, Evidence::good}, {7, Evidence::good}, {8, Evidence::strong}};
  for (auto [length, evidence] : cases) {
    Tokens again = text;
    for (std::size_t i = 0; i < length; ++i) again.push_back(static_cast<std::int32_t>(10 + i));
    EXPECT_EQ(guess_after(again, 1).evidence, evidence) << length;
    EXPECT_EQ(guess_after(again, 1).tokens, Tokens{static_cast<std::int32_t>(10 + length)});
  }
}

// Against the definition, on texts with few different tokens.
TEST(NgramDrafter, EqualsTheNaiveSearch) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Tokens text;
    for (std::uint32_t i = 0; i < 60; ++i) text.push_back(static_cast<std::int32_t>(uniform_draw(seed, 0, i) * 5));
    std::size_t best = 0, length = 0;
    for (std::size_t place = text.size() - 1; place-- > 0;) {
      std::size_t same = 0;
      while (same <= place && text[place - same] == text[text.size() - 1 - same]) ++same;
      if (same >= 2 && same > length) best = place, length = same;
    }
    const Guess guess = guess_after(text, 1);
    EXPECT_EQ(guess.tokens, length == 0 ? Tokens() : Tokens{text[best + 1]}) << seed;
  }
}

}  // namespace
}  // namespace freehold::engine
