// Q6_K: 256 weights in 210 bytes (6.5625 bits a weight): 16 groups of 16, each with a signed 8-bit scale; 0…63 mean
// -32…31.
//   g = i / 16,  w[i] = d * scales[g] * ((low4[i] | high2[i] << 4) - 32)
//
//   byte  0                     128                 192                   208 210
//         | ql[0] … ql[127]     | qh[0] … qh[63]    | scales[0] … [15]    | d |
//   Elements 0…127 use ql[0…63] and qh[0…31], elements 128…255 the second halves. Within a half, l = 0…31:
//     element l        low4 = ql[l] & 15        high2 = qh[l] bits 1 0
//     element l + 32   low4 = ql[l + 32] & 15   high2 = qh[l] bits 3 2
//     element l + 64   low4 = ql[l] >> 4        high2 = qh[l] bits 5 4
//     element l + 96   low4 = ql[l + 32] >> 4   high2 = qh[l] bits 7 6
// Source: ggml's block_q6_K.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockQ6_K {
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;  // binary16
};
static_assert(sizeof(BlockQ6_K) == 210);

}  // namespace freehold::kernel
