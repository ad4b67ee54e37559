// IQ4_XS: 256 weights in 136 bytes (4.25 bits a weight): 8 groups of 32 in IQ4_NL's values, each with a 6-bit scale
// (-32…31).
//   g = i / 32,  w[i] = d * (scale[g] - 32) * kIq4Values[q[i]]
//
//   byte  0   2          4               8                           136
//         | d | scales_h | scales_l[0…3] | qs[0] … qs[127]           |
//   qs[16 g + j], j = 0…15: low nibble = element 32 g + j, high nibble = element 32 g + j + 16
//   scale[g] = low nibble: scales_l[g / 2] >> 4 * (g % 2) & 15,  top 2 bits: scales_h >> 2 * g & 3
// Source: ggml's block_iq4_xs.
#pragma once

#include <cstdint>

#include "kernel/blocks/iq4_nl.h"

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockIQ4_XS {
  std::uint16_t d;  // binary16
  std::uint16_t scales_h;
  std::uint8_t scales_l[4];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

}  // namespace freehold::kernel
