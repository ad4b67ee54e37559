// The engine with the fake decoder: what a request gets depends on nothing but the request.
#include "engine/engine.h"

#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::Recorder;
using testing::sampled_request;

class EngineTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();

  std::unique_ptr<Engine> make(FakeDecoder& decoder, EngineOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, options);
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  // A request's events when it has the engine for itself.
  std::vector<std::string> alone(const Request& request, EngineOptions options = {}, FakeDecoder::Size size = {}) {
    FakeDecoder decoder(size);
    auto engine = make(decoder, options);
    Recorder recorder;
    auto done = engine->run(request, recorder.sink());
    EXPECT_TRUE(done) << done.error().what;
    return recorder.events;
  }
  RequestId submit(Engine& engine, Request request, Recorder& recorder) {
    auto id = engine.submit(std::move(request), recorder.sink());
    EXPECT_TRUE(id) << id.error().what;
    return id ? *id : 0;
  }
};

TEST_F(EngineTest, AloneAndAmongSevenOthers) {
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 8; ++i)
    requests.push_back(sampled_request(i, 5 + 37 * i, static_cast<std::uint32_t>(40 + 3 * i)));
  ThreadPool pool(3);
  for (ThreadPool* drawing : {static_cast<ThreadPool*>(nullptr), &pool}) {
    FakeDecoder decoder;
    EngineOptions options;
    options.chunk = 64;
    options.pool = drawing;
    auto engine = make(decoder, options);
    std::vector<Recorder> recorders(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) submit(*engine, requests[i], recorders[i]);
    while (engine->step()) {
    }
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_GT(recorders[i].events.size(), 40u);
      EXPECT_EQ(recorders[i].events, alone(requests[i])) << i;
    }
  }
}

TEST_F(EngineTest, ChunksOfAnySize) {
  Request request = sampled_request(3, 200, 50);
  auto whole = alone(request);
  for (std::uint32_t chunk : {1u, 13u, 32u, 512u}) {
    EngineOptions options;
    options.chunk = chunk;
    EXPECT_EQ(alone(request, options), whole) << chunk;
    FakeDecoder::Size windowed;
    windowed.window = 40;
    EXPECT_EQ(alone(request, options, windowed), whole) << chunk;
  }
}

TEST_F(EngineTest, SeveralAnswersShareThePromptAndDrawForThemselves) {
  for (std::uint32_t window : {0u, 40u}) {
    FakeDecoder::Size size;
    size.window = window;
    FakeDecoder decoder(size);
    EngineOptions options;
    options.prefix_cache = false;
    auto engine = make(decoder, options);
    Request request = sampled_request(5, 100, 60);
    request.logprobs.reset();
    request.n = 4;
    Recorder four;
    ASSERT_TRUE(engine->run(request, four.sink()));
    ASSERT_EQ(four.text.size(), 4u);
    EXPECT_EQ(engine->counters().prefilled_tokens, 100u);
    for (std::size_t i = 1; i < 4; ++i) EXPECT_NE(four.text[i], four.text[0]);
    EXPECT_TRUE(decoder.all_free());

    request.n = 1;  // the first choice draws the same whether it has siblings or not
    Recorder one;
    ASSERT_TRUE(engine->run(request, one.sink()));
    EXPECT_EQ(one.text[0], four.text[0]);
  }
}

TEST_F(EngineTest, ChoicesShareThePromptsBlocks) {
  FakeDecoder::Size size;
  size.cache_tokens = 512;  // 16 blocks and one for each of 8 sequences
  FakeDecoder decoder(size);
  auto engine = make(decoder);
  Request request = sampled_request(5, 300, 10);
  request.n = 7;
  Recorder recorder;
  submit(*engine, request, recorder);  // seven prompts of 300 would not fit
  engine->step();
  engine->step();
  // 9 whole blocks of the prompt once; its last 12 positions, and what follows, for each choice.
  EXPECT_EQ(decoder.cache().total_blocks(0) - decoder.cache().free_blocks(0), 9u + 7);
  EXPECT_EQ(engine->counters().prefilled_tokens, 300u);
  while (engine->step()) {
  }
  EXPECT_EQ(recorder.reasons.size(), 7u);
  for (std::uint32_t c = 0; c < 7; ++c) EXPECT_GE(recorder.text_of(c).size(), 1u);
  engine->drop_cached();
  EXPECT_TRUE(decoder.all_free());
}

