// Attention and rope against double precision written the plain way; attention's levels, threads and chunks against the
// definition, bit for bit.
#include "nn/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/aligned.h"
#include "base/half.h"
#include "base/random.h"
#include "kernel/kernels.h"
#include "nn/rope.h"

namespace freehold::nn {
namespace {

float draw(std::uint64_t stream, std::size_t i) {
  return static_cast<float>(uniform_draw(5, stream, i) * 2 - 1);
}

using kernel::KvType;

// What the cache gives back for one float of a row of D: the definition of its types, written again.
std::vector<float> as_kept(KvType type, const std::vector<float>& x, std::size_t D) {
  std::vector<float> y = x;
  for (std::size_t row = 0; row < x.size(); row += D) {
    for (std::size_t d0 = 0; d0 < D; d0 += 32) {
      const std::size_t n = std::min<std::size_t>(32, D - d0);
      float most = 0;
      for (std::size_t d = 0; d < n; ++d) most = std::max(most, std::fabs(x[row + d0 + d]));
      for (std::size_t d = 0; d < n; ++d) {
        float& v = y[row + d0 + d];
        if (type == KvType::f16) v = f16_to_f32(f32_to_f16(std::clamp(v, -65504.0f, 65504.0f)));
        if (type == KvType::q8_0) v = most < 1e-30f ? 0 : most / 127.0f * std::nearbyint(v * (127.0f / most));
      }
    }
  }
  return y;
}

struct Setup {
  AttentionShape shape;
  std::uint32_t T;
};

// One sequence's tokens and its memory, filled and asked in any order.
struct AttentionCase {
  AttentionShape shape;
  std::uint32_t T;
  std::size_t kv_width, q_width;
  std::vector<float> q, k, v;
  std::size_t half;
  std::vector<AlignedBuffer<std::byte>> memory;
  std::vector<std::byte*> table;

