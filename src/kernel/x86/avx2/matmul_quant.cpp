// Matrix products over quantised panels with AVX2: eight outputs a register, two halves a panel. maddubs multiplies
// unsigned weights with signed activations into 16 bits; up to six bits a weight that cannot saturate (2*63*127), and
// 8-bit weights move their sign to the activation first (2*128*127 still fits).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/avx2/avx2.h"
#include "kernel/x86/avx2/weights.h"

namespace freehold::kernel {
namespace {

// Four products a lane, summed exactly into 32 bits.
template <bool kSigned>
inline __m256i dot4(__m256i w, __m256i x) {
  __m256i pairs =
      kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)) : _mm256_maddubs_epi16(w, x);
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

// kTokens rows of one tile from row t0 on; x and y begin at the tile's first row.
template <class F, int kTokens>
void few_rows(const QuantMatmul& a, std::size_t panel, std::size_t half, const QuantRows& x, float* y, std::size_t rows,
              std::size_t t0, __m256i table) {
  constexpr bool kSigned = F::kCodebook || F::kBits == 8;
  constexpr std::int32_t kMinus = kSigned ? 0 : F::kOffset;

  __m256 acc[kTokens];
  for (auto& v : acc) v = _mm256_setzero_ps();
  const std::byte* base = a.panels + panel * a.panel_bytes;
  for (std::size_t b = 0; b < a.K / kBlock; ++b) {
    const std::byte* p = base + F::block_at(b);
    __m256i w[8];
    unpack<F::kBits>(p, half, w);
    for (auto& v : w) {
      if constexpr (F::kCodebook) v = _mm256_shuffle_epi8(table, v);
      if constexpr (F::kBits == 8) v = _mm256_xor_si256(v, _mm256_set1_epi8(static_cast<char>(0x80)));
    }
    const Scales<F> scales = load_scales<F>(base + F::super_at(b), p + F::kQuantBytes, half);
    for (std::size_t ti = 0; ti < kTokens; ++ti) {
      const std::size_t at = b * rows + t0 + ti;
      const float* sum16 = x.sum16 + at + b * rows;
      std::int32_t word[8];
      __builtin_memcpy(word, x.q + at * kBlock, sizeof word);
      __m256i i0 = _mm256_setzero_si256(), i1 = _mm256_setzero_si256();
      if constexpr (kMinus != 0) {
        i0 = _mm256_set1_epi32(-kMinus * static_cast<std::int32_t>(F::kHalves ? sum16[0] : x.sum32[at]));
        if constexpr (F::kHalves) i1 = _mm256_set1_epi32(-kMinus * static_cast<std::int32_t>(sum16[rows]));
      }
      for (int g = 0; g < 4; ++g) {
        i0 = _mm256_add_epi32(i0, dot4<kSigned>(w[g], _mm256_set1_epi32(word[g])));
        i1 = _mm256_add_epi32(i1, dot4<kSigned>(w[g + 4], _mm256_set1_epi32(word[g + 4])));
      }
      if constexpr (!F::kHalves) i0 = _mm256_add_epi32(i0, i1);
      __m256 s = _mm256_fmadd_ps(scales.ds[0], _mm256_cvtepi32_ps(i0), _mm256_setzero_ps());
      if constexpr (F::kHalves) {
        s = _mm256_fmadd_ps(scales.ds[1], _mm256_cvtepi32_ps(i1), s);
        if constexpr (F::kMin) {
          s = _mm256_fmadd_ps(scales.ms[0], _mm256_set1_ps(sum16[0]), s);
          s = _mm256_fmadd_ps(scales.ms[1], _mm256_set1_ps(sum16[rows]), s);
        }
      } else if constexpr (F::kMin) {
        s = _mm256_fmadd_ps(scales.ms[0], _mm256_set1_ps(x.sum32[at]), s);
      }
      acc[ti] = _mm256_fmadd_ps(_mm256_set1_ps(x.d[at]), s, acc[ti]);
    }
  }
  const std::size_t n = panel * kPanelRows + half * 8;
  if (n >= a.N) return;
  for (std::size_t t = 0; t < kTokens; ++t) {
    float* out = y + (t0 + t) * a.y_stride + n;
    if (a.N - n >= 8) {
      _mm256_storeu_ps(out, acc[t]);
    } else {
      float last[8];
      _mm256_storeu_ps(last, acc[t]);
      for (std::size_t i = 0; i < a.N - n; ++i) out[i] = last[i];
    }
  }
}

template <class F>
void matmul(const QuantMatmul& a) {
  __m256i table = _mm256_setzero_si256();
  if constexpr (F::kCodebook) {
    table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(F::kKind).table)));
  }
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    for (std::size_t tile = 0; tile * kTileRows < a.T; ++tile) {
      const QuantRows x = from_tile(a.x, tile, a.K);
      const std::size_t rows = rows_of_tile(a.T, tile);
      float* y = a.y + tile * kTileRows * a.y_stride;
      std::size_t t = 0;
      for (; t + 4 <= rows; t += 4) {
        for (std::size_t half = 0; half < 2; ++half) few_rows<F, 4>(a, panel, half, x, y, rows, t, table);
      }
      for (; t < rows; ++t) {
        for (std::size_t half = 0; half < 2; ++half) few_rows<F, 1>(a, panel, half, x, y, rows, t, table);
      }
    }
  }
}

}  // namespace

void install_avx2_matmul_quant(Table& table) {
  for_each_format([&table]<class F>(F) { table.matmul_quant[static_cast<std::size_t>(F::kKind)] = matmul<F>; });
}

}  // namespace freehold::kernel
