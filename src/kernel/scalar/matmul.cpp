// The definition of the matrix products over prepared panels: one output at a time, in the order the contract states.
#include <cmath>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "kernel/flush.h"
#include "kernel/scalar/panel_block.h"
#include "kernel/scalar/scalar.h"

namespace freehold::kernel {
namespace {

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
          const std::int8_t* x = a.x.q + t * a.K + b * kBlock;
          const float dx = a.x.d[t * blocks + b];
          const std::int32_t* sums = a.x.sum16 + t * 2 * blocks + 2 * b;
          std::int32_t dot[2] = {0, 0};
          for (std::size_t k = 0; k < kBlock; ++k) dot[k / 16] += w.q[k] * x[k];
          std::int32_t isum = w.scale[0] * dot[0] + w.scale[1] * dot[1];
          float& acc = a.y[t * a.y_stride + panel * kPanelRows + r];
          acc = std::fma(w.d * dx, static_cast<float>(isum), acc);
          if (w.has_min) {
            std::int32_t imin = w.min[0] * sums[0] + w.min[1] * sums[1];
            acc = std::fma(-(w.m * dx), static_cast<float>(imin), acc);
          }
        }
      }
    }
  }
}

template <typename Weight, float (*to_float)(Weight)>
void matmul_float(const FloatMatmul& a) {
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* base = a.panels + panel * a.panel_bytes;
    for (std::size_t r = 0; r < kPanelRows && panel * kPanelRows + r < a.N; ++r) {
      for (std::size_t t = 0; t < a.T; ++t) {
        float acc = 0.0f;
        for (std::size_t k = 0; k < a.K; ++k) {
          Weight w;
          std::memcpy(&w, base + (k * kPanelRows + r) * sizeof w, sizeof w);
          acc = std::fma(to_float(w), a.x[t * a.x_stride + k], acc);
        }
        a.y[t * a.y_stride + panel * kPanelRows + r] = acc;
      }
    }
  }
}

float same(float x) {
  return x;
}

void matmul_bf16(const Bf16Matmul& a) {
  const FlushSubnormals flush;
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* base = a.panels + panel * a.panel_bytes;
    for (std::size_t r = 0; r < kPanelRows && panel * kPanelRows + r < a.N; ++r) {
      for (std::size_t t = 0; t < a.T; ++t) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.K; b += kBlock) {
          float chain[2] = {0.0f, 0.0f};
          for (std::size_t k = b; k < b + kBlock; ++k) {
            std::uint16_t w;
            std::memcpy(&w, base + ((k / 2 * kPanelRows + r) * 2 + k % 2) * sizeof w, sizeof w);
            chain[k % 2] = std::fma(bf16_to_f32(w), bf16_to_f32(a.x[t * a.K + k]), chain[k % 2]);
          }
          acc = acc + (chain[0] + chain[1]);
        }
        a.y[t * a.y_stride + panel * kPanelRows + r] = acc;
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
  table.matmul_f16 = matmul_float<std::uint16_t, f16_to_f32>;
  table.matmul_bf16 = matmul_bf16;
}

}  // namespace freehold::kernel