  AttentionCase(AttentionShape s, std::uint32_t tokens, std::uint64_t stream = 0)
      : shape(s),
        T(tokens),
        kv_width(std::size_t{s.K} * s.D),
        q_width(std::size_t{s.H} * s.D),
        q(T * q_width),
        k(T * kv_width),
        v(k.size()),
        half(s.K * kernel::kv_key_bytes(s.cache, s.D)) {
    for (std::size_t i = 0; i < q.size(); ++i) q[i] = 3 * draw(stream + 1, i);
    for (std::size_t i = 0; i < k.size(); ++i) k[i] = draw(stream + 2, i), v[i] = draw(stream + 3, i);
    clear();
  }
  // Blocks full of NaN, whatever the type: what nobody wrote must not be seen.
  void clear() {
    memory.clear();
    table.clear();
    for (std::size_t b = 0; b < (T + kAttentionBlock - 1) / kAttentionBlock; ++b) {
      memory.emplace_back(half + shape.K * kernel::kv_value_bytes(shape.cache, shape.D));
      std::memset(memory.back().data(), 0xFF, memory.back().size());
      table.push_back(memory.back().data());
    }
  }
  std::vector<AttentionRow> rows(std::uint32_t begin, std::uint32_t end) const {
    std::vector<AttentionRow> out;
    for (std::uint32_t t = begin; t < end; ++t) out.push_back({table, t});
    return out;
  }
  void store(Context& context, std::uint32_t begin, std::uint32_t end) {
    kv_store(context, rows(begin, end), shape, {0, half},
             {k.data() + begin * kv_width, end - begin, kv_width, kv_width},
             {v.data() + begin * kv_width, end - begin, kv_width, kv_width});
  }
};

std::size_t workspace_for(const AttentionCase& c, int threads) {
  return attention_workspace(threads, 2 * c.T, c.T, c.shape.H, c.shape.K, c.shape.D);
}

// All tokens in chunks; (T, H * D), then the logarithms of the sums.
std::vector<float> run(AttentionCase& c, const kernel::Table& kernels, int threads, std::uint32_t chunk) {
  ThreadPool pool(threads);
  Workspace workspace(workspace_for(c, threads));
  Context context{pool, kernels, workspace};
  std::vector<float> out(c.q.size() + c.T * c.shape.H);
  c.clear();
  for (std::uint32_t t = 0; t < c.T; t += chunk) {
    const std::uint32_t n = std::min(chunk, c.T - t);
    c.store(context, t, t + n);
    const auto rows = c.rows(t, t + n);
    attention_forward(context, {out.data() + t * c.q_width, n, c.q_width, c.q_width},
                      {c.q.data() + t * c.q_width, n, c.q_width, c.q_width}, rows, c.shape, {0, c.half},
                      std::span(out).subspan(c.q.size() + t * c.shape.H, n * c.shape.H));
  }
  return out;
}

class Attention : public testing::TestWithParam<Setup> {};

TEST_P(Attention, EqualsThePlainFormulaInEveryType) {
  for (KvType type : kernel::kKvTypes) {
    auto [shape, T] = GetParam();
    shape.cache = type;
    AttentionCase c(shape, T);
    const auto out = run(c, kernel::table_up_to(kernel::detect_level()), 2, T);
    const auto k = as_kept(type, c.k, shape.D), v = as_kept(type, c.v, shape.D);
    for (std::uint32_t t = 0; t < T; ++t) {
      for (std::uint32_t h = 0; h < shape.H; ++h) {
        const std::uint32_t g = h / (shape.H / shape.K);
        std::vector<double> o(shape.D);
        double sum = 0;
        for (std::uint32_t j = 0; j <= t; ++j) {
          if (shape.window != 0 && t - j >= shape.window) continue;
          double s = 0;
          for (std::uint32_t d = 0; d < shape.D; ++d) {
            s += double(c.q[t * c.q_width + h * shape.D + d]) * k[j * c.kv_width + g * shape.D + d];
          }
          s *= shape.scale;
          if (shape.softcap != 0) s = shape.softcap * std::tanh(s / shape.softcap);
          sum += std::exp(s);
          for (std::uint32_t d = 0; d < shape.D; ++d) o[d] += std::exp(s) * v[j * c.kv_width + g * shape.D + d];
        }
        const double near = 1 + 0.1 * shape.softcap;  // tanh's error of about 1e-7 is multiplied by the cap
        ASSERT_NEAR(out[c.q.size() + t * shape.H + h], std::log(sum), 1e-5 * near);
        for (std::uint32_t d = 0; d < shape.D; ++d)
          ASSERT_NEAR(out[t * c.q_width + h * shape.D + d], o[d] / sum, 3e-6 * near)
              << name_of(type) << " " << t << " " << h << " " << d;
      }
    }
  }
}

TEST_P(Attention, LevelsThreadsAndChunksAgree) {
  for (KvType type : kernel::kKvTypes) {
    auto [shape, T] = GetParam();
    shape.cache = type;
    AttentionCase c(shape, T);
    const auto expected = run(c, kernel::table_up_to(kernel::Level::scalar), 1, T);
    for (kernel::Level level : {kernel::Level::scalar, kernel::Level::avx2, kernel::Level::avx512}) {
      if (level > kernel::detect_level()) continue;
      for (int threads : {1, 3}) {
        for (std::uint32_t chunk : {1u, 13u, 32u, T}) {
          const auto got = run(c, kernel::table_up_to(level), threads, chunk);
          ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
              << name_of(type) << " " << name_of(level) << " " << threads << " threads, chunks of " << chunk;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Attention,
                         testing::Values(Setup{{1, 1, 16, 0, 0.25f, 0}, 1}, Setup{{4, 2, 16, 0, 0.25f, 0}, 70},
                                         Setup{{4, 4, 10, 0, 0.3f, 0}, 33}, Setup{{6, 2, 24, 5, 0.2f, 0}, 67},
                                         Setup{{2, 1, 48, 33, 0.2f, 2.0f}, 100}, Setup{{2, 2, 8, 1, 1.0f, 0}, 40},
                                         Setup{{8, 1, 64, 0, 0.125f, 0}, 140}, Setup{{5, 1, 80, 40, 0.11f, 0}, 150},
                                         Setup{{3, 1, 96, 32, 0.1f, 50.0f}, 97}, Setup{{7, 1, 128, 64, 0.09f, 0}, 130},
                                         Setup{{2, 1, 256, 0, 0.06f, 30.0f}, 65}, Setup{{48, 1, 32, 0, 0.2f, 0}, 66}));

// Rows of several sequences in one call, and few enough scores at a time that a long sequence goes one row a tile.
TEST(AttentionBatch, NeighboursAndLengthDoNotMatter) {
  for (KvType type : kernel::kKvTypes) {
    AttentionCase a({4, 1, 16, 0, 0.25f, 0, type}, 300), b({4, 1, 16, 0, 0.25f, 0, type}, 75, 10);
    const kernel::Table& kernels = kernel::table_up_to(kernel::detect_level());
    const auto alone = run(a, kernels, 1, 300);
    (void)run(b, kernels, 1, 75);
    ThreadPool pool(2);
    Workspace workspace(attention_workspace(2, 100, 200000, 4, 1, 16));
    Context context{pool, kernels, workspace};
    std::vector<AttentionRow> rows;
    std::vector<float> q, out(75 * 64);
    // 40 rows of a, all but the last five of b between them, and one block that is listed far beyond what is used.
    auto add = [&](const AttentionCase& c, std::uint32_t t) {
      rows.push_back({c.table, t});
      q.insert(q.end(), c.q.begin() + t * 64, c.q.begin() + (t + 1) * 64);
    };
    for (std::uint32_t t = 200; t < 220; ++t) add(a, t);
    for (std::uint32_t t = 40; t < 75; ++t) add(b, t);
    for (std::uint32_t t = 260; t < 280; ++t) add(a, t);
    attention_forward(context, {out.data(), rows.size(), 64, 64}, {q.data(), rows.size(), 64, 64}, rows, a.shape,
                      {0, a.half});
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ(std::memcmp(&out[i * 64], &alone[(200 + i) * 64], 256), 0) << i;
      EXPECT_EQ(std::memcmp(&out[(55 + i) * 64], &alone[(260 + i) * 64], 256), 0) << i;
    }
  }
}

TEST(AttentionBatch, BlocksOutsideTheWindowAreNotTouched) {
  ThreadPool pool(1);
  AttentionCase c({2, 1, 16, 40, 0.25f, 0, KvType::f16}, 320);
  const kernel::Table& kernels = kernel::table_up_to(kernel::detect_level());
  const auto expected = run(c, kernels, 1, 320);
  Workspace workspace(workspace_for(c, 1));
  Context context{pool, kernels, workspace};
  for (std::size_t b = 0; b < 8; ++b) c.table[b] = nullptr;  // 300 sees 261 …, in block 8
  std::vector<float> out(20 * 32);
  attention_forward(context, {out.data(), 20, 32, 32}, {c.q.data() + 300 * 32, 20, 32, 32}, c.rows(300, 320), c.shape,
                    {0, c.half});
  EXPECT_EQ(std::memcmp(out.data(), expected.data() + 300 * 32, out.size() * sizeof(float)), 0);
}

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
