#include "kernel/panel.h"

#include <array>

namespace freehold::kernel {
namespace {

// Codebooks: IQ4_NL / IQ4_XS after ggml's kvalues_iq4nl; MXFP4 is twice OCP E2M1 (OCP Microscaling Formats v1.0, table
// 1).
#define FH_IQ4 \
  { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113 }
#define FH_E2M1 \
  { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 }

constexpr std::array<PanelFormat, kPanelKinds> kFormats = {{
    {PanelKind::q4_0, 4, 8, false, ScaleKind::d_f16, {}},
    {PanelKind::q4_1, 4, 0, false, ScaleKind::d_m_f16, {}},
    {PanelKind::q5_0, 5, 16, false, ScaleKind::d_f16, {}},
    {PanelKind::q5_1, 5, 0, false, ScaleKind::d_m_f16, {}},
    {PanelKind::q8_0, 8, 128, false, ScaleKind::d_f16, {}},
    {PanelKind::q2_k, 4, 0, false, ScaleKind::sub16_min, {}},
    {PanelKind::q3_k, 4, 4, false, ScaleKind::sub16, {}},
    {PanelKind::q4_k, 4, 0, false, ScaleKind::sub32_min, {}},
    {PanelKind::q5_k, 5, 0, false, ScaleKind::sub32_min, {}},
    {PanelKind::q6_k, 6, 32, false, ScaleKind::sub16, {}},
    {PanelKind::iq4_nl, 4, 0, true, ScaleKind::d_f16, FH_IQ4},
    {PanelKind::iq4_xs, 4, 0, true, ScaleKind::sub32, FH_IQ4},
    {PanelKind::mxfp4, 4, 0, true, ScaleKind::d_f32, FH_E2M1},
}};
#undef FH_IQ4
#undef FH_E2M1

}  // namespace

const PanelFormat& panel_format(PanelKind kind) {
  return kFormats[static_cast<std::size_t>(kind)];
}

PanelSizes panel_sizes(const PanelFormat& format) {
  PanelSizes s{};
  s.quants = format.bits == 4 ? 256 : format.bits == 5 ? 320 : format.bits == 6 ? 384 : 512;
  switch (format.scales) {
    case ScaleKind::d_f16:
      s.scales = 32;
      break;
    case ScaleKind::d_f32:
    case ScaleKind::d_m_f16:
      s.scales = 64;
      break;
    case ScaleKind::sub32_min:
      s.scales = 32, s.super = 64;
      break;
    case ScaleKind::sub32:  // padded, so that every vector of a panel stays on a cache line
    case ScaleKind::sub16:
      s.scales = 32, s.super = 32;
      break;
    case ScaleKind::sub16_min:
      s.scales = 64, s.super = 64;
      break;
  }
  return s;
}

std::size_t panel_bytes(PanelKind kind, std::size_t K) {
  PanelSizes s = panel_sizes(panel_format(kind));
  std::size_t blocks = K / kBlock;
  return blocks * (s.quants + s.scales) + (s.super != 0 ? blocks / 8 * s.super : 0);
}

}  // namespace freehold::kernel
