// Half a panel block as registers: eight outputs' quants as eight vectors of unsigned bytes and their scales as floats.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/formats.h"

namespace freehold::kernel {
namespace {

inline __m256i load256(const std::byte* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline __m256 load_f16(const std::byte* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i load_u8(const std::byte* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i load_i8(const std::byte* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

// Bytes of `value` where bit i of the 32-bit word is set.
inline __m256i spread_bits(const std::byte* p, char value) {
  std::int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  const __m256i byte_of =
      _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
  __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(word), byte_of);
  __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of), bit_of);
  return _mm256_and_si256(set, _mm256_set1_epi8(value));
}

// Rows 8*half … 8*half+7: register g holds k = 4g … 4g+3.
template <int kBits>
inline void unpack(const std::byte* p, std::size_t half, __m256i w[8]) {
  if constexpr (kBits == 8) {
    for (std::size_t g = 0; g < 8; ++g) w[g] = load256(p + g * 64 + half * 32);
  } else {
    const __m256i low = _mm256_set1_epi8(15);
    for (std::size_t j = 0; j < 4; ++j) {
      __m256i both = load256(p + j * 64 + half * 32);
      w[j] = _mm256_and_si256(both, low);
      w[j + 4] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    }
    for (std::size_t plane = 0; plane + 4 < static_cast<std::size_t>(kBits); ++plane) {
      for (std::size_t g = 0; g < 8; ++g) {
        w[g] =
            _mm256_or_si256(w[g], spread_bits(p + 256 + plane * 64 + g * 8 + half * 4, static_cast<char>(16 << plane)));
      }
    }
  }
}

// ds = d*scale and ms = -m*min of the contract for half a panel, per half block where those differ.
template <class F>
struct Scales {
  __m256 ds[F::kParts];
  __m256 ms[F::kParts];
};

template <class F>
inline Scales<F> load_scales(const std::byte* super, const std::byte* p, std::size_t half) {
  Scales<F> s;
  const __m256 negative = _mm256_set1_ps(-0.0f);
  for (auto& m : s.ms) m = negative;
  if constexpr (F::kScales == ScaleKind::d_f16) s.ds[0] = load_f16(p + half * 16);
  if constexpr (F::kScales == ScaleKind::d_f32) s.ds[0] = _mm256_loadu_ps(reinterpret_cast<const float*>(p) + half * 8);
  if constexpr (F::kScales == ScaleKind::d_m_f16) {
    s.ds[0] = load_f16(p + half * 16);
    s.ms[0] = load_f16(p + 32 + half * 16);
  }
  if constexpr (F::kSuper) {
    const __m256 d = load_f16(super + half * 16);
    for (std::size_t h = 0; h < F::kParts; ++h) {
      const std::byte* scale = p + 16 * h + half * 8;
      s.ds[h] = _mm256_mul_ps(d, _mm256_cvtepi32_ps(F::kMin ? load_u8(scale) : load_i8(scale)));
    }
    if constexpr (F::kMin) {
      const __m256 m = _mm256_xor_ps(load_f16(super + 32 + half * 16), negative);
      for (std::size_t h = 0; h < F::kParts; ++h) {
        s.ms[h] = _mm256_mul_ps(m, _mm256_cvtepi32_ps(load_u8(p + 16 * F::kParts + 16 * h + half * 8)));
      }
    }
  }
  return s;
}

}  // namespace
}  // namespace freehold::kernel
