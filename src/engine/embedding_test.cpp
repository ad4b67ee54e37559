// Embeddings with the fake decoder: a vector depends on nothing but its tokens.
#include "engine/embedding.h"

#include <cmath>

#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::kWidth;
using testing::Recorder;
using testing::sampled_request;

EmbedRequest text_of(std::uint64_t seed, std::size_t tokens) {
  EmbedRequest r;
  r.tokens = sampled_request(seed, tokens, 1).prompt;
  return r;
}

double length_of(std::span<const float> v) {
  double sum = 0;
  for (float x : v) sum += double{x} * double{x};
  return std::sqrt(sum);
}

class EmbeddingTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();

  std::unique_ptr<Engine> make(FakeDecoder& decoder, EngineOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, options);
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  void submit(Engine& engine, const EmbedRequest& request, Recorder& recorder) {
    auto id = engine.submit(request, recorder.sink());
    EXPECT_TRUE(id) << id.error().what;
  }
  std::vector<float> alone(const EmbedRequest& request, EngineOptions options = {}, FakeDecoder::Size size = {}) {
    FakeDecoder decoder(size);
    auto engine = make(decoder, options);
    Recorder recorder;
    submit(*engine, request, recorder);
    while (engine->step()) {
    }
    EXPECT_EQ(recorder.error, "");
    EXPECT_EQ(recorder.embedded.prompt_tokens, request.tokens.size());
    EXPECT_TRUE(decoder.all_free());
    return recorder.vector;
  }
};

constexpr Pooling kPoolings[] = {Pooling::last, Pooling::mean, Pooling::first};

// What the fake gives, pooled by hand.
TEST_F(EmbeddingTest, PoolsAndNormalises) {
  EmbedRequest request = text_of(1, 3);
  std::vector<std::vector<float>> rows;
  for (std::size_t n = 1; n <= 3; ++n) {
    EmbedRequest prefix = request;
    prefix.tokens.resize(n);
    FakeDecoder decoder;
    auto sequence = decoder.cache().new_sequence();
    ASSERT_TRUE(sequence.reserve(3));
    rows.emplace_back(kWidth);
    const model::BatchItem item{&sequence, prefix.tokens, model::LogitsWanted::none, rows.back()};
    ASSERT_TRUE(decoder.forward({&item, 1}, {}));
  }
  for (Pooling pooling : kPoolings) {
    request.pooling = pooling;
    std::vector<double> expected(kWidth);
    for (std::size_t c = 0; c < kWidth; ++c) {
      expected[c] = pooling == Pooling::last    ? rows[2][c]
                    : pooling == Pooling::first ? rows[0][c]
                                                : (double{rows[0][c]} + rows[1][c] + rows[2][c]) / 3;
    }
    double sum = 0;
    for (double e : expected) sum += e * e;
    const auto got = alone(request);
    ASSERT_EQ(got.size(), kWidth);
    for (std::size_t c = 0; c < kWidth; ++c) EXPECT_NEAR(got[c], expected[c] / std::sqrt(sum), 1e-6);
    EXPECT_NEAR(length_of(got), 1, 1e-6);
  }
}

TEST_F(EmbeddingTest, TheFileDecidesWhereTheRequestDoesNot) {
  FakeDecoder decoder;
  decoder.pooled = Pooling::mean;
  auto engine = make(decoder);
  Recorder recorder;
  EmbedRequest request = text_of(1, 9);
  submit(*engine, request, recorder);
  engine->step();
  request.pooling = Pooling::mean;
  EXPECT_EQ(recorder.vector, alone(request));
  request.pooling = Pooling::last;
  EXPECT_NE(recorder.vector, alone(request));
}

TEST_F(EmbeddingTest, ABatchAndChunksGiveTheBitsOfOne) {
  for (std::uint32_t window : {0u, 40u}) {
    for (std::uint32_t chunk : {1u, 13u, 64u, 512u}) {
      FakeDecoder::Size size;
      size.window = window;
      FakeDecoder decoder(size);
      EngineOptions options;
      options.chunk = chunk;
      auto engine = make(decoder, options);
      std::vector<EmbedRequest> requests;
      std::vector<Recorder> recorders(12), answers(4);
      for (std::uint64_t i = 0; i < recorders.size(); ++i) {
        requests.push_back(text_of(i, 1 + 17 * i));
        requests.back().pooling = kPoolings[i % 3];
        submit(*engine, requests.back(), recorders[i]);
        if (i % 3 != 0) continue;
        ASSERT_TRUE(engine->submit(sampled_request(i, 10 + i, 30), answers[i / 3].sink()));
      }
      while (engine->step()) {
      }
      for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(recorders[i].vector, alone(requests[i])) << i;
      for (std::uint64_t i = 0; i < answers.size(); ++i) {
        FakeDecoder other;
        Recorder expected;
        ASSERT_TRUE(make(other)->run(sampled_request(3 * i, 10 + 3 * i, 30), expected.sink()));
        EXPECT_EQ(answers[i].events, expected.events) << "answers beside embeddings";
      }
      EXPECT_EQ(engine->counters().embeddings, recorders.size());
      engine->drop_cached();
      EXPECT_TRUE(decoder.all_free());
    }
  }
}

