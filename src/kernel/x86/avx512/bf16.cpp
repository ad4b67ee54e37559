// Rounding float32 matrices to BF16 with AVX-512 (integers, as base/half.h has it: VCVTNEPS2BF16 flushes subnormals).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/avx512/avx512.h"

namespace freehold::kernel {
namespace {

// The rounded value in the high half of each lane; the low half is not zero.
inline __m512i rounded(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  return _mm512_mask_or_epi32(up, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
}
inline __m256i narrow(__m512 x) {
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded(x), 16));
}
// `low` in the low half of each lane, `high` in the high one.
inline __m512i pair(__m512 low, __m512 high) {
  const __m512i top = _mm512_set1_epi32(static_cast<int>(0xFFFF0000u));
  return _mm512_or_si512(_mm512_srli_epi32(rounded(low), 16), _mm512_and_si512(rounded(high), top));
}

void bf16_row(std::uint16_t* out, std::size_t step, const float* x, std::size_t n) {
  for (std::size_t b = 0; b < n; b += kBlock, out += step) {
    for (std::size_t half = 0; half < kBlock; half += 16) {
      const std::size_t at = b + half, left = at < n ? n - at : 0;
      const __mmask16 mask = left >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + half), narrow(_mm512_maskz_loadu_ps(mask, x + at)));
    }
  }
}

void bf16_pairs(std::uint16_t* out, const float* x, std::size_t stride, std::size_t n) {
  for (std::size_t k = 0; k < n; k += 2) {
    const __m512i both = pair(_mm512_loadu_ps(x + k * stride), _mm512_loadu_ps(x + (k + 1) * stride));
    _mm512_storeu_si512(out + k * kPanelRows, both);
  }
}

// Pairs of k are 32-bit lanes: two 16 x 16 transposes in one. v[j] holds k = 2j, 2j+1 of 16 rows.
void bf16_turned(std::uint16_t* out, const float* x, std::size_t stride, std::size_t rows) {
  const __mmask16 mask = rows >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << rows) - 1);
  __m512i v[16], a[16];
  for (std::size_t j = 0; j < 16; ++j) {
    v[j] = pair(_mm512_maskz_loadu_ps(mask, x + 2 * j * stride), _mm512_maskz_loadu_ps(mask, x + (2 * j + 1) * stride));
  }
  for (int i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
  auto store = [&](std::size_t r, __m512i row) {
    if (r < rows) _mm512_storeu_si512(out + r * kBlock, row);
  };
  for (std::size_t j = 0; j < 4; ++j) {
    const __m512i low01 = _mm512_shuffle_i32x4(v[j], v[4 + j], 0x44),
                  high01 = _mm512_shuffle_i32x4(v[j], v[4 + j], 0xEE);
    const __m512i low23 = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0xEE);
    store(j, _mm512_shuffle_i32x4(low01, low23, 0x88));
    store(4 + j, _mm512_shuffle_i32x4(low01, low23, 0xDD));
    store(8 + j, _mm512_shuffle_i32x4(high01, high23, 0x88));
    store(12 + j, _mm512_shuffle_i32x4(high01, high23, 0xDD));
  }
}

}  // namespace

void install_avx512_bf16(Table& table) {
  table.bf16_row = bf16_row;
  table.bf16_pairs = bf16_pairs;
  table.bf16_turned = bf16_turned;
}

}  // namespace freehold::kernel