TEST_F(EngineTest, AnswersOfOneRequestEndWhenTheyEnd) {
  std::vector<std::size_t> lengths;
  for (bool prefix_cache : {true, false}) {
    FakeDecoder decoder;
    decoder.eos_logit = 4;
    EngineOptions options;
    options.prefix_cache = prefix_cache;
    auto engine = make(decoder, options);
    Request request = sampled_request(5, 40, 200);
    request.n = 6;
    Recorder recorder;
    ASSERT_TRUE(engine->run(request, recorder.sink()));
    ASSERT_EQ(recorder.finished.size(), 6u);
    for (const Finished& f : recorder.finished) {
      if (prefix_cache) lengths.push_back(f.usage.completion_tokens);
      EXPECT_EQ(f.reason, FinishReason::stop);
      EXPECT_EQ(f.stop_token, testing::kEos);
    }
    for (std::uint32_t i = 0; i < 6; ++i) {
      // Each as long as if it were the only one to go on: nothing is lost when a sibling ends.
      Request fewer = request;
      fewer.n = i + 1;
      Recorder alone;
      ASSERT_TRUE(engine->run(fewer, alone.sink()));
      EXPECT_EQ(alone.text[i], recorder.text[i]);
    }
    engine->drop_cached();
    EXPECT_TRUE(decoder.all_free());
  }
  EXPECT_NE(lengths.front(), lengths.back());
}

TEST_F(EngineTest, GreedyDoesNotDependOnTheSeedAndSamplingDoes) {
  Request request = sampled_request(1, 10, 30);
  Request other = request;
  other.seed = 2;
  EXPECT_NE(alone(request), alone(other));
  request.sampling.temperature = other.sampling.temperature = 0;
  EXPECT_EQ(alone(request), alone(other));
}

TEST_F(EngineTest, ChoiceIIsWhatTheSeedPlusIGets) {
  FakeDecoder decoder;
  auto engine = make(decoder, {});
  Request request = sampled_request(1, 10, 30);
  request.n = 3;
  request.seed = ~std::uint64_t{0};  // and the seed after the last is the first
  Recorder recorder;
  ASSERT_TRUE(engine->run(request, recorder.sink()));
  for (std::uint32_t i = 0; i < 3; ++i) {
    Request one = request;
    one.n = 1;
    one.seed += i;
    Recorder single;
    ASSERT_TRUE(engine->run(one, single.sink()));
    EXPECT_EQ(single.text[0], recorder.text[i]) << i;
  }
  EXPECT_NE(recorder.text[0], recorder.text[1]);
}

TEST_F(EngineTest, CancellationEndsAtTheNextStepAndFreesTheCache) {
  FakeDecoder decoder;
  EngineOptions options;
  options.max_sequences = 2;
  options.chunk = 16;
  auto engine = make(decoder, options);
  Recorder decoding, prefilling, waiting;
  Request pair = sampled_request(1, 4, 100);
  pair.n = 1;
  RequestId a = submit(*engine, pair, decoding);
  engine->step();
  engine->step();
  RequestId b = submit(*engine, sampled_request(2, 100, 100), prefilling);
  engine->step();
  Request last = sampled_request(3, 10, 10);
  last.n = 2;
  RequestId c = submit(*engine, last, waiting);
  engine->step();
  EXPECT_FALSE(decoder.all_free());
  EXPECT_EQ(engine->pending(), 3u);
  for (RequestId id : {a, b, c}) EXPECT_TRUE(engine->cancel(id));
  EXPECT_FALSE(engine->step());
  EXPECT_TRUE(decoder.all_free());
  EXPECT_EQ(decoding.reasons, std::vector{FinishReason::cancelled});
  EXPECT_GT(decoding.finished[0].usage.completion_tokens, 2u);
  EXPECT_EQ(prefilling.reasons, std::vector{FinishReason::cancelled});
  EXPECT_EQ(prefilling.finished[0].usage.completion_tokens, 0u);
  EXPECT_EQ(waiting.events, (std::vector<std::string>{"0 finished cancelled  -1 0", "1 finished cancelled  -1 0"}));
  EXPECT_FALSE(engine->cancel(a));
  EXPECT_FALSE(engine->cancel(99));
}

