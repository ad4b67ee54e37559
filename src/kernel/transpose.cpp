#include "kernel/transpose.h"

#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernel/blocks/nf4.h"
#include "kernel/pack.h"
#include "kernel/scalar/panel_block.h"

namespace freehold::kernel {
namespace {

using tensor::DType;

float nf4_weight(const std::byte* panel, std::size_t k, std::size_t r) {
  const std::byte* block = panel + k / kNf4Block * kNf4PanelBlock;
  float absmax = 0;
  std::memcpy(&absmax, block + r * sizeof absmax, sizeof absmax);
  const auto both = std::to_integer<unsigned>(block[64 + k % kNf4Block / 2 * kPanelRows + r]);
  return kNf4Levels[k % 2 == 0 ? both >> 4 : both & 15] * absmax;
}

float float_weight(DType type, const std::byte* panel, std::size_t k, std::size_t r) {
  if (type == DType::nf4) return nf4_weight(panel, k, r);
  if (type == DType::f32) {
    float w = 0;
    std::memcpy(&w, panel + (k * kPanelRows + r) * sizeof w, sizeof w);
    return w;
  }
  std::uint16_t h = 0;
  if (type == DType::f16) {
    std::memcpy(&h, panel + (k * kPanelRows + r) * sizeof h, sizeof h);
    return f16_to_f32(h);
  }
  std::memcpy(&h, panel + ((k / 2 * kPanelRows + r) * 2 + k % 2) * sizeof h, sizeof h);
  return bf16_to_f32(h);
}

}  // namespace

void transpose_panel_block(DType type, const std::byte* panel, std::size_t K, std::size_t block, float* out,
                           std::size_t stride) {
  const auto kind = panel_kind(type);
  if (!kind) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::size_t k = block * kBlock + i;
      float* column = out + i / 16 * stride + i % 16;
      for (std::size_t r = 0; r < kPanelRows; ++r) column[r * 16] = k < K ? float_weight(type, panel, k, r) : 0.0f;
    }
    return;
  }
  const PanelFormat& format = panel_format(*kind);
  const PanelSizes sizes = panel_sizes(format);
  for (std::size_t r = 0; r < kPanelRows; ++r) {
    const PanelBlock w = read_panel_block(format, sizes, panel, block, r);
    for (std::size_t half = 0; half < 2; ++half) {
      // The rounding of dequantise.cpp, which is the definition.
      const float scale = w.d * static_cast<float>(w.scale[half]), min = w.m * static_cast<float>(w.min[half]);
      float* row = out + half * stride + r * 16;
      for (std::size_t i = 0; i < 16; ++i) row[i] = scale * static_cast<float>(w.q[16 * half + i]) - min;
    }
  }
}

}  // namespace freehold::kernel
