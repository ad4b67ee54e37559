// Q5_1: 32 weights in 24 bytes (6 bits a weight): Q4_1 with a fifth bit kept apart.
//   w[i] = d * (nibble[i] | high_bit[i] << 4) + m
//
//   byte  0   2   4           8                         24
//         | d | m | qh[0…3]   | qs[0] … qs[15]          |     qs[j]: low nibble = element j, high nibble = element j +
//         16
//                   qh as a little-endian 32-bit word: bit i = the fifth bit of element i
// Source: ggml's block_q5_1.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ5_1 {
  std::uint16_t d;  // binary16
  std::uint16_t m;  // binary16, added (usually negative)
  std::uint32_t qh;
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

}  // namespace freehold::kernel