TEST_F(EmbeddingTest, ACachedBeginningIsUsedWhereItMayBe) {
  for (Pooling pooling : kPoolings) {
    FakeDecoder decoder;
    auto engine = make(decoder);
    Request chat = sampled_request(4, 100, 5);
    Recorder answer, recorder, other;
    ASSERT_TRUE(engine->run(chat, answer.sink()));
    EmbedRequest request;
    request.tokens = chat.prompt;
    request.pooling = pooling;
    submit(*engine, request, recorder);
    request.tenant = "other";
    submit(*engine, request, other);
    while (engine->step()) {
    }
    EXPECT_EQ(recorder.embedded.cached_tokens, pooling == Pooling::last ? 99u : 0u);
    EXPECT_EQ(other.embedded.cached_tokens, 0u);
    EXPECT_EQ(recorder.vector, other.vector);
    EXPECT_EQ(recorder.vector, alone(request));
  }
}

TEST_F(EmbeddingTest, DimensionsKeepTheFirstOfThem) {
  EmbedRequest request = text_of(1, 9);
  auto whole = alone(request);
  request.dimensions = 5;
  const auto few = alone(request);
  ASSERT_EQ(few.size(), 5u);
  EXPECT_NEAR(length_of(few), 1, 1e-6);
  for (std::size_t c = 1; c < 5; ++c) EXPECT_NEAR(few[c] / few[0], whole[c] / whole[0], 1e-5);
  ASSERT_TRUE(shorten(whole, 5));
  EXPECT_EQ(whole, few);
  ASSERT_TRUE(shorten(whole, 9));
  EXPECT_EQ(whole, few) << "more than there are: nothing to do";
  std::vector<float> nothing = {0, 0, 1};
  EXPECT_EQ(shorten(nothing, 2).error().code, Errc::corrupt) << "no direction is left";
}

TEST_F(EmbeddingTest, WhatCannotBeIsRefused) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  const auto refused = [&](const EmbedRequest& r) {
    auto id = engine->submit(r, [](const Event&) {});
    return id ? std::string() : id.error().what;
  };
  EmbedRequest request = text_of(1, 9);
  request.dimensions = kWidth + 1;
  EXPECT_EQ(refused(request), "dimensions is 13, must be at most the model's 12");
  EXPECT_EQ(refused({}), "prompt is empty, must have at least one token");
  request = text_of(1, 513);
  EXPECT_EQ(refused(request), "the text has 513 tokens, but the context holds 512");
  request.tokens = {1, -1};
  EXPECT_NE(refused(request).find("prompt[1] is -1"), std::string::npos);
  RequestLimits none = engine->limits();
  none.width = 0;
  EXPECT_EQ(validate(text_of(1, 9), none).error().code, Errc::unsupported);
  EXPECT_EQ(engine->pending(), 0u);
}

TEST_F(EmbeddingTest, CancelledFailedAndBrokenOnesEndAlone) {
  FakeDecoder decoder;
  decoder.broken = [](std::span<const std::int32_t> ids) { return ids.size() == 50; };
  EngineOptions options;
  options.chunk = 16;
  auto engine = make(decoder, options);
  Recorder broken, waiting, running, good;
  submit(*engine, text_of(1, 50), broken);
  submit(*engine, text_of(4, 45), good);
  auto id = engine->submit(text_of(2, 100), running.sink());
  ASSERT_TRUE(id);
  engine->step();
  EXPECT_EQ(running.events.size(), 1u);
  EXPECT_TRUE(engine->cancel(*id));
  id = engine->submit(text_of(3, 100), waiting.sink());
  EXPECT_TRUE(engine->cancel(*id));
  while (engine->step()) {
  }
  EXPECT_EQ(running.error, "the request was cancelled");
  EXPECT_EQ(waiting.events, std::vector<std::string>{"failed the request was cancelled"});
  EXPECT_NE(broken.error.find("hidden state of length nan"), std::string::npos) << broken.error;
  EXPECT_EQ(good.vector.size(), kWidth);
  EXPECT_FALSE(engine->cancel(*id));
  EXPECT_TRUE(decoder.all_free());
}

}  // namespace
}  // namespace freehold::engine
