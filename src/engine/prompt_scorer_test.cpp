// Log-probabilities of prompts with the fake decoder: those of feeding the tokens one by one, in any surroundings.
#include "engine/prompt_scorer.h"

#include <cmath>

#include "engine/sampling/logprobs.h"
#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::kVocab;
using testing::Recorder;
using testing::sampled_request;

struct Score {
  std::int32_t token;
  double logprob;
  std::vector<std::pair<std::int32_t, double>> top;
  bool operator==(const Score&) const = default;
};

class PromptScorerTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();

  std::unique_ptr<Engine> make(FakeDecoder& decoder, EngineOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, options);
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  static Request scoring(std::uint64_t seed, std::size_t tokens) {
    Request r = sampled_request(seed, tokens, 0);
    r.prompt_logprobs = 4;
    r.score_only = true;
    return r;
  }
  // All tokens but the first, which must be there.
  std::vector<Score> scores(Engine& engine, const Request& request) {
    std::vector<Score> out;
    auto done = engine.run(request, [&](const Event& e) {
      const auto* p = std::get_if<PromptLogprobs>(&e);
      if (p == nullptr) return;
      EXPECT_EQ(p->token.bytes, tokenizer.token_bytes(p->token.token));
      if (p->position == 0) {
        EXPECT_EQ(p->token.token, request.prompt[0]);
        EXPECT_TRUE(std::isnan(p->token.logprob));
        EXPECT_TRUE(p->top.empty());
        return;
      }
      EXPECT_EQ(p->position, out.size() + 1);
      out.push_back({p->token.token, p->token.logprob, {}});
      for (const TokenLogprob& t : p->top) out.back().top.emplace_back(t.token, t.logprob);
    });
    EXPECT_TRUE(done) << done.error().what;
    return out;
  }
  // The same by hand: each token fed alone.
  static std::vector<Score> forced(const std::vector<std::int32_t>& prompt, std::size_t top) {
    FakeDecoder decoder;
    auto sequence = decoder.cache().new_sequence();
    EXPECT_TRUE(sequence.reserve(static_cast<std::uint32_t>(prompt.size())));
    std::vector<float> logits(kVocab);
    std::vector<Score> out;
    for (std::size_t i = 0; i + 1 < prompt.size(); ++i) {
      const model::BatchItem item{&sequence, std::span(prompt).subspan(i, 1), model::LogitsWanted::last};
      EXPECT_TRUE(decoder.forward({&item, 1}, logits));
      const double sum = log_sum_exp(logits);
      std::vector<TokenLogprob> best(top);
      top_logprobs(logits, sum, best);
      out.push_back({prompt[i + 1], double{logits[static_cast<std::size_t>(prompt[i + 1])]} - sum, {}});
      for (const TokenLogprob& t : best) out.back().top.emplace_back(t.token, t.logprob);
    }
    return out;
  }
};

TEST_F(PromptScorerTest, GivesWhatTeacherForcingGives) {
  for (std::size_t tokens : {1u, 2u, 17u, 100u}) {
    const Request request = scoring(tokens, tokens);
    const auto expected = forced(request.prompt, 4);
    ASSERT_EQ(expected.size(), tokens - 1);
    for (std::uint32_t chunk : {1u, 13u, 512u}) {
      for (std::uint32_t sequences : {1u, 8u}) {
        FakeDecoder decoder;
        EngineOptions options;
        options.chunk = chunk;
        options.max_sequences = sequences;
        auto engine = make(decoder, options);
        EXPECT_EQ(scores(*engine, request), expected) << chunk;
        // Nothing is taken from what is kept, or there would be tokens without a score.
        Request answered = request;
        answered.score_only = false;
        answered.max_tokens = 3;
        EXPECT_EQ(scores(*engine, answered), expected);
        EXPECT_EQ(scores(*engine, answered), expected);
        EXPECT_EQ(engine->counters().reused_tokens, 0u);
      }
    }
  }
}

