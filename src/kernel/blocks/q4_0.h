// Q4_0: 32 weights in 18 bytes (4.5 bits a weight): one scale, unsigned nibbles that mean -8…7.
//   w[i] = d * (q[i] - 8)
//
//   byte  0   2                         18
//         | d | qs[0] … qs[15]          |     qs[j]: low nibble = q[j], high nibble = q[j + 16]
// Source: ggml's block_q4_0.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ4_0 {
  std::uint16_t d;  // binary16
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

}  // namespace freehold::kernel
