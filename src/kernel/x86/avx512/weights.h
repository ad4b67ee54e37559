// A panel block as registers: 16 outputs' quants as eight vectors of unsigned bytes and their scales as floats, made
// from the panel. What AVX-512 VNNI and AMX have in common.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/formats.h"

namespace freehold::kernel {
namespace {

inline __m512 load_f16(const std::byte* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline __m512 load_u8(const std::byte* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline __m512 load_i8(const std::byte* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline __mmask64 load_mask(const std::byte* p) {
  std::uint64_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return word;
}

// Register g holds k = 4g … 4g+3 of 16 rows, as stored: unsigned, or a codebook's index.
template <class F>
inline void unpack_quants(const std::byte* p, __m512i (&w)[8]) {
  if constexpr (F::kBits == 8) {
    for (int g = 0; g < 8; ++g) w[g] = _mm512_loadu_si512(p + g * 64);
  } else {
    const __m512i low = _mm512_set1_epi8(15);
    for (int j = 0; j < 4; ++j) {
      const __m512i both = _mm512_loadu_si512(p + j * 64);
      w[j] = _mm512_and_si512(both, low);
      w[j + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
    }
    for (int plane = 0; plane < F::kBits - 4; ++plane) {
      const __m512i bit = _mm512_set1_epi8(static_cast<char>(16 << plane));
      for (int g = 0; g < 8; ++g) {
        w[g] = _mm512_mask_add_epi8(w[g], load_mask(p + 256 + plane * 64 + g * 8), w[g], bit);
      }
    }
  }
}

// ds = d*scale and ms = -m*min of the contract (ms with its sign, so that it is added), per half where halves differ.
template <class F>
struct Scales {
  __m512 ds[F::kParts];
  __m512 ms[F::kParts];
};

template <class F>
inline Scales<F> load_scales(const std::byte* super, const std::byte* p) {
  Scales<F> s;
  const __m512 negative = _mm512_set1_ps(-0.0f);
  for (auto& m : s.ms) m = negative;
  if constexpr (F::kScales == ScaleKind::d_f16) s.ds[0] = load_f16(p);
  if constexpr (F::kScales == ScaleKind::d_f32) s.ds[0] = _mm512_loadu_ps(p);
  if constexpr (F::kScales == ScaleKind::d_m_f16) s.ds[0] = load_f16(p), s.ms[0] = load_f16(p + 32);
  if constexpr (F::kSuper) {
    const __m512 d = load_f16(super);
    for (int h = 0; h < F::kParts; ++h) {
      const std::byte* scale = p + 16 * h;
      s.ds[h] = _mm512_mul_ps(d, F::kMin ? load_u8(scale) : load_i8(scale));
    }
    if constexpr (F::kMin) {
      const __m512 m = _mm512_xor_ps(load_f16(super + 32), negative);
      for (int h = 0; h < F::kParts; ++h) s.ms[h] = _mm512_mul_ps(m, load_u8(p + 16 * F::kParts + 16 * h));
    }
  }
  return s;
}

}  // namespace
}  // namespace freehold::kernel
