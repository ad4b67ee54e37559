#include "kernel/scalar/panel_block.h"

#include <cstring>

#include "base/half.h"

namespace freehold::kernel {
namespace {

// Where one row's fields lie inside a panel.
struct Place {
  std::size_t quants, scales, super;

  Place(const PanelSizes& s, std::size_t block) {
    std::size_t bytes = s.quants + s.scales;
    std::size_t heads = s.super != 0 ? block / 8 + 1 : 0;
    quants = block * bytes + heads * s.super;
    scales = quants + s.quants;
    super = s.super != 0 ? block / 8 * (8 * bytes + s.super) : 0;
  }
};

float read_f16(const std::byte* p, std::size_t index) {
  std::uint16_t h;
  std::memcpy(&h, p + index * sizeof h, sizeof h);
  return f16_to_f32(h);
}

void write_f16(std::byte* p, std::size_t index, float value) {
  std::uint16_t h = f32_to_f16(value);  // exact: the value came from an f16 field
  std::memcpy(p + index * sizeof h, &h, sizeof h);
}

std::int32_t read_u8(const std::byte* p, std::size_t index) {
  return std::to_integer<std::int32_t>(p[index]);
}
std::int32_t read_i8(const std::byte* p, std::size_t index) {
  return static_cast<std::int8_t>(p[index]);
}

// The unsigned stored value of q.
unsigned stored(const PanelFormat& f, std::int8_t q) {
  if (!f.codebook) return static_cast<unsigned>(q + f.offset);
  for (unsigned i = 0; i < 16; ++i) {
    if (f.table[i] == q) return i;
  }
  return 0;
}

}  // namespace

PanelBlock read_panel_block(const PanelFormat& f, const PanelSizes& sizes, const std::byte* panel, std::size_t block,
                            std::size_t row) {
  const Place at(sizes, block);
  const std::byte* quants = panel + at.quants;
  PanelBlock w{};
  for (std::size_t k = 0; k < kBlock; ++k) {
    std::size_t lane = row * 4 + k % 4;
    std::int32_t v;
    if (f.bits == 8) {
      v = read_u8(quants, k / 4 * 64 + lane);
    } else {
      v = read_u8(quants, k % 16 / 4 * 64 + lane) >> (k < 16 ? 0 : 4) & 15;
      for (int plane = 0; plane < f.bits - 4; ++plane) {
        std::uint64_t word;
        std::memcpy(&word, quants + 256 + static_cast<std::size_t>(plane) * 64 + k / 4 * 8, sizeof word);
        v |= static_cast<std::int32_t>(word >> lane & 1) << (4 + plane);
      }
    }
    w.q[k] = f.codebook ? f.table[v] : static_cast<std::int8_t>(v - f.offset);
  }
  const std::byte* s = panel + at.scales;
  const std::byte* super = panel + at.super;
  w.scale[0] = w.scale[1] = 1;
  switch (f.scales) {
    case ScaleKind::d_f16:
      w.d = read_f16(s, row);
      break;
    case ScaleKind::d_f32:
      std::memcpy(&w.d, s + row * sizeof w.d, sizeof w.d);
      break;
    case ScaleKind::d_m_f16:
      w.d = read_f16(s, row);
      w.m = -read_f16(s + 32, row);
      w.min[0] = w.min[1] = 1;
      w.has_min = true;
      break;
    case ScaleKind::sub32_min:
      w.d = read_f16(super, row);
      w.m = read_f16(super + 32, row);
      w.scale[0] = w.scale[1] = read_u8(s, row);
      w.min[0] = w.min[1] = read_u8(s + 16, row);
      w.has_min = true;
      break;
    case ScaleKind::sub16:
      w.d = read_f16(super, row);
      for (std::size_t h = 0; h < 2; ++h) w.scale[h] = read_i8(s + 16 * h, row);
      break;
    case ScaleKind::sub16_min:
      w.d = read_f16(super, row);
      w.m = read_f16(super + 32, row);
      for (std::size_t h = 0; h < 2; ++h) {
        w.scale[h] = read_u8(s + 16 * h, row);
        w.min[h] = read_u8(s + 32 + 16 * h, row);
      }
      w.has_min = true;
      break;
  }
  return w;
}

void write_panel_block(const PanelFormat& f, const PanelSizes& sizes, std::byte* panel, std::size_t block,
                       std::size_t row, const Block32& w) {
  const Place at(sizes, block);
  std::byte* quants = panel + at.quants;
  for (std::size_t k = 0; k < kBlock; ++k) {
    std::size_t lane = row * 4 + k % 4;
    unsigned v = stored(f, w.q[k]);
    if (f.bits == 8) {
      quants[k / 4 * 64 + lane] = static_cast<std::byte>(v);
      continue;
    }
    quants[k % 16 / 4 * 64 + lane] |= static_cast<std::byte>((v & 15) << (k < 16 ? 0 : 4));
    for (int plane = 0; plane < f.bits - 4; ++plane) {
      std::byte* at_word = quants + 256 + static_cast<std::size_t>(plane) * 64 + k / 4 * 8;
      at_word[lane / 8] |= static_cast<std::byte>((v >> (4 + plane) & 1) << (lane % 8));
    }
  }
  std::byte* s = panel + at.scales;
  std::byte* super = panel + at.super;
  switch (f.scales) {
    case ScaleKind::d_f16:
      write_f16(s, row, w.d);
      break;
    case ScaleKind::d_f32:
      std::memcpy(s + row * sizeof w.d, &w.d, sizeof w.d);
      break;
    case ScaleKind::d_m_f16:
      write_f16(s, row, w.d);
      write_f16(s + 32, row, -w.m);
      break;
    case ScaleKind::sub32_min:
      write_f16(super, row, w.d);
      write_f16(super + 32, row, w.m);
      s[row] = static_cast<std::byte>(w.scale[0]);
      s[16 + row] = static_cast<std::byte>(w.min[0]);
      break;
    case ScaleKind::sub16:
      write_f16(super, row, w.d);
      for (std::size_t h = 0; h < 2; ++h) s[16 * h + row] = static_cast<std::byte>(w.scale[h]);
      break;
    case ScaleKind::sub16_min:
      write_f16(super, row, w.d);
      write_f16(super + 32, row, w.m);
      for (std::size_t h = 0; h < 2; ++h) {
        s[16 * h + row] = static_cast<std::byte>(w.scale[h]);
        s[32 + 16 * h + row] = static_cast<std::byte>(w.min[h]);
      }
      break;
  }
}

}  // namespace freehold::kernel
