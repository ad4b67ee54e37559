// Scores with the fake decoder, whose logits depend on every token that is in the cache: what is shared must give the
// bits that each text alone gives.
#include "eval/scorer.h"

#include <cmath>

#include "base/random.h"
#include "engine/sampling/logprobs.h"
#include "engine/test_support.h"

namespace freehold::eval {
namespace {

using engine::testing::FakeDecoder;
using engine::testing::kVocab;

std::int32_t token_at(std::uint64_t seed, std::uint64_t i) {
  return 3 + static_cast<std::int32_t>(uniform_draw(seed, 0, i) * (kVocab - 3));
}
std::vector<std::int32_t> tokens_of(std::uint64_t seed, std::size_t count) {
  std::vector<std::int32_t> out = {1};
  for (std::size_t i = 1; i < count; ++i) out.push_back(token_at(seed, i));
  return out;
}
std::vector<std::int32_t> operator+(std::vector<std::int32_t> a, const std::vector<std::int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Each token fed alone.
Score forced(const Scored& text) {
  FakeDecoder decoder;
  model::KvSequence sequence = decoder.cache().new_sequence();
  std::vector<float> row(kVocab);
  Score score;
  for (std::size_t i = 0; i + 1 < text.tokens.size(); ++i) {
    EXPECT_TRUE(sequence.reserve(1));
    const model::BatchItem item{.sequence = &sequence, .tokens = std::span(text.tokens).subspan(i, 1)};
    EXPECT_TRUE(decoder.forward({&item, 1}, row));
    if (i + 1 < text.first) continue;
    const auto next = static_cast<std::size_t>(text.tokens[i + 1]);
    score.logprob += engine::logprob_of(row[next], engine::log_sum_exp(row));
    score.greedy =
        score.greedy && static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin()) == next;
    ++score.tokens;
  }
  return score;
}

// Questions behind common examples, with choices of one or several tokens; then some that have nothing in common.
std::vector<std::vector<Scored>> many_items() {
  std::vector<std::vector<Scored>> items;
  const auto shots = tokens_of(1, 90);
  for (std::uint64_t q = 0; q < 9; ++q) {
    const auto context = shots + tokens_of(100 + q, 20 + 7 * q);
    std::vector<Scored> texts;
    for (std::uint64_t c = 0; c < 4; ++c) {
      std::vector<std::int32_t> choice = {token_at(c, 0)};
      if (q % 2 == 1) choice = choice + tokens_of(200 + 4 * q + c, 1 + c * 3);
      texts.push_back({context + choice, static_cast<std::uint32_t>(context.size())});
    }
    items.push_back(std::move(texts));
  }
  for (std::uint64_t q = 0; q < 3; ++q) {  // contexts that differ, with one continuation
    const auto tail = tokens_of(300 + q, 6);
    std::vector<Scored> texts;
    for (std::uint64_t c = 0; c < 2; ++c) {
      const auto context = tokens_of(400 + q, 10) + tokens_of(500 + 2 * q + c, 3 + c);
      texts.push_back({context + tail, static_cast<std::uint32_t>(context.size())});
    }
    items.push_back(std::move(texts));
  }
  items.push_back({{tokens_of(600, 70), 1}});                            // a whole text
  items.push_back({{tokens_of(601, 2), 1}});                             // the shortest
  items.push_back({{tokens_of(602, 40), 5}, {tokens_of(602, 40), 30}});  // equal texts
  return items;
}

std::vector<std::vector<Score>> scores_of(FakeDecoder& decoder, const std::vector<std::vector<Scored>>& texts,
                                          ScoreStats* stats = nullptr) {
  ThreadPool pool(2);
  std::vector<ScoreItem> items;
  for (const auto& one : texts) items.push_back(make_score_item(one));
  std::vector<std::vector<Score>> out(items.size());
  Scorer scorer(decoder, pool);
  auto ran = scorer.run(items, [&](std::size_t i, std::span<const Score> scores) -> Result<> {
    EXPECT_TRUE(out[i].empty()) << "each item once";
    out[i].assign(scores.begin(), scores.end());
    return {};
  });
  EXPECT_TRUE(ran) << ran.error().what;
  if (stats != nullptr) *stats = scorer.stats();
  const ScoreStats planned = plan_scores(items);
  EXPECT_EQ(planned.computed, scorer.stats().computed);
  EXPECT_EQ(planned.saved, scorer.stats().saved);
  EXPECT_EQ(planned.rows, scorer.stats().rows);
  EXPECT_TRUE(decoder.all_free());
  return out;
}

TEST(Scorer, SharingChangesNoBit) {
  const auto texts = many_items();
  for (const std::uint32_t chunk : {1u, 13u, 64u, 512u}) {
    FakeDecoder decoder({.chunk = chunk});
    ScoreStats stats;
    const auto scores = scores_of(decoder, texts, &stats);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      ASSERT_EQ(scores[i].size(), texts[i].size());
      for (std::size_t t = 0; t < texts[i].size(); ++t) EXPECT_EQ(scores[i][t], forced(texts[i][t])) << i << " " << t;
    }
    // Nine questions with four choices each behind 90 common tokens.
    EXPECT_GT(stats.saved, 35u * 90);
  }
}

TEST(Scorer, OneTokenChoicesTakeOneRowOfLogits) {
  std::vector<Scored> texts;
  const auto context = tokens_of(7, 30);
  for (std::int32_t c = 10; c < 14; ++c) texts.push_back({context + std::vector<std::int32_t>{c}, 30});
  FakeDecoder decoder;
  ScoreStats stats;
  scores_of(decoder, {texts}, &stats);
  EXPECT_EQ(stats.rows, 1u);
  EXPECT_EQ(stats.computed, 30u);
  EXPECT_EQ(stats.saved, 90u);
}

TEST(Scorer, ASmallCacheTakesThemOneAfterTheOther) {
  const auto texts = many_items();
  FakeDecoder wide, narrow({.sequences = 2, .chunk = 32, .cache_tokens = 800});
  EXPECT_EQ(scores_of(wide, texts), scores_of(narrow, texts));
}

TEST(Scorer, AWindowedLayerChangesNoBitEither) {
  const auto texts = many_items();
  FakeDecoder one({.chunk = 16, .window = 40}), other({.chunk = 200, .window = 40});
  EXPECT_EQ(scores_of(one, texts), scores_of(other, texts));
}

TEST(Scorer, WhatDoesNotFitIsRefusedBeforeAnythingRuns) {
  FakeDecoder decoder({.context = 64});
  ThreadPool pool(1);
  Scorer scorer(decoder, pool);
  const Scored fits{tokens_of(1, 65), 3}, longer{tokens_of(2, 66), 3};
  const ScoreItem items[] = {make_score_item({&fits, 1}), make_score_item({&longer, 1})};
  const auto refused = scorer.run(items, [](std::size_t, std::span<const Score>) -> Result<> { return {}; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_NE(refused.error().what.find("65 tokens"), std::string::npos);
  EXPECT_TRUE(decoder.batches.empty());
  EXPECT_TRUE(scorer.run({items, 1}, [](std::size_t, std::span<const Score>) -> Result<> { return {}; }));
}

TEST(Scorer, StopsAndGivesEverythingBack) {
  FakeDecoder decoder({.chunk = 16});
  ThreadPool pool(1);
  std::vector<ScoreItem> items;
  for (const auto& one : many_items()) items.push_back(make_score_item(one));
  std::atomic<bool> stop = false;
  Scorer scorer(decoder, pool);
  std::size_t done = 0;
  const auto stopped = scorer.run(
      items,
      [&](std::size_t, std::span<const Score>) -> Result<> {
        stop = ++done == 2;
        return {};
      },
      &stop);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::cancelled);
  EXPECT_LT(done, items.size());
  EXPECT_TRUE(decoder.all_free());
  decoder.fail_next = true;
  const auto failed = scorer.run(items, [](std::size_t, std::span<const Score>) -> Result<> { return {}; });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(decoder.all_free());
}

TEST(Scorer, LogitsThatAreNoNumbersAreAnError) {
  FakeDecoder decoder;
  decoder.change = [](std::span<float> row) { row[5] = INFINITY; };
  ThreadPool pool(1);
  Scorer scorer(decoder, pool);
  const Scored text{tokens_of(1, 20), 3};
  const ScoreItem item = make_score_item({&text, 1});
  EXPECT_FALSE(scorer.run({&item, 1}, [](std::size_t, std::span<const Score>) -> Result<> { return {}; }));
}

}  // namespace
}  // namespace freehold::eval
