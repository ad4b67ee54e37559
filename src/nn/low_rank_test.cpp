// Adapters against the complex step: LoRA, DoRA with its constant norm, biases, dropout; and what a row must not depend
// on.
#include "nn/low_rank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "nn/complex_step_testing.h"

namespace freehold::nn {
namespace {

constexpr std::size_t T = 5, N = 19, K = 33, r = 3;

Linear layer_of(const std::vector<float>& w, std::size_t rows, std::size_t cols, AlignedBuffer<std::byte>& panels) {
  const tensor::View view{"w", tensor::DType::f32, {rows, cols}, std::as_bytes(std::span(w))};
  panels = AlignedBuffer<std::byte>(Linear::prepared_bytes(view));
  ThreadPool pool(1);
  return std::move(*Linear::prepare(pool, view, panels.span()));
}

struct LowRankCase {
  bool dora, bias;
  float dropout;
  std::vector<float> w = draws(N * K, 1), a = draws(r * K, 2), b = draws(N * r, 3), x = draws(T * K, 4),
                     dy = draws(T * N, 5), m = draws(N, 6), biases = draws(N, 7);
  AlignedBuffer<std::byte> memory[3];
  Linear base;
  LowRank adapter;
  Dropout drop;

  LowRankCase(bool d, bool with_bias, float rate) : dora(d), bias(with_bias), dropout(rate), drop{rate, 9, 4} {
    base = layer_of(w, N, K, memory[0]);
    if (bias) base.bias = biases;
    adapter.a = layer_of(a, r, K, memory[1]);
    adapter.b = layer_of(b, N, r, memory[2]);
    adapter.scale = 1.5f;
    if (!dora) return;
    ThreadPool pool(1);
    Workspace none(0);
    Context context{pool, kernel::table_up_to(kernel::Level::scalar), none};
    EXPECT_TRUE(dora_gain(context, adapter, base, m, {a.data(), r, K, K}, {b.data(), N, r, r}).has_value());
  }

