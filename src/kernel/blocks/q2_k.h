// Q2_K: 256 weights in 84 bytes (2.625 bits a weight): 16 groups of 16, each with a 4-bit scale and a 4-bit minimum.
//   g = i / 16,  w[i] = d * (scales[g] & 15) * q[i] - dmin * (scales[g] >> 4),  q in 0…3
//
//   byte  0                  16                        80  82     84
//         | scales[0] … [15] | qs[0] … qs[63]          | d | dmin |
//           each: min<<4|scale
//   qs[0…31] holds elements 0…127 and qs[32…63] elements 128…255, in four layers of two bits:
//     qs[l]   bits 7 6 | 5 4 | 3 2 | 1 0
//     element   l + 96 | +64 | +32 | +0      (l in 0…31, plus 128 for the second half)
// Source: ggml's block_q2_K.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ2_K {
  std::uint8_t scales[16];
  std::uint8_t qs[64];
  std::uint16_t d;     // binary16
  std::uint16_t dmin;  // binary16
};
static_assert(sizeof(BlockQ2_K) == 84);

}  // namespace freehold::kernel
