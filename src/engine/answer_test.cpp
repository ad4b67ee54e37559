// What becomes of sampled tokens: text, stop strings, stop tokens, limits, log-probabilities; and that decoding
// allocates nothing.
#include "engine/answer.h"

#include "engine/count_allocations.h"
#include "engine/drafting/draft_model.h"
#include "engine/drafting/ngram.h"
#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::kByte;
using testing::kEos;
using testing::kLetter;
using testing::kWord;
using testing::Recorder;

constexpr std::size_t kPrompt = 3;

class AnswerTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();
  FakeDecoder decoder;

  // Runs a request for which the model will say exactly `script`, greedily.
  Recorder say(std::vector<std::int32_t> script, Request request = {}) {
    request.prompt.assign(kPrompt, testing::kBos);
    request.sampling.temperature = 0;
    if (request.max_tokens == 0) request.max_tokens = static_cast<std::uint32_t>(script.size());
    decoder.favourite = [script](std::span<const std::int32_t> ids) {
      std::size_t at = ids.size() - kPrompt;
      return at < script.size() ? script[at] : -1;
    };
    auto engine = Engine::create(decoder, tokenizer, {});
    EXPECT_TRUE(engine);
    Recorder recorder;
    auto done = (*engine)->run(request, recorder.sink());
    EXPECT_TRUE(done) << done.error().what;
    return recorder;
  }
  static std::vector<std::int32_t> letters(std::string_view text) {
    std::vector<std::int32_t> ids;
    for (char c : text) ids.push_back(kLetter + (c - 'a'));
    return ids;
  }
};

constexpr std::int32_t kThe = kWord, kCat = kWord + 1, kEnd = kWord + 3, kSpace = kWord + 5;

TEST_F(AnswerTest, TextComesTokenByToken) {
  Recorder r = say({kThe, kCat, kLetter});
  EXPECT_EQ(r.events, (std::vector<std::string>{"started 3", "0 text  the", "0 text  cat", "0 text a",
                                                "0 finished length  -1 3"}));
  Request begins;
  begins.text_starts = true;
  // The vocabulary has no space to drop, so nothing is dropped.
  EXPECT_EQ(say({kThe, kCat}, begins).text[0], " the cat");
}

TEST_F(AnswerTest, HalfCharactersWaitForTheOtherHalf) {
  Recorder r = say({kByte + 0xC3, kByte + 0xA9, kByte + 0xE2, kByte + 0x82, kByte + 0xAC, kLetter});
  EXPECT_EQ(r.events,
            (std::vector<std::string>{"started 3", "0 text é", "0 text €", "0 text a", "0 finished length  -1 6"}));
  r = say({kLetter, kByte + 0xE2, kByte + 0x82});
  EXPECT_EQ(r.text[0], "a\uFFFD");
  r = say({kLetter, kByte + 0xE2, kByte + 0x82, kEos, kLetter});
  EXPECT_EQ(r.text[0], "a\uFFFD");
  EXPECT_EQ(r.finished[0].stop_token, kEos);
}

TEST_F(AnswerTest, StopStringsAcrossTokens) {
  Request request;
  request.stop = {"nothing", "at sat E", "zz"};
  Recorder r = say({kThe, kCat, kWord + 2, kSpace, kEnd, kLetter}, request);
  EXPECT_EQ(r.reasons, std::vector{FinishReason::length});  // " the cat sat  ENDa": two spaces
  EXPECT_EQ(r.text[0], " the cat sat  ENDa");
  r = say({kThe, kCat, kWord + 2, kEnd, kLetter}, request);
  EXPECT_EQ(r.text[0], " the c");
  EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
  EXPECT_EQ(r.stop_strings, std::vector<std::string>{"at sat E"});
  EXPECT_EQ(r.finished[0].usage.completion_tokens, 4u);
  EXPECT_EQ(r.finished[0].stop_token, -1);
}

TEST_F(AnswerTest, WhatWasHeldBackIsTextInTheEnd) {
  Request request;
  request.stop = {"abcd"};
  EXPECT_EQ(say(letters("xabc"), request).text[0], "xabc");
  auto script = letters("xabc");
  script.push_back(kEos);
  Recorder r = say(script, request);
  EXPECT_EQ(r.text[0], "xabc");
  EXPECT_EQ(r.events.back(), "0 finished stop  2 5");
}

TEST_F(AnswerTest, AStopStringWinsOverTheLimit) {
  Request request;
  request.stop = {"bc"};
  Recorder r = say(letters("abc"), request);
  EXPECT_EQ(r.text[0], "a");
  EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
  request.stop = {"\uFFFD"};  // appears only when the answer ends in the middle of a character
  r = say({kLetter, kByte + 0xE2}, request);
  EXPECT_EQ(r.text[0], "a");
  EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
}

TEST_F(AnswerTest, StopTokens) {
  Request request;
  request.stop_tokens = {kCat};
  Recorder r = say({kThe, kCat, kThe}, request);
  EXPECT_EQ(r.text[0], " the");
  EXPECT_EQ(r.finished[0].stop_token, kCat);
  EXPECT_EQ(r.finished[0].usage.completion_tokens, 2u);
  request = {};
  request.stop_at_end_of_generation = false;
  r = say({kThe, kEos, kThe}, request);
  EXPECT_EQ(r.text[0], " the the");  // control tokens are silent
  request.render_special = true;
  EXPECT_EQ(say({kThe, kEos, kThe}, request).text[0], " the</s> the");
}

