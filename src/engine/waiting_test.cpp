// Whose turn it is, with the fake decoder: nobody holds up the others, nobody starves, and the order changes no bit.
#include "engine/waiting.h"

#include <algorithm>

#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::Recorder;
using testing::sampled_request;

class WaitingTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();
  std::vector<std::string> order;  // names, as they are admitted
  double now = 0;

  std::unique_ptr<Engine> make(FakeDecoder& decoder, std::uint32_t max_sequences, bool prefix_cache = false) {
    EngineOptions options;
    options.max_sequences = max_sequences;
    options.prefix_cache = prefix_cache;
    options.clock = [this] { return now; };
    auto engine = Engine::create(decoder, tokenizer, options);
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  static Request of(const std::string& tenant, std::uint32_t max_tokens = 4, std::int32_t priority = 0) {
    Request r = sampled_request(1, 4, max_tokens);
    r.logprobs.reset();
    r.tenant = tenant;
    r.priority = priority;
    return r;
  }
  RequestId submit(Engine& engine, Request request, const std::string& name) {
    auto id = engine.submit(std::move(request), [this, name](const Event& e) {
      if (std::holds_alternative<Started>(e)) order.push_back(name);
    });
    EXPECT_TRUE(id) << id.error().what;
    return id ? *id : 0;
  }
  void finish(Engine& engine) {
    while (engine.step()) {
    }
  }
  std::size_t place(const std::string& name) const {
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), name) - order.begin());
  }
};

TEST_F(WaitingTest, OneTenantsFloodDoesNotHoldUpAnother) {
  FakeDecoder decoder;
  auto engine = make(decoder, 2);
  for (std::uint32_t i = 0; i < 200; ++i) submit(*engine, of("flood", 4 + i % 2), "flood");
  engine->step();
  ASSERT_EQ(order.size(), 2u);
  submit(*engine, of("one"), "one");
  finish(*engine);
  EXPECT_EQ(place("one"), 2u) << "the first place that became free";
  EXPECT_EQ(order.size(), 201u);
}

TEST_F(WaitingTest, TenantsShareThePlaces) {
  FakeDecoder decoder;
  auto engine = make(decoder, 6);
  for (const char* tenant : {"a", "b", "c"}) {
    for (int i = 0; i < 10; ++i) submit(*engine, of(tenant), tenant);
  }
  engine->step();
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c", "a", "b", "c"}));
  // An answer with several choices counts as several.
  order.clear();
  finish(*engine);
  order.clear();
  Request four = of("a");
  four.n = 4;
  submit(*engine, four, "a");
  submit(*engine, of("a"), "a");
  submit(*engine, of("b"), "b");
  submit(*engine, of("b"), "b");
  engine->step();
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "b"}));
  finish(*engine);
  EXPECT_TRUE(decoder.all_free());
}

// A call with more choices than places comes in waves, each of which takes all places: when one ends nobody runs
// anything, and the next one is the oldest request.
TEST_F(WaitingTest, AnotherKeyGoesAheadOfACallsNextWave) {
  FakeDecoder decoder;
  auto engine = make(decoder, 4);
  Request wave = of("many", 8);
  wave.n = 4;
  for (int i = 0; i < 16; ++i) submit(*engine, wave, "wave");
  engine->step();
  ASSERT_EQ(order.size(), 1u);
  submit(*engine, of("other", 2), "first");
  engine->step();
  submit(*engine, of("third", 2), "second");
  while (order.size() < 4) engine->step();
  EXPECT_EQ(order, (std::vector<std::string>{"wave", "first", "second", "wave"}));
  // One more each time: it never waits for more than the wave that runs.
  for (int i = 0; i < 10; ++i) {
    order.clear();
    submit(*engine, of("other", 2), "one");
    while (place("one") == order.size()) engine->step();
    EXPECT_LE(place("one"), 1u);
  }
  finish(*engine);
  EXPECT_TRUE(decoder.all_free());
}

