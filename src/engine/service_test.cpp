#include "engine/service.h"

#include <atomic>
#include <future>
#include <thread>

#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using namespace testing;

// What one request got, and a promise of its end.
struct Heard {
  Recorder recorder;
  std::promise<void> over;
  EventSink sink(std::uint32_t choices = 1) {
    return [this, choices, inner = recorder.sink()](const Event& e) mutable {
      inner(e);
      if (std::holds_alternative<Failed>(e) || std::holds_alternative<Embedded>(e) ||
          (std::holds_alternative<Finished>(e) && --choices == 0))
        over.set_value();
    };
  }
};

struct ServiceTest : ::testing::Test {
  std::unique_ptr<Service> start(ServiceOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, {.max_sequences = 8, .chunk = 16});
    EXPECT_TRUE(engine) << engine.error().what;
    return std::make_unique<Service>(std::move(*engine), options);
  }
  FakeDecoder decoder;
  text::Tokenizer tokenizer = small_tokenizer();
};

TEST_F(ServiceTest, ManyThreadsGetWhatEachGetsAlone) {
  constexpr int kRequests = 24;
  std::vector<std::vector<std::string>> alone(kRequests);
  {
    auto engine = Engine::create(decoder, tokenizer, {.max_sequences = 8, .chunk = 16, .prefix_cache = false});
    for (int i = 0; i < kRequests; ++i) {
      Recorder r;
      ASSERT_TRUE((*engine)->run(sampled_request(static_cast<std::uint64_t>(i), 3, 20), r.sink()));
      alone[static_cast<std::size_t>(i)] = r.events;
    }
  }
  auto service = start();
  std::vector<Heard> heard(kRequests);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < kRequests; i += 4) {
        auto& h = heard[static_cast<std::size_t>(i)];
        ASSERT_TRUE(service->submit(sampled_request(static_cast<std::uint64_t>(i), 3, 20), h.sink()));
        if (i % 3 == 0) h.over.get_future().wait();
      }
    });
  }
  for (auto& t : threads) t.join();
  service.reset();  // waits for nobody: what had not finished is cancelled, so look at those that ended by themselves
  int whole = 0;
  for (int i = 0; i < kRequests; ++i) {
    const auto& h = heard[static_cast<std::size_t>(i)].recorder;
    ASSERT_EQ(h.reasons.size(), 1u) << "every request gets its last event";
    if (h.reasons[0] == FinishReason::cancelled) continue;
    EXPECT_EQ(h.events, alone[static_cast<std::size_t>(i)]) << i;
    ++whole;
  }
  EXPECT_GE(whole, kRequests / 3);
}

TEST_F(ServiceTest, RefusesWhatItCannotTake) {
  auto service = start({.max_pending = 1});
  Heard first, second, third;
  EXPECT_FALSE(service->submit(Request{}, first.sink())) << "an empty prompt";
  decoder.eos_logit = -1e30;
  auto ticket = service->submit(sampled_request(1, 3, 400), first.sink());
  ASSERT_TRUE(ticket);
  auto refused = service->submit(sampled_request(2, 3, 5), second.sink());
  if (!refused) {
    EXPECT_EQ(refused.error().code, Errc::exhausted);
  }
  service->cancel(*ticket);
  first.over.get_future().wait();
  // A place is free again, once the engine's thread has counted.
  auto taken = service->submit(sampled_request(3, 3, 5), third.sink());
  while (!taken) {
    std::this_thread::yield();
    taken = service->submit(sampled_request(3, 3, 5), third.sink());
  }
  third.over.get_future().wait();
  EXPECT_EQ(third.recorder.reasons.size(), 1u);
}

TEST_F(ServiceTest, OneTenantDoesNotFillTheQueue) {
  decoder.eos_logit = -1e30;
  auto service = start({.max_pending = 5, .max_pending_of_tenant = 3});
  Request request = sampled_request(1, 3, 500);
  request.tenant = "flood";
  std::vector<Heard> heard(3);
  for (auto& h : heard) ASSERT_TRUE(service->submit(request, h.sink()));
  // They run for 500 tokens each; should they be over by now, a fourth is rightly taken.
  auto refused = service->submit(request, [](const Event&) {});
  if (!refused) {
    EXPECT_EQ(refused.error().code, Errc::exhausted);
    EXPECT_EQ(refused.error().what, "busy: 3 requests of this tenant are waiting or running already");
  }
  request.tenant = "one";
  Heard one;
  ASSERT_TRUE(service->submit(request, one.sink()));
  service.reset();
  EXPECT_EQ(one.recorder.reasons.size(), 1u);
}