TEST_F(AnswerTest, TheContextIsFilledToTheLastPosition) {
  Request request;
  request.prompt.assign(kPrompt, testing::kBos);
  request.sampling.temperature = 0;
  request.sampling.logit_bias = {{kEos, -100}};
  auto engine = Engine::create(decoder, tokenizer, {});
  Recorder r;
  ASSERT_TRUE((*engine)->run(request, r.sink()));
  EXPECT_EQ(r.finished.at(0).usage.completion_tokens, 512 - kPrompt);
  EXPECT_EQ(r.reasons, std::vector{FinishReason::length});
}

TEST_F(AnswerTest, LogitBiasForbidsAndForces) {
  Request request;
  request.sampling.logit_bias = {{kCat, -1e6}, {kThe, 1000}};
  request.max_tokens = 3;
  EXPECT_EQ(say({kCat, kCat, kCat}, request).text[0], " the the the");
}

TEST_F(AnswerTest, PenaltiesCountWhatTheyAreToldTo) {
  Request request;
  request.max_tokens = 2;
  request.sampling.presence_penalty = 100;
  EXPECT_NE(say({kCat, kCat}, request).text[0], " cat cat");
  request.sampling.penalty_last = 1;
  EXPECT_NE(say({kCat, kCat}, request).text[0], " cat cat");
  request.max_tokens = 3;
  EXPECT_EQ(say({kCat, kThe, kCat}, request).text[0], " cat the cat");
  request.stop_at_end_of_generation = false;
  request.render_special = true;
  request.sampling.penalty_last = 0;
  EXPECT_NE(say({testing::kBos, kCat, kThe}, request).text[0], "<s> cat the");
  request.sampling.penalty_scope = PenaltyScope::answer;
  EXPECT_EQ(say({testing::kBos, kCat, kThe}, request).text[0], "<s> cat the");
}

TEST_F(AnswerTest, LogprobsAreOfTheModelItself) {
  Request request;
  request.logprobs = 2;
  request.sampling.logit_bias = {{kCat, -1e6}};
  request.max_tokens = 1;
  std::vector<std::int32_t> top;
  double cat = 1, sampled = 1;
  decoder.favourite = [](std::span<const std::int32_t>) { return kCat; };
  request.prompt = {testing::kBos};
  auto engine = Engine::create(decoder, tokenizer, {});
  ASSERT_TRUE((*engine)->run(request, [&](const Event& e) {
    const auto* t = std::get_if<TokenLogprobs>(&e);
    if (t == nullptr) return;
    for (const TokenLogprob& each : t->top) top.push_back(each.token);
    cat = t->top[0].logprob;
    sampled = t->sampled.logprob;
    EXPECT_EQ(t->top[0].bytes, " cat");
    EXPECT_NE(t->sampled.token, kCat);
  }));
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0], kCat);
  EXPECT_NEAR(cat, 0, 1e-9);
  EXPECT_LT(sampled, -90);
}

TEST_F(AnswerTest, SteadyDecodingAllocatesNothing) {
  ThreadPool pool(2);
  for (int way = 0; way < 4; ++way) {
    const bool greedy = way % 2 == 0;
    auto engine = Engine::create(decoder, tokenizer, {.pool = way < 2 ? nullptr : &pool});
    decoder.batches.reserve(10000);
    std::size_t text = 0, finished = 0;
    for (std::uint64_t i = 0; i < 8; ++i) {
      Request request = testing::sampled_request(i, 20, 300);
      request.stop = {"never this", " the end of it"};
      request.sampling.presence_penalty = 0.1;
      request.sampling.typical_p = 0.95;
      request.sampling.top_k = 40;
      if (greedy) request.sampling = {.temperature = 0};
      ASSERT_TRUE((*engine)->submit(request, [&](const Event& e) {
        if (const auto* delta = std::get_if<TextDelta>(&e)) text += delta->text.size();
        finished += std::holds_alternative<Finished>(e);
      }));
    }
    for (int i = 0; i < 20; ++i) (*engine)->step();
    std::size_t before = testing::allocations.load(), text_before = text;
    for (int i = 0; i < 200; ++i) (*engine)->step();
    EXPECT_EQ(testing::allocations - before, 0u);
    EXPECT_EQ(finished, 0u);
    EXPECT_GT(text, text_before + 800);
  }
}

TEST_F(AnswerTest, SteadyGuessingAllocatesNothing) {
  FakeDecoder::Size size;
  size.drafted = 24;
  size.window = 40;
  FakeDecoder target(size), draft(size);
  target.eos_logit = draft.eos_logit = -30;
  NgramDrafter ngram;
  ModelDrafter small(draft, tokenizer);
  for (Drafter* drafter : std::initializer_list<Drafter*>{&ngram, &small}) {
    for (bool adaptive : {false, true}) {
      auto engine = Engine::create(target, tokenizer, {.prefix_cache = false, .drafting = {drafter, 3, adaptive}});
      ASSERT_TRUE(engine);
      target.batches.clear();
      target.batches.reserve(10000);
      draft.batches.reserve(10000);
      std::size_t finished = 0;
      for (std::uint64_t i = 0; i < 8; ++i) {
        Request request = testing::sampled_request(i, 20, 300);
        request.stop = {"never this", " the end of it"};
        request.sampling.presence_penalty = 0.1;
        request.logprobs.reset();
        ASSERT_TRUE(
            (*engine)->submit(request, [&](const Event& e) { finished += std::holds_alternative<Finished>(e); }));
      }
      for (int i = 0; i < 10; ++i) (*engine)->step();
      std::size_t before = testing::allocations.load();
      for (int i = 0; i < 60; ++i) (*engine)->step();
      EXPECT_EQ(testing::allocations - before, 0u);
      EXPECT_EQ(finished, 0u);
      if (!adaptive) {
        EXPECT_GT((*engine)->counters().drafted_tokens, 20u);
      }
    }
  }
}

}  // namespace
}  // namespace freehold::engine
