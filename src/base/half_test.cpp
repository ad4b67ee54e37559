#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace freehold {
namespace {

// The value of a binary16 by its definition (IEEE 754-2019, 3.4), not by bit tricks.
double f16_by_definition(std::uint16_t h) {
  int exponent = h >> 10 & 31;
  int mantissa = h & 1023;
  double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                     : exponent == 31 ? std::numeric_limits<double>::infinity()
                                      : std::ldexp(1024 + mantissa, exponent - 25);
  return (h & 0x8000) != 0 ? -magnitude : magnitude;
}

bool f16_is_nan(std::uint16_t h) {
  return (h & 0x7FFF) > 0x7C00;
}
bool bf16_is_nan(std::uint16_t b) {
  return (b & 0x7FFF) > 0x7F80;
}

TEST(F16, All65536Values) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    auto h = static_cast<std::uint16_t>(i);
    float value = f16_to_f32(h);
    if (f16_is_nan(h)) {
      ASSERT_TRUE(std::isnan(value)) << i;
      ASSERT_TRUE(f16_is_nan(f32_to_f16(value))) << i;
      ASSERT_EQ(std::signbit(value), (h & 0x8000) != 0);
      continue;
    }
    ASSERT_EQ(value, f16_by_definition(h)) << i;
    ASSERT_EQ(std::signbit(value), (h & 0x8000) != 0) << i;
    ASSERT_EQ(f32_to_f16(value), h) << i;
  }
}

// Between each value and the next: below the middle it rounds down, above it up, and in the middle to the even one. The
// step beyond the largest finite value (65504) counts as 65536, which is infinity.
TEST(F16, RoundsToNearestTiesToEven) {
  for (std::uint32_t i = 0; i < 0x7C00; ++i) {
    double low = f16_by_definition(static_cast<std::uint16_t>(i));
    double high = i == 0x7BFF ? 65536.0 : f16_by_definition(static_cast<std::uint16_t>(i + 1));
    auto middle = static_cast<float>((low + high) / 2);  // exact: one bit more than binary16 has
    ASSERT_EQ(middle, (low + high) / 2);
    std::uint32_t even = i % 2 == 0 ? i : i + 1;
    ASSERT_EQ(f32_to_f16(middle), even) << i;
    ASSERT_EQ(f32_to_f16(std::nextafterf(middle, 0.0f)), i) << i;
    ASSERT_EQ(f32_to_f16(std::nextafterf(middle, INFINITY)), i + 1) << i;
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000) << i;
  }
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7C00);
  EXPECT_EQ(f32_to_f16(-INFINITY), 0xFC00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(BF16, All65536Values) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    auto b = static_cast<std::uint16_t>(i);
    float value = bf16_to_f32(b);
    if (bf16_is_nan(b)) {
      ASSERT_TRUE(std::isnan(value));
      ASSERT_TRUE(bf16_is_nan(f32_to_bf16(value)));
      continue;
    }
    ASSERT_EQ(f32_to_bf16(value), b) << i;
    // Half a step: the 16 dropped bits are 0x8000.
    if ((b & 0x7FFF) >= 0x7F80) continue;
    std::uint32_t bits = i << 16;
    std::uint32_t even = i % 2 == 0 ? i : i + 1;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(bits | 0x7FFF)), i);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(bits | 0x8000)), even);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(bits | 0x8001)), i + 1);
  }
  // A NaN whose payload lies only in the dropped bits must not become infinity.
  EXPECT_TRUE(bf16_is_nan(f32_to_bf16(std::bit_cast<float>(0x7F800001u))));
  EXPECT_TRUE(f16_is_nan(f32_to_f16(std::bit_cast<float>(0x7F800001u))));
}

}  // namespace
}  // namespace freehold
