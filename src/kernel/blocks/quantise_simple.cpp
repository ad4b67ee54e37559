// The types with one scale (and minimum) per 32 elements, byte for byte as ggml's reference quantiser: round to nearest
// on a grid spanned by the extremes, no search.
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/half.h"
#include "kernel/blocks/mxfp4.h"
#include "kernel/blocks/q4_0.h"
#include "kernel/blocks/q4_1.h"
#include "kernel/blocks/q5_0.h"
#include "kernel/blocks/q5_1.h"
#include "kernel/blocks/q8_0.h"
#include "kernel/blocks/quantise_types.h"

namespace freehold::kernel {
namespace {

template <typename Block>
Block& block_at(std::byte* out, std::size_t index) {
  return reinterpret_cast<Block*>(out)[index];
}

// v cut towards zero, and 0 where that is no int: 1 / d is infinite for d below 2^-128, whose binary16 is zero anyway.
int truncated(float v) {
  return v > -2147483648.0f && v < 2147483648.0f ? static_cast<int>(v) : 0;
}

int at_most(int limit, int value) {
  return value < limit ? value : limit;
}

// The element of largest magnitude with its sign (the first of equals).
float extreme(const float* x) {
  float largest = 0.0f;
  float value = 0.0f;
  for (int j = 0; j < 32; ++j) {
    if (largest < std::fabs(x[j])) {
      largest = std::fabs(x[j]);
      value = x[j];
    }
  }
  return value;
}

struct Range {
  float min;
  float max;
};
Range range_of(const float* x) {
  Range r{x[0], x[0]};
  for (int j = 1; j < 32; ++j) {
    if (x[j] < r.min) r.min = x[j];
    if (x[j] > r.max) r.max = x[j];
  }
  return r;
}

float inverse(float d) {
  return d != 0.0f ? 1.0f / d : 0.0f;
}

std::uint8_t two_nibbles(int low, int high) {
  return static_cast<std::uint8_t>((low & 15) | (high & 15) << 4);
}

}  // namespace

// The extreme becomes -8 (-16 in Q5_0): the grid has one step more on that side. +8.5 makes the cast round half up.
void quantise_q4_0(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i, x += 32) {
    auto& b = block_at<BlockQ4_0>(out, i);
    const float d = extreme(x) / -8.0f;
    const float id = inverse(d);
    auto code = [&](float v) { return at_most(15, static_cast<std::int8_t>(truncated(v * id + 8.5f))); };
    b.d = f32_to_f16(d);
    for (int j = 0; j < 16; ++j) b.qs[j] = two_nibbles(code(x[j]), code(x[j + 16]));
  }
}

void quantise_q5_0(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i, x += 32) {
    auto& b = block_at<BlockQ5_0>(out, i);
    const float d = extreme(x) / -16.0f;
    const float id = inverse(d);
    auto code = [&](float v) { return at_most(31, static_cast<std::int8_t>(truncated(v * id + 16.5f))); };
    std::uint32_t qh = 0;
    b.d = f32_to_f16(d);
    for (int j = 0; j < 16; ++j) {
      const int low = code(x[j]);
      const int high = code(x[j + 16]);
      b.qs[j] = two_nibbles(low, high);
      qh |= static_cast<std::uint32_t>(low >> 4 & 1) << j | static_cast<std::uint32_t>(high >> 4 & 1) << (j + 16);
    }
    b.qh = qh;
  }
}

void quantise_q4_1(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i, x += 32) {
    auto& b = block_at<BlockQ4_1>(out, i);
    const Range r = range_of(x);
    const float d = (r.max - r.min) / 15.0f;
    const float id = inverse(d);
    auto code = [&](float v) { return at_most(15, static_cast<std::int8_t>(truncated((v - r.min) * id + 0.5f))); };
    b.d = f32_to_f16(d);
    b.m = f32_to_f16(r.min);
    for (int j = 0; j < 16; ++j) b.qs[j] = two_nibbles(code(x[j]), code(x[j + 16]));
  }
}

