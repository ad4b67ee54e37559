// One token sampled from a vocabulary of 152,000 (Qwen's size), by setting. Logits are like a model's: a few likely
// tokens, a long tail.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "engine/sampling/logprobs.h"
#include "engine/sampling/sampler.h"

namespace freehold::engine {
namespace {

constexpr std::uint32_t kVocab = 152000;

std::vector<float> logits() {
  std::vector<float> l(kVocab);
  for (std::uint32_t i = 0; i < kVocab; ++i) {
    double u = 0;
    for (std::uint64_t k = 0; k < 12; ++k) u += uniform_draw(1, k, i);
    l[i] = static_cast<float>(3 * (u - 6) + (i < 20 ? 12 : 0));
  }
  return l;
}

void sample(benchmark::State& state, const Sampling& sampling) {
  auto row = logits();
  Sampler sampler(kVocab);
  DefaultChain chain(sampling);
  std::vector<std::int32_t> history(2000);
  for (std::size_t i = 0; i < history.size(); ++i) history[i] = static_cast<std::int32_t>(i * 37);
  std::uint64_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(chain, row, {{}, history}, uniform_draw(2, 0, i++)));
}

BENCHMARK_CAPTURE(sample, greedy, Sampling{.temperature = 0})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, greedy_penalty, Sampling{.presence_penalty = 0.5, .temperature = 0})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, top_k_40, Sampling{.temperature = 0.8, .top_k = 40, .top_p = 0.95})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, top_p, Sampling{.temperature = 0.8, .top_p = 0.95})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, min_p, Sampling{.min_p = 0.05})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, typical, Sampling{.typical_p = 0.95})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, plain, Sampling{})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sample, flat_top_p, Sampling{.temperature = 5, .top_p = 0.99})->Unit(benchmark::kMicrosecond);

// Under a mask of one token in `every`.
void masked(benchmark::State& state, const Sampling& sampling) {
  auto row = logits();
  Sampler sampler(kVocab);
  DefaultChain chain(sampling);
  std::vector<std::uint64_t> mask((kVocab + 63) / 64);
  const auto every = static_cast<std::uint32_t>(state.range(0));
  for (std::uint32_t t = 0; t < kVocab; t += every) mask[t / 64] |= std::uint64_t{1} << (t % 64);
  std::uint64_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(sampler.sample(chain, row, {{}, {}, mask, {}}, uniform_draw(2, 0, i++)));
  }
}
BENCHMARK_CAPTURE(masked, greedy, Sampling{.temperature = 0})->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(masked, top_p, Sampling{.temperature = 0.8, .top_p = 0.95})
    ->Arg(1)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond);

void top_20_logprobs(benchmark::State& state) {
  auto row = logits();
  std::vector<TokenLogprob> top(20);
  for (auto _ : state) top_logprobs(row, log_sum_exp(row), top);
}
BENCHMARK(top_20_logprobs)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace freehold::engine
