// Q5_K: 256 weights in 176 bytes (5.5 bits a weight): Q4_K with a fifth bit kept apart.
//   g = i / 32,  w[i] = d * scale[g] * (nibble[i] | high_bit[i] << 4) - dmin * min[g]
//
//   byte  0   2      4                16               48                          176
//         | d | dmin | scales[0…11]   | qh[0] … [31]   | qs[0] … qs[127]           |
//   scales and qs as in Q4_K; qh[l] bit g = the fifth bit of element 32 g + l.
// Source: ggml's block_q5_K.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ5_K {
  std::uint16_t d;     // binary16
  std::uint16_t dmin;  // binary16
  std::uint8_t scales[12];
  std::uint8_t qh[32];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

}  // namespace freehold::kernel