  // The forward pass in double; `keep` is x's mask over 1 - rate.
  Complexes forward(const Complexes& xs, const Complexes& as, const Complexes& bs, const Complexes& ms,
                    const std::vector<double>& keep) const {
    Complexes y(T * N);
    for (std::size_t t = 0; t < T; ++t) {
      Complexes h(r);
      for (std::size_t j = 0; j < r; ++j) {
        for (std::size_t k = 0; k < K; ++k) h[j] += as[j * K + k] * xs[t * K + k] * keep[t * K + k];
      }
      for (std::size_t n = 0; n < N; ++n) {
        Complex z = 0;
        for (std::size_t k = 0; k < K; ++k) z += static_cast<double>(w[n * K + k]) * xs[t * K + k];
        for (std::size_t j = 0; j < r; ++j) z += 1.5 * bs[n * r + j] * h[j];
        if (dora) z *= ms[n] / static_cast<double>(adapter.norm[n]);
        y[t * N + n] = z + (bias ? static_cast<double>(biases[n]) : 0.0);
      }
    }
    return y;
  }
  // Which inputs the adapter sees, found out by asking it about one of them at a time.
  std::vector<double> mask(Context& context) const {
    std::vector<double> keep(T * K, 1.0);
    if (dropout == 0) return keep;
    for (std::size_t k = 0; k < K; ++k) {
      std::vector<float> one(T * K), eye(K), y(T * N);
      for (std::size_t t = 0; t < T; ++t) one[t * K + k] = 1;
      run_forward(context, y, one);
      for (std::size_t t = 0; t < T; ++t) {
        double with = 0;
        for (std::size_t j = 0; j < r; ++j) with += static_cast<double>(b[j]) * static_cast<double>(a[j * K + k]);
        const double got = (static_cast<double>(y[t * N]) - (bias ? static_cast<double>(biases[0]) : 0.0)) /
                               (dora ? static_cast<double>(adapter.gain[0]) : 1.0) -
                           static_cast<double>(w[k]);
        keep[t * K + k] = std::fabs(got) < 1e-4 * std::fabs(with) ? 0.0 : 1.0 / (1.0 - static_cast<double>(dropout));
      }
    }
    return keep;
  }
  void run_forward(Context& context, std::vector<float>& y, const std::vector<float>& input) const {
    const tensor::Rows rows{y.data(), T, N, N};
    linear_forward(context, rows, {input.data(), T, K, K}, base);
    low_rank_forward(context, rows, {input.data(), T, K, K}, base, adapter, drop);
  }
};

std::size_t workspace() {
  return std::max(low_rank_workspace(T, N, K, r), low_rank_backward_workspace(3, T, N, K, r)) + linear_workspace(T, K);
}

TEST(LowRank, ComplexStep) {
  for (const bool dora : {false, true}) {
    for (const bool bias : {false, true}) {
      for (const float rate : {0.0f, 0.4f}) {
        SCOPED_TRACE(testing::Message() << "dora " << dora << " bias " << bias << " dropout " << rate);
        const LowRankCase c(dora, bias, rate);
        std::vector<double> keep;
        auto run = [&](Context& context) {
          if (keep.empty()) keep = c.mask(context);
          std::vector<float> y(T * N), dx(T * K), dz(T * N), da(r * K), db(N * r), dm(dora ? N : 0);
          c.run_forward(context, y, c.x);
          low_rank_backward(context, {dx.data(), T, K, K}, {dz.data(), T, N, N}, {c.dy.data(), T, N, N},
                            {c.x.data(), T, K, K}, c.base, c.adapter, {{da.data(), r, K, K}, {db.data(), N, r, r}, dm},
                            c.drop);
          linear_backward_input(context, {dx.data(), T, K, K}, {(dora ? dz : c.dy).data(), T, N, N}, c.base);
          for (const auto* more : {&dx, &da, &db, &dm}) y.insert(y.end(), more->begin(), more->end());
          return y;
        };
        for_every_machine(run, workspace(), [&](const std::vector<float>& got) {
          const auto x = widen(c.x), a = widen(c.a), b = widen(c.b), m = widen(c.m);
          const Complexes y = c.forward(x, a, b, m, keep);
          for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(static_cast<double>(got[i]), y[i].real(), 2e-5);
          const std::span all(got);
          std::size_t at = T * N;
          auto next = [&](std::size_t n) { return all.subspan(std::exchange(at, at + n), n); };
          using F = const Complexes&;
          expect_gradient(next(T * K), complex_step([&](F v) { return c.forward(v, a, b, m, keep); }, c.x, c.dy), 4e-6,
                          "dx");
          expect_gradient(next(r * K), complex_step([&](F v) { return c.forward(x, v, b, m, keep); }, c.a, c.dy), 4e-6,
                          "dA");
          expect_gradient(next(N * r), complex_step([&](F v) { return c.forward(x, a, v, m, keep); }, c.b, c.dy), 4e-6,
                          "dB");
          if (dora)
            expect_gradient(next(N), complex_step([&](F v) { return c.forward(x, a, b, v, keep); }, c.m, c.dy), 4e-6,
                            "dm");
        });
        if (rate == 0) continue;
        const auto dropped = std::count(keep.begin(), keep.end(), 0.0);
        EXPECT_GT(dropped, 40);  // 165 inputs at 0.4: 66 expected, standard deviation 6
        EXPECT_LT(dropped, 92);
      }
    }
  }
}

// A row gives the same bits alone as in a batch.
TEST(LowRank, RowsAreIndependent) {
  const LowRankCase c(true, true, 0);
  ThreadPool pool(2);
  Workspace memory(workspace());
  Context context{pool, kernel::table_up_to(kernel::detect_level()), memory};
  std::vector<float> all(T * N), one(N);
  c.run_forward(context, all, c.x);
  for (std::size_t t = 0; t < T; ++t) {
    linear_forward(context, {one.data(), 1, N, N}, {c.x.data() + t * K, 1, K, K}, c.base);
    low_rank_forward(context, {one.data(), 1, N, N}, {c.x.data() + t * K, 1, K, K}, c.base, c.adapter);
    for (std::size_t n = 0; n < N; ++n) ASSERT_EQ(one[n], all[t * N + n]);
  }
}

TEST(LowRank, DoraRefusesALayerWithoutDirection) {
  LowRankCase c(true, false, 0);
  std::vector<float> zero_w(N * K), zero_b(N * r);
  const Linear base = layer_of(zero_w, N, K, c.memory[0]);
  ThreadPool pool(1);
  Workspace none(0);
  Context context{pool, kernel::table_up_to(kernel::Level::scalar), none};
  const auto done = dora_gain(context, c.adapter, base, c.m, {c.a.data(), r, K, K}, {zero_b.data(), N, r, r});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Errc::invalid);
}

}  // namespace
}  // namespace freehold::nn
