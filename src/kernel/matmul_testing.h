// Weights, activations and products for the kernels' tests and benchmarks: the same cases for both.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "kernel/activations.h"
#include "kernel/blocks/nf4.h"
#include "kernel/blocks/quantise.h"
#include "kernel/pack.h"
#include "kernel/table.h"

namespace freehold::kernel {

using tensor::DType;

// Filled with garbage before use, so that a kernel which lets rows past the end of a tile count shows.
struct QuantBuffers {
  std::vector<std::int8_t> q;
  std::vector<float> d, sum32, sum16;
  QuantRows rows() const { return {q.data(), d.data(), sum32.data(), sum16.data()}; }
};

inline QuantBuffers quantise(const Table& table, const std::vector<float>& x, std::size_t T, std::size_t K) {
  QuantBuffers out;
  out.q.assign(q_elements(T, K), 77);
  out.d.assign(d_elements(T, K), 3e7f);
  out.sum32.assign(d_elements(T, K), 1e9f);
  out.sum16.assign(sum16_elements(T, K), -1e9f);
  for (std::size_t t = 0; t < T; ++t) {
    table.quantise_row(x.data() + t * K, K,
                       row_out(out.q.data(), out.d.data(), out.sum32.data(), out.sum16.data(), T, K, t));
  }
  return out;
}

inline std::vector<std::uint16_t> bf16_tiles(const std::vector<float>& x, std::size_t T, std::size_t K) {
  const std::size_t P = (K + kBlock - 1) / kBlock * kBlock;
  std::vector<std::uint16_t> out(q_elements(T, P), 0x7FC0);
  for (std::size_t t = 0; t < T; ++t) {
    const std::size_t rows = rows_of_tile(T, t / kTileRows);
    std::uint16_t* tile = out.data() + t / kTileRows * kTileRows * P;
    for (std::size_t k = 0; k < P; ++k) {
      tile[(k / kBlock * rows + t % kTileRows) * kBlock + k % kBlock] = k < K ? f32_to_bf16(x[t * K + k]) : 0;
    }
  }
  return out;
}

inline float draw(std::uint64_t stream, std::uint64_t i) {
  return static_cast<float>(uniform_draw(7, stream, i) * 2 - 1);
}

struct Case {
  std::size_t N, K, T;
};

// Random bytes make blocks with every bit pattern; scales are made finite.
inline std::vector<std::byte> random_rows(DType type, std::size_t N, std::size_t K) {
  const auto& t = tensor::info(type);
  std::vector<std::byte> rows(N * K / t.block_elems * t.block_bytes);
  std::vector<float> values(K);
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t k = 0; k < K; ++k) values[k] = draw(n, k) * (n % 5 == 4 ? 100.0f : 0.3f);
    if (n % 7 == 6) std::fill(values.begin(), values.end(), 0.0f);
    std::byte* row = rows.data() + n * (rows.size() / N);
    if (type == DType::f32) {
      std::memcpy(row, values.data(), K * 4);
    } else if (type == DType::nf4) {
      for (std::size_t b = 0; b < K / kNf4Block; ++b) {
        BlockNf4 block{std::fabs(values[b]), {}};
        for (std::size_t j = 0; j < std::size(block.codes); ++j) {
          block.codes[j] =
              static_cast<std::uint8_t>(philox4x32(n, {static_cast<std::uint32_t>(b * 64 + j), 0, 0, 0})[0]);
        }
        std::memcpy(row + b * sizeof block, &block, sizeof block);
      }
    } else {
      (void)quantise_row(type, values, {row, rows.size() / N});
    }
  }
  return rows;
}

struct Prepared {
  std::vector<std::byte> panels;
  std::size_t panel_bytes;
  std::size_t count;
};

inline Prepared prepare(DType type, const std::vector<std::byte>& rows, std::size_t N, std::size_t K) {
  Prepared p;
  p.panel_bytes = prepared_panel_bytes(type, K);
  p.count = (N + 15) / 16;
  p.panels.resize(p.count * p.panel_bytes);
  for (std::size_t i = 0; i < p.count; ++i) pack_panel(type, rows.data(), N, K, i, p.panels.data() + i * p.panel_bytes);
  return p;
}

inline std::vector<float> activations(const Case& c) {
  std::vector<float> x(c.T * c.K);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = draw(99, i) * (i % 97 == 0 ? 40.0f : 1.0f);
  for (std::size_t k = 0; k < std::min<std::size_t>(32, c.K); ++k) x[k] = 0.0f;  // a zero block
  if (c.T > 1) x[c.K] = 1e30f;                                                   // one huge value
  if (c.T > 2) x[2 * c.K] = std::numeric_limits<float>::denorm_min();
  return x;
}

inline std::vector<float> run(const Table& table, DType type, const Prepared& w, const Case& c,
                              const std::vector<float>& x) {
  // Guard values after each row show writes past N.
  const std::size_t stride = c.N + 3;
  std::vector<float> y(c.T * stride, -7.0f);
  if (auto kind = panel_kind(type)) {
    const QuantBuffers q = quantise(table, x, c.T, c.K);
    table.matmul_quant[static_cast<std::size_t>(*kind)](
        {w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, q.rows(), y.data(), stride});
  } else if (type == DType::bf16) {
    const std::size_t P = (c.K + 31) / 32 * 32;
    const auto b = bf16_tiles(x, c.T, c.K);
    table.matmul_bf16({w.panels.data(), w.panel_bytes, 0, w.count, c.N, P, c.T, b.data(), y.data(), stride});
  } else {
    auto* matmul = type == DType::f16 ? table.matmul_f16 : type == DType::nf4 ? table.matmul_nf4 : table.matmul_f32;
    matmul({w.panels.data(), w.panel_bytes, 0, w.count, c.N, c.K, c.T, x.data(), c.K, y.data(), stride});
  }
  return y;
}

}  // namespace freehold::kernel
