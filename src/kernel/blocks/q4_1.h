// Q4_1: 32 weights in 20 bytes (5 bits a weight): a scale, a minimum and unsigned nibbles.
//   w[i] = d * q[i] + m
//
//   byte  0   2   4                         20
//         | d | m | qs[0] … qs[15]          |     qs[j]: low nibble = q[j], high nibble = q[j + 16]
// Source: ggml's block_q4_1.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ4_1 {
  std::uint16_t d;  // binary16
  std::uint16_t m;  // binary16, added (usually negative)
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

}  // namespace freehold::kernel
