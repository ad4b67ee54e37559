// Internal to blocks/: the pieces the searching quantisers share: four-lane arithmetic with a fixed order of sums, and
// the choice of the binary16 super-scale of a block from the real-valued scales of its groups.
//
// The idea of the search, in two floors:
//   1. Per group of 16 or 32 weights, real-valued: for a few dozen grid widths around the obvious one, round the
//   weights to the grid,
//      then fit the scale (and minimum) to the codes by least squares; keep the smallest squared error.
//   2. Per block of 256: one super-scale turns the groups' scales into small integers. Every integer a group can be
//   moved to by one
//      is tried with the weights rounded again; then the super-scale is fitted to all codes by least squares and
//      everything is rounded once more; the better of the two is kept.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/half.h"

namespace freehold::kernel {

// Four floats; operators work lane by lane. Sums of a group run over lane j, j + 4, j + 8 … and then across the lanes,
// always in this order, so the compiler's choice of instructions cannot change a bit.
using F4 = float __attribute__((vector_size(16)));

inline F4 load4(const float* p) {
  F4 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store4(float* p, F4 v) {
  std::memcpy(p, &v, sizeof v);
}
inline F4 all4(float v) {
  return F4{v, v, v, v};
}
inline float sum4(F4 v) {
  return (v[0] + v[2]) + (v[1] + v[3]);
}
// To the nearest integer, ties to even; |v| < 2^22.
inline F4 nearest4(F4 v) {
  const F4 magic = all4(12582912.0f);  // 1.5 * 2^23
  return (v + magic) - magic;
}
// NaN becomes lo. SSE2 has it in two instructions, which g++ does not find by itself; both give the same bits.
#ifdef __SSE2__
inline F4 clamp4(F4 v, float lo, float hi) {
  return __builtin_ia32_minps(__builtin_ia32_maxps(v, all4(lo)), all4(hi));
}
#else
inline F4 clamp4(F4 v, float lo, float hi) {
  v = v > all4(lo) ? v : all4(lo);
  return v < all4(hi) ? v : all4(hi);
}
#endif

// f(0), f(1), … f(N - 1) with the loop unrolled, so that arrays of F4 stay in registers.
template <int N, typename Function>
inline __attribute__((always_inline)) void unrolled(Function f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(I), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

inline float nearest(float v) {
  return (v + 12582912.0f) - 12582912.0f;
}
inline float clamp(float v, float lo, float hi) {
  v = v > lo ? v : lo;
  return v < hi ? v : hi;
}

// Below half the smallest binary16 nothing but zero can be stored: the caller writes a zero block.
constexpr float kSmallestScale = 0x1p-24f;

// The binary16 nearest to v, but not zero unless v is.
inline std::uint16_t super_scale_bits(float v) {
  std::uint16_t bits = f32_to_f16(v);
  if ((bits & 0x7FFFu) == 0 && v != 0.0f) bits = static_cast<std::uint16_t>(bits | 1u);
  return bits;
}

// The binary16 d for which d * (integers in [lo, hi]) comes closest to the groups' scales, weighted by what an error
// there costs: sum of weight * (value - d * n)^2. Tried: the d that put the largest scale on each integer of the upper
// half of the range, of either sign where the range has both. Rounding d to 11 bits is an error as large as that of the
// integers for weights on a grid, and this finds a d that is nearly exact.
template <int Groups>
std::uint16_t choose_super_scale(const float* values, const float* weights, int lo, int hi) {
  float extreme = 0.0f;
  for (int g = 0; g < Groups; ++g) {
    if (std::fabs(values[g]) > std::fabs(extreme)) extreme = values[g];
  }
  if (extreme == 0.0f) return 0;
  std::uint16_t best = 0;
  float best_error = INFINITY;
  auto attempt = [&](int n) {
    const std::uint16_t bits = super_scale_bits(extreme / static_cast<float>(n));
    const float d = f16_to_f32(bits);
    const float inverse = 1.0f / d;
    F4 error = all4(0.0f);
    for (int g = 0; g < Groups; g += 4) {
      const F4 v = load4(values + g);
      const F4 code = nearest4(clamp4(v * inverse, static_cast<float>(lo), static_cast<float>(hi)));
      const F4 rest = v - code * d;
      error += load4(weights + g) * rest * rest;
    }
    const float total = sum4(error);
    if (total < best_error || best == 0) {
      best_error = total;
      best = bits;
    }
  };
  for (int n = lo; n < lo / 2; ++n) attempt(n);
  for (int n = hi; n > hi / 2; --n) attempt(n);
  return best;
}

}  // namespace freehold::kernel
