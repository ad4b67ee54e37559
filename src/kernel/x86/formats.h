// The panel formats as types, so that each vector kernel is one template: the same rows as panel.cpp's table.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/panel.h"

namespace freehold::kernel {
namespace {

template <PanelKind kind, int bits, int offset, bool codebook, ScaleKind scales>
struct Format {
  static constexpr PanelKind kKind = kind;
  static constexpr int kBits = bits;
  static constexpr int kOffset = offset;
  static constexpr bool kCodebook = codebook;
  static constexpr ScaleKind kScales = scales;

  static constexpr bool kHalves = scales == ScaleKind::sub16 || scales == ScaleKind::sub16_min;
  static constexpr int kParts = kHalves ? 2 : 1;  // how many scales a block has
  static constexpr bool kMin =
      scales == ScaleKind::d_m_f16 || scales == ScaleKind::sub32_min || scales == ScaleKind::sub16_min;
  static constexpr bool kSuper = scales == ScaleKind::sub32 || scales == ScaleKind::sub32_min || kHalves;
  static constexpr std::size_t kSuperBytes = !kSuper ? 0 : kMin ? 64 : 32;
  static constexpr std::size_t kQuantBytes = bits == 4 ? 256 : bits == 5 ? 320 : bits == 6 ? 384 : 512;
  static constexpr std::size_t kScaleBytes =
      scales == ScaleKind::d_f32 || scales == ScaleKind::d_m_f16 || scales == ScaleKind::sub16_min ? 64 : 32;
  static constexpr std::size_t kBytes = kQuantBytes + kScaleBytes;

  // Where block b of a panel begins, after the heads of the super-blocks up to its own, and that head.
  static constexpr std::size_t block_at(std::size_t b) { return b * kBytes + (kSuper ? (b / 8 + 1) * kSuperBytes : 0); }
  static constexpr std::size_t super_at(std::size_t b) { return b / 8 * (8 * kBytes + kSuperBytes); }
};

// Calls install(Format) for each.
template <class Install>
inline void for_each_format(Install install) {
  install(Format<PanelKind::q4_0, 4, 8, false, ScaleKind::d_f16>{});
  install(Format<PanelKind::q4_1, 4, 0, false, ScaleKind::d_m_f16>{});
  install(Format<PanelKind::q5_0, 5, 16, false, ScaleKind::d_f16>{});
  install(Format<PanelKind::q5_1, 5, 0, false, ScaleKind::d_m_f16>{});
  install(Format<PanelKind::q8_0, 8, 128, false, ScaleKind::d_f16>{});
  install(Format<PanelKind::q2_k, 4, 0, false, ScaleKind::sub16_min>{});
  install(Format<PanelKind::q3_k, 4, 4, false, ScaleKind::sub16>{});
  install(Format<PanelKind::q4_k, 4, 0, false, ScaleKind::sub32_min>{});
  install(Format<PanelKind::q5_k, 5, 0, false, ScaleKind::sub32_min>{});
  install(Format<PanelKind::q6_k, 6, 32, false, ScaleKind::sub16>{});
  install(Format<PanelKind::iq4_nl, 4, 0, true, ScaleKind::d_f16>{});
  install(Format<PanelKind::iq4_xs, 4, 0, true, ScaleKind::sub32>{});
  install(Format<PanelKind::mxfp4, 4, 0, true, ScaleKind::d_f32>{});
}

}  // namespace
}  // namespace freehold::kernel