TEST_F(ServiceTest, EmbedsBesideAnswers) {
  auto service = start();
  EmbedRequest text;
  EXPECT_FALSE(service->submit(text, [](const Event&) {})) << "no tokens";
  std::vector<Heard> vectors(6), answers(6);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    text.tokens = sampled_request(i % 3, 20, 1).prompt;
    ASSERT_TRUE(service->submit(text, vectors[i].sink()));
    ASSERT_TRUE(service->submit(sampled_request(i, 3, 20), answers[i].sink()));
  }
  for (auto& h : vectors) h.over.get_future().wait();
  for (auto& h : answers) h.over.get_future().wait();
  for (std::size_t i = 3; i < vectors.size(); ++i) {
    EXPECT_EQ(vectors[i].recorder.vector, vectors[i - 3].recorder.vector);
    EXPECT_EQ(vectors[i].recorder.vector.size(), kWidth);
  }
  EXPECT_NE(vectors[0].recorder.vector, vectors[1].recorder.vector);
}

TEST_F(ServiceTest, CancelsWithinAStep) {
  decoder.eos_logit = -1e30;
  auto service = start();
  Heard h;
  std::promise<void> writing;
  bool told = false;
  auto inner = h.sink();
  auto ticket = service->submit(sampled_request(1, 3, 500), [&](const Event& e) {
    if (std::holds_alternative<TextDelta>(e) && !told) told = true, writing.set_value();
    inner(e);
  });
  ASSERT_TRUE(ticket);
  writing.get_future().wait();
  service->cancel(*ticket);
  service->cancel(*ticket);  // twice, or of nobody, is no error
  service->cancel(999);
  h.over.get_future().wait();
  EXPECT_EQ(h.recorder.reasons, std::vector{FinishReason::cancelled});
}

TEST_F(ServiceTest, StatusIsForAnyThread) {
  decoder.eos_logit = -1e30;
  auto service = start();
  EXPECT_GT(service->status().engine.kv_blocks_total, 0u);
  Heard h;
  ASSERT_TRUE(service->submit(sampled_request(1, 100, 300), h.sink()));
  std::atomic<bool> over{false};
  std::thread reader([&] {
    EngineCounters before;
    while (!over) {
      const ServiceStatus s = service->status();
      EXPECT_GE(s.counters.steps, before.steps);
      EXPECT_GE(s.counters.sampled_tokens, before.sampled_tokens);
      EXPECT_LE(s.engine.sequences, 8u);
      EXPECT_LE(s.engine.kv_blocks_used, s.engine.kv_blocks_total);
      before = s.counters;
    }
  });
  h.over.get_future().wait();
  over = true;
  reader.join();
  while (service->status().engine.running > 0) std::this_thread::yield();  // the snapshot follows the last event
  const ServiceStatus s = service->status();
  EXPECT_EQ(s.pending, 0u);
  EXPECT_EQ(s.counters.sampled_tokens, 300u);
  EXPECT_EQ(s.counters.prefix_misses, 1u);
}

// A model that is dropped while it serves: its service, its engine and its decoder go in this order.
TEST_F(ServiceTest, ModelsAreDroppedWithRequestsInFlight) {
  for (int round = 0; round < 8; ++round) {
    auto own = std::make_unique<FakeDecoder>();
    own->eos_logit = -1e30;
    auto engine = Engine::create(*own, tokenizer, {.max_sequences = 4, .chunk = 16});
    auto service = std::make_unique<Service>(std::move(*engine));
    std::vector<Heard> heard(16);
    for (std::uint64_t i = 0; i < heard.size(); ++i) {
      if (i % 3 == 0) {
        EmbedRequest embed;
        embed.tokens = sampled_request(i, 200, 1).prompt;
        ASSERT_TRUE(service->submit(embed, heard[i].sink()));
        continue;
      }
      Request r = sampled_request(i, 5 + 30 * (i % 4), 300);
      r.n = 1 + static_cast<std::uint32_t>(i % 2);
      if (i % 4 == 1) r.prompt_logprobs = 1;
      ASSERT_TRUE(service->submit(r, heard[i].sink(r.n)));
    }
    for (int i = 0; i < round; ++i) std::this_thread::yield();
    service.reset();
    EXPECT_TRUE(own->all_free());
    own.reset();
    for (auto& h : heard) h.over.get_future().wait();  // each had its last event
  }
}

TEST_F(ServiceTest, EndsEverythingWhenItIsDestroyed) {
  decoder.eos_logit = -1e30;
  auto service = start();
  std::vector<Heard> heard(20);
  for (auto& h : heard) ASSERT_TRUE(service->submit(sampled_request(1, 3, 500), h.sink()));
  service.reset();
  for (auto& h : heard) EXPECT_EQ(h.recorder.reasons, std::vector{FinishReason::cancelled});
}

TEST_F(ServiceTest, ForgetsOneTenantsPrompts) {
  auto service = start();
  const auto cached = [&](const std::string& tenant) {
    Request request = sampled_request(1, 60, 4);
    request.tenant = tenant;
    Heard heard;
    EXPECT_TRUE(service->submit(std::move(request), heard.sink()));
    heard.over.get_future().wait();
    return heard.recorder.started.cached_tokens;
  };
  EXPECT_EQ(cached("a"), 0u);
  EXPECT_EQ(cached("b"), 0u);
  EXPECT_GT(cached("a"), 0u);
  service->drop_cached("a");
  EXPECT_EQ(cached("a"), 0u);
  EXPECT_GT(cached("b"), 0u);
}

}  // namespace
}  // namespace freehold::engine