TEST_F(EngineTest, RunStopsWhenTheFlagIsSet) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  std::atomic<bool> stop{false};
  Recorder recorder;
  auto inner = recorder.sink();
  auto sink = [&](const Event& e) {
    inner(e);
    if (recorder.events.size() == 10) stop = true;
  };
  ASSERT_TRUE(engine->run(sampled_request(1, 4, 400), sink, &stop));
  EXPECT_EQ(recorder.reasons, std::vector{FinishReason::cancelled});
  EXPECT_LT(recorder.finished[0].usage.completion_tokens, 12u);
}

TEST_F(EngineTest, SinksMaySubmitAndCancel) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  Recorder first, second;
  RequestId id = 0;
  auto inner = first.sink();
  bool submitted = false;
  auto sink = [&](const Event& e) {
    inner(e);
    if (std::holds_alternative<Started>(e)) submit(*engine, sampled_request(2, 5, 5), second);
    if (std::holds_alternative<TextDelta>(e) && !submitted) submitted = engine->cancel(id);
  };
  auto submitted_id = engine->submit(sampled_request(1, 5, 50), sink);
  ASSERT_TRUE(submitted_id);
  id = *submitted_id;
  while (engine->step()) {
  }
  EXPECT_EQ(first.reasons, std::vector{FinishReason::cancelled});
  EXPECT_EQ(second.reasons, std::vector{FinishReason::length});
}

