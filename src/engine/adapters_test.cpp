// Adapters over one base model: every request gets the bits that it gets alone, whoever shares its batches, and what is
// attached costs its own memory only.
#include "base/sanitized_testing.h"
#include "engine/allocations_testing.h"
#include "engine/model_decoder.h"
#include "engine/test_support.h"
#include "model/adapter_testing.h"
#include "model/tokenizer_loader.h"
#include "store/synth/tiny_model_testing.h"

namespace freehold::engine {
namespace {

using model::Site;
using testing::Recorder;

struct AdaptersTest : store::TinyModelTest {
  std::shared_ptr<const model::Model> base;
  std::optional<text::Tokenizer> tokenizer;
  std::vector<std::shared_ptr<const model::Adapter>> adapters;  // the first is none

  void load(std::string_view shape, std::string_view type) {
    const auto file = checkpoint(shape, type);
    auto model = model::Model::load(file, pool);
    ASSERT_TRUE(model) << model.error().what;
    base = std::move(*model);
    auto loaded = model::load_tokenizer(*file);
    ASSERT_TRUE(loaded) << loaded.error().what;
    tokenizer = std::move(loaded->tokenizer);
    using model::testing::random_adapter;
    const auto make = [&](std::uint32_t rank, std::initializer_list<Site> sites, bool dora = false) {
      return model::testing::served(*base, pool, random_adapter(*base, rank, sites, rank, dora));
    };
    // One with an output matrix and an embedding of its own, one with an embedding.
    const auto with_ends = [&](std::uint32_t rank, std::initializer_list<Site> sites, bool head) {
      auto values = random_adapter(*base, rank, sites, rank);
      model::testing::add_random_ends(values, *base, rank, rank, head);
      return model::testing::served(*base, pool, values);
    };
    adapters = {
        nullptr,
        make(1, {Site::q, Site::v}),
        with_ends(8, {Site::q, Site::k, Site::v, Site::o, Site::gate, Site::up, Site::down, Site::router}, true),
        with_ends(17, {Site::gate, Site::down}, false),
        make(5, {Site::k, Site::o, Site::up}, true),
        with_ends(3, {}, true)};
  }

  struct Running {
    std::unique_ptr<ModelDecoder> decoder;
    std::unique_ptr<Engine> engine;  // goes first
  };
  Running start(ThreadPool& threads, std::uint32_t chunk = 256, bool prefix_cache = false) {
    Running out;
    auto decoder = ModelDecoder::create(
        base, threads, kernel::table_up_to(kernel::detect_level()),
        {.context = 256, .sequences = 12, .chunk = chunk, .max_rank = 17, .cache_tokens = 256 * 12});
    EXPECT_TRUE(decoder) << decoder.error().what;
    out.decoder = std::move(*decoder);
    auto engine = Engine::create(*out.decoder, *tokenizer,
                                 {.max_sequences = 12, .chunk = chunk, .prefix_cache = prefix_cache, .pool = &threads});
    EXPECT_TRUE(engine) << engine.error().what;
    out.engine = std::move(*engine);
    return out;
  }

  // Every third prompt begins like the one three before, so that kept sequences are continued.
  Request request(std::size_t i) const {
    Request r;
    for (std::size_t t = 0; t < 20 + 7 * i; ++t) {
      r.prompt.push_back(static_cast<std::int32_t>(3 + uniform_draw(9, i % 3, t) * (base->spec().vocab - 4)));
    }
    r.prompt.back() = static_cast<std::int32_t>(3 + i);
    r.seed = i;
    r.max_tokens = 12;
    r.logprobs = 20;
    if (i % 4 == 1) r.prompt_logprobs = 3;
    r.stop_at_end_of_generation = false;
    r.adapter = adapters[i % adapters.size()];
    return r;
  }

