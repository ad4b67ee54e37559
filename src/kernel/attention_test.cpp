// Attention's kernels and the cache's element types: every level against scalar, bit for bit, and the types' rules.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "kernel/kernels.h"
#include "kernel/kv_block.h"

namespace freehold::kernel {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> values(std::size_t n, std::uint64_t stream, double scale = 1) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>((uniform_draw(3, stream, i) * 2 - 1) * scale);
  return v;
}

template <typename F>
void same_on_all_levels(F operation) {
  const auto expected = operation(table_up_to(Level::scalar));
  for (Level level : {Level::avx2, Level::avx512}) {
    if (level > detect_level()) continue;
    const auto got = operation(table_up_to(level));
    ASSERT_EQ(got.size(), expected.size());
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(got[0])), 0) << name_of(level);
  }
}

TEST(AttentionKernels, ScoresAgreeForEveryTile) {
  for (std::size_t D : {1u, 8u, 10u, 64u, 80u, 128u, 256u}) {
    for (std::size_t rows = 1; rows <= 19; ++rows) {
      SCOPED_TRACE(std::to_string(D) + ", rows " + std::to_string(rows));
      const auto q = values(rows * (D + 3), 1), k = values(D * kKvBlock, 2);
      same_on_all_levels([&](const Table& t) {
        std::vector<float> s(rows * 40, -1.0f);
        t.attn_scores({s.data(), 40, q.data(), D + 3, rows, k.data(), D, 0.37f});
        return s;
      });
    }
  }
}

TEST(AttentionKernels, ValuesAgreeForEveryTileAndRange) {
  for (std::size_t D16 : {16u, 32u, 48u, 64u, 80u, 112u, 256u}) {
    for (std::size_t rows = 1; rows <= 19; ++rows) {
      for (auto [begin, end] : {std::pair{0u, 32u}, {0u, 1u}, {31u, 32u}, {5u, 22u}}) {
        SCOPED_TRACE(std::to_string(D16) + ", rows " + std::to_string(rows));
        auto p = values(rows * 40, 1), v = values(kKvBlock * D16, 2);
        // What is not seen may be anything.
        for (std::size_t j = 0; j < kKvBlock; ++j) {
          if (j >= begin && j < end) continue;
          for (std::size_t d = 0; d < D16; ++d) v[j * D16 + d] = NAN;
        }
        const auto o = values(rows * (D16 + 16), 3);
        same_on_all_levels([&, begin = begin, end = end](const Table& t) {
          auto out = o;
          t.attn_values({out.data(), D16 + 16, p.data(), 40, rows, v.data(), D16, begin, end});
          for (float f : out) EXPECT_FALSE(std::isnan(f));
          return out;
        });
      }
    }
  }
}

TEST(AttentionKernels, HalvesRoundToEvenAndNeverBecomeInfinite) {
  std::vector<float> x = {0.0f,     -0.0f,    1.0f,      65504.0f,   65519.9f, 65520.0f, -65520.0f,    1e30f,
                          3.4e38f,  -3.4e38f, kInfinity, -kInfinity, NAN,      0x1p-24f, 0x1p-25f,     0x1.8p-25f,
                          0x1p-26f, 1e-45f,   2049.0f,   2051.0f,    -2049.0f, 0x1p-14f, 0x1.ffcp-15f, 100.0f};
  while (x.size() % 16 != 0) x.push_back(0.0f);
  const auto more = values(4096, 4, 70000);
  x.insert(x.end(), more.begin(), more.end());
  auto halves = [&](const Table& t) {
    std::vector<std::uint16_t> h(x.size());
    t.f32_to_f16(h.data(), x.data(), x.size());
    return h;
  };
  same_on_all_levels(halves);
  const auto h = halves(table_up_to(Level::scalar));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float kept = f16_to_f32(h[i]);
    if (std::isnan(x[i])) {
      EXPECT_TRUE(std::isnan(kept));
    } else if (std::isinf(x[i])) {
      EXPECT_EQ(kept, x[i]);
    } else if (std::fabs(x[i]) >= 65504) {
      EXPECT_EQ(kept, std::copysign(65504.0f, x[i]));
    } else {
      EXPECT_EQ(kept, f16_to_f32(f32_to_f16(x[i])));
    }
  }
  EXPECT_EQ(f16_to_f32(h[18]), 2048.0f);
  EXPECT_EQ(f16_to_f32(h[19]), 2052.0f);
}

TEST(AttentionKernels, EveryHalfIsReadExactly) {
  std::vector<std::uint16_t> h;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const bool signalling = (i & 0x7C00) == 0x7C00 && (i & 0x3FF) != 0 && (i & 0x200) == 0;  // never stored
    h.push_back(signalling ? 0 : static_cast<std::uint16_t>(i));
  }
  same_on_all_levels([&](const Table& t) {
    std::vector<float> y(h.size());
    t.f16_to_f32(y.data(), h.data(), h.size());
    return y;
  });
}

TEST(AttentionKernels, Q8BlocksAgree) {
  for (std::size_t D : {8u, 10u, 16u, 40u, 64u, 80u, 96u, 256u}) {
    SCOPED_TRACE(D);
    const std::size_t D16 = kv_padded(D), scales = kv_scales(D) * kKvBlock;
    std::vector<std::int8_t> q(kKvBlock * D16);
    for (std::size_t i = 0; i < q.size(); ++i) q[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 255) - 127);
    const auto s = values(scales, 7);
    auto keys = [&](const Table& t) {
      std::vector<float> y(D * kKvBlock);
      t.keys_from_q8(y.data(), q.data(), s.data(), D);
      return y;
    };
    auto vals = [&](const Table& t) {
      std::vector<float> y(D16 * kKvBlock);
      t.values_from_q8(y.data(), q.data(), s.data(), D16);
      return y;
    };
    same_on_all_levels(keys);
    same_on_all_levels(vals);
    const auto k = keys(table_up_to(Level::scalar)), v = vals(table_up_to(Level::scalar));
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t j = 0; j < kKvBlock; ++j) {
        EXPECT_EQ(k[d * 32 + j], s[d / 32 * 32 + j] * static_cast<float>(q[d * 32 + j]));
        EXPECT_EQ(v[j * D16 + d], s[j * kv_scales(D) + d / 32] * static_cast<float>(q[j * D16 + d]));
      }
    }
  }
}

}  // namespace
}  // namespace freehold::kernel