TEST_F(EngineTest, FirstComeFirstServedEvenIfTheNextIsSmaller) {
  FakeDecoder decoder;
  EngineOptions options;
  options.max_sequences = 3;
  auto engine = make(decoder, options);
  std::vector<int> order;
  auto note = [&](int i) {
    return [&order, i](const Event& e) {
      if (std::holds_alternative<Started>(e)) order.push_back(i);
    };
  };
  Request big = sampled_request(1, 5, 20), small = sampled_request(2, 5, 20);
  big.n = 3;
  ASSERT_TRUE(engine->submit(small, note(0)));
  ASSERT_TRUE(engine->submit(big, note(1)));
  ASSERT_TRUE(engine->submit(small, note(2)));
  engine->step();
  EXPECT_EQ(order, std::vector{0});  // there would be room for number 2, but it is not its turn
  while (engine->step()) {
  }
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST_F(EngineTest, AnAdmittedRequestNeverRunsOutOfCache) {
  for (std::uint32_t window : {0u, 64u}) {
    FakeDecoder::Size size;
    size.cache_tokens = 512;  // an eighth of what eight requests could want
    size.window = window;
    FakeDecoder decoder(size);
    EngineOptions options;
    options.chunk = 24;
    auto engine = make(decoder, options);
    std::vector<Recorder> recorders(40);
    std::vector<Request> requests;
    for (std::size_t i = 0; i < recorders.size(); ++i) {
      Request r = sampled_request(i, 1 + i * 7 % 150, static_cast<std::uint32_t>(1 + i * 31 % 190));
      r.n = 1 + static_cast<std::uint32_t>(i % 3);
      if (i == 20) {  // all of it
        r.max_tokens = 0;
        r.n = 1;
      }
      requests.push_back(r);
      submit(*engine, r, recorders[i]);
    }
    while (engine->step()) {
    }
    for (std::size_t i = 0; i < recorders.size(); ++i) {
      EXPECT_EQ(recorders[i].error, "") << i;
      EXPECT_EQ(recorders[i].reasons.size(), requests[i].n);
      for (const Finished& f : recorders[i].finished) {
        EXPECT_EQ(f.usage.completion_tokens,
                  requests[i].max_tokens == 0 ? 512 - requests[i].prompt.size() : requests[i].max_tokens);
      }
    }
    engine->drop_cached();
    EXPECT_TRUE(decoder.all_free());
  }
}

TEST_F(EngineTest, MoreThanTheWholeCacheIsRefused) {
  FakeDecoder::Size size;
  size.cache_tokens = 512;
  FakeDecoder decoder(size);
  auto engine = make(decoder);
  Request request = sampled_request(1, 100, 300);
  request.n = 8;
  auto refused = engine->submit(request, [](const Event&) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_NE(refused.error().what.find("8 answers of up to 300"), std::string::npos) << refused.error().what;
}

TEST_F(EngineTest, BrokenLogitsFailTheirRequestOnly) {
  FakeDecoder decoder;
  decoder.broken = [](std::span<const std::int32_t> ids) { return ids.size() == 20 && ids[1] == testing::kLetter; };
  ThreadPool pool(2);
  for (double temperature : {0.0, 1.0, 1.5}) {
    auto engine = make(decoder, {.pool = temperature == 1 ? nullptr : &pool});
    Request bad = sampled_request(1, 5, 50), good = sampled_request(2, 5, 50);
    bad.prompt[1] = testing::kLetter;
    good.prompt[1] = testing::kLetter + 1;
    bad.sampling = {};
    bad.sampling.temperature = temperature;
    bad.n = 2;
    Recorder bad_events, good_events;
    submit(*engine, bad, bad_events);
    submit(*engine, good, good_events);
    while (engine->step()) {
    }
    EXPECT_EQ(bad_events.error,
              "the model gave token 7 the logit nan: its weights are damaged, or its numbers overflow");
    EXPECT_TRUE(bad_events.reasons.empty());
    EXPECT_EQ(good_events.reasons, std::vector{FinishReason::length});
    auto run = engine->run(bad, [](const Event&) {});
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().code, Errc::corrupt);
  }
}

TEST_F(EngineTest, AForwardPassThatFailsFailsItsBatch) {
  FakeDecoder decoder;
  EngineOptions options;
  options.prefix_cache = false;
  auto engine = make(decoder, options);
  Recorder a, b, c;
  submit(*engine, sampled_request(1, 5, 50), a);
  submit(*engine, sampled_request(2, 5, 50), b);
  engine->step();
  decoder.fail_next = true;
  EXPECT_FALSE(engine->step());
  EXPECT_EQ(a.error, "the fake was told to fail");
  EXPECT_EQ(b.error, a.error);
  EXPECT_TRUE(decoder.all_free());
  ASSERT_TRUE(engine->run(sampled_request(3, 5, 5), c.sink()));
}

TEST_F(EngineTest, PrefillIsChunkedBesideDecoding) {
  FakeDecoder decoder;
  EngineOptions options;
  options.chunk = 10;
  options.prefix_cache = false;
  auto engine = make(decoder, options);
  Recorder a, b;
  submit(*engine, sampled_request(1, 8, 30), a);
  engine->step();
  submit(*engine, sampled_request(2, 35, 5), b);
  for (int i = 0; i < 5; ++i) engine->step();
  EXPECT_EQ(decoder.batches, (std::vector<std::uint32_t>{8, 11, 11, 11, 6, 2}));
}

TEST_F(EngineTest, OptionsThatContradictTheDecoderAreRefused) {
  FakeDecoder decoder;
  EngineOptions options;
  options.max_sequences = 9;
  EXPECT_EQ(Engine::create(decoder, tokenizer, options).error().what,
            "max_sequences is 9, must be from 1 to the decoder's 8");
  options.max_sequences = 0;
  EXPECT_FALSE(Engine::create(decoder, tokenizer, options));
  options = {};
  options.chunk = 0;
  EXPECT_FALSE(Engine::create(decoder, tokenizer, options));
  options.chunk = 513;
  auto refused = Engine::create(decoder, tokenizer, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "chunk is 513, must be from 1 to 512: with max_sequences 8 it must fit the decoder's batch of 520 tokens");
}

TEST_F(EngineTest, StatusSaysHowThingsStand) {
  FakeDecoder::Size size;
  size.window = 40;  // two groups of layers
  FakeDecoder decoder(size);
  EngineOptions options;
  options.max_sequences = 3;
  options.chunk = 50;
  auto engine = make(decoder, options);
  const std::size_t total = decoder.cache().total_blocks(0) + decoder.cache().total_blocks(1);
  EXPECT_EQ(engine->status().kv_blocks_total, total);
  EXPECT_EQ(engine->status().kv_blocks_used, 0u);
  Recorder recorders[4];
  Request request = sampled_request(1, 40, 9);
  submit(*engine, request, recorders[0]);
  request.n = 2;
  request.prompt.back() = testing::kWord;
  submit(*engine, request, recorders[1]);
  submit(*engine, request, recorders[2]);
  EXPECT_EQ(engine->status().waiting, 3u);
  engine->step();
  EngineStatus s = engine->status();
  EXPECT_EQ(s.waiting, 1u);
  EXPECT_EQ(s.running, 2u);
  EXPECT_EQ(s.sequences, 3u);
  EXPECT_EQ(s.batch_tokens, 50u);
  EXPECT_EQ(s.batch_sequences, 2u);
  EXPECT_EQ(s.kv_blocks_used, 2u * (2 + 1));
  EngineCounters before = engine->counters();
  while (engine->step()) {
    const EngineCounters& now = engine->counters();
    EXPECT_GE(now.steps, before.steps);
    EXPECT_GE(now.sampled_tokens, before.sampled_tokens);
    EXPECT_GE(now.prefix_hits, before.prefix_hits);
    before = now;
  }
  s = engine->status();
  EXPECT_EQ(s.running + s.waiting + s.sequences, 0u);
  EXPECT_GT(s.prefix_tokens, 100u);
  EXPECT_GT(s.kv_blocks_used, 0u) << "kept";
  EXPECT_EQ(engine->counters().prefix_misses, 2u);
  EXPECT_EQ(engine->counters().prefix_hits, 1u);
  engine->drop_cached();
  EXPECT_EQ(engine->status().kv_blocks_used, 0u);
}

// With everything that a request can be: read in part, decoding, of several choices, scored, embedded, waiting, kept.
TEST_F(EngineTest, DestructionInMidflightGivesAllBack) {
  for (std::uint32_t steps = 0; steps < 12; ++steps) {
    FakeDecoder::Size size;
    size.window = steps % 2 == 0 ? 0 : 40;
    FakeDecoder decoder(size);
    std::size_t ended = 0;
    const auto sink = [&](const Event& e) { ended += std::holds_alternative<Finished>(e); };
    {
      EngineOptions options;
      options.max_sequences = 6;
      options.chunk = 30;
      auto engine = make(decoder, options);
      for (std::uint64_t i = 0; i < 12; ++i) {
        Request r = sampled_request(i, 10 + 20 * i, static_cast<std::uint32_t>(2 + 30 * (i % 2)));
        r.n = 1 + static_cast<std::uint32_t>(i % 3);
        if (i % 4 == 1) r.prompt_logprobs = 2;
        ASSERT_TRUE(engine->submit(r, sink));
        EmbedRequest embed;
        embed.tokens = r.prompt;
        embed.pooling = i % 2 == 0 ? Pooling::mean : Pooling::last;
        ASSERT_TRUE(engine->submit(embed, sink));
      }
      for (std::uint32_t i = 0; i < steps * 3; ++i) engine->step();
      EXPECT_GT(engine->pending(), 0u);
      ended = 0;
    }
    EXPECT_EQ(ended, 0u) << "an engine that is destroyed calls nobody";
    EXPECT_TRUE(decoder.all_free());
  }
}

TEST_F(EngineTest, TimesComeFromTheClock) {
  FakeDecoder decoder;
  double now = 100;
  EngineOptions options;
  options.clock = [&] { return now; };
  auto engine = make(decoder, options);
  Recorder recorder;
  submit(*engine, sampled_request(1, 5, 3), recorder);
  for (double step : {1.0, 2.0, 4.0}) {
    now += step;
    engine->step();
  }
  const Usage& usage = recorder.finished.at(0).usage;
  EXPECT_EQ(usage.queue_seconds, 1);
  EXPECT_EQ(usage.prefill_seconds, 0);
  EXPECT_EQ(usage.decode_seconds, 6);
}

}  // namespace
}  // namespace freehold::engine
