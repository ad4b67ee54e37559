// The layout in which weights are prepared for the kernels: panels of 16 outputs ("R16").
//
// A panel holds 16 consecutive outputs (rows of W) for all K inputs, padded with zero rows past N.
//
// Float panels: for each k, 16 values.                      F32: 64 bytes a k, F16: 32 bytes a k
// BF16 panels:  for each pair k, k+1, 16 x 2 values ("R16K2"), K padded with zeros to a multiple of 32.
//
// NF4 panels:   for each 64 k: float32 absmax[16], then 32 x 16 bytes; byte [j][r] holds k = 2j of row r in the high,
// 2j + 1 in the low nibble (kernel/blocks/nf4.h).
//
// Quantised panels: blocks of 32 consecutive k ("R16K4": 16 rows x 4 consecutive k is one 64-byte vector, AMX's B tile,
// VNNI's operand and two AVX2 registers). One panel block is
//
//   quants   bits 4, 5, 6:  4 x 64 bytes; byte [j][r*4+i] holds k = 4j+i in the low and k = 16+4j+i in the high nibble
//   of row r
//                           then one (bits 5) or two (bits 6) planes of 8 x u64; bit r*4+i of word g is bit 4 (5) of k
//                           = 4g+i
//            bits 8:        8 x 64 bytes; byte [g][r*4+i] is k = 4g+i of row r
//   scales   by ScaleKind, see below
//
// Quants are stored unsigned; `offset` is what was added (so w = stored - offset), or they index a codebook of signed
// bytes. Formats with super-blocks of 256 put the super-block's f16 fields before its eight panel blocks.
//
// Value of element k (block b = k/32, half h = k/16%2):  w = d * scale[h] * q  -  m * min[h]
#pragma once

#include <cstddef>
#include <cstdint>

namespace freehold::kernel {

// Stands in every file of prepared panels: raised whenever the bytes below change their meaning.
inline constexpr std::uint32_t kPanelLayout = 1;

inline constexpr std::size_t kPanelRows = 16;
inline constexpr std::size_t kBlock = 32;  // activations are quantised in blocks of 32 along k

inline constexpr std::size_t kNf4PanelBlock = 64 + 512;  // bytes for 64 k

// What a quantised panel's format is called; one kernel each.
enum class PanelKind : std::uint8_t {
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  mxfp4
};
inline constexpr std::size_t kPanelKinds = 13;

enum class ScaleKind : std::uint8_t {
  d_f16,      // f16 d[16]                                        (scale 1, no minimum)
  d_f32,      // f32 d[16]
  d_m_f16,    // f16 d[16], f16 m[16], w = d*q + m                (scale 1, min 1, m negated)
  sub32_min,  // super: f16 d[16], f16 m[16]; block: u8 scale[16], u8 min[16]
  sub32,      // super: f16 d[16]; block: i8 scale[16], 16 bytes of padding
  sub16,      // super: f16 d[16]; block: i8 scale[2][16]
  sub16_min,  // super: f16 d[16], f16 m[16]; block: u8 scale[2][16], u8 min[2][16]
};

struct PanelFormat {
  PanelKind kind;
  int bits;       // 4, 5, 6 or 8 stored bits a weight
  int offset;     // stored = q + offset; 0 for codebooks
  bool codebook;  // the nibble indexes `table`
  ScaleKind scales;
  std::int8_t table[16];
};

// Bytes of one panel block's quants, of its scales, and of a super-block's head (0: the format has none).
struct PanelSizes {
  std::size_t quants;
  std::size_t scales;
  std::size_t super;
};

const PanelFormat& panel_format(PanelKind kind);
PanelSizes panel_sizes(const PanelFormat& format);
// Bytes of one panel over K inputs (K a multiple of 32, or of 256 where the format has super-blocks).
std::size_t panel_bytes(PanelKind kind, std::size_t K);

}  // namespace freehold::kernel
