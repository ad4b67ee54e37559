// Adapters at a model's two ends, against the complex step: on the output matrix, through the loss that never holds
// all logits, and on the embedding, whose rows are looked up.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

#include "nn/complex_step_testing.h"
#include "nn/cross_entropy.h"
#include "nn/low_rank.h"

namespace freehold::nn {
namespace {

// A prepared F32 layer and its memory.
struct EndLayer {
  std::vector<float> values;
  AlignedBuffer<std::byte> panels;
  Linear layer;

  EndLayer(std::size_t rows, std::size_t cols, std::uint64_t stream) : values(draws(rows * cols, stream)) {
    const tensor::View view{"w", tensor::DType::f32, {rows, cols}, std::as_bytes(std::span(values))};
    panels = AlignedBuffer<std::byte>(Linear::prepared_bytes(view));
    ThreadPool pool(1);
    layer = std::move(*Linear::prepare(pool, view, panels.span()));
  }
};

constexpr std::size_t kT = 70, kC = 12, kV = 45, kR = 3;  // more rows than are scored at a time

struct OutputCase {
  EndLayer w{kV, kC, 4}, a{kR, kC, 5}, b{kV, kR, 6};
  std::vector<float> h = draws(kT * kC, 1, 2), m = draws(kV, 7, 0.5);
  LowRank adapter;
  std::vector<Target> targets;

  explicit OutputCase(bool dora) {
    adapter.a = a.layer;
    adapter.b = b.layer;
    adapter.scale = 1.5f;
    for (std::uint32_t t = 0; t < kT; ++t) {
      if (t % 33 != 3) targets.push_back({t, static_cast<std::int32_t>(t * 7 % kV), 0.5f + static_cast<float>(t % 3)});
    }
    if (!dora) return;
    for (float& x : m) x += 2;
    ThreadPool pool(1);
    Workspace none(0);
    Context context{pool, kernel::table_up_to(kernel::Level::scalar), none};
    EXPECT_TRUE(dora_gain(context, adapter, w.layer, m, {a.values.data(), kR, kC, kC}, {b.values.data(), kV, kR, kR}));
  }

  Complexes losses(const Complexes& hs, const Complexes& as, const Complexes& bs, const Complexes& ms,
                   double cap) const {
    Complexes out;
    for (const Target& target : targets) {
      std::array<Complex, kR> low{};
      for (std::size_t j = 0; j < kR; ++j) {
        for (std::size_t i = 0; i < kC; ++i) low[j] += as[j * kC + i] * hs[target.row * kC + i];
      }
      Complex sum = 0, wanted = 0;
      for (std::size_t v = 0; v < kV; ++v) {
        Complex l = 0;
        for (std::size_t i = 0; i < kC; ++i) l += static_cast<double>(w.values[v * kC + i]) * hs[target.row * kC + i];
        for (std::size_t j = 0; j < kR; ++j) l += 1.5 * bs[v * kR + j] * low[j];
        if (!adapter.gain.empty()) l *= ms[v] / static_cast<double>(adapter.norm[v]);
        if (cap != 0) l = cap * std::tanh(l / cap);
        sum += std::exp(l);
        if (v == static_cast<std::size_t>(target.target)) wanted = l;
      }
      out.push_back(std::log(sum) - wanted);
    }
    return out;
  }
};

TEST(LowRankEnds, OutputThroughTheLoss) {
  for (const auto& [dora, cap] : {std::pair(false, 0.0f), std::pair(true, 2.5f)}) {
    SCOPED_TRACE(testing::Message() << "dora " << dora << " cap " << cap);
    const OutputCase c(dora);
    std::vector<float> dloss;
    for (const Target& t : c.targets) dloss.push_back(t.weight);
    const auto run = [&, dora = dora, cap = cap](Context& context) {
      std::vector<float> loss(c.targets.size()), again(loss), dh(kT * kC), da(kR * kC), db(kV * kR), dm(dora ? kV : 0);
      const tensor::ConstRows hidden{c.h.data(), kT, kC, kC};
      cross_entropy(context, loss, hidden, c.w.layer, cap, c.targets,
                    {{dh.data(), kT, kC, kC}, {}, {{da.data(), kR, kC, kC}, {db.data(), kV, kR, kR}, dm}},
                    {&c.adapter});
      cross_entropy(context, again, hidden, c.w.layer, cap, c.targets, {}, {&c.adapter});
      EXPECT_EQ(loss, again);
      for (const auto* more : {&dh, &da, &db, &dm}) loss.insert(loss.end(), more->begin(), more->end());
      return loss;
    };
    for_every_machine(
        run, cross_entropy_workspace(3, kV, kC, kR, dora), [&, dora = dora, cap = cap](const std::vector<float>& got) {
          const auto h = widen(c.h), a = widen(c.a.values), b = widen(c.b.values), m = widen(c.m);
          const double k = static_cast<double>(cap);
          const Complexes expected = c.losses(h, a, b, m, k);
          for (std::size_t i = 0; i < expected.size(); ++i)
            ASSERT_NEAR(static_cast<double>(got[i]), expected[i].real(), 5e-6);
          std::size_t at = expected.size();
          const auto next = [&](std::size_t n) { return std::span(got).subspan(std::exchange(at, at + n), n); };
          using F = const Complexes&;
          expect_gradient(next(kT * kC), complex_step([&](F v) { return c.losses(v, a, b, m, k); }, c.h, dloss), 1e-5,
                          "dh");
          expect_gradient(next(kR * kC), complex_step([&](F v) { return c.losses(h, v, b, m, k); }, c.a.values, dloss),
                          1e-5, "dA");
          expect_gradient(next(kV * kR), complex_step([&](F v) { return c.losses(h, a, v, m, k); }, c.b.values, dloss),
                          1e-5, "dB");
          if (dora)
            expect_gradient(next(kV), complex_step([&](F v) { return c.losses(h, a, b, v, k); }, c.m, dloss), 1e-5,
                            "dm");
        });
  }
}

// Rows of dropout count over all targets, not over those whose logits exist at the same time.
TEST(LowRankEnds, OutputsDropoutIsItsTargets) {
  OutputCase c(false);
  c.targets.clear();
  for (std::uint32_t t = 0; t < kT; ++t) c.targets.push_back({t, static_cast<std::int32_t>(t % kV)});
  const Dropout dropout{0.4f, 9, 4};
  ThreadPool pool(2);
  Workspace memory(cross_entropy_workspace(2, kV, kC, kR) + low_rank_workspace(kT, kV, kC, kR));
  Context context{pool, kernel::table_up_to(kernel::detect_level()), memory};
  std::vector<float> loss(kT), dropped(kT * kV), plain(kT * kV);
  const tensor::ConstRows hidden{c.h.data(), kT, kC, kC};
  cross_entropy(context, loss, hidden, c.w.layer, 0, c.targets, {}, {&c.adapter, dropout});
  linear_forward(context, {dropped.data(), kT, kV, kV}, hidden, c.w.layer);
  low_rank_forward(context, {dropped.data(), kT, kV, kV}, hidden, c.w.layer, c.adapter, dropout);
  for (std::size_t t = 0; t < kT; ++t) {
    double sum = 0;
    for (std::size_t v = 0; v < kV; ++v) sum += std::exp(static_cast<double>(dropped[t * kV + v]));
    ASSERT_NEAR(static_cast<double>(loss[t]), std::log(sum) - static_cast<double>(dropped[t * kV + t % kV]), 1e-5) << t;
  }
}

struct LookupCase {
  std::vector<std::int32_t> ids;
  std::vector<float> columns = draws(kV * kR, 2), x = draws(kT * kC, 1), dx = draws(kT * kC, 3);
  EndLayer b{kC, kR, 6};
  LowRankLookup adapter;

