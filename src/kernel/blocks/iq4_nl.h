// IQ4_NL: 32 weights in 18 bytes (4.5 bits a weight): Q4_0's layout, but a nibble names one of 16 unevenly spaced
// values.
//   w[i] = d * kIq4Values[q[i]]
//
//   byte  0   2                         18
//         | d | qs[0] … qs[15]          |     qs[j]: low nibble = q[j], high nibble = q[j + 16]
// Source: ggml's block_iq4_nl and kvalues_iq4nl.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct [[gnu::packed, gnu::may_alias]] BlockIQ4_NL {
  std::uint16_t d;  // binary16
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockIQ4_NL) == 18);

// Denser near zero, as weights are. Not `inline`: files built for one instruction set may hold no weak symbol.
constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

}  // namespace freehold::kernel
