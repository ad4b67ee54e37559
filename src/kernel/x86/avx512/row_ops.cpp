// Row operations with AVX-512: one register is the 16 lanes.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/avx512/avx512.h"

namespace freehold::kernel {
namespace {

using V = __m512;

inline __mmask16 first(std::size_t n) {
  return static_cast<__mmask16>((1u << n) - 1);
}
inline V load(const float* p) {
  return _mm512_loadu_ps(p);
}
inline V load_n(const float* p, std::size_t n) {
  return _mm512_maskz_loadu_ps(first(n), p);
}
inline void store(float* p, V v) {
  _mm512_storeu_ps(p, v);
}
inline void store_n(float* p, V v, std::size_t n) {
  _mm512_mask_storeu_ps(p, first(n), v);
}
inline V set1(float x) {
  return _mm512_set1_ps(x);
}
inline V add(V a, V b) {
  return _mm512_add_ps(a, b);
}
inline V sub(V a, V b) {
  return _mm512_sub_ps(a, b);
}
inline V mul(V a, V b) {
  return _mm512_mul_ps(a, b);
}
inline V div(V a, V b) {
  return _mm512_div_ps(a, b);
}
inline float fma1(float a, float b, float c) {
  return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}
inline V fma3(V a, V b, V c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline V larger(V a, V b) {
  return _mm512_max_ps(a, b);
}
inline V round_even(V x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline V exp2_int(V n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
inline V select_less(V a, V b, V x, V y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
inline V select_nan(V a, V x, V y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), y, x);
}
inline V magnitude(V x) {
  return _mm512_abs_ps(x);
}
inline bool all_finite(V x) {
  return _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(3.402823466e38f), _CMP_LE_OQ) == 0xFFFF;
}
inline __m256 upper(V v) {
  return _mm512_extractf32x8_ps(v, 1);
}
inline float reduce_add(V v) {
  __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), upper(v));
  __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float reduce_max(V v) {
  __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), upper(v));
  __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}
inline std::int32_t store_i8(std::int8_t* q, V v) {
  __m512i i = _mm512_cvtps_epi32(v);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtepi32_epi8(i));
  __m256i a = _mm256_add_epi32(_mm512_castsi512_si256(i), _mm512_extracti64x4_epi64(i, 1));
  __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4E));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0xB1));
  return _mm_cvtsi128_si32(b);
}
inline float square_root(float x) {
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

}  // namespace

#include "kernel/lanes/row_ops.h"

void install_avx512_row_ops(Table& table) {
  install_row_ops(table);
}

}  // namespace freehold::kernel
