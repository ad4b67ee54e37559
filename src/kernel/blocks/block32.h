// The canonical integer form of 32 consecutive weights of any quantised type: what the integer kernels and the panels
// are made from.
#pragma once

#include <cstdint>

namespace freehold::kernel {

// w[i] = d * scale[i / 16] * q[i] - m * min[i / 16]
// Both products are exact in float32 for every type and every bit pattern (d and m have at most 11 significant bits,
// scale * q at most 13, min at most 6; no underflow because |d| >= 2^-24 or it is MXFP4's power of two), so w has one
// rounding: the subtraction's. The exception is overflow: MXFP4 with e >= 253.
//
//   type                       q               scale         min     d, m
//   Q4_0 Q5_0 Q8_0             -8…7 -16…15 i8  1             0       d, 0
//   Q4_1 Q5_1                  0…15 0…31       1             1       d, -m of the file
//   Q2_K                       0…3             0…15          0…15    d, dmin
//   Q3_K                       -4…3            -32…31        0       d, 0
//   Q4_K Q5_K                  0…15 0…31       0…63          0…63    d, dmin
//   Q6_K                       -32…31          -128…127      0       d, 0
//   IQ4_NL IQ4_XS              kIq4Values      1, -32…31     0       d, 0
//   MXFP4                      kMxfp4Values    1             0       2^(e - 128), 0
struct Block32 {
  std::int8_t q[32];
  std::int8_t scale[2];  // of elements 0…15 and 16…31; equal where the type's groups are 32 long
  std::uint8_t min[2];
  float d;
  float m;
};

}  // namespace freehold::kernel