void quantise_q5_1(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i, x += 32) {
    auto& b = block_at<BlockQ5_1>(out, i);
    const Range r = range_of(x);
    const float d = (r.max - r.min) / 31.0f;
    const float id = inverse(d);
    auto code = [&](float v) {
      return static_cast<int>(static_cast<std::uint8_t>(truncated((v - r.min) * id + 0.5f)));
    };
    std::uint32_t qh = 0;
    b.d = f32_to_f16(d);
    b.m = f32_to_f16(r.min);
    for (int j = 0; j < 16; ++j) {
      const int low = code(x[j]);
      const int high = code(x[j + 16]);
      b.qs[j] = two_nibbles(low, high);
      qh |= static_cast<std::uint32_t>(low >> 4 & 1) << j | static_cast<std::uint32_t>(high >> 4 & 1) << (j + 16);
    }
    b.qh = qh;
  }
}

void quantise_q8_0(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i, x += 32) {
    auto& b = block_at<BlockQ8_0>(out, i);
    const float d = std::fabs(extreme(x)) / 127.0f;
    const float id = inverse(d);
    b.d = f32_to_f16(d);
    for (int j = 0; j < 32; ++j) {
      // Half away from zero. x - trunc(x) is exact, so comparing it with a half is too.
      const float v = x[j] * id;
      const int cut = truncated(v);
      const float rest = v - static_cast<float>(cut);
      const int away = rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
      b.qs[j] = static_cast<std::int8_t>(std::fabs(v) < 256.0f ? cut + away : 0);
    }
  }
}

namespace {

// floor(log2f(a)) for a > 0 as the reference computes it, in integers. log2f of a float just below 2^K rounds up to K
// when it lies within half a unit in the last place of K, that is within 2^p ln 2 units in the last place of a, where
// 2^p is the power of two below |K| (checked against the C library for every K and the 2000 floats below it).
int floor_log2f(float a) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(a);
  if (bits < 0x00800000u) return -127;  // subnormal: below everything the format can scale to
  const int k = static_cast<int>(bits >> 23) - 127 + 1;
  const std::uint32_t below = 0x00800000u - (bits & 0x007FFFFFu);    // 2^k - a in units in the last place
  constexpr std::uint32_t kReach[8] = {0, 1, 2, 5, 11, 22, 44, 88};  // floor(2^p ln 2)
  const int magnitude = k > 0 ? k - 1 : -k;  // the floats nearest to k on its left have this exponent
  const int p = magnitude > 0 ? std::bit_width(static_cast<unsigned>(magnitude)) - 1 : 0;
  return below <= kReach[p] && k != 0 ? k : k - 1;
}

}  // namespace

// The OCP rule: the exponent of the extreme less e2m1's largest exponent (2), then the nearest of the 16 values (the
// first of equals).
void quantise_mxfp4(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i, x += 32) {
    auto& b = block_at<BlockMXFP4>(out, i);
    const float largest = std::fabs(extreme(x));
    const int e = largest > 0.0f ? floor_log2f(largest) - 2 + 127 : 0;
    b.e = static_cast<std::uint8_t>(e > 0 ? e : 0);
    const float d = std::bit_cast<float>(b.e < 2 ? 0x00200000u << b.e : (b.e - 1u) << 23);
    auto code = [&](float v) {
      int best = 0;
      float best_error = std::fabs(v);
      for (int c = 1; c < 16; ++c) {
        const float error = std::fabs(static_cast<float>(kMxfp4Values[c]) * d - v);
        if (error < best_error) {
          best = c;
          best_error = error;
        }
      }
      return best;
    };
    for (int j = 0; j < 16; ++j) b.qs[j] = two_nibbles(code(x[j]), code(x[j + 16]));
  }
}

}  // namespace freehold::kernel
