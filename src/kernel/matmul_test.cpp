// Every level against scalar, bit for bit: all weight types, odd numbers of outputs and tokens, edge values; and scalar
// against the contract written out over the file's own blocks.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernel/amx_emulator_testing.h"
#include "kernel/blocks/unpack.h"
#include "kernel/kernels.h"
#include "kernel/matmul_testing.h"

namespace freehold::kernel {
namespace {

const Table& table_of(Level level) {
  return table_even_if_unsupported(level);
}

class Matmul : public testing::TestWithParam<DType> {};

TEST_P(Matmul, EveryLevelGivesScalarsBits) {
  const DType type = GetParam();
  const std::size_t unit = std::max<std::size_t>(tensor::info(type).block_elems, 1);
  const std::vector<std::size_t> widths =
      unit == 1 ? std::vector<std::size_t>{1, 31, 32, 77, 256} : std::vector<std::size_t>{unit, 3 * unit};
  for (std::size_t K : widths) {
    for (Case c : {Case{1, K, 1}, Case{16, K, 3}, Case{33, K, 1}, Case{47, K, 13}, Case{24, K, 2}, Case{9, K, 8}}) {
      const auto rows = random_rows(type, c.N, c.K);
      const auto w = prepare(type, rows, c.N, c.K);
      const auto x = activations(c);
      const auto expected = run(table_up_to(Level::scalar), type, w, c, x);
      for (Level level : fast_levels()) {
        const auto got = run(table_of(level), type, w, c, x);
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
            << tensor::name_of(type) << " " << name_of(level) << " N=" << c.N << " K=" << c.K << " T=" << c.T;
      }
    }
  }
}

TEST_P(Matmul, ScalarKeepsTheContractOverTheFilesBlocks) {
  const DType type = GetParam();
  if (!tensor::info(type).quantised) return;
  const Case c{19, 512, 3};
  const auto rows = random_rows(type, c.N, c.K);
  const auto w = prepare(type, rows, c.N, c.K);
  const auto x = activations(c);
  const auto y = run(table_up_to(Level::scalar), type, w, c, x);
  const bool minima =
      type == DType::q4_1 || type == DType::q5_1 || type == DType::q2_k || type == DType::q4_k || type == DType::q5_k;
  const auto halves = type == DType::q2_k || type == DType::q3_k || type == DType::q6_k;
  for (std::size_t t = 0; t < c.T; ++t) {
    const QuantBuffers q = quantise(
        table_up_to(Level::scalar),
        {x.begin() + static_cast<std::ptrdiff_t>(t * c.K), x.begin() + static_cast<std::ptrdiff_t>((t + 1) * c.K)}, 1,
        c.K);
    for (std::size_t n = 0; n < c.N; ++n) {
      float acc = 0;
      for (std::size_t b = 0; b < c.K / 32; ++b) {
        Block32 block;
        unpack_block32(type, rows.data() + n * (rows.size() / c.N), b, block);
        std::int32_t dot[2] = {}, sum[2] = {};
        for (std::size_t k = 0; k < 32; ++k) {
          dot[k / 16] += block.q[k] * q.q[b * 32 + k];
          sum[k / 16] += q.q[b * 32 + k];
        }
        auto scaled = [&](std::size_t h, std::int32_t v, float s) {
          return std::fma(block.d * static_cast<float>(block.scale[h]), static_cast<float>(v), s);
        };
        auto less = [&](std::size_t h, std::int32_t v, float s) {
          return std::fma(-(block.m * static_cast<float>(block.min[h])), static_cast<float>(v), s);
        };
        float s = halves ? scaled(1, dot[1], scaled(0, dot[0], 0.0f)) : scaled(0, dot[0] + dot[1], 0.0f);
        if (minima) s = halves ? less(1, sum[1], less(0, sum[0], s)) : less(0, sum[0] + sum[1], s);
        acc = std::fma(q.d[b], s, acc);
      }
      EXPECT_EQ(std::bit_cast<std::uint32_t>(acc), std::bit_cast<std::uint32_t>(y[t * (c.N + 3) + n]))
          << tensor::name_of(type) << " token " << t << " output " << n;
    }
    EXPECT_EQ(y[t * (c.N + 3) + c.N], -7.0f) << "wrote past the last output";
  }
}

// A token's result may not depend on the tile it is computed in.
TEST_P(Matmul, TokensDoNotDependOnTheirNeighbours) {
  const DType type = GetParam();
  const Case many{40, 256, 23}, one{40, 256, 1};
  const auto rows = random_rows(type, many.N, many.K);
  const auto w = prepare(type, rows, many.N, many.K);
  const auto x = activations(many);
  for (Level level : fast_levels()) {
    const auto all = run(table_of(level), type, w, many, x);
    for (std::size_t t = 0; t < many.T; ++t) {
      const std::vector<float> alone(x.begin() + static_cast<std::ptrdiff_t>(t * many.K),
                                     x.begin() + static_cast<std::ptrdiff_t>((t + 1) * many.K));
      const auto y = run(table_of(level), type, w, one, alone);
      EXPECT_EQ(std::memcmp(y.data(), all.data() + t * (many.N + 3), many.N * sizeof(float)), 0)
          << tensor::name_of(type) << " " << name_of(level) << " token " << t;
    }
  }
}

// Every number of rows up to two and a half tiles, and a long prompt; outputs and inputs that fill no panel or piece.
TEST_P(Matmul, EveryNumberOfRowsGivesScalarsBits) {
  const DType type = GetParam();
  const std::size_t unit = std::max<std::size_t>(tensor::info(type).block_elems, 32);
  auto compare = [&](const Case& c) {
    const auto rows = random_rows(type, c.N, c.K);
    const auto w = prepare(type, rows, c.N, c.K);
    const auto x = activations(c);
    const auto expected = run(table_up_to(Level::scalar), type, w, c, x);
    for (Level level : fast_levels()) {
      const auto got = run(table_of(level), type, w, c, x);
      ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
          << tensor::name_of(type) << " " << name_of(level) << " N=" << c.N << " K=" << c.K << " T=" << c.T;
    }
  };
  for (std::size_t T = 1; T <= 40; ++T) compare({19, unit, T});
  compare({21, unit * 3, 512});
  compare({150, 2304, 36});  // more panels than are unpacked at a time, more blocks than a piece holds
}

// Panels whose bytes are chance: every quant, scale and minimum there is, all bits set, all clear.
TEST_P(Matmul, AnyBitsOfAPanelGiveScalarsBits) {
  const DType type = GetParam();
  if (!panel_kind(type)) return;
  const PanelFormat& format = panel_format(*panel_kind(type));
  const PanelSizes sizes = panel_sizes(format);
  const Case c{32, 512, 21};
  auto x = activations(c);
  for (std::size_t k = 0; k < 64; ++k) x[3 * c.K + k] = k % 2 == 0 ? 5.0f : -5.0f;
  for (std::size_t k = 0; k < 64; ++k) x[4 * c.K + k] = 5.0f;
  x[5 * c.K + 100] = std::numeric_limits<float>::quiet_NaN();
  x[20 * c.K + 300] = -std::numeric_limits<float>::infinity();
  for (int fill : {-1, 0, 255}) {
    Prepared w;
    w.panel_bytes = prepared_panel_bytes(type, c.K);
    w.count = 2;
    // One byte more, so that nothing is aligned.
    std::vector<std::byte> memory(w.count * w.panel_bytes + 1);
    for (std::size_t i = 0; i < memory.size(); ++i) {
      memory[i] = static_cast<std::byte>(fill >= 0 ? fill : static_cast<int>(uniform_draw(3, 1, i) * 256));
    }
    // The floats among them must be finite: the exponent's highest bit is clear.
    auto make_finite = [&](std::byte* p, std::size_t bytes, std::size_t size) {
      for (std::size_t i = size - 1; i < bytes; i += size) p[i] &= std::byte{0xBF};
    };
    for (std::size_t panel = 0; panel < w.count; ++panel) {
      std::byte* p = memory.data() + 1 + panel * w.panel_bytes;
      for (std::size_t b = 0; b < c.K / 32; ++b) {
        if (sizes.super != 0 && b % 8 == 0) make_finite(p, sizes.super, 2), p += sizes.super;
        const std::size_t float_size = format.scales == ScaleKind::d_f32 ? 4 : 2;
        if (sizes.super == 0) make_finite(p + sizes.quants, sizes.scales, float_size);
        p += sizes.quants + sizes.scales;
      }
    }
    auto product = [&](const Table& table) {
      const QuantBuffers q = quantise(table, x, c.T, c.K);
      std::vector<float> y(c.T * c.N);
      table.matmul_quant[static_cast<std::size_t>(format.kind)](
          {memory.data() + 1, w.panel_bytes, 0, w.count, c.N, c.K, c.T, q.rows(), y.data(), c.N});
      return y;
    };
    const auto expected = product(table_up_to(Level::scalar));
    for (Level level : fast_levels()) {
      const auto got = product(table_of(level));
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(expected[i]))
            << tensor::name_of(type) << " " << name_of(level) << " fill " << fill << " row " << i / c.N << " output "
            << i % c.N;
      }
    }
  }
}

std::string name_of_case(const testing::TestParamInfo<DType>& info) {
  return std::string(tensor::name_of(info.param));
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Matmul, testing::ValuesIn([] {
                           std::vector<DType> types;
                           for (const auto& each : tensor::all_dtypes()) types.push_back(each.type);
                           types.push_back(DType::nf4);
                           return types;
                         }()),
                         name_of_case);

}  // namespace
}  // namespace freehold::kernel