  std::vector<std::string> alone(ThreadPool& threads, const Request& r) {
    Running running = start(threads);
    Recorder recorder;
    auto done = running.engine->run(r, recorder.sink());
    EXPECT_TRUE(done) << done.error().what;
    return recorder.events;
  }
  static std::vector<std::vector<std::string>> together(Engine& engine, const std::vector<Request>& requests) {
    std::vector<Recorder> recorders(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto id = engine.submit(requests[i], recorders[i].sink());
      EXPECT_TRUE(id) << id.error().what;
      engine.step();  // so that some decode while others are read
    }
    while (engine.step()) {
    }
    std::vector<std::vector<std::string>> out;
    for (Recorder& r : recorders) out.push_back(std::move(r.events));
    return out;
  }
};

TEST_F(AdaptersTest, EachRequestGetsTheBitsItGetsAlone) {
  struct Case {
    const char *shape, *type;
  };
  for (const auto& [shape, type] :
       {Case{"tiny-llama", "Q8_0"}, {"tiny-mixtral", "Q4_K_M"}, {"tiny-gemma3", "Q4_K_M"}, {"tiny-qwen3", "F16"}}) {
    if (kSanitized && std::string_view(shape) != "tiny-llama") continue;
    SCOPED_TRACE(shape);
    load(shape, type);
    std::vector<Request> requests;
    for (std::size_t i = 0; i < 10; ++i) requests.push_back(request(i));
    ThreadPool one(1), two(2);
    std::vector<std::vector<std::string>> expected;
    for (const Request& r : requests) expected.push_back(alone(one, r));
    Request without = requests[2];
    without.adapter = nullptr;
    EXPECT_NE(alone(one, without), expected[2]) << "the adapter does nothing";
    for (ThreadPool* threads : {&one, &two}) {
      for (const std::uint32_t chunk : {1u, 13u, 256u}) {
        for (const bool prefix_cache : {false, true}) {
          Running running = start(*threads, chunk, prefix_cache);
          for (int round = 0; round < (prefix_cache ? 2 : 1); ++round) {
            const auto got = together(*running.engine, requests);
            for (std::size_t i = 0; i < requests.size(); ++i) {
              ASSERT_EQ(got[i], expected[i]) << "request " << i << ", chunk " << chunk << ", round " << round;
            }
          }
          EXPECT_EQ(running.engine->counters().reused_tokens > 0, prefix_cache);
        }
      }
    }
  }
}

// The same prompt of the same tenant through another adapter has other keys and values.
TEST_F(AdaptersTest, PrefixesAreContinuedByTheirAdapterOnly) {
  load("tiny-llama", "Q8_0");
  ThreadPool one(1);
  Running running = start(one, 256, true);
  Request r = request(9);
  r.prompt_logprobs.reset();
  const auto cached = [&](std::shared_ptr<const model::Adapter> adapter) {
    r.adapter = std::move(adapter);
    Recorder recorder;
    EXPECT_TRUE(running.engine->run(r, recorder.sink()));
    EXPECT_EQ(recorder.events, alone(one, r));
    return recorder.started.cached_tokens;
  };
  EXPECT_EQ(cached(adapters[0]), 0u);
  EXPECT_EQ(cached(adapters[1]), 0u);
  EXPECT_EQ(cached(adapters[2]), 0u);
  EXPECT_GT(cached(adapters[1]), 0u);
  EXPECT_GT(cached(adapters[0]), 0u);
  // Attached once more from the same numbers: the same adapter.
  using model::testing::random_adapter;
  EXPECT_GT(cached(model::testing::served(*base, pool, random_adapter(*base, 1, {Site::q, Site::v}, 1))), 0u);
  EXPECT_EQ(cached(model::testing::served(*base, pool, random_adapter(*base, 1, {Site::q, Site::v}, 2))), 0u);
}

TEST_F(AdaptersTest, EmbeddingsGoThroughTheirAdapter) {
  load("tiny-llama", "Q8_0");
  ThreadPool one(1);
  const auto vectors = [&](std::vector<std::size_t> which) {
    Running running = start(one, 13, true);
    std::vector<Recorder> recorders(which.size());
    for (std::size_t i = 0; i < which.size(); ++i) {
      EmbedRequest r;
      r.tokens = request(3).prompt;
      r.adapter = adapters[which[i]];
      EXPECT_TRUE(running.engine->submit(r, recorders[i].sink()));
    }
    while (running.engine->step()) {
    }
    std::vector<std::vector<float>> out;
    for (Recorder& r : recorders) out.push_back(r.vector);
    return out;
  };
  const auto all = vectors({0, 1, 2, 3, 4, 5});
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i], vectors({i})[0]);
    EXPECT_TRUE(i == 0 || all[i] != all[0]);
  }
}

