// Q3_K: 256 weights in 110 bytes (3.4375 bits a weight): 16 groups of 16, each with a 6-bit scale that means -32…31.
//   g = i / 16,  w[i] = d * (scale[g] - 32) * (low2[i] + 4 * high1[i] - 4)
//
//   byte  0                  32                 96               108 110
//         | hmask[0] … [31]  | qs[0] … qs[63]   | scales[0…11]   | d |
//   qs as in Q2_K (four layers of two bits, 128 elements per 32 bytes).
//   hmask[l] bit b = the third bit of element 32 * b + l.
//   scale[g], g = 0…15:  low nibble  = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4
//                        top 2 bits  = scales[8 + g % 4] >> 2 * (g / 4) & 3
// Source: ggml's block_q3_K.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ3_K {
  std::uint8_t hmask[32];
  std::uint8_t qs[64];
  std::uint8_t scales[12];
  std::uint16_t d;  // binary16
};
static_assert(sizeof(BlockQ3_K) == 110);

}  // namespace freehold::kernel
