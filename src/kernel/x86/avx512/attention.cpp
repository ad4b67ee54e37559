// Attention with AVX-512: tiles of 8 rows and 2 vectors use 16 of the 32 registers as accumulators.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/kv_block.h"
#include "kernel/x86/avx512/avx512.h"

namespace freehold::kernel {
namespace {

using V = __m512;
constexpr int kTileRows = 8;
constexpr int kTileVectors = 2;

inline V load(const float* p) {
  return _mm512_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm512_storeu_ps(p, v);
}
inline V set1(float x) {
  return _mm512_set1_ps(x);
}
inline V add(V a, V b) {
  return _mm512_add_ps(a, b);
}
inline V mul(V a, V b) {
  return _mm512_mul_ps(a, b);
}
inline V fma3(V a, V b, V c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline V load_f16(const std::uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline void store_f16(std::uint16_t* p, V v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline V load_i8(const std::int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline V clamp_f16(V v) {
  const V most = _mm512_set1_ps(65504.0f);
  __mmask16 finite = _mm512_cmp_ps_mask(_mm512_abs_ps(v), _mm512_set1_ps(3.402823466e38f), _CMP_LE_OQ);
  V clamped = _mm512_max_ps(_mm512_min_ps(v, most), _mm512_sub_ps(_mm512_setzero_ps(), most));
  return _mm512_mask_blend_ps(finite, v, clamped);
}

}  // namespace

#include "kernel/lanes/attention.h"

void install_avx512_attention(Table& table) {
  install_attention(table);
}

}  // namespace freehold::kernel
