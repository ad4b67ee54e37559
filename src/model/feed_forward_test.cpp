// The mixture of experts against its definition: what it computes, and its gradients by the complex step, at every
// level and thread count the same bits.
#include "model/feed_forward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "model/adapted_linear.h"
#include "nn/complex_step_testing.h"
#include "nn/linear.h"

namespace freehold::model {
namespace {

using nn::Complex;
using nn::Complexes;
using nn::draws;
using tensor::Rows;

constexpr std::size_t T = 9, C = 12, F = 20, E = 5;
constexpr std::uint32_t kUsed = 2;

// A float32 layer and its values.
struct Layer {
  std::size_t N, K;
  std::vector<float> values;
  AlignedBuffer<std::byte> panels;
  nn::Linear linear;
  Layer(std::size_t n, std::size_t k, std::uint64_t stream) : N(n), K(k), values(draws(n * k, stream)) {
    const tensor::View view{"w", tensor::DType::f32, {N, K}, std::as_bytes(std::span<const float>(values))};
    panels = AlignedBuffer<std::byte>(nn::Linear::prepared_bytes(view));
    ThreadPool pool(1);
    linear = *nn::Linear::prepare(pool, view, panels.span());
  }
};

struct Mixture {
  Spec spec;
  std::vector<Layer> layers;  // by slot from gate on
  BlockWeights weights;
  std::vector<float> x = draws(T * C, 1), dy = draws(T * C, 2);

  Mixture() {
    spec.width = C, spec.ffn = F, spec.heads = 1, spec.kv_heads = 1, spec.head_size = C;
    spec.experts = E, spec.experts_used = kUsed;
    for (std::size_t e = 0; e < E; ++e) {
      for (const auto& [n, k] : {std::pair{F, C}, {F, C}, {C, F}}) layers.emplace_back(n, k, 10 + layers.size());
    }
    layers.emplace_back(E, C, 9);
    for (std::size_t e = 0; e < E; ++e) {
      weights.experts.push_back({layers[3 * e].linear, layers[3 * e + 1].linear, layers[3 * e + 2].linear});
    }
    weights.router = layers.back().linear;
  }

  std::vector<Complexes> widened() const {
    std::vector<Complexes> w;
    for (const Layer& l : layers) w.push_back(nn::widen(l.values));
    return w;
  }
  // Which experts take each token, by the router's real logits.
  std::array<std::array<bool, E>, T> chosen() const {
    std::array<std::array<bool, E>, T> out{};
    for (std::size_t t = 0; t < T; ++t) {
      std::array<double, E> logits{};
      for (std::size_t e = 0; e < E; ++e) {
        for (std::size_t i = 0; i < C; ++i) logits[e] += double(layers.back().values[e * C + i]) * double(x[t * C + i]);
      }
      std::array<std::size_t, E> order{};
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
      for (std::uint32_t i = 0; i < kUsed; ++i) out[t][order[i]] = true;
    }
    return out;
  }
  // The definition: softmax over all experts, the chosen ones' parts renormalised.
  Complexes define(const Complexes& in, const std::vector<Complexes>& w) const {
    const auto taken = chosen();
    Complexes y(T * C);
    const auto apply = [](const Complexes& m, const Complexes& v) {
      Complexes out(m.size() / v.size());
      for (std::size_t n = 0; n < out.size(); ++n) {
        for (std::size_t k = 0; k < v.size(); ++k) out[n] += m[n * v.size() + k] * v[k];
      }
      return out;
    };
    for (std::size_t t = 0; t < T; ++t) {
      const Complexes row(in.begin() + std::ptrdiff_t(t * C), in.begin() + std::ptrdiff_t((t + 1) * C));
      Complexes p = apply(w.back(), row);
      Complex all = 0, kept = 0;
      for (Complex& v : p) all += v = std::exp(v);
      for (std::size_t e = 0; e < E; ++e) kept += taken[t][e] ? p[e] / all : 0.0;
      for (std::size_t e = 0; e < E; ++e) {
        if (!taken[t][e]) continue;
        Complexes gate = apply(w[3 * e], row);
        const Complexes up = apply(w[3 * e + 1], row);
        for (std::size_t f = 0; f < F; ++f) gate[f] = gate[f] / (1.0 + std::exp(-gate[f])) * up[f];
        const Complexes out = apply(w[3 * e + 2], gate);
        for (std::size_t i = 0; i < C; ++i) y[t * C + i] += p[e] / all / kept * out[i];
      }
    }
    return y;
  }
};

Rows rows(std::vector<float>& v, std::size_t n) {
  return {v.data(), n, v.size() / n, v.size() / n};
}
tensor::ConstRows rows(const std::vector<float>& v, std::size_t n) {
  return {v.data(), n, v.size() / n, v.size() / n};
}

TEST(FeedForward, ExpertsGradientsAreTheComplexSteps) {
  const Mixture m;
  const auto run = [&](nn::Context& c) {
    const PassInputs in{{}, {}, kernel::KvType::f32, nullptr, nullptr};
    BlockTape tape(m.spec, T + 3);
    tape.begin(T);
    std::vector<float> plain(T * C), y(T * C), dx(T * C, 0.5f);
    feed_forward(c, m.spec, m.weights, in, rows(plain, T), rows(m.x, T), nullptr);
    feed_forward(c, m.spec, m.weights, in, rows(y, T), rows(m.x, T), &tape);
    EXPECT_EQ(plain, y) << "a tape changes no bit";
    BlockGradients g;
    g.sites.resize(slots_of(E));
    std::vector<std::vector<float>> dw;
    for (const Layer& l : m.layers) dw.emplace_back(l.N * l.K, 0.25f);
    for (std::size_t i = 0; i < dw.size(); ++i) g.sites[slot_of(Site::gate) + i].weight = rows(dw[i], m.layers[i].N);
    feed_forward_backward(c, m.spec, m.weights, in, tape, rows(dx, T), rows(m.dy, T), rows(m.x, T), g);
    for (float& d : dx) d -= 0.5f;  // backward adds
    std::vector<float> all = y;
    all.insert(all.end(), dx.begin(), dx.end());
    for (auto& d : dw) {
      for (float v : d) all.push_back(v - 0.25f);
    }
    return all;
  };
  const std::size_t bytes = feed_forward_backward_workspace(m.spec, T) + feed_forward_workspace(m.spec, T) +
                            adapted_backward_workspace(3, T, F, 0) + nn::linear_workspace(T, F);
  nn::for_every_machine(run, bytes, [&](const std::vector<float>& got) {
    const auto w = m.widened();
    const Complexes y = m.define(nn::widen(m.x), w);
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(double(got[i]), y[i].real(), 2e-5) << i;
    std::span<const float> rest = std::span(got).subspan(T * C);
    nn::expect_gradient(rest.first(T * C),
                        nn::complex_step([&](const Complexes& v) { return m.define(v, w); }, m.x, m.dy), 5e-6, "dx");
    rest = rest.subspan(T * C);
    for (std::size_t i = 0; i < m.layers.size(); ++i) {
      const auto define = [&](const Complexes& v) {
        auto moved = w;
        moved[i] = v;
        return m.define(nn::widen(m.x), moved);
      };
      nn::expect_gradient(rest.first(w[i].size()), nn::complex_step(define, m.layers[i].values, m.dy), 5e-6,
                          i + 1 == m.layers.size() ? "router" : std::to_string(i).c_str());
      rest = rest.subspan(w[i].size());
    }
  });
}

}  // namespace
}  // namespace freehold::model