// Detaching is letting go of a handle: what runs, waits or is kept goes on, and the memory is free when the last
// request has ended.
TEST_F(AdaptersTest, DetachedWhileInUse) {
  load("tiny-llama", "Q8_0");
  ThreadPool one(1);
  const auto expected = alone(one, request(2));
  Running running = start(one, 256, true);
  Recorder first, second;
  ASSERT_TRUE(running.engine->submit(request(2), first.sink()));
  running.engine->step();
  ASSERT_TRUE(running.engine->submit(request(2), second.sink()));
  const std::weak_ptr<const model::Adapter> watched = adapters[2];
  adapters[2].reset();
  while (running.engine->step()) {
  }
  EXPECT_EQ(first.events, expected);
  EXPECT_EQ(second.events, expected);
  EXPECT_TRUE(watched.expired()) << "what is kept of its sequences must not hold it";
}

TEST_F(AdaptersTest, SixtyFourCostTheirOwnMemoryOnly) {
  load("tiny-llama", "Q8_0");
  ThreadPool one(1);
  Running running = start(one);
  const std::size_t count = kSanitized ? 16 : 64;
  adapters.resize(1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto values =
        model::testing::random_adapter(*base, 4, {Site::q, Site::k, Site::v, Site::o, Site::gate, Site::down}, i);
    adapters.push_back(model::testing::served(*base, pool, values));
    EXPECT_EQ(adapters.back()->bytes(), model::adapter_bytes(values));
    // Two matrices of rank 4 a site, padded to panels of 16 rows and whole blocks of 32 columns.
    EXPECT_LT(adapters.back()->bytes(), 2u * 6 * (512 * 32 + 512 * 16) * sizeof(float));
  }
  EXPECT_EQ(base.use_count(), 2 + 1) << "the test, the decoder and its executor: no adapter holds or copies the base";
  std::vector<Request> requests;
  for (std::size_t i = 0; i < count; ++i) {
    Request r = request(2);
    r.adapter = adapters[1 + i];
    requests.push_back(r);
  }
  const auto all = together(*running.engine, requests);
  for (std::size_t i : {std::size_t{0}, std::size_t{7}, count - 1}) EXPECT_EQ(all[i], alone(one, requests[i]));
}

TEST_F(AdaptersTest, DecodingAllocatesNothing) {
  load("tiny-llama", "Q8_0");
  ThreadPool one(1);
  Running running = start(one);
  std::vector<Recorder> recorders(8);
  for (std::size_t i = 0; i < recorders.size(); ++i) {
    Request r = request(i);
    r.max_tokens = 100;
    r.logprobs.reset();
    r.prompt_logprobs.reset();
    ASSERT_TRUE(running.engine->submit(r, [](const Event&) {}));
  }
  for (int i = 0; i < 40; ++i) running.engine->step();
  const std::size_t before = testing::allocations.load();
  for (int i = 0; i < 20; ++i) running.engine->step();
  EXPECT_EQ(testing::allocations.load() - before, 0u);
  EXPECT_EQ(running.engine->pending(), 8u);
}

TEST_F(AdaptersTest, OfAnotherModelOrTooLargeAreRefused) {
  load("tiny-llama", "Q8_0");
  ThreadPool one(1);
  Running running = start(one);
  Request r = request(0);
  r.adapter = model::testing::served(*base, pool, model::testing::random_adapter(*base, 18, {Site::q}, 1));
  EXPECT_EQ(running.engine->submit(r, [](const Event&) {}).error().what, "adapter: its rank is 18, must be at most 17");
  const auto first = adapters[1];
  const auto kept = base;
  load("tiny-llama", "Q8_0");
  Running other = start(one);
  r.adapter = first;
  EXPECT_EQ(other.engine->submit(r, [](const Event&) {}).error().what, "adapter: it was made for another model");
}

}  // namespace
}  // namespace freehold::engine