TEST_F(PromptScorerTest, TheAnswerAfterwardsIsTheSame) {
  Request request = sampled_request(3, 60, 40);
  request.n = 2;
  FakeDecoder decoder, other;
  Recorder plain, scored;
  ASSERT_TRUE(make(decoder)->run(request, plain.sink()));
  request.prompt_logprobs = 0;
  EngineOptions options;
  options.chunk = 7;
  ASSERT_TRUE(make(other, options)->run(request, scored.sink()));
  ASSERT_EQ(scored.events.size(), plain.events.size() + 60);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(scored.events[1 + i].substr(0, 6), "prompt");
  scored.events.erase(scored.events.begin() + 1, scored.events.begin() + 61);
  EXPECT_EQ(scored.events, plain.events);
}

TEST_F(PromptScorerTest, AmongOthersAsAlone) {
  FakeDecoder decoder;
  EngineOptions options;
  options.chunk = 32;
  auto engine = make(decoder, options);
  std::vector<Recorder> recorders(9);
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < recorders.size(); ++i) {
    requests.push_back(i % 3 == 0 ? scoring(i, 10 + 20 * i) : sampled_request(i, 10 + 20 * i, 30));
    if (i % 3 == 1) requests.back().prompt_logprobs = 1;
    ASSERT_TRUE(engine->submit(requests.back(), recorders[i].sink()));
  }
  while (engine->step()) {
  }
  for (std::size_t i = 0; i < recorders.size(); ++i) {
    FakeDecoder one;
    Recorder alone;
    ASSERT_TRUE(make(one)->run(requests[i], alone.sink()));
    EXPECT_EQ(recorders[i].events, alone.events) << i;
  }
  engine->drop_cached();
  EXPECT_TRUE(decoder.all_free());
}

TEST_F(PromptScorerTest, NoAnswerIsAnAnswerOfLengthZero) {
  FakeDecoder decoder;
  double now = 0;
  EngineOptions options;
  options.clock = [&] { return now++; };
  auto engine = make(decoder, options);
  Request request = scoring(1, 512);  // all of the context: no room for an answer is needed
  request.n = 3;
  Recorder recorder;
  ASSERT_TRUE(engine->run(request, recorder.sink()));
  EXPECT_EQ(recorder.reasons, (std::vector(3, FinishReason::length)));
  EXPECT_EQ(recorder.text, (std::vector<std::string>(3)));
  for (const Finished& f : recorder.finished) {
    EXPECT_EQ(f.usage.completion_tokens, 0u);
    EXPECT_GT(f.usage.prefill_seconds, 0);
    EXPECT_EQ(f.usage.decode_seconds, 0);
  }
  EXPECT_EQ(engine->counters().sampled_tokens, 0u);
  EXPECT_TRUE(decoder.all_free()) << "scored prompts are not kept";
}

TEST_F(PromptScorerTest, WithoutScoresItWarmsTheCache) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  Request request = sampled_request(1, 100, 0);
  request.score_only = true;
  Recorder warm, answer;
  ASSERT_TRUE(engine->run(request, warm.sink()));
  EXPECT_EQ(warm.events, (std::vector<std::string>{"started 100", "0 finished length  -1 0"}));
  request.score_only = false;
  request.max_tokens = 5;
  ASSERT_TRUE(engine->run(request, answer.sink()));
  EXPECT_EQ(answer.started.cached_tokens, 99u);
}

TEST_F(PromptScorerTest, BrokenLogitsAndCancellationEndIt) {
  FakeDecoder decoder;
  decoder.broken = [](std::span<const std::int32_t> ids) { return ids.size() == 20; };
  auto engine = make(decoder);
  auto failed = engine->run(scoring(1, 40), [](const Event&) {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::corrupt);
  RequestId id = 0;
  std::size_t seen = 0;
  Recorder recorder;
  auto inner = recorder.sink();
  auto submitted = engine->submit(scoring(1, 15), [&](const Event& e) {
    inner(e);
    if (std::holds_alternative<PromptLogprobs>(e) && ++seen == 5) engine->cancel(id);
  });
  ASSERT_TRUE(submitted);
  id = *submitted;
  while (engine->step()) {
  }
  EXPECT_EQ(recorder.reasons, std::vector{FinishReason::cancelled});
  EXPECT_TRUE(decoder.all_free());
}

}  // namespace
}  // namespace freehold::engine
