// Attention's gradient against the complex step: grouped queries, windows, soft caps, packed sequences, odd head sizes.
#include <gtest/gtest.h>

#include <cstring>

#include "base/aligned.h"
#include "nn/attention.h"
#include "nn/complex_step_testing.h"

namespace freehold::nn {
namespace {

struct Case {
  std::uint32_t H, K, D, window;
  float softcap;
  std::vector<std::uint32_t> lengths;  // of the packed sequences
};

// Causal attention of packed sequences, the plain way.
Complexes attend(const Case& c, const Complexes& q, const Complexes& k, const Complexes& v, double scale) {
  Complexes out(q.size());
  const std::size_t Q = c.H * c.D, KV = c.K * c.D;
  std::size_t first = 0;
  for (std::uint32_t length : c.lengths) {
    for (std::size_t i = 0; i < length; ++i) {
      for (std::size_t h = 0; h < c.H; ++h) {
        const std::size_t g = h * c.K / c.H;
        Complex sum = 0;
        Complexes o(c.D);
        for (std::size_t j = c.window != 0 && i + 1 > c.window ? i + 1 - c.window : 0; j <= i; ++j) {
          Complex s = 0;
          for (std::size_t d = 0; d < c.D; ++d) {
            s += q[(first + i) * Q + h * c.D + d] * k[(first + j) * KV + g * c.D + d];
          }
          s *= scale;
          if (c.softcap != 0) s = static_cast<double>(c.softcap) * std::tanh(s / static_cast<double>(c.softcap));
          const Complex p = std::exp(s);
          sum += p;
          for (std::size_t d = 0; d < c.D; ++d) o[d] += p * v[(first + j) * KV + g * c.D + d];
        }
        for (std::size_t d = 0; d < c.D; ++d) out[(first + i) * Q + h * c.D + d] = o[d] / sum;
      }
    }
    first += length;
  }
  return out;
}

// dq, dk, dv one after the other, in the wanted type of cache.
std::vector<float> backward(Context& context, const Case& c, kernel::KvType type, float scale, std::vector<float> q,
                            std::vector<float> k, std::vector<float> v, const std::vector<float>& dy) {
  const AttentionShape shape{c.H, c.K, c.D, c.window, scale, c.softcap, type};
  const std::size_t half = c.K * kernel::kv_key_bytes(type, c.D);
  std::vector<AlignedBuffer<std::byte>> memory;
  std::vector<std::vector<std::byte*>> tables;
  std::vector<AttentionRow> rows;
  for (std::uint32_t length : c.lengths) {
    auto& table = tables.emplace_back();
    for (std::uint32_t b = 0; b * kAttentionBlock < length; ++b) {
      memory.emplace_back(half + c.K * kernel::kv_value_bytes(type, c.D));
      std::memset(memory.back().data(), 0xFF, memory.back().size());  // NaN: what nobody wrote must not be seen
      table.push_back(memory.back().data());
    }
  }
  for (std::size_t s = 0; s < tables.size(); ++s) {
    for (std::uint32_t i = 0; i < c.lengths[s]; ++i) rows.push_back({tables[s], i});
  }
  const std::size_t T = rows.size(), Q = c.H * c.D, KV = c.K * c.D;
  kv_store(context, rows, shape, {0, half}, {k.data(), T, KV, KV}, {v.data(), T, KV, KV});
  std::vector<float> out(T * Q), lse(T * c.H), gradients(T * (Q + 2 * KV));
  attention_forward(context, {out.data(), T, Q, Q}, {q.data(), T, Q, Q}, rows, shape, {0, half}, lse);
  float* dq = gradients.data();
  attention_backward(context, {dq, T, Q, Q}, {dq + T * Q, T, KV, KV}, {dq + T * (Q + KV), T, KV, KV},
                     {dy.data(), T, Q, Q}, {out.data(), T, Q, Q}, {q.data(), T, Q, Q}, rows, shape, {0, half}, lse);
  return gradients;
}

TEST(AttentionBackward, ComplexStep) {
  const Case cases[] = {
      {2, 2, 16, 0, 0, {5}},  {4, 2, 8, 0, 0, {35}},    {4, 1, 20, 0, 0, {3, 33, 1}}, {2, 1, 16, 7, 0, {40}},
      {2, 1, 8, 33, 0, {70}}, {2, 2, 8, 0, 1.5f, {34}}, {6, 2, 4, 5, 2.0f, {9, 41}},
  };
  for (const Case& c : cases) {
    std::size_t T = 0;
    for (std::uint32_t l : c.lengths) T += l;
    SCOPED_TRACE(testing::Message() << "H " << c.H << " K " << c.K << " D " << c.D << " window " << c.window << " cap "
                                    << c.softcap << " T " << T);
    const std::size_t Q = c.H * c.D, KV = c.K * c.D;
    const float scale = 0.4f;
    const auto q = draws(T * Q, 1, 2), k = draws(T * KV, 2), v = draws(T * KV, 3), dy = draws(T * Q, 4);
    const std::size_t bytes = std::max(attention_workspace(3, T, static_cast<std::uint32_t>(T), c.H, c.K, c.D),
                                       attention_backward_workspace(3, T, c.H, c.D));
    auto run = [&](Context& context) { return backward(context, c, kernel::KvType::f32, scale, q, k, v, dy); };
    for_every_machine(run, bytes, [&](const std::vector<float>& got) {
      const double s = scale;
      auto wrt = [&](int which, std::span<const float> x) {
        return complex_step(
            [&](const Complexes& z) {
              return attend(c, which == 0 ? z : widen(q), which == 1 ? z : widen(k), which == 2 ? z : widen(v), s);
            },
            x, dy);
      };
      const std::span all(got);
      expect_gradient(all.subspan(0, T * Q), wrt(0, q), 3e-6, "dq");
      expect_gradient(all.subspan(T * Q, T * KV), wrt(1, k), 3e-6, "dk");
      expect_gradient(all.subspan(T * (Q + KV), T * KV), wrt(2, v), 3e-6, "dv");
    });
  }
}

// The gradient is taken at what the cache kept: with keys and values that F16 holds exactly, both types agree to the
// bit.
TEST(AttentionBackward, ReadsTheCachesTypes) {
  const Case c{4, 2, 16, 0, 0, {37}};
  const std::size_t T = 37, Q = 64, KV = 32;
  const auto q = draws(T * Q, 1, 2), dy = draws(T * Q, 4);
  auto k = draws(T * KV, 2), v = draws(T * KV, 3);
  for (auto* x : {&k, &v}) {
    for (float& f : *x) f = std::round(f * 64) / 64;
  }
  ThreadPool pool(2);
  Workspace workspace(std::size_t{1} << 20);
  Context context{pool, kernel::table_up_to(kernel::detect_level()), workspace};
  EXPECT_EQ(backward(context, c, kernel::KvType::f32, 0.4f, q, k, v, dy),
            backward(context, c, kernel::KvType::f16, 0.4f, q, k, v, dy));
  // Eight bits are not exact, but near.
  const auto exact = backward(context, c, kernel::KvType::f32, 0.4f, q, k, v, dy);
  const auto near = backward(context, c, kernel::KvType::q8_0, 0.4f, q, k, v, dy);
  EXPECT_NE(exact, near);
  for (std::size_t i = 0; i < exact.size(); ++i) ASSERT_NEAR(exact[i], near[i], 0.1);
}

// A sequence's gradients do not depend on what it is packed with.
TEST(AttentionBackward, PackedSequencesAreIndependent) {
  const Case both{2, 1, 8, 0, 0, {40, 21}}, alone{2, 1, 8, 0, 0, {21}};
  const auto q = draws(61 * 16, 1), k = draws(61 * 8, 2), v = draws(61 * 8, 3), dy = draws(61 * 16, 4);
  auto tail = [](const std::vector<float>& x, std::size_t cols) {
    return std::vector<float>(x.begin() + static_cast<std::ptrdiff_t>(40 * cols), x.end());
  };
  ThreadPool pool(2);
  Workspace workspace(std::size_t{1} << 20);
  Context context{pool, kernel::table_up_to(kernel::detect_level()), workspace};
  const auto packed = backward(context, both, kernel::KvType::f32, 0.4f, q, k, v, dy);
  const auto single =
      backward(context, alone, kernel::KvType::f32, 0.4f, tail(q, 16), tail(k, 8), tail(v, 8), tail(dy, 16));
  for (std::size_t i = 0; i < 21 * 16; ++i) ASSERT_EQ(packed[40 * 16 + i], single[i]);
  for (std::size_t i = 0; i < 21 * 8; ++i) ASSERT_EQ(packed[61 * 16 + 40 * 8 + i], single[21 * 16 + i]);
}

}  // namespace
}  // namespace freehold::nn
