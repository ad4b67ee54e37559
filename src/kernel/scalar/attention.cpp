// The definition of attention over one cache block, and of the cache's element types.
#include <cmath>

#include "base/half.h"
#include "kernel/kv_block.h"
#include "kernel/scalar/scalar.h"

namespace freehold::kernel {
namespace {

void attn_scores(const AttnScores& a) {
  for (std::size_t r = 0; r < a.rows; ++r) {
    for (std::size_t j = 0; j < kKvBlock; ++j) {
      float acc = 0.0f;
      for (std::size_t d = 0; d < a.D; ++d) acc = std::fma(a.q[r * a.q_stride + d], a.k[d * kKvBlock + j], acc);
      a.s[r * a.s_stride + j] = acc * a.scale;
    }
  }
}

void attn_values(const AttnValues& a) {
  for (std::size_t r = 0; r < a.rows; ++r) {
    for (std::size_t d = 0; d < a.D16; ++d) {
      float acc = 0.0f;
      for (std::size_t j = a.begin; j < a.end; ++j) acc = std::fma(a.p[r * a.p_stride + j], a.v[j * a.D16 + d], acc);
      a.o[r * a.o_stride + d] += acc;
    }
  }
}

void store_f16(std::uint16_t* y, const float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const bool too_large = std::fabs(x[i]) > 65504.0f && std::isfinite(x[i]);
    y[i] = f32_to_f16(too_large ? std::copysign(65504.0f, x[i]) : x[i]);
  }
}

void load_f16(float* y, const std::uint16_t* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = f16_to_f32(x[i]);
}

void keys_from_q8(float* y, const std::int8_t* q, const float* scale, std::size_t D) {
  for (std::size_t i = 0; i < D * kKvBlock; ++i) {
    y[i] = scale[i / kKvBlock / kKvScaled * kKvBlock + i % kKvBlock] * static_cast<float>(q[i]);
  }
}

void values_from_q8(float* y, const std::int8_t* q, const float* scale, std::size_t D16) {
  for (std::size_t i = 0; i < kKvBlock * D16; ++i) {
    y[i] = scale[i / D16 * kv_scales(D16) + i % D16 / kKvScaled] * static_cast<float>(q[i]);
  }
}

}  // namespace

void install_scalar_attention(Table& table) {
  table.attn_scores = attn_scores;
  table.attn_values = attn_values;
  table.f32_to_f16 = store_f16;
  table.f16_to_f32 = load_f16;
  table.keys_from_q8 = keys_from_q8;
  table.values_from_q8 = values_from_q8;
}

}  // namespace freehold::kernel