// Nor is who always has one that waits ahead for ever: with one place they take turns, also if a tenant's lane was
// empty meanwhile.
TEST_F(WaitingTest, TenantsTakeTurnsWhenNothingRuns) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  for (int i = 0; i < 5; ++i) submit(*engine, of("many", 2), "many");
  for (int i = 0; i < 5; ++i) {
    submit(*engine, of("few", 2), "few");
    const std::size_t before = order.size();
    while (order.size() < before + 2) engine->step();
  }
  EXPECT_EQ(order,
            (std::vector<std::string>{"many", "few", "many", "few", "many", "few", "many", "few", "many", "few"}));
}

// What is known of the past is bounded, and whoever is forgotten still has a turn.
TEST_F(WaitingTest, TenantsWithoutNumber) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  const auto count = static_cast<std::size_t>(3 * Waiting::kRemembered);
  for (std::size_t i = 0; i < count; ++i) {
    submit(*engine, of(std::to_string(i), 1), "one");
    engine->step();
  }
  finish(*engine);
  EXPECT_EQ(order.size(), count);
}

// An answer that has ended gives its place back, though others of its request go on.
TEST_F(WaitingTest, AnEndedChoiceGivesItsPlaceBack) {
  FakeDecoder decoder;
  decoder.eos_logit = 3;  // they end at different times
  auto engine = make(decoder, 4);
  Recorder wave;
  Request four = of("many", 60);
  four.n = 4;
  ASSERT_TRUE(engine->submit(four, wave.sink()));
  engine->step();
  EXPECT_EQ(engine->status().sequences, 4u);
  Recorder other;
  ASSERT_TRUE(engine->submit(of("other", 1), other.sink()));
  while (other.reasons.empty()) engine->step();
  EXPECT_GE(wave.reasons.size(), 1u);
  EXPECT_LT(wave.reasons.size(), 4u);
  EXPECT_EQ(engine->status().sequences, 4u - wave.reasons.size());
  finish(*engine);
  EXPECT_EQ(engine->status().sequences, 0u);
  FakeDecoder one;
  one.eos_logit = 3;
  Recorder alone;
  ASSERT_TRUE(make(one, 4)->run(four, alone.sink()));
  EXPECT_EQ(wave.events, alone.events);
}

TEST_F(WaitingTest, BackgroundGoesLastAndStillGoes) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  submit(*engine, of("t", 1, -1), "background");
  submit(*engine, of("t", 1, -5), "deeper");
  submit(*engine, of("t", 1, 0), "normal");
  finish(*engine);
  EXPECT_EQ(order, (std::vector<std::string>{"normal", "background", "deeper"}));
  // Beside a stream of normal requests that never ends.
  order.clear();
  submit(*engine, of("t", 1, -1), "background");
  for (std::uint32_t i = 0; i < 2 * Waiting::kBackgroundPatience; ++i) {
    submit(*engine, of("t", 1), "normal");
    engine->step();
  }
  EXPECT_EQ(place("background"), Waiting::kBackgroundPatience);
  finish(*engine);
}

// Others arrive for ever, each fitting where the big one does not.
TEST_F(WaitingTest, ABigRequestIsNotOvertakenForEver) {
  FakeDecoder decoder;
  auto engine = make(decoder, 4);
  submit(*engine, of("small0", 3), "small");
  engine->step();
  Request big = of("big", 3);
  big.n = 4;
  submit(*engine, big, "big");
  std::uint32_t i = 0;
  for (; place("big") == order.size() && i < 1000; ++i) {
    submit(*engine, of("small" + std::to_string(i % 3), 3 + i % 2), "small");
    engine->step();
  }
  EXPECT_LT(i, 1000u);
  EXPECT_EQ(place("big"), 1 + Waiting::kPatience);
  finish(*engine);
  EXPECT_EQ(order.size(), 2 + i);
}

