// Q4_K: 256 weights in 144 bytes (4.5 bits a weight): 8 groups of 32, each with a 6-bit scale and a 6-bit minimum.
//   g = i / 32,  w[i] = d * scale[g] * q[i] - dmin * min[g],  q in 0…15
//
//   byte  0   2      4                16                          144
//         | d | dmin | scales[0…11]   | qs[0] … qs[127]           |
//   qs[32 p + l], p = 0…3, l = 0…31: low nibble = element 64 p + l, high nibble = element 64 p + 32 + l
//   scales, eight 6-bit scales s0…s7 and minima m0…m7 (bits 7 6 | 5…0, then 7…4 | 3…0):
//     [0] s4 top 2 | s0    [1] s5 top 2 | s1    [2] s6 top 2 | s2    [3] s7 top 2 | s3
//     [4] m4 top 2 | m0    [5] m5 top 2 | m1    [6] m6 top 2 | m2    [7] m7 top 2 | m3
//     [8] m4 low 4 | s4 low 4   [9] m5, s5   [10] m6, s6   [11] m7, s7
// Source: ggml's block_q4_K.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ4_K {
  std::uint16_t d;     // binary16
  std::uint16_t dmin;  // binary16
  std::uint8_t scales[12];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

}  // namespace freehold::kernel