  LookupCase() {
    for (std::size_t t = 0; t < kT; ++t) ids.push_back(static_cast<std::int32_t>(t * t % kV));  // many occur again
    adapter.columns = columns;
    adapter.b = b.layer;
    adapter.scale = 1.5f;
  }
};

TEST(LowRankEnds, LookedUp) {
  const LookupCase c;
  const auto forward = [&](const Complexes& a, const Complexes& b) {  // a as (r, V)
    Complexes y = widen(c.x);
    for (std::size_t t = 0; t < kT; ++t) {
      for (std::size_t n = 0; n < kC; ++n) {
        for (std::size_t j = 0; j < kR; ++j)
          y[t * kC + n] += 1.5 * b[n * kR + j] * a[j * kV + static_cast<std::size_t>(c.ids[t])];
      }
    }
    return y;
  };
  std::vector<float> a(kR * kV);
  for (std::size_t j = 0; j < kR; ++j) {
    for (std::size_t v = 0; v < kV; ++v) a[j * kV + v] = c.columns[v * kR + j];
  }
  const auto run = [&](Context& context) {
    std::vector<float> y = c.x, da(kR * kV), db(kC * kR);
    lookup_forward(context, {y.data(), kT, kC, kC}, c.ids, c.adapter);
    lookup_backward(context, {c.dx.data(), kT, kC, kC}, c.ids, c.adapter,
                    {{da.data(), kR, kV, kV}, {db.data(), kC, kR, kR}});
    // A row gives the same bits alone.
    std::vector<float> one(c.x.begin() + 7 * kC, c.x.begin() + 8 * kC);
    lookup_forward(context, {one.data(), 1, kC, kC}, std::span(c.ids).subspan(7, 1), c.adapter);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), y.begin() + 7 * kC));
    for (const auto* more : {&da, &db}) y.insert(y.end(), more->begin(), more->end());
    return y;
  };
  for_every_machine(run, lookup_workspace(3, kT, kC, kR), [&](const std::vector<float>& got) {
    const Complexes y = forward(widen(a), widen(c.b.values));
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(static_cast<double>(got[i]), y[i].real(), 2e-6);
    std::size_t at = y.size();
    const auto next = [&](std::size_t n) { return std::span(got).subspan(std::exchange(at, at + n), n); };
    using F = const Complexes&;
    expect_gradient(next(kR * kV), complex_step([&](F v) { return forward(v, widen(c.b.values)); }, a, c.dx), 4e-6,
                    "dA");
    expect_gradient(next(kC * kR), complex_step([&](F v) { return forward(widen(a), v); }, c.b.values, c.dx), 4e-6,
                    "dB");
  });
}

}  // namespace
}  // namespace freehold::nn