// The same for room in the cache.
TEST_F(WaitingTest, NorIsALongOne) {
  FakeDecoder::Size size;
  size.cache_tokens = 512;
  FakeDecoder decoder(size);
  auto engine = make(decoder, 8);
  for (int i = 0; i < 4; ++i) {
    submit(*engine, of("small", 60), "small");
    engine->step();
  }
  submit(*engine, of("long", 508), "long");
  for (std::uint32_t i = 0; place("long") == order.size() && i < 3000; ++i) {
    if (engine->pending() < 6) submit(*engine, of("small", 60), "small");
    engine->step();
  }
  EXPECT_EQ(place("long"), 4 + Waiting::kPatience);
  finish(*engine);
}

// One key's question does not wait for all of its essays, and they do not wait for all of its questions.
TEST_F(WaitingTest, AMuchSmallerOneGoesAheadInItsLane) {
  FakeDecoder decoder;
  auto engine = make(decoder, 2);
  for (int i = 0; i < 10; ++i) submit(*engine, of("t", 60), "long");
  engine->step();
  submit(*engine, of("t", 5), "not so small");  // 9 positions of 64
  submit(*engine, of("t", 4), "small");
  finish(*engine);
  EXPECT_EQ(place("small"), 2u);
  EXPECT_EQ(place("not so small"), 11u);
  // They never end.
  engine = make(decoder, 1);
  order.clear();
  submit(*engine, of("t", 60), "first");
  engine->step();
  submit(*engine, of("t", 60), "long");
  for (std::uint32_t i = 0; place("long") == order.size() && i < 1000; ++i) {
    if (engine->pending() < 6) submit(*engine, of("t", 1), "small");
    engine->step();
  }
  EXPECT_EQ(place("long"), 1 + Waiting::kPatience);
  finish(*engine);
}

// It counts as what the context leaves it: 512 positions, of which 64 are an eighth.
TEST_F(WaitingTest, OneWithoutALimitIsAsLongAsTheContext) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  submit(*engine, of("t", 60), "first");
  engine->step();
  submit(*engine, of("t", 0), "open");
  submit(*engine, of("t", 480), "nearly as long");
  submit(*engine, of("t", 61), "not so small");
  submit(*engine, of("t", 60), "small");
  finish(*engine);
  EXPECT_EQ(order, (std::vector<std::string>{"first", "small", "open", "nearly as long", "not so small"}));
}

// A small one that needs more places than are free holds up neither the oldest nor a small one behind it.
TEST_F(WaitingTest, ASmallOneThatDoesNotFitHoldsUpNobody) {
  FakeDecoder decoder;
  auto engine = make(decoder, 4);
  for (int i = 0; i < 3; ++i) submit(*engine, of("t", 100), "running");
  engine->step();
  Request four = of("t", 1);
  four.n = 4;
  submit(*engine, of("t", 60), "oldest");
  submit(*engine, four, "four");
  submit(*engine, of("t", 1), "one");
  finish(*engine);
  EXPECT_EQ(order, (std::vector<std::string>{"running", "running", "running", "one", "oldest", "four"}));
}

// A tenant whose requests are so short that it never has one running, one whose answers are long, one in the
// background: each is admitted within a bound, whoever floods.
TEST_F(WaitingTest, NobodyStarves) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FakeDecoder decoder;
    auto engine = make(decoder, 3);
    order.clear();
    std::vector<std::pair<std::string, std::size_t>> submitted;  // name, and how many had been admitted then
    const char* tenants[] = {"a", "b", "c", "d"};
    for (std::uint64_t i = 0; i < 400; ++i) {
      const auto u = [&](std::uint64_t k) { return uniform_draw(seed, i, k); };
      if (engine->pending() < 20) {
        Request r = of(tenants[static_cast<std::size_t>(u(0) * u(0) * 4)], 1 + static_cast<std::uint32_t>(u(1) * 12),
                       u(2) < 0.2 ? -1 : 0);
        r.n = 1 + static_cast<std::uint32_t>(u(3) * 3);
        const std::string name = std::to_string(i);
        submitted.emplace_back(name, order.size());
        submit(*engine, r, name);
      }
      engine->step();
    }
    finish(*engine);
    ASSERT_EQ(order.size(), submitted.size());
    // At most 20 before it in its lane, each of which waits for its patience and for the lanes before it (8 of them).
    const std::size_t bound = 20 * (Waiting::kBackgroundPatience + 8);
    for (const auto& [name, before] : submitted) EXPECT_LE(place(name), before + bound) << seed << " " << name;
  }
}

