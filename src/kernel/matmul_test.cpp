// Every level against scalar, bit for bit: all weight types, odd numbers of outputs and tokens, edge values; and scalar
// against the contract written out over the file's own blocks.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "kernel/blocks/quantise.h"
#include "kernel/blocks/unpack.h"
#include "kernel/kernels.h"
#include "kernel/pack.h"

namespace freehold::kernel {
namespace {

using tensor::DType;

std::vector<Level> fast_levels() {
  std::vector<Level> out;
  for (Level l : {Level::avx2, Level::avx512}) {
    if (l <= detect_level()) out.push_back(l);
  }
  return out;
}

float draw(std::uint64_t stream, std::uint64_t i) {
  return static_cast<float>(uniform_draw(7, stream, i) * 2 - 1);
}

struct Case {
  std::size_t N, K, T;
};

// Random bytes make blocks with every bit pattern; scales are made finite.
std::vector<std::byte> random_rows(DType type, std::size_t N, std::size_t K) {
  const auto& t = tensor::info(type);
  std::vector<std::byte> rows(N * K / t.block_elems * t.block_bytes);
  std::vector<float> values(K);
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t k = 0; k < K; ++k) values[k] = draw(n, k) * (n % 5 == 4 ? 100.0f : 0.3f);
    if (n % 7 == 6) std::fill(values.begin(), values.end(), 0.0f);
    std::byte* row = rows.data() + n * (rows.size() / N);
    if (type == DType::f32) {
      std::memcpy(row, values.data(), K * 4);
    } else {
      EXPECT_TRUE(quantise_row(type, values, {row, rows.size() / N}).has_value());
    }
  }
  return rows;
}

struct Prepared {
  std::vector<std::byte> panels;
  std::size_t panel_bytes;
  std::size_t count;
};

Prepared prepare(DType type, const std::vector<std::byte>& rows, std::size_t N, std::size_t K) {
  Prepared p;
  p.panel_bytes = prepared_panel_bytes(type, K);
  p.count = (N + 15) / 16;
  p.panels.resize(p.count * p.panel_bytes);
  for (std::size_t i = 0; i < p.count; ++i) pack_panel(type, rows.data(), N, K, i, p.panels.data() + i * p.panel_bytes);
  return p;
}

std::vector<float> activations(const Case& c) {
  std::vector<float> x(c.T * c.K);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = draw(99, i) * (i % 97 == 0 ? 40.0f : 1.0f);
  for (std::size_t k = 0; k < std::min<std::size_t>(32, c.K); ++k) x[k] = 0.0f;  // a zero block
  if (c.T > 1) x[c.K] = 1e30f;                                                   // one huge value
  if (c.T > 2) x[2 * c.K] = std::numeric_limits<float>::denorm_min();
  return x;
}

std::vector<float> run(const Table& table, DType type, const Prepared& w, const Case& c, const std::vector<float>& x) {
  // Guard values after each row show writes past N.
  const std::size_t stride = c.N + 3;
  std::vector<float> y(c.T * stride, -7.0f);
  if (auto kind = panel_kind(type)) {
    std::vector<std::int8_t> q(c.T * c.K);
    std::vector<float> d(c.T * c.K / 32);
    std::vector<std::int32_t> sums(c.T * c.K / 16);
    for (std::size_t t = 0; t < c.T; ++t) {
      table.quantise_row(x.data() + t * c.K, c.K, q.data() + t * c.K, d.data() + t * (c.K / 32),
                         sums.data() + t * (c.K / 16));
    }
    table.matmul_quant[static_cast<std::size_t>(*kind)]({w.panels.data(),
                                                         w.panel_bytes,
                                                         0,
                                                         w.count,
                                                         c.N,
                                                         c.K,
                                                         c.T,
                                                         {q.data(), d.data(), sums.data()},
                                                         y.data(),
                                                         stride});
  } else if (type == DType::bf16) {
    const std::size_t P = (c.K + 31) / 32 * 32;
    std::vector<std::uint16_t> b(c.T * P);
    for (std::size_t t = 0; t < c.T; ++t) {
      for (std::size_t k = 0; k < c.K; ++k) b[t * P + k] = f32_to_bf16(x[t * c.K + k]);
    }
    table.matmul_bf16({w.panels.data(), w.panel_bytes, 0, w.count, c.N, P, c.T, b.data(), y.data(), stride});
  } else {
    auto* matmul = type == DType::f16 ? table.matmul_f16 : table.matmul_f32;
    matmul({w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, x.data(), c.K, y.data(), stride});
  }
  return y;
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
        const auto got = run(table_up_to(level), type, w, c, x);
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
  for (std::size_t t = 0; t < c.T; ++t) {
    std::vector<std::int8_t> q(c.K);
    std::vector<float> d(c.K / 32);
    std::vector<std::int32_t> sums(c.K / 16);
    table_up_to(Level::scalar).quantise_row(x.data() + t * c.K, c.K, q.data(), d.data(), sums.data());
    for (std::size_t n = 0; n < c.N; ++n) {
      float acc = 0;
      for (std::size_t b = 0; b < c.K / 32; ++b) {
        Block32 block;
        unpack_block32(type, rows.data() + n * (rows.size() / c.N), b, block);
        std::int32_t isum = 0, imin = 0;
        for (std::size_t k = 0; k < 32; ++k) {
          isum += block.scale[k / 16] * block.q[k] * q[b * 32 + k];
          imin += block.min[k / 16] * q[b * 32 + k];
        }
        acc = std::fma(block.d * d[b], static_cast<float>(isum), acc);
        if (minima) acc = std::fma(-(block.m * d[b]), static_cast<float>(imin), acc);
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
    const auto all = run(table_up_to(level), type, w, many, x);
    for (std::size_t t = 0; t < many.T; ++t) {
      const std::vector<float> alone(x.begin() + static_cast<std::ptrdiff_t>(t * many.K),
                                     x.begin() + static_cast<std::ptrdiff_t>((t + 1) * many.K));
      const auto y = run(table_up_to(level), type, w, one, alone);
      EXPECT_EQ(std::memcmp(y.data(), all.data() + t * (many.N + 3), many.N * sizeof(float)), 0)
          << tensor::name_of(type) << " " << name_of(level) << " token " << t;
    }
  }
}

std::string name_of_case(const testing::TestParamInfo<DType>& info) {
  return std::string(tensor::name_of(info.param));
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Matmul, testing::ValuesIn([] {
                           std::vector<DType> types;
                           for (const auto& each : tensor::all_dtypes()) types.push_back(each.type);
                           return types;
                         }()),
                         name_of_case);

}  // namespace
}  // namespace freehold::kernel
