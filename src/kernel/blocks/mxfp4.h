// MXFP4: 32 weights in 17 bytes (4.25 bits a weight): a shared power of two and 4-bit floats (e2m1).
//   w[i] = 2^(e - 127) * e2m1(q[i]) = 2^(e - 128) * kMxfp4Values[q[i]]
//
//   byte  0   1                         17
//         | e | qs[0] … qs[15]          |     qs[j]: low nibble = q[j], high nibble = q[j + 16]
// 2^(e - 128) is an exact float32 for every e (subnormal for e < 2); the product overflows to infinity for e >= 253 and
// the largest values. As ggml, we give e = 255 (NaN in the OCP paper) the value the formula gives, and the code -0 the
// value +0. Source: OCP Microscaling Formats v1.0; ggml's block_mxfp4 and kvalues_mxfp4.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockMXFP4 {
  std::uint8_t e;  // biased power of two
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockMXFP4) == 17);

// Twice the e2m1 values, so that they are integers. Not `inline`: files built for one instruction set may hold no weak
// symbol.
constexpr std::int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace freehold::kernel