TEST_F(WaitingTest, TheOrderChangesNoBit) {
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 24; ++i) {
    Request r = sampled_request(i, 3 + 11 * i, 10 + static_cast<std::uint32_t>(i));
    r.tenant = std::string(1, static_cast<char>('a' + i % 3));
    r.priority = -static_cast<std::int32_t>(i % 2);
    r.n = 1 + static_cast<std::uint32_t>(i % 2);
    requests.push_back(r);
  }
  for (const bool backwards : {false, true}) {
    for (const bool ranked : {false, true}) {
      FakeDecoder decoder;
      auto engine = make(decoder, 4, true);
      std::vector<Recorder> recorders(requests.size());
      for (std::size_t k = 0; k < requests.size(); ++k) {
        const std::size_t i = backwards ? requests.size() - 1 - k : k;
        Request r = requests[i];
        if (!ranked) r.priority = 0;
        ASSERT_TRUE(engine->submit(r, recorders[i].sink()));
      }
      finish(*engine);
      for (std::size_t i = 0; i < requests.size(); ++i) {
        FakeDecoder one;
        Recorder alone;
        ASSERT_TRUE(make(one, 4)->run(requests[i], alone.sink()));
        EXPECT_EQ(recorders[i].events, alone.events) << i;
      }
    }
  }
}

TEST_F(WaitingTest, ADeadlineEndsTheWaiting) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  submit(*engine, of("t", 100), "running");
  engine->step();
  Recorder late, patient, text;
  Request waits = of("t", 2);
  waits.deadline_seconds = 5;
  ASSERT_TRUE(engine->submit(waits, late.sink()));
  waits.deadline_seconds = 0;
  ASSERT_TRUE(engine->submit(waits, patient.sink()));
  EmbedRequest embed;
  embed.tokens = waits.prompt;
  embed.deadline_seconds = 7;
  ASSERT_TRUE(engine->submit(embed, text.sink()));
  now = 4.9;
  engine->step();
  EXPECT_TRUE(late.events.empty());
  now = 5;
  engine->step();
  EXPECT_EQ(late.events, std::vector<std::string>{"failed busy: no place became free within 5 seconds"});
  EXPECT_EQ(engine->pending(), 3u);
  now = 100;
  finish(*engine);
  EXPECT_EQ(text.error, "busy: no place became free within 7 seconds");
  EXPECT_EQ(patient.reasons, std::vector{FinishReason::length});
  EXPECT_EQ(engine->counters().expired, 2u);
}

TEST_F(WaitingTest, ARunningRequestHasNoDeadline) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  Recorder recorder;
  Request request = of("t", 20);
  request.deadline_seconds = 1;
  ASSERT_TRUE(engine->submit(request, recorder.sink()));
  for (now = 0.5; engine->step(); ++now) {
  }
  EXPECT_EQ(recorder.reasons, std::vector{FinishReason::length});
}

TEST_F(WaitingTest, CancellingInTheQueueLeavesTheOthersInOrder) {
  FakeDecoder decoder;
  auto engine = make(decoder, 1);
  submit(*engine, of("a", 1), "a0");
  const RequestId gone = submit(*engine, of("a", 1), "a1");
  submit(*engine, of("b", 1), "b0");
  const RequestId all_of_b = submit(*engine, of("b", 1, -1), "b1");
  submit(*engine, of("a", 1), "a2");
  EXPECT_TRUE(engine->cancel(gone));
  EXPECT_TRUE(engine->cancel(all_of_b));
  finish(*engine);
  EXPECT_EQ(order, (std::vector<std::string>{"a0", "b0", "a2"}));
  EXPECT_FALSE(engine->cancel(gone));
}

}  // namespace
}  // namespace freehold::engine
