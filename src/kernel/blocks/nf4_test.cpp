// NF4: its levels, its quantiser against the definition, and the map of its second level.
#include "kernel/blocks/nf4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "kernel/blocks/dequantise.h"

namespace freehold::kernel {
namespace {

TEST(Nf4, MapIsAScaleOfBothSigns) {
  const auto map = nf4_dynamic_map();
  ASSERT_EQ(map.size(), kNf4MapSize);
  EXPECT_TRUE(std::is_sorted(map.begin(), map.end()));
  EXPECT_EQ(std::adjacent_find(map.begin(), map.end()), map.end());
  EXPECT_EQ(map.back(), 1.0f);
  EXPECT_EQ(map[127], 0.0f);
  for (std::size_t i = 0; i < 127; ++i) EXPECT_EQ(map[i], -map[254 - i]);
}

TEST(Nf4, QuantisesToTheNearest) {
  std::vector<float> x(640);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(3 * (uniform_draw(1, i / 64, i) - 0.5));
  std::fill(x.begin() + 64, x.begin() + 128, 0.0f);  // a block of nothing
  const auto q = quantise_nf4(x);
  ASSERT_TRUE(q.has_value()) << q.error().what;
  ASSERT_EQ(q->codes.size(), 320u);
  ASSERT_EQ(q->absmax.size(), 10u);
  ASSERT_EQ(q->nested_absmax.size(), 1u);
  std::vector<BlockNf4> blocks(10);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    float most = 0;
    for (std::size_t i = 0; i < 64; ++i) most = std::max(most, std::fabs(x[b * 64 + i]));
    blocks[b].absmax = nf4_absmax(q->absmax[b], q->nested_absmax[0], q->offset, q->map);
    EXPECT_NEAR(blocks[b].absmax, most, 0.02f);  // the second level's own error
    std::memcpy(blocks[b].codes, q->codes.data() + b * 32, 32);
    for (std::size_t i = 0; i < 64 && most > 0; ++i) {
      const float v = x[b * 64 + i] / most;
      const int code = i % 2 == 0 ? blocks[b].codes[i / 2] >> 4 : blocks[b].codes[i / 2] & 15;
      for (float level : kNf4Levels) EXPECT_LE(std::fabs(kNf4Levels[code] - v), std::fabs(level - v) + 1e-6f);
    }
  }
  std::vector<float> y(640);
  dequantise(tensor::DType::nf4, reinterpret_cast<const std::byte*>(blocks.data()), y.data(), y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::uint8_t both = blocks[i / 64].codes[i % 64 / 2];
    EXPECT_EQ(y[i], kNf4Levels[i % 2 == 0 ? both >> 4 : both & 15] * blocks[i / 64].absmax);
  }
}

TEST(Nf4, RefusesWhatHasNoCode) {
  std::vector<float> x(64);
  x[5] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(quantise_nf4(x).error().code, Errc::invalid);
  EXPECT_EQ(quantise_nf4(std::vector<float>(63)).error().code, Errc::invalid);
}

}  // namespace
}  // namespace freehold::kernel
