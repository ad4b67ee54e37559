// Kept prefixes: the same answers as from a cold start, for the same tenant only, and never in anybody's way.
#include "engine/prefix_cache.h"
#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::Recorder;
using testing::sampled_request;

class PrefixTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();

  std::unique_ptr<Engine> make(FakeDecoder& decoder, EngineOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, options);
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  Recorder run(Engine& engine, const Request& request) {
    Recorder recorder;
    auto done = engine.run(request, recorder.sink());
    EXPECT_TRUE(done) << done.error().what;
    return recorder;
  }
};

TEST_F(PrefixTest, CachedAndColdAgree) {
  for (std::uint32_t window : {0u, 40u}) {
    FakeDecoder::Size size;
    size.window = window;
    FakeDecoder decoder(size), cold_decoder(size);
    EngineOptions options;
    auto warm = make(decoder, options);
    options.prefix_cache = false;
    auto cold = make(cold_decoder, options);
    Request request = sampled_request(1, 70, 30);
    for (std::uint32_t common : {69u, 64u, 63u, 33u, 40u, 69u}) {
      Request next = request;
      for (std::size_t i = common; i < next.prompt.size(); ++i) next.prompt[i] = testing::kWord;
      next.seed = common;
      Recorder with = run(*warm, next), without = run(*cold, next);
      EXPECT_EQ(with.events, without.events);
      EXPECT_EQ(without.started.cached_tokens, 0u);
      EXPECT_EQ(with.finished[0].usage.cached_tokens, with.started.cached_tokens);
    }
    EXPECT_EQ(cold->counters().reused_tokens, 0u);
    // With a window, what a prompt this much shorter would see has been dropped: a cold start, as right as any.
    EXPECT_EQ(warm->counters().reused_tokens, window == 0 ? 64u + 63 + 33 + 40 + 69 : 0u);
  }
}

// The next turn of a chat: the prompt is everything so far and something new.
TEST_F(PrefixTest, AConversationGoesOnWhereItStopped) {
  for (std::uint32_t window : {0u, 40u}) {
    FakeDecoder::Size size;
    size.window = window;
    FakeDecoder decoder(size);
    auto engine = make(decoder);
    Request request = sampled_request(1, 50, 20);
    request.logprobs = 0;
    for (int turn = 0; turn < 5; ++turn) {
      std::vector<std::int32_t> answer;
      auto done = engine->run(request, [&](const Event& e) {
        if (const auto* token = std::get_if<TokenLogprobs>(&e)) answer.push_back(token->sampled.token);
        if (const auto* started = std::get_if<Started>(&e); started != nullptr && turn > 0) {
          // All but the last token of the answer, which nobody has run, and what is new.
          EXPECT_EQ(started->cached_tokens, request.prompt.size() - 11);
        }
      });
      ASSERT_TRUE(done);
      request.prompt.insert(request.prompt.end(), answer.begin(), answer.end());
      for (int i = 0; i < 10; ++i) request.prompt.push_back(testing::kLetter + turn);
    }
  }
}

TEST_F(PrefixTest, TenantsShareNothing) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  Request request = sampled_request(1, 100, 10);
  request.tenant = "a";
  EXPECT_EQ(run(*engine, request).started.cached_tokens, 0u);
  EXPECT_EQ(run(*engine, request).started.cached_tokens, 99u);
  request.tenant = "b";
  EXPECT_EQ(run(*engine, request).started.cached_tokens, 0u);
  engine->drop_cached("a");
  EXPECT_EQ(run(*engine, request).started.cached_tokens, 99u);
  request.tenant = "a";
  EXPECT_EQ(run(*engine, request).started.cached_tokens, 0u);
}

TEST_F(PrefixTest, ARunningSequenceIsContinuedToo) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  Recorder a, b, other;
  Request request = sampled_request(1, 100, 50);
  ASSERT_TRUE(engine->submit(request, a.sink()));
  engine->step();
  ASSERT_TRUE(engine->submit(request, b.sink()));
  request.tenant = "other";
  ASSERT_TRUE(engine->submit(request, other.sink()));
  while (engine->step()) {
  }
  EXPECT_EQ(a.events, b.events);
  EXPECT_EQ(a.events, other.events);
  EXPECT_EQ(b.started.cached_tokens, 99u);
  EXPECT_EQ(other.started.cached_tokens, 0u);
}

TEST_F(PrefixTest, KeptSequencesGiveWayToRequests) {
  FakeDecoder::Size size;
  size.sequences = 1;
  size.cache_tokens = 512;
  FakeDecoder decoder(size);
  EngineOptions options;
  options.max_sequences = 1;
  auto engine = make(decoder, options);
  for (std::uint64_t i = 0; i < 6; ++i) run(*engine, sampled_request(i, 200, 50));
  Request all = sampled_request(9, 300, 0);
  Recorder recorder = run(*engine, all);
  EXPECT_EQ(recorder.finished.at(0).usage.completion_tokens, 212u);
  // Continuing it needs a block for the part-filled one, which nothing else can give: then it starts cold, and is
  // right.
  all.max_tokens = 200;
  Recorder again = run(*engine, all);
  EXPECT_EQ(again.error, "");
  engine->drop_cached();
  EXPECT_TRUE(decoder.all_free());
}

