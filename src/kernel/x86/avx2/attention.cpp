// Attention with AVX2: two registers are one vector of 16, so tiles of 6 rows and 1 vector use 12 of the 16 registers.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/kv_block.h"
#include "kernel/x86/avx2/avx2.h"

namespace freehold::kernel {
namespace {

struct V {
  __m256 lo, hi;
};
constexpr int kTileRows = 6;
constexpr int kTileVectors = 1;

inline V load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
inline void store(float* p, V v) {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
inline V set1(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
inline V add(V a, V b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
inline V mul(V a, V b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
inline V fma3(V a, V b, V c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline V load_f16(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
inline void store_f16(std::uint16_t* p, V v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v.lo, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(v.hi, _MM_FROUND_TO_NEAREST_INT));
}
inline V load_i8(const std::int8_t* p) {
  __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(q, q)))};
}
inline __m256 clamp_half(__m256 v) {
  const __m256 most = _mm256_set1_ps(65504.0f), sign = _mm256_set1_ps(-0.0f);
  __m256 finite = _mm256_cmp_ps(_mm256_andnot_ps(sign, v), _mm256_set1_ps(3.402823466e38f), _CMP_LE_OQ);
  __m256 clamped = _mm256_max_ps(_mm256_min_ps(v, most), _mm256_or_ps(most, sign));
  return _mm256_blendv_ps(v, clamped, finite);
}
inline V clamp_f16(V v) {
  return {clamp_half(v.lo), clamp_half(v.hi)};
}

}  // namespace

#include "kernel/lanes/attention.h"

void install_avx2_attention(Table& table) {
  install_attention(table);
}

}  // namespace freehold::kernel
