// How the 6-bit scales and minima of the K-quants are packed into 12 bytes (pictures: q3_k.h, q4_k.h), in both
// directions.
#pragma once

#include <cstdint>

namespace freehold::kernel {

struct ScaleMin {
  int scale;  // 0…63
  int min;    // 0…63
};

// Scale and minimum of group g (0…7) of Q4_K and Q5_K.
inline ScaleMin q4_scale_min(const std::uint8_t* scales, int g) {
  if (g < 4) return {scales[g] & 63, scales[g + 4] & 63};
  return {(scales[g + 4] & 15) | (scales[g - 4] >> 6) << 4, (scales[g + 4] >> 4) | (scales[g] >> 6) << 4};
}

// Stores it; `scales` starts as 12 zero bytes.
inline void set_q4_scale_min(std::uint8_t* scales, int g, ScaleMin s) {
  auto put = [&](int at, int bits) { scales[at] = static_cast<std::uint8_t>(scales[at] | bits); };
  if (g < 4) {
    put(g, s.scale);
    put(g + 4, s.min);
  } else {
    put(g + 4, (s.scale & 15) | (s.min & 15) << 4);
    put(g - 4, (s.scale >> 4) << 6);
    put(g, (s.min >> 4) << 6);
  }
}

// Scale (-32…31) of group g (0…15) of Q3_K.
inline int q3_scale(const std::uint8_t* scales, int g) {
  const int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4;
  const int high = scales[8 + g % 4] >> 2 * (g / 4) & 3;
  return (low | high << 4) - 32;
}

// Stores it; `scales` starts as 12 zero bytes.
inline void set_q3_scale(std::uint8_t* scales, int g, int scale) {
  auto put = [&](int at, int bits) { scales[at] = static_cast<std::uint8_t>(scales[at] | bits); };
  const int code = scale + 32;
  put(g % 8, g < 8 ? code & 15 : (code & 15) << 4);
  put(8 + g % 4, (code >> 4) << 2 * (g / 4));
}

}  // namespace freehold::kernel