// Many entries, many positions, and all of the cache's blocks: a flood evicts what is its own.
TEST_F(PrefixTest, AFloodDoesNotFlushAnothersCache) {
  struct Limit {
    std::uint64_t tokens;
    std::uint32_t entries;
    std::uint64_t cache_tokens;
    std::size_t prompt;  // of the flood
  };
  for (const Limit& limit :
       {Limit{UINT64_MAX, 5, 8 * 512, 40}, Limit{500, 64, 8 * 512, 90}, Limit{UINT64_MAX, 64, 1024, 300}}) {
    FakeDecoder::Size size;
    size.cache_tokens = limit.cache_tokens;
    size.sequences = 2;
    FakeDecoder decoder(size);
    EngineOptions options;
    options.max_sequences = 2;
    options.prefix_tokens = limit.tokens;
    options.prefix_entries = limit.entries;
    auto engine = make(decoder, options);
    Request quiet = sampled_request(1000, 200, 5);
    quiet.tenant = "quiet";
    run(*engine, quiet);
    for (std::uint64_t i = 0; i < 30; ++i) {
      Request flood = sampled_request(i, limit.prompt, 5);
      flood.tenant = "flood";
      flood.n = 1 + static_cast<std::uint32_t>(i % 2);
      run(*engine, flood);
    }
    EXPECT_EQ(run(*engine, quiet).started.cached_tokens, 199u) << limit.prompt;
    engine->drop_cached();
    EXPECT_TRUE(decoder.all_free());
  }
}

TEST_F(PrefixTest, RoomIsMadeByWhoHoldsMost) {
  FakeDecoder decoder;
  auto sequence = [&](std::uint32_t length) {
    model::KvSequence s = decoder.cache().new_sequence();
    EXPECT_TRUE(s.reserve(length));
    s.advance(length);
    return s;
  };
  std::int32_t next = 0;
  auto put = [&](PrefixCache& cache, const char* tenant, std::uint32_t length) {
    cache.put(tenant, std::vector<std::int32_t>(length, next++), sequence(length), true);
  };
  auto held = [](const PrefixCache& cache) {
    std::string out;
    for (const auto& e : cache.entries()) out += e->tenant + std::to_string(e->tokens.size()) + " ";
    return out;
  };
  PrefixCache cache(100, 4);
  put(cache, "a", 50);
  put(cache, "b", 20);
  put(cache, "b", 20);
  put(cache, "b", 20);  // b would hold 60: its oldest goes, though a's is older
  EXPECT_EQ(held(cache), "a50 b20 b20 ");
  put(cache, "c", 30);  // a holds most
  EXPECT_EQ(held(cache), "b20 b20 c30 ");
  put(cache, "c", 1);
  put(cache, "c", 2);  // too many entries: c has most of them, its oldest goes
  EXPECT_EQ(held(cache), "b20 b20 c1 c2 ");
  put(cache, "d", 3);  // b and c have two each: the oldest of both
  EXPECT_EQ(held(cache), "b20 c1 c2 d3 ");
  EXPECT_EQ(cache.tokens(), 26u);
  EXPECT_TRUE(cache.evict_one(cache.entries()[0].get()));  // but not this one: c and d have 3 each
  EXPECT_EQ(held(cache), "b20 c2 d3 ");
  EXPECT_TRUE(cache.evict_one());
  EXPECT_TRUE(cache.evict_one());
  EXPECT_TRUE(cache.evict_one());
  EXPECT_FALSE(cache.evict_one());
  EXPECT_TRUE(decoder.all_free());
}

TEST_F(PrefixTest, TheBudgetIsKept) {
  FakeDecoder decoder;
  model::KvCache& kv = decoder.cache();
  auto sequence = [&](std::uint32_t length) {
    model::KvSequence s = kv.new_sequence();
    EXPECT_TRUE(s.reserve(length));
    s.advance(length);
    return s;
  };
  auto tokens = [](std::int32_t first, std::size_t count) {
    std::vector<std::int32_t> t(count, 9);
    t[0] = first;
    return t;
  };
  PrefixCache cache(100, 3);
  cache.put("t", tokens(1, 101), sequence(101), true);  // more than everything
  EXPECT_EQ(cache.entries().size(), 0u);
  cache.put("t", tokens(1, 60), sequence(50), true);
  ASSERT_EQ(cache.entries().size(), 1u);
  EXPECT_EQ(cache.entries()[0]->tokens.size(), 50u);  // what was never run does not count
  cache.put("t", tokens(2, 40), sequence(40), true);
  cache.touch(*cache.entries()[0]);
  cache.put("t", tokens(3, 20), sequence(20), true);  // over the budget: the second one was not used for longest
  ASSERT_EQ(cache.entries().size(), 2u);
  EXPECT_EQ(cache.entries()[0]->tokens[0], 1);
  EXPECT_EQ(cache.entries()[1]->tokens[0], 3);
  cache.put("t", tokens(3, 30), sequence(30), true);  // continues the last one, which goes
  ASSERT_EQ(cache.entries().size(), 2u);
  EXPECT_EQ(cache.entries()[1]->tokens.size(), 30u);
  cache.put("u", tokens(3, 5), sequence(5), true);  // another tenant's
  cache.put("t", tokens(4, 5), sequence(5), true);  // a fourth: only three may be kept
  EXPECT_EQ(cache.entries().size(), 3u);
  cache.clear();
  EXPECT_TRUE(decoder.all_free());
}

}  // namespace
}  // namespace freehold::engine
