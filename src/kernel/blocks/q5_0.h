// Q5_0: 32 weights in 22 bytes (5.5 bits a weight): Q4_0 with a fifth bit kept apart; 0…31 mean -16…15.
//   w[i] = d * ((nibble[i] | high_bit[i] << 4) - 16)
//
//   byte  0   2           6                         22
//         | d | qh[0…3]   | qs[0] … qs[15]          |     qs[j]: low nibble = element j, high nibble = element j + 16
//               qh as a little-endian 32-bit word: bit i = the fifth bit of element i
// Source: ggml's block_q5_0.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ5_0 {
  std::uint16_t d;  // binary16
  std::uint32_t qh;
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

}  // namespace freehold::kernel
