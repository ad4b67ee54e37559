// Attention and rope against double precision written the plain way.
#include "nn/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernel/kernels.h"
#include "nn/rope.h"

namespace freehold::nn {
namespace {

float draw(std::uint64_t stream, std::size_t i) {
  return static_cast<float>(uniform_draw(5, stream, i) * 2 - 1);
}

struct Setup {
  AttentionShape shape;
  std::uint32_t T;
};

class Attention : public testing::TestWithParam<Setup> {};

TEST_P(Attention, EqualsThePlainFormula) {
  const auto [shape, T] = GetParam();
  ThreadPool pool(2);
  Workspace workspace(1 << 22);
  Context context{pool, kernel::table_up_to(kernel::detect_level()), workspace};

  std::vector<float> q(T * shape.H * shape.D), k(T * shape.K * shape.D), v(k.size()), out(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = 3 * draw(1, i);
  for (std::size_t i = 0; i < k.size(); ++i) k[i] = draw(2, i), v[i] = draw(3, i);

  const std::size_t blocks = (T + kAttentionBlock - 1) / kAttentionBlock;
  const std::size_t half = std::size_t{shape.K} * kAttentionBlock * shape.D;
  std::vector<std::vector<float>> memory(blocks, std::vector<float>(2 * half, NAN));
  std::vector<float*> table;
  for (auto& block : memory) table.push_back(block.data());
  std::vector<AttentionRow> rows;
  for (std::uint32_t t = 0; t < T; ++t) rows.push_back({table, t});

  const std::size_t kv_width = std::size_t{shape.K} * shape.D, q_width = std::size_t{shape.H} * shape.D;
  kv_store(context, rows, shape, {0, half}, {k.data(), T, kv_width, kv_width}, {v.data(), T, kv_width, kv_width});
  std::vector<float> lse(T * shape.H);
  attention_forward(context, {out.data(), T, q_width, q_width}, {q.data(), T, q_width, q_width}, rows, shape, {0, half},
                    lse);

  for (std::uint32_t t = 0; t < T; ++t) {
    for (std::uint32_t h = 0; h < shape.H; ++h) {
      const std::uint32_t g = h / (shape.H / shape.K);
      std::vector<double> o(shape.D);
      double sum = 0;
      for (std::uint32_t j = 0; j <= t; ++j) {
        if (shape.window != 0 && t - j >= shape.window) continue;
        double s = 0;
        for (std::uint32_t d = 0; d < shape.D; ++d) {
          s += double(q[t * q_width + h * shape.D + d]) * k[j * kv_width + g * shape.D + d];
        }
        s *= shape.scale;
        if (shape.softcap != 0) s = shape.softcap * std::tanh(s / shape.softcap);
        sum += std::exp(s);
        for (std::uint32_t d = 0; d < shape.D; ++d) o[d] += std::exp(s) * v[j * kv_width + g * shape.D + d];
      }
      EXPECT_NEAR(lse[t * shape.H + h], std::log(sum), 1e-5);
      for (std::uint32_t d = 0; d < shape.D; ++d)
        EXPECT_NEAR(out[t * q_width + h * shape.D + d], o[d] / sum, 2e-6) << t << " " << h;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Attention,
                         testing::Values(Setup{{1, 1, 16, 0, 0.25f, 0}, 1}, Setup{{4, 2, 16, 0, 0.25f, 0}, 70},
                                         Setup{{4, 4, 10, 0, 0.3f, 0}, 33}, Setup{{6, 2, 24, 5, 0.2f, 0}, 67},
                                         Setup{{2, 1, 48, 33, 0.2f, 2.0f}, 100}, Setup{{2, 2, 8, 1, 1.0f, 0}, 40}));

TEST(Rope, RotatesPairsByPositionTimesFrequency) {
  ThreadPool pool(1);
  Workspace workspace(1 << 16);
  Context context{pool, kernel::table_up_to(kernel::detect_level()), workspace};
  for (auto style : {kernel::RopeStyle::interleaved, kernel::RopeStyle::half}) {
    Rope rope{style, rope_frequencies(8, 10000.0), 1.0};
    const std::vector<std::uint32_t> positions = {0, 1, 1000};
    std::vector<float> cos(12), sin(12), x(3 * 2 * 10), before;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = draw(9, i);
    before = x;
    rope_angles(rope, positions, cos.data(), sin.data());
    rope_forward(context, {x.data(), 3, 20, 20}, 2, 10, rope, cos.data(), sin.data());
    for (std::size_t t = 0; t < 3; ++t) {
      for (std::size_t h = 0; h < 2; ++h) {
        for (std::size_t i = 0; i < 4; ++i) {
          const double angle = positions[t] * std::pow(10000.0, -2.0 * static_cast<double>(i) / 8);
          const std::size_t at = t * 20 + h * 10;
          const std::size_t a = style == kernel::RopeStyle::half ? at + i : at + 2 * i;
          const std::size_t b = style == kernel::RopeStyle::half ? at + i + 4 : at + 2 * i + 1;
          EXPECT_NEAR(x[a], before[a] * std::cos(angle) - before[b] * std::sin(angle), 1e-6);
          EXPECT_NEAR(x[b], before[a] * std::sin(angle) + before[b] * std::cos(angle), 1e-6);
        }
        EXPECT_EQ(x[t * 20 + h * 10 + 9], before[t * 20 + h * 10 + 9]) << "elements past the rotated ones stay";
      }
    }
  }
}

TEST(Rope, Llama3ScalingKeepsShortWavelengthsAndSlowsLongOnes) {
  auto plain = rope_frequencies(64, 500000.0), scaled = plain;
  rope_scale_llama3(scaled, 8, 1, 4, 8192);
  EXPECT_EQ(scaled.front(), plain.front());
  EXPECT_NEAR(scaled.back(), plain.back() / 8, 1e-12);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_LE(scaled[i], plain[i]);
    EXPECT_GE(scaled[i], plain[i] / 8 * (1 - 1e-12));
  }
}

}  // namespace
}  // namespace freehold::nn
