// Attention in the shape of one layer of llama-3.2-1b (32 heads of 64 on 8 kv heads) on one thread, by the cache's type
// and what is asked for: one new token after a long text, or the last 256 of it.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/random.h"
#include "kernel/kernels.h"
#include "nn/attention.h"

namespace freehold::nn {
namespace {

void attention(benchmark::State& state, kernel::KvType type, std::uint32_t rows, std::uint32_t length) {
  const AttentionShape shape{32, 8, 64, 0, 0.125f, 0, type};
  const std::size_t width = 32 * 64, kv_width = 8 * 64;
  ThreadPool pool(1);
  Workspace workspace(attention_workspace(1, rows, length, shape.H, shape.K, shape.D));
  Context context{pool, kernel::table_up_to(kernel::chosen_level().value()), workspace};
  const std::size_t half = 8 * kernel::kv_key_bytes(type, 64), whole = half + 8 * kernel::kv_value_bytes(type, 64);
  std::vector<AlignedBuffer<std::byte>> memory;
  std::vector<std::byte*> table;
  for (std::uint32_t b = 0; b < length / 32; ++b) {
    memory.emplace_back(whole);
    table.push_back(memory.back().data());
  }
  std::vector<float> kv(kv_width), q(rows * width), out(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = static_cast<float>(uniform_draw(1, 1, i) - 0.5);
  std::vector<AttentionRow> asked;
  for (std::uint32_t t = 0; t < length; ++t) {
    for (std::size_t i = 0; i < kv_width; ++i) kv[i] = static_cast<float>(uniform_draw(1, 2 + t, i) - 0.5);
    const AttentionRow row{table, t};
    kv_store(context, {&row, 1}, shape, {0, half}, {kv.data(), 1, kv_width, kv_width},
             {kv.data(), 1, kv_width, kv_width});
    if (t + rows >= length) asked.push_back(row);
  }
  for (auto _ : state) {
    attention_forward(context, {out.data(), rows, width, width}, {q.data(), rows, width, width}, asked, shape,
                      {0, half});
  }
  const double pairs = static_cast<double>(rows) * (length - (rows - 1) / 2.0);
  state.counters["GFLOP/s"] =
      benchmark::Counter(4 * pairs * width, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(whole) * length / 32, benchmark::Counter::kIsIterationInvariantRate,
                         benchmark::Counter::kIs1000);
}

#define FH_CASES(type)                                                                                             \
  BENCHMARK_CAPTURE(attention, decode_8192_##type, kernel::KvType::type, 1, 8192)->Unit(benchmark::kMicrosecond);  \
  BENCHMARK_CAPTURE(attention, prefill_512_##type, kernel::KvType::type, 256, 512)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(attention, prefill_8192_##type, kernel::KvType::type, 256, 8192)->Unit(benchmark::kMicrosecond)
FH_CASES(f32);
FH_CASES(f16);
FH_CASES(q8_0);

}  // namespace
}  // namespace freehold::nn
