// The matrix products by type, level and rows, over the cases' weights (matmul_testing.h). GOP/s count two operations a
// multiplication; "of_peak" is the share of what this core's dpbusd (or FMA, for float weights) instructions do at the
// same time; with one row the weights come from memory, so GB/s says more.
//
//   kernel_bench --benchmark_filter='q4_k/avx512/.*' --benchmark_min_time=0.05
//   FREEHOLD_BENCH_PANELS=8     panels of 16 outputs (the least the thread pool hands out at once)
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "kernel/kernels.h"
#include "kernel/matmul_testing.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace freehold::kernel {
namespace {

using Clock = std::chrono::steady_clock;

#if defined(__x86_64__)
// Sixteen chains in registers, so that neither latency nor the loop counts; the best of several short runs.
template <class Step>
double best_rate(double operations, Step step) {
  double best = 0;
  for (int i = 0; i < 40; ++i) {
    const auto begin = Clock::now();
    step(20000);
    best = std::max(best, 20000 * operations / std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

#define FH_CHAINS(op)                                                                                \
  op " %%zmm30,%%zmm31,%%zmm0\n" op " %%zmm30,%%zmm31,%%zmm1\n" op " %%zmm30,%%zmm31,%%zmm2\n" op    \
     " %%zmm30,%%zmm31,%%zmm3\n" op " %%zmm30,%%zmm31,%%zmm4\n" op " %%zmm30,%%zmm31,%%zmm5\n" op    \
     " %%zmm30,%%zmm31,%%zmm6\n" op " %%zmm30,%%zmm31,%%zmm7\n" op " %%zmm30,%%zmm31,%%zmm8\n" op    \
     " %%zmm30,%%zmm31,%%zmm9\n" op " %%zmm30,%%zmm31,%%zmm10\n" op " %%zmm30,%%zmm31,%%zmm11\n" op  \
     " %%zmm30,%%zmm31,%%zmm12\n" op " %%zmm30,%%zmm31,%%zmm13\n" op " %%zmm30,%%zmm31,%%zmm14\n" op \
     " %%zmm30,%%zmm31,%%zmm15\n"
#define FH_CLOBBERS                                                                                                   \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
      "xmm14", "xmm15"

__attribute__((target("avx512f"))) double peak(bool floats) {
  if (floats) {
    return best_rate(
        16 * 32, [](int rounds) __attribute__((target("avx512f"))) {
          for (int i = 0; i < rounds; ++i) asm volatile(FH_CHAINS("vfmadd231ps")::: FH_CLOBBERS);
        });
  }
  return best_rate(
      16 * 128, [](int rounds) __attribute__((target("avx512f"))) {
        for (int i = 0; i < rounds; ++i) asm volatile(FH_CHAINS("vpdpbusd")::: FH_CLOBBERS);
      });
}
#endif

void product(benchmark::State& state, DType type, Level level, std::size_t T) {
  const char* given = std::getenv("FREEHOLD_BENCH_PANELS");
  const std::size_t panels = T == 1 ? 2048 : given != nullptr ? std::strtoul(given, nullptr, 10) : 8;
  const Case c{panels * 16, 2048, T};
  const auto w = prepare(type, random_rows(type, c.N, c.K), c.N, c.K);
  const auto x = activations(c);
  const Table& table = table_up_to(level);
  const QuantBuffers q = quantise(table, x, c.T, c.K);
  const auto b = bf16_tiles(x, c.T, c.K);
  std::vector<float> y(c.N * c.T);
  double best = 1e9;
  for (auto _ : state) {
    const auto begin = Clock::now();
    if (auto kind = panel_kind(type)) {
      table.matmul_quant[static_cast<std::size_t>(*kind)](
          {w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, q.rows(), y.data(), c.N});
    } else if (type == DType::bf16) {
      table.matmul_bf16({w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, b.data(), y.data(), c.N});
    } else {
      auto* matmul = type == DType::f16 ? table.matmul_f16 : table.matmul_f32;
      matmul({w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, x.data(), c.K, y.data(), c.N});
    }
    benchmark::DoNotOptimize(y.data());
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  // The fastest pass: on a machine with neighbours the mean says little.
  const double operations = 2.0 * static_cast<double>(c.N * c.K * c.T);
  state.counters["GOP/s"] = operations / best / 1e9;
  state.counters["GB/s"] = static_cast<double>(w.panels.size()) / best / 1e9;
#if defined(__x86_64__)
  if (level >= Level::avx512) state.counters["of_peak"] = operations / best / peak(!tensor::info(type).quantised);
#endif
}

int register_all() {
  for (const auto& type : tensor::all_dtypes()) {
    for (Level level = Level::avx2; level <= detect_level(); level = static_cast<Level>(static_cast<int>(level) + 1)) {
      for (std::size_t T : {1u, 2u, 4u, 8u, 16u, 64u, 512u}) {
        const std::string name =
            std::string(tensor::name_of(type.type)) + "/" + std::string(name_of(level)) + "/" + std::to_string(T);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [type = type.type, level, T](benchmark::State& s) { product(s, type, level, T); });
      }
    }
  }
  return 0;
}
const int kRegistered = register_all();

}  // namespace
}  // namespace freehold::kernel
