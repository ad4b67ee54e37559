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

// The unsigned stored values of 32 quants.
void stored_values(const PanelFormat& f, const std::int8_t q[kBlock], std::uint8_t v[kBlock]) {
  if (!f.codebook) {
    for (std::size_t k = 0; k < kBlock; ++k) v[k] = static_cast<std::uint8_t>(q[k] + f.offset);
    return;
  }
  for (std::size_t k = 0; k < kBlock; ++k) {
    std::uint8_t index = 0;
    while (index < 15 && f.table[index] != q[k]) ++index;
    v[k] = index;
  }
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
    case ScaleKind::sub32:
      w.d = read_f16(super, row);
      w.scale[0] = w.scale[1] = read_i8(s, row);
      break;
    case ScaleKind::sub16:
      w.d = read_f16(super, row);
      w.halves = true;
      for (std::size_t h = 0; h < 2; ++h) w.scale[h] = read_i8(s + 16 * h, row);
      break;
    case ScaleKind::sub16_min:
      w.d = read_f16(super, row);
      w.halves = true;
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
  std::uint8_t v[kBlock];
  stored_values(f, w.q, v);
  // Four consecutive k of a row are neighbours in the panel.
  if (f.bits == 8) {
    for (std::size_t g = 0; g < 8; ++g) std::memcpy(quants + g * 64 + row * 4, v + 4 * g, 4);
  } else {
    for (std::size_t j = 0; j < 4; ++j) {
      std::uint8_t both[4];
      for (std::size_t i = 0; i < 4; ++i) {
        both[i] = static_cast<std::uint8_t>((v[4 * j + i] & 15) | (v[16 + 4 * j + i] & 15) << 4);
      }
      std::memcpy(quants + j * 64 + row * 4, both, 4);
    }
    for (int plane = 0; plane < f.bits - 4; ++plane) {
      std::byte* words = quants + 256 + static_cast<std::size_t>(plane) * 64;
      for (std::size_t g = 0; g < 8; ++g) {
        unsigned bits = 0;
        for (std::size_t i = 0; i < 4; ++i) bits |= (static_cast<unsigned>(v[4 * g + i]) >> (4 + plane) & 1u) << i;
        words[g * 8 + row / 2] |= static_cast<std::byte>(bits << (row % 2 * 4));
      }
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
    case ScaleKind::sub32:
      write_f16(super, row, w.d);
      s[row] = static_cast<std::byte>(w.scale[0]);
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
