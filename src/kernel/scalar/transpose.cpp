// The definition of the way back from panels to transposed float32 weights, one weight at a time.
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "kernel/blocks/nf4.h"
#include "kernel/scalar/panel_block.h"
#include "kernel/scalar/scalar.h"

namespace freehold::kernel {
namespace {

template <PanelKind kind>
void transpose_quant(const TransposeBlock& a) {
  const PanelFormat& format = panel_format(kind);
  const PanelSizes sizes = panel_sizes(format);
  for (std::size_t r = 0; r < kPanelRows; ++r) {
    const PanelBlock w = read_panel_block(format, sizes, a.panel, a.block, r);
    for (std::size_t half = 0; half < 2; ++half) {
      // The rounding of dequantise.cpp, which is the definition.
      const float scale = w.d * static_cast<float>(w.scale[half]), min = w.m * static_cast<float>(w.min[half]);
      float* row = a.out + half * a.stride + r * 16;
      for (std::size_t i = 0; i < 16; ++i) row[i] = scale * static_cast<float>(w.q[16 * half + i]) - min;
    }
  }
}

float f32_weight(const std::byte* panel, std::size_t k, std::size_t r) {
  float w = 0;
  std::memcpy(&w, panel + (k * kPanelRows + r) * sizeof w, sizeof w);
  return w;
}

float f16_weight(const std::byte* panel, std::size_t k, std::size_t r) {
  std::uint16_t h = 0;
  std::memcpy(&h, panel + (k * kPanelRows + r) * sizeof h, sizeof h);
  return f16_to_f32(h);
}

float bf16_weight(const std::byte* panel, std::size_t k, std::size_t r) {
  std::uint16_t h = 0;
  std::memcpy(&h, panel + ((k / 2 * kPanelRows + r) * 2 + k % 2) * sizeof h, sizeof h);
  return bf16_to_f32(h);
}

float nf4_weight(const std::byte* panel, std::size_t k, std::size_t r) {
  const std::byte* block = panel + k / kNf4Block * kNf4PanelBlock;
  float absmax = 0;
  std::memcpy(&absmax, block + r * sizeof absmax, sizeof absmax);
  const auto both = std::to_integer<unsigned>(block[64 + k % kNf4Block / 2 * kPanelRows + r]);
  return kNf4Levels[k % 2 == 0 ? both >> 4 : both & 15] * absmax;
}

template <float (*weight)(const std::byte*, std::size_t, std::size_t)>
void transpose_float(const TransposeBlock& a) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    const std::size_t k = a.block * kBlock + i;
    float* column = a.out + i / 16 * a.stride + i % 16;
    for (std::size_t r = 0; r < kPanelRows; ++r) column[r * 16] = k < a.K ? weight(a.panel, k, r) : 0.0f;
  }
}

template <std::size_t... kinds>
void install_quant(Table& table, std::index_sequence<kinds...>) {
  ((table.transpose_quant[kinds] = transpose_quant<static_cast<PanelKind>(kinds)>), ...);
}

}  // namespace

void install_scalar_transpose(Table& table) {
  install_quant(table, std::make_index_sequence<kPanelKinds>());
  table.transpose_f32 = transpose_float<f32_weight>;
  table.transpose_f16 = transpose_float<f16_weight>;
  table.transpose_bf16 = transpose_float<bf16_weight>;
  table.transpose_nf4 = transpose_float<nf4_weight>;
}

}  // namespace freehold::kernel
