// Gradients of the row-wise operations, of linear layers of every type and of the loss against the complex step; every
// level and thread count against the first, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/quantise.h"
#include "nn/complex_step_testing.h"
#include "nn/cross_entropy.h"
#include "nn/elementwise.h"
#include "nn/linear.h"
#include "nn/rmsnorm.h"
#include "nn/rope.h"
#include "nn/routing.h"

namespace freehold::nn {
namespace {

using tensor::ConstRows;
using tensor::Rows;

constexpr std::size_t kWorkspace = std::size_t{8} << 20;

Rows rows(std::vector<float>& v, std::size_t T) {
  return {v.data(), T, v.size() / T, v.size() / T};
}
ConstRows rows(const std::vector<float>& v, std::size_t T) {
  return {v.data(), T, v.size() / T, v.size() / T};
}
std::vector<float> joined(std::initializer_list<std::vector<float>> parts) {
  std::vector<float> out;
  for (const auto& p : parts) out.insert(out.end(), p.begin(), p.end());
  return out;
}
std::span<const float> part(const std::vector<float>& v, std::size_t from, std::size_t n) {
  return std::span(v).subspan(from, n);
}

// The norm of rows of n with a weight of n.
Complexes norm(const Complexes& x, const Complexes& w, double eps) {
  const std::size_t n = w.size();
  Complexes y(x.size());
  for (std::size_t t = 0; t < x.size() / n; ++t) {
    Complex sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[t * n + i] * x[t * n + i];
    const Complex r = 1.0 / std::sqrt(sum / static_cast<double>(n) + eps);
    for (std::size_t i = 0; i < n; ++i) y[t * n + i] = x[t * n + i] * r * w[i];
  }
  return y;
}

TEST(Backward, RmsNorm) {
  constexpr std::size_t T = 7, C = 37;
  const auto x = draws(T * C, 1), dy = draws(T * C, 2), w = draws(C, 3, 2);
  auto run = [&](Context& c) {
    std::vector<float> y(T * C), rstd(T), dx(T * C, 0.5f), dw(C, 0.25f);
    rmsnorm_forward(c, rows(y, T), rows(x, T), w, 1e-5f, rstd);
    rmsnorm_backward(c, rows(dx, T), dw, rows(dy, T), rows(x, T), w, rstd);
    for (float& d : dx) d -= 0.5f;  // backward adds
    for (float& d : dw) d -= 0.25f;
    return joined({dx, dw});
  };
  for_every_machine(run, kWorkspace, [&](const std::vector<float>& got) {
    expect_gradient(part(got, 0, T * C),
                    complex_step([&](const Complexes& v) { return norm(v, widen(w), 1e-5); }, x, dy), 2e-6, "dx");
    expect_gradient(part(got, T * C, C),
                    complex_step([&](const Complexes& v) { return norm(widen(x), v, 1e-5); }, w, dy), 2e-6, "dw");
  });
}

TEST(Backward, HeadNorm) {
  constexpr std::size_t T = 3, H = 4, D = 24;
  const auto x = draws(T * H * D, 1), dy = draws(T * H * D, 2), w = draws(D, 3, 2);
  auto run = [&](Context& c) {
    std::vector<float> y = x, rstd(T * H), dx = dy, dw(D);
    head_norm_forward(c, rows(y, T), H, w, 1e-6f, rstd);
    head_norm_backward(c, rows(dx, T), H, dw, rows(x, T), w, rstd);
    return joined({dx, dw});
  };
  for_every_machine(run, kWorkspace, [&](const std::vector<float>& got) {
    expect_gradient(part(got, 0, x.size()),
                    complex_step([&](const Complexes& v) { return norm(v, widen(w), 1e-6); }, x, dy), 2e-6, "dx");
    expect_gradient(part(got, x.size(), D),
                    complex_step([&](const Complexes& v) { return norm(widen(x), v, 1e-6); }, w, dy), 2e-6, "dw");
  });
}

TEST(Backward, Rope) {
  constexpr std::size_t T = 5, H = 2, D = 24, n = 8;  // part of the head is rotated
  for (const auto style : {kernel::RopeStyle::half, kernel::RopeStyle::interleaved}) {
    const Rope rope{style, rope_frequencies(2 * n, 100.0), 1.2};
    const auto x = draws(T * H * D, 1), dy = draws(T * H * D, 2);
    const std::vector<std::uint32_t> positions = {0, 1, 2, 9, 40};
    std::vector<float> cos(T * n), sin(T * n);
    rope_angles(rope, positions, cos.data(), sin.data());
    auto rotate = [&](const Complexes& v) {
      Complexes y = v;
      for (std::size_t t = 0; t < T; ++t) {
        for (std::size_t h = 0; h < H; ++h) {
          for (std::size_t i = 0; i < n; ++i) {
            const std::size_t head = (t * H + h) * D;
            const std::size_t a = head + (style == kernel::RopeStyle::half ? i : 2 * i);
            const std::size_t b = head + (style == kernel::RopeStyle::half ? i + n : 2 * i + 1);
            const double c = cos[t * n + i], s = sin[t * n + i];
            y[a] = v[a] * c - v[b] * s;
            y[b] = v[a] * s + v[b] * c;
          }
        }
      }
      return y;
    };
    auto run = [&](Context& c) {
      std::vector<float> dx = dy;
      rope_backward(c, rows(dx, T), H, D, rope, cos.data(), sin.data());
      return dx;
    };
    for_every_machine(run, kWorkspace, [&](const std::vector<float>& got) {
      expect_gradient(got, complex_step(rotate, x, dy), 1e-6, "dx");
    });
  }
}

// Of each row the two largest; the third row has three that are equal.
TEST(Backward, Routing) {
  constexpr std::size_t T = 33, E = 7;
  constexpr std::uint32_t kUsed = 2;
  auto logits = draws(T * E, 1, 4);
  for (const std::size_t e : {1, 3, 6}) logits[2 * E + e] = 5;
  const auto dy = draws(T * E, 2);
  const auto taken = [&](std::size_t t, std::size_t e) {
    std::size_t above = 0;
    for (std::size_t o = 0; o < E; ++o) {
      const float mine = logits[t * E + e], other = logits[t * E + o];
      above += other > mine || (other == mine && o < e) ? 1 : 0;
    }
    return above < kUsed;
  };
  auto define = [&](const Complexes& x) {
    Complexes y(x.size());
    for (std::size_t t = 0; t < T; ++t) {
      Complex all = 0, kept = 0;
      for (std::size_t e = 0; e < E; ++e) all += std::exp(x[t * E + e]);
      for (std::size_t e = 0; e < E; ++e) kept += taken(t, e) ? std::exp(x[t * E + e]) / all : 0.0;
      for (std::size_t e = 0; e < E; ++e) y[t * E + e] = taken(t, e) ? std::exp(x[t * E + e]) / all / kept : 0.0;
    }
    return y;
  };
  auto run = [&](Context& c) {
    std::vector<float> share = logits, d = dy;
    routing_forward(c, rows(share, T), kUsed);
    routing_backward(c, rows(d, T), rows(std::as_const(share), T));
    return joined({share, d});
  };
  for_every_machine(run, kWorkspace, [&](const std::vector<float>& got) {
    const Complexes expected = define(widen(logits));
    for (std::size_t i = 0; i < T * E; ++i) {
      ASSERT_NEAR(static_cast<double>(got[i]), expected[i].real(), 1e-6) << i;
      ASSERT_EQ(got[i] > 0, taken(i / E, i % E)) << i;
    }
    expect_gradient(part(got, T * E, T * E), complex_step(define, logits, dy), 2e-6, "dlogits");
  });
}

TEST(Backward, GatedActivations) {
  constexpr std::size_t T = 3, F = 53;
  for (const Gate act : {Gate::silu, Gate::gelu_tanh}) {
    auto gate = draws(T * F, 1, 6);
    const auto up = draws(T * F, 2), dy = draws(T * F, 3);
    gate[0] = 0, gate[1] = 60, gate[2] = -60;  // where exp overflows or vanishes
    auto value = [&](const Complexes& g, const Complexes& u) {
      Complexes y(g.size());
      for (std::size_t i = 0; i < g.size(); ++i) {
        const Complex v = 0.7978845608028654 * (g[i] + 0.044715 * g[i] * g[i] * g[i]);
        y[i] = u[i] * (act == Gate::silu ? g[i] / (1.0 + std::exp(-g[i])) : 0.5 * g[i] * (1.0 + std::tanh(v)));
      }
      return y;
    };
    auto run = [&](Context& c) {
      std::vector<float> dgate = dy, dup(T * F);
      gated_backward(c, rows(dgate, T), rows(dup, T), rows(dgate, T), rows(gate, T), rows(up, T), act);
      return joined({dgate, dup});
    };
    for_every_machine(run, kWorkspace, [&](const std::vector<float>& got) {
      expect_gradient(part(got, 0, T * F),
                      complex_step([&](const Complexes& v) { return value(v, widen(up)); }, gate, dy), 2e-6, "dgate");
      expect_gradient(part(got, T * F, T * F),
                      complex_step([&](const Complexes& v) { return value(widen(gate), v); }, up, dy), 2e-6, "dup");
    });
  }
}

// Weights as a file holds them, and the values that they stand for.
struct Stored {
  std::vector<std::byte> bytes;
  std::vector<float> values;
  AlignedBuffer<std::byte> panels;
  Linear layer;
  Stored(tensor::DType type, std::size_t N, std::size_t K, std::uint64_t stream) : values(N * K) {
    const auto w = draws(N * K, stream);
    bytes.resize(*tensor::byte_size(type, N * K));
    if (type == tensor::DType::f32) {
      std::memcpy(bytes.data(), w.data(), bytes.size());
    } else {
      kernel::quantise(type, w.data(), bytes.data(), N * K);
    }
    kernel::dequantise(type, bytes.data(), values.data(), values.size());
    const tensor::View view{"w", type, {N, K}, bytes};
    panels = AlignedBuffer<std::byte>(Linear::prepared_bytes(view));
    ThreadPool pool(1);
    auto prepared = Linear::prepare(pool, view, panels.span());
    EXPECT_TRUE(prepared.has_value());
    layer = std::move(*prepared);
  }
};

TEST(Backward, LinearOfEveryType) {
  constexpr std::size_t T = 19, N = 37, K = 256;
  for (const auto& info : tensor::all_dtypes()) {
    SCOPED_TRACE(info.name);
    const Stored w(info.type, N, K, 4);
    const auto x = draws(T * K, 1), dy = draws(T * N, 2);
    auto run = [&](Context& c) {
      std::vector<float> dx(T * K, 1.0f), dw(N * K, 1.0f), db(N);
      linear_backward_input(c, rows(dx, T), rows(dy, T), w.layer);
      linear_backward_weight(c, rows(dw, N), rows(dy, T), rows(x, T));
      linear_backward_bias(c, db, rows(dy, T));
      EXPECT_LE(linear_backward_workspace(c.pool.threads(), T, N, K), kWorkspace);
      return joined({dx, dw, db});
    };
    for_every_machine(run, linear_backward_workspace(3, T, N, K), [&](const std::vector<float>& got) {
      // The definition, to the bit.
      for (std::size_t t = 0; t < T; ++t) {
        for (std::size_t k = 0; k < K; ++k) {
          float sum = 1.0f;
          for (std::size_t n = 0; n < N; ++n) sum = std::fma(w.values[n * K + k], dy[t * N + n], sum);
          ASSERT_EQ(got[t * K + k], sum) << "dx " << t << " " << k;
        }
      }
      for (std::size_t n = 0; n < N; ++n) {
        for (std::size_t k = 0; k < K; ++k) {
          float sum = 1.0f;
          for (std::size_t t = 0; t < T; ++t) sum = std::fma(x[t * K + k], dy[t * N + n], sum);
          ASSERT_EQ(got[T * K + n * K + k], sum) << "dw " << n << " " << k;
        }
        float sum = 0;
        for (std::size_t t = 0; t < T; ++t) sum += dy[t * N + n];
        ASSERT_EQ(got[T * K + N * K + n], sum) << "db " << n;
      }
    });
  }
}

// The definition of BF16 products to the bit, over more terms than a piece has and sizes that fill no tile.
TEST(Backward, LinearInBf16) {
  constexpr std::size_t T = 37, K = 64;
  for (const std::size_t N : {std::size_t{21}, std::size_t{549}}) {
    const Stored w(tensor::DType::q8_0, N, K, 4);
    const auto x = draws(T * K, 1), dy = draws(T * N, 2);
    auto run = [&](Context& caller) {
      Context c = caller;
      c.products = BackwardProducts::bf16;
      std::vector<float> dx(T * K, 1.0f), dw(N * K, 1.0f);
      linear_backward_input(c, rows(dx, T), rows(dy, T), w.layer);
      linear_backward_weight(c, rows(dw, N), rows(dy, T), rows(x, T));
      return joined({dx, dw});
    };
    auto rounded = [](float v) { return bf16_to_f32(f32_to_bf16(v)); };
    auto sum = [](std::size_t terms, auto term) {
      float acc = 1.0f;
      for (std::size_t b = 0; b < terms; b += 32) {
        float chain[2] = {};
        for (std::size_t i = b; i < std::min(b + 32, terms); ++i) {
          const auto [u, v] = term(i);
          chain[i % 2] = std::fma(u, v, chain[i % 2]);
        }
        acc = acc + (chain[0] + chain[1]);
      }
      return acc;
    };
    for_every_machine(run, linear_backward_workspace(3, T, N, K), [&](const std::vector<float>& got) {
      for (std::size_t t = 0; t < T; ++t) {
        for (std::size_t k = 0; k < K; ++k) {
          ASSERT_EQ(
              got[t * K + k],
              sum(N, [&](std::size_t n) { return std::pair(rounded(w.values[n * K + k]), rounded(dy[t * N + n])); }))
              << "dx " << t << " " << k;
        }
      }
      for (std::size_t n = 0; n < N; ++n) {
        for (std::size_t k = 0; k < K; ++k) {
          ASSERT_EQ(got[T * K + n * K + k],
                    sum(T, [&](std::size_t t) { return std::pair(rounded(x[t * K + k]), rounded(dy[t * N + n])); }))
              << "dw " << n << " " << k;
        }
      }
    });
  }
}

TEST(Backward, LinearOfOddSizes) {
  for (const std::size_t K : {std::size_t{1}, std::size_t{17}, std::size_t{33}, std::size_t{48}}) {
    constexpr std::size_t T = 3, N = 16;
    const Stored w(tensor::DType::f32, N, K, 4);
    const auto dy = draws(T * N, 2);
    auto run = [&](Context& c) {
      std::vector<float> dx(T * K);
      linear_backward_input(c, rows(dx, T), rows(dy, T), w.layer);
      return dx;
    };
    for_every_machine(run, linear_backward_workspace(3, T, N, K), [&](const std::vector<float>& got) {
      for (std::size_t i = 0; i < T * K; ++i) {
        float sum = 0;
        for (std::size_t n = 0; n < N; ++n) sum = std::fma(w.values[n * K + i % K], dy[i / K * N + n], sum);
        ASSERT_EQ(got[i], sum);
      }
    });
  }
}

TEST(Backward, CrossEntropy) {
  constexpr std::size_t T = 70, C = 12, V = 45;  // more rows than are scored at a time
  for (const float cap : {0.0f, 1.5f}) {
    SCOPED_TRACE(cap);
    const Stored w(tensor::DType::f32, V, C, 4);
    const auto h = draws(T * C, 1, 2);
    std::vector<Target> targets;
    for (std::uint32_t t = 0; t < T; ++t) {
      if (t % 5 != 3) targets.push_back({t, static_cast<std::int32_t>(t * 7 % V), 0.5f + static_cast<float>(t % 3)});
    }
    targets.push_back(targets[4]);  // a row may be named twice
    auto losses = [&](const Complexes& hidden, const Complexes& weight) {
      Complexes out;
      for (const Target& target : targets) {
        Complex sum = 0, wanted = 0;
        for (std::size_t v = 0; v < V; ++v) {
          Complex l = 0;
          for (std::size_t i = 0; i < C; ++i) l += weight[v * C + i] * hidden[target.row * C + i];
          if (cap != 0) l = static_cast<double>(cap) * std::tanh(l / static_cast<double>(cap));
          sum += std::exp(l);
          if (v == static_cast<std::size_t>(target.target)) wanted = l;
        }
        out.push_back(std::log(sum) - wanted);
      }
      return out;
    };
    std::vector<float> dloss;
    for (const Target& t : targets) dloss.push_back(t.weight);
    auto run = [&](Context& c) {
      std::vector<float> loss(targets.size()), again(targets.size()), dh(T * C), dw(V * C);
      cross_entropy(c, loss, rows(h, T), w.layer, cap, targets, {rows(dh, T), rows(dw, V)});
      cross_entropy(c, again, rows(h, T), w.layer, cap, targets);
      EXPECT_EQ(loss, again);  // asking for gradients changes no loss
      return joined({loss, dh, dw});
    };
    for_every_machine(run, cross_entropy_workspace(3, V, C), [&](const std::vector<float>& got) {
      const Complexes expected = losses(widen(h), widen(w.values));
      for (std::size_t i = 0; i < targets.size(); ++i)
        ASSERT_NEAR(static_cast<double>(got[i]), expected[i].real(), 2e-6);
      const std::size_t n = targets.size();
      expect_gradient(part(got, n, T * C),
                      complex_step([&](const Complexes& v) { return losses(v, widen(w.values)); }, h, dloss), 5e-6,
                      "dh");
      expect_gradient(part(got, n + T * C, V * C),
                      complex_step([&](const Complexes& v) { return losses(widen(h), v); }, w.values, dloss), 5e-6,
                      "dw");
    });
  }
}

}  // namespace
}  // namespace freehold::nn
