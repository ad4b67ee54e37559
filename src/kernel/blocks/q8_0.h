// Q8_0: 32 weights in 34 bytes (8.5 bits a weight): one scale and signed bytes.
//   w[i] = d * q[i]
//
//   byte  0   2                         34
//         | d | qs[0] … qs[31]          |
// Source: ggml's block_q8_0.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ8_0 {
  std::uint16_t d;  // binary16
  std::int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

}  // namespace freehold::kernel
