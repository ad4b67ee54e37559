#include "engine/engine.h"
#include "engine/test_support.h"

namespace freehold::engine {
namespace {

// Every microsecond and every nanowatt-hour that was worked is charged to somebody, once.
TEST(WorkShares, AddUp) {
  testing::FakeDecoder decoder;
  const text::Tokenizer tokenizer = testing::small_tokenizer();
  double now = 5;
  std::uint64_t meter = ~std::uint64_t{0} - 50;  // it may wrap
  std::uint32_t looks = 0;
  EngineOptions options;
  options.prefix_cache = false;
  options.chunk = 40;
  double first_look = -1;  // of a step
  std::uint64_t first_read = 0;
  options.clock = [&] {
    now += 1e-3 * (1 + ++looks % 7) + 0.3e-6;
    if (first_look < 0) first_look = now;
    return now;
  };
  options.energy = [&] {
    meter += 17 + looks % 5;
    if (first_read == 0) first_read = meter;
    return meter;
  };
  auto engine = Engine::create(decoder, tokenizer, options).value();
  std::vector<testing::Recorder> recorders(5);
  for (std::uint32_t i = 0; i < 5; ++i) {
    Request request = testing::sampled_request(i, 10 + 30 * i, 3 + i);
    request.n = 1 + i % 2;
    ASSERT_TRUE(engine->submit(request, recorders[i].sink()));
  }
  double worked = 0, last = 0;
  std::uint64_t energy = 0, last_energy = 0;
  while (engine->pending() > 0) {
    first_look = -1, first_read = 0;
    engine->step();
    worked += last = now - first_look;
    energy += last_energy = meter - first_read;
  }
  std::uint64_t us = 0, nwh = 0;
  for (const testing::Recorder& r : recorders) {
    for (const Finished& f : r.finished) us += f.usage.compute_us, nwh += f.usage.energy_nwh.value();
  }
  // All but what followed the last pass, after which there was nobody to charge.
  const double missing = worked * 1e6 - static_cast<double>(us);
  EXPECT_GT(missing, -1);
  EXPECT_LT(missing, last * 1e6 + 1);
  EXPECT_LE(nwh, energy);
  EXPECT_GT(nwh + last_energy, energy);
  // Who had more of the batches has more of the work.
  EXPECT_GT(recorders[4].finished[0].usage.compute_us, recorders[0].finished[0].usage.compute_us);
}

}  // namespace
}  // namespace freehold::engine
