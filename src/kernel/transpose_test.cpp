// From panels back to weights: every level against scalar bit for bit, and scalar against what dequantise gives; and
// the products of backward: sums in pieces are the sums, x turned is x.
#include "kernel/transpose.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernel/amx_emulator_testing.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/kernels.h"
#include "kernel/matmul_testing.h"

namespace freehold::kernel {
namespace {

class Transpose : public testing::TestWithParam<DType> {};

TEST_P(Transpose, EveryLevelGivesTheWeights) {
  const DType type = GetParam();
  const std::size_t unit = std::max<std::size_t>(tensor::info(type).block_elems, 1);
  constexpr std::size_t N = 23, kStride = 300;
  for (std::size_t K : unit == 1 ? std::vector<std::size_t>{1, 40, 96} : std::vector<std::size_t>{unit, 3 * unit}) {
    const auto rows = random_rows(type, N, K);
    const auto w = prepare(type, rows, N, K);
    std::vector<float> values(N * K);
    for (std::size_t n = 0; n < N; ++n) {
      dequantise(type, rows.data() + n * (rows.size() / N), values.data() + n * K, K);
    }
    for (std::size_t p = 0; p < w.count; ++p) {
      for (std::size_t block = 0; block * kBlock < K; ++block) {
        auto turned = [&](const Table& table) {
          std::vector<float> out(2 * kStride, -7.0f);
          transpose_panel_block(table, type, w.panels.data() + p * w.panel_bytes, K, block, out.data(), kStride);
          return out;
        };
        const auto expected = turned(table_up_to(Level::scalar));
        for (std::size_t r = 0; r < kPanelRows; ++r) {
          for (std::size_t i = 0; i < kBlock; ++i) {
            const std::size_t n = p * kPanelRows + r, k = block * kBlock + i;
            const float value = n < N && k < K ? values[n * K + k] : 0.0f;
            ASSERT_EQ(expected[i / 16 * kStride + r * 16 + i % 16], value) << "row " << n << " column " << k;
          }
        }
        for (Level level : fast_levels()) {
          const auto got = turned(table_even_if_unsupported(level));
          ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
              << tensor::name_of(type) << " " << name_of(level) << " panel " << p << " block " << block;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Transpose, testing::ValuesIn([] {
                           std::vector<DType> types;
                           for (const auto& each : tensor::all_dtypes()) types.push_back(each.type);
                           types.push_back(DType::nf4);
                           return types;
                         }()),
                         [](const testing::TestParamInfo<DType>& each) {
                           return std::string(tensor::name_of(each.param));
                         });

// Both F32 products: from +0, from what is there, in one go and in two pieces, on every level.
TEST(BackwardProducts, PiecesAreTheSumAndTurnedIsTurned) {
  for (const Case c : {Case{1, 5, 1}, Case{16, 64, 3}, Case{29, 77, 13}, Case{32, 256, 24}}) {
    const auto w = prepare(DType::f32, random_rows(DType::f32, c.N, c.K), c.N, c.K);
    const auto x = activations(c);
    std::vector<float> turned(c.K * c.T);
    for (std::size_t t = 0; t < c.T; ++t) {
      for (std::size_t k = 0; k < c.K; ++k) turned[k * c.T + t] = x[t * c.K + k];
    }
    const std::size_t stride = c.N + 3;
    auto product = [&](const Table& table, bool turn, bool add, std::size_t piece) {
      std::vector<float> y(c.T * stride, add ? 0.25f : -7.0f);
      for (std::size_t k = 0; k < c.K; k += piece) {
        FloatMatmul a{w.panels.data() + k * 64,
                      w.panel_bytes,
                      0,
                      w.count,
                      c.N,
                      std::min(piece, c.K - k),
                      c.T,
                      turn ? turned.data() + k * c.T : x.data() + k,
                      turn ? c.T : c.K,
                      y.data(),
                      stride,
                      add || k > 0};
        (turn ? table.matmul_f32_turned : table.matmul_f32)(a);
      }
      return y;
    };
    for (bool add : {false, true}) {
      const auto expected = product(table_up_to(Level::scalar), false, add, c.K);
      auto levels = fast_levels();
      levels.push_back(Level::scalar);
      for (Level level : levels) {
        for (bool turn : {false, true}) {
          for (std::size_t piece : {c.K, (c.K + 1) / 2}) {
            const auto got = product(table_even_if_unsupported(level), turn, add, piece);
            EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
                << name_of(level) << " N=" << c.N << " K=" << c.K << " T=" << c.T << " turned " << turn << " add "
                << add << " piece " << piece;
          }
        }
      }
    }
  }
}

// The layouts that backward rounds into, every level against scalar, with the values that rounding is hardest for.
TEST(BackwardProducts, RoundingToBf16) {
  std::vector<float> x(64 * 96);
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Any bits at all: NaN, infinities, subnormals, ties.
    const std::uint32_t bits =
        philox4x32(5, {static_cast<std::uint32_t>(i), 0, 0, 0})[0] & (i % 5 == 0 ? ~0x7FFFu : ~0u);
    std::memcpy(&x[i], &bits, sizeof bits);
  }
  x[0] = std::numeric_limits<float>::infinity();
  x[1] = std::numeric_limits<float>::quiet_NaN();
  x[2] = std::numeric_limits<float>::denorm_min();
  auto all = [&](const Table& table) {
    std::vector<std::uint16_t> out(64 * 96 * 3, 0x1234);
    std::uint16_t* next = out.data();
    for (std::size_t n : {1, 31, 32, 33, 64, 95}) table.bf16_row(next, 32 * 3, x.data(), n), next += 1000;
    for (std::size_t n : {2, 32, 64}) table.bf16_pairs(next, x.data() + n, 64, n), next += 1100;
    for (std::size_t rows : {1, 7, 16}) table.bf16_turned(next, x.data() + rows, 80, rows), next += 600;
    return out;
  };
  const auto expected = all(table_up_to(Level::scalar));
  EXPECT_EQ(expected[0], 0x7F80);
  for (Level level : fast_levels()) EXPECT_EQ(all(table_even_if_unsupported(level)), expected) << name_of(level);
}

TEST(BackwardProducts, Bf16SumsGoOn) {
  for (const Case c : {Case{1, 32, 1}, Case{29, 96, 3}, Case{33, 64, 37}, Case{16, 1024, 20}}) {
    const auto w = prepare(DType::bf16, random_rows(DType::bf16, c.N, c.K), c.N, c.K);
    const auto x = activations(c);
    const auto tiles = bf16_tiles(x, c.T, c.K);
    const std::size_t stride = c.N + 3;
    auto product = [&](const Table& table) {
      std::vector<float> y(c.T * stride, 0.25f);
      table.matmul_bf16(
          {w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, tiles.data(), y.data(), stride, true});
      return y;
    };
    const auto expected = product(table_up_to(Level::scalar));
    auto fresh = run(table_up_to(Level::scalar), DType::bf16, w, c, x);
    EXPECT_NE(std::memcmp(fresh.data(), expected.data(), fresh.size() * sizeof(float)), 0);
    for (Level level : fast_levels()) {
      const auto got = product(table_even_if_unsupported(level));
      EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
          << name_of(level) << " N=" << c.N << " K=" << c.K << " T=" << c.T;
    }
  }
}

}  // namespace
}  // namespace freehold::kernel
