// The definition of the matrix products over prepared panels: one output at a time, in the order the contract states.
#include <cmath>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "kernel/blocks/nf4.h"
#include "kernel/flush.h"
#include "kernel/scalar/panel_block.h"
#include "kernel/scalar/scalar.h"

namespace freehold::kernel {
namespace {

// s of the contract: the block's sum, to be multiplied with the activations' scale.
float block_sum(const PanelBlock& w, const std::int32_t dot[2], const float sum16[2]) {
  const float ds[2] = {w.d * static_cast<float>(w.scale[0]), w.d * static_cast<float>(w.scale[1])};
  const float ms[2] = {w.m * static_cast<float>(w.min[0]), w.m * static_cast<float>(w.min[1])};
  if (!w.halves) {
    const float s = std::fma(ds[0], static_cast<float>(dot[0] + dot[1]), 0.0f);
    return w.has_min ? std::fma(-ms[0], sum16[0] + sum16[1], s) : s;
  }
  float s = std::fma(ds[0], static_cast<float>(dot[0]), 0.0f);
  s = std::fma(ds[1], static_cast<float>(dot[1]), s);
  if (!w.has_min) return s;
  s = std::fma(-ms[0], sum16[0], s);
  return std::fma(-ms[1], sum16[1], s);
}

template <PanelKind kind>
void matmul_quant(const QuantMatmul& a) {
  const PanelFormat& format = panel_format(kind);
  const PanelSizes sizes = panel_sizes(format);
  const std::size_t blocks = a.K / kBlock;
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* base = a.panels + panel * a.panel_bytes;
    for (std::size_t r = 0; r < kPanelRows && panel * kPanelRows + r < a.N; ++r) {
      for (std::size_t t = 0; t < a.T; ++t) a.y[t * a.y_stride + panel * kPanelRows + r] = 0.0f;
      for (std::size_t b = 0; b < blocks; ++b) {
        const PanelBlock w = read_panel_block(format, sizes, base, b, r);
        for (std::size_t t = 0; t < a.T; ++t) {
          const QuantRows tile = from_tile(a.x, t / kTileRows, a.K);
          const std::size_t rows = rows_of_tile(a.T, t / kTileRows), at = b * rows + t % kTileRows;
          const std::int8_t* x = tile.q + at * kBlock;
          const float sum16[2] = {tile.sum16[at + b * rows], tile.sum16[at + (b + 1) * rows]};
          std::int32_t dot[2] = {0, 0};
          for (std::size_t k = 0; k < kBlock; ++k) dot[k / 16] += w.q[k] * x[k];
          float& acc = a.y[t * a.y_stride + panel * kPanelRows + r];
          acc = std::fma(tile.d[at], block_sum(w, dot, sum16), acc);
        }
      }
    }
  }
}

template <typename Weight, float (*to_float)(Weight), bool turned = false>
void matmul_float(const FloatMatmul& a) {
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* base = a.panels + panel * a.panel_bytes;
    for (std::size_t r = 0; r < kPanelRows && panel * kPanelRows + r < a.N; ++r) {
      for (std::size_t t = 0; t < a.T; ++t) {
        float& y = a.y[t * a.y_stride + panel * kPanelRows + r];
        float acc = a.add ? y : 0.0f;
        for (std::size_t k = 0; k < a.K; ++k) {
          Weight w;
          std::memcpy(&w, base + (k * kPanelRows + r) * sizeof w, sizeof w);
          acc = std::fma(to_float(w), turned ? a.x[k * a.x_stride + t] : a.x[t * a.x_stride + k], acc);
        }
        y = acc;
      }
    }
  }
}

float same(float x) {
  return x;
}

void matmul_nf4(const FloatMatmul& a) {
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* base = a.panels + panel * a.panel_bytes;
    for (std::size_t r = 0; r < kPanelRows && panel * kPanelRows + r < a.N; ++r) {
      for (std::size_t t = 0; t < a.T; ++t) {
        float acc = 0.0f;
        for (std::size_t k = 0; k < a.K; ++k) {
          const std::byte* block = base + k / kNf4Block * kNf4PanelBlock;
          float absmax;
          std::memcpy(&absmax, block + r * sizeof absmax, sizeof absmax);
          const auto both = std::to_integer<unsigned>(block[64 + k % kNf4Block / 2 * kPanelRows + r]);
          const float w = kNf4Levels[k % 2 == 0 ? both >> 4 : both & 15] * absmax;
          acc = std::fma(w, a.x[t * a.x_stride + k], acc);
        }
        a.y[t * a.y_stride + panel * kPanelRows + r] = acc;
      }
    }
  }
}

void matmul_bf16(const Bf16Matmul& a) {
  const FlushSubnormals flush;
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* base = a.panels + panel * a.panel_bytes;
    for (std::size_t r = 0; r < kPanelRows && panel * kPanelRows + r < a.N; ++r) {
      for (std::size_t t = 0; t < a.T; ++t) {
        const std::size_t rows = rows_of_tile(a.T, t / kTileRows);
        const std::uint16_t* x = a.x + t / kTileRows * kTileRows * a.K + t % kTileRows * kBlock;
        float& y = a.y[t * a.y_stride + panel * kPanelRows + r];
        float acc = a.add ? y : 0.0f;
        for (std::size_t b = 0; b < a.K; b += kBlock, x += rows * kBlock) {
          float chain[2] = {0.0f, 0.0f};
          for (std::size_t k = b; k < b + kBlock; ++k) {
            std::uint16_t w;
            std::memcpy(&w, base + ((k / 2 * kPanelRows + r) * 2 + k % 2) * sizeof w, sizeof w);
            chain[k % 2] = std::fma(bf16_to_f32(w), bf16_to_f32(x[k - b]), chain[k % 2]);
          }
          acc = acc + (chain[0] + chain[1]);
        }
        y = acc;
      }
    }
  }
}

template <std::size_t... kinds>
void install_quant(Table& table, std::index_sequence<kinds...>) {
  ((table.matmul_quant[kinds] = matmul_quant<static_cast<PanelKind>(kinds)>), ...);
}

}  // namespace

void install_scalar_matmul(Table& table) {
  install_quant(table, std::make_index_sequence<kPanelKinds>());
  table.matmul_f32 = matmul_float<float, same>;
  table.matmul_f32_turned = matmul_float<float, same, true>;
  table.matmul_f16 = matmul_float<std::uint16_t, f16_to_f32>;
  table.matmul_nf4 = matmul_nf4;
  table.matmul_bf16 = matmul_bf16;
}

}  // namespace freehold::kernel
