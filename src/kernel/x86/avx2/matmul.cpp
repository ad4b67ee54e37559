// Float matrix products with AVX2: a panel's 16 outputs are two registers.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/flush.h"
#include "kernel/nf4_levels.h"
#include "kernel/x86/avx2/avx2.h"

namespace freehold::kernel {
namespace {

inline void store_outputs(float* y, std::size_t n, __m256 lo, __m256 hi) {
  if (n >= 16) {
    _mm256_storeu_ps(y, lo);
    _mm256_storeu_ps(y + 8, hi);
    return;
  }
  float a[16];
  _mm256_storeu_ps(a, lo);
  _mm256_storeu_ps(a + 8, hi);
  for (std::size_t i = 0; i < n; ++i) y[i] = a[i];
}

inline __m256 load_outputs(const float* y, std::size_t n) {
  if (n >= 8) return _mm256_loadu_ps(y);
  float a[8] = {};
  for (std::size_t i = 0; i < n; ++i) a[i] = y[i];
  return _mm256_loadu_ps(a);
}

struct F32 {
  static constexpr std::size_t kBytes = 64;
  static inline __m256 load(const std::byte* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
};
struct F16 {
  static constexpr std::size_t kBytes = 32;
  static inline __m256 load(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

template <class W, int kTokens, bool kTurned>
void float_tile(const FloatMatmul& a, std::size_t panel, std::size_t t0) {
  __m256 lo[kTokens], hi[kTokens];
  const std::size_t left = a.N - panel * 16;
  for (int t = 0; t < kTokens; ++t) {
    lo[t] = hi[t] = _mm256_setzero_ps();
    if (!a.add) continue;
    const float* y = a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + panel * 16;
    lo[t] = load_outputs(y, left);
    if (left > 8) hi[t] = load_outputs(y + 8, left - 8);
  }
  const std::byte* w = a.panels + panel * a.panel_bytes;
  for (std::size_t k = 0; k < a.K; ++k, w += W::kBytes) {
    __m256 w_lo = W::load(w), w_hi = W::load(w + W::kBytes / 2);
    for (int t = 0; t < kTokens; ++t) {
      const std::size_t row = t0 + static_cast<std::size_t>(t);
      __m256 x = _mm256_set1_ps(kTurned ? a.x[k * a.x_stride + row] : a.x[row * a.x_stride + k]);
      lo[t] = _mm256_fmadd_ps(w_lo, x, lo[t]);
      hi[t] = _mm256_fmadd_ps(w_hi, x, hi[t]);
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    store_outputs(a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + panel * 16, a.N - panel * 16, lo[t], hi[t]);
  }
}

template <class W, bool kTurned = false>
void matmul_float(const FloatMatmul& a) {
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    std::size_t t = 0;
    for (; t + 4 <= a.T; t += 4) float_tile<W, 4, kTurned>(a, panel, t);
    for (; t < a.T; ++t) float_tile<W, 1, kTurned>(a, panel, t);
  }
}

// The levels of eight codes: each half of the table is one permutation, bit 3 of the code chooses.
inline __m256 nf4_levels(__m256i codes) {
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(kNf4Levels), codes);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(kNf4Levels + 8), codes);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28)));
}

template <int kTokens>
void nf4_tile(const FloatMatmul& a, std::size_t panel, std::size_t t0) {
  __m256 lo[kTokens], hi[kTokens];
  for (int t = 0; t < kTokens; ++t) lo[t] = hi[t] = _mm256_setzero_ps();
  const std::byte* block = a.panels + panel * a.panel_bytes;
  for (std::size_t b = 0; b < a.K; b += 64, block += kNf4PanelBlock) {
    const __m256 max_lo = _mm256_loadu_ps(reinterpret_cast<const float*>(block));
    const __m256 max_hi = _mm256_loadu_ps(reinterpret_cast<const float*>(block + 32));
    for (std::size_t j = 0; j < 32; ++j) {
      const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 64 + j * 16));
      const __m256i c_lo = _mm256_cvtepu8_epi32(both), c_hi = _mm256_cvtepu8_epi32(_mm_srli_si128(both, 8));
      const __m256 first_lo = _mm256_mul_ps(nf4_levels(_mm256_srli_epi32(c_lo, 4)), max_lo);
      const __m256 first_hi = _mm256_mul_ps(nf4_levels(_mm256_srli_epi32(c_hi, 4)), max_hi);
      const __m256 second_lo = _mm256_mul_ps(nf4_levels(c_lo), max_lo);
      const __m256 second_hi = _mm256_mul_ps(nf4_levels(c_hi), max_hi);
      for (int t = 0; t < kTokens; ++t) {
        const float* x = a.x + (t0 + static_cast<std::size_t>(t)) * a.x_stride + b + 2 * j;
        lo[t] = _mm256_fmadd_ps(first_lo, _mm256_set1_ps(x[0]), lo[t]);
        hi[t] = _mm256_fmadd_ps(first_hi, _mm256_set1_ps(x[0]), hi[t]);
        lo[t] = _mm256_fmadd_ps(second_lo, _mm256_set1_ps(x[1]), lo[t]);
        hi[t] = _mm256_fmadd_ps(second_hi, _mm256_set1_ps(x[1]), hi[t]);
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    store_outputs(a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + panel * 16, a.N - panel * 16, lo[t], hi[t]);
  }
}

void matmul_nf4(const FloatMatmul& a) {
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    std::size_t t = 0;
    for (; t + 4 <= a.T; t += 4) nf4_tile<4>(a, panel, t);
    for (; t < a.T; ++t) nf4_tile<1>(a, panel, t);
  }
}

inline __m256 widen(std::uint16_t bf16) {
  return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(bf16) << 16)));
}

// Eight outputs (one half of the panel) for one row; x begins at the row's first block, its blocks `step` apart.
inline __m256 bf16_half(std::size_t K, const std::byte* w, const std::uint16_t* x, std::size_t step, __m256 acc) {
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000u));
  for (std::size_t b = 0; b < K; b += 32, x += step, w += 32 * 32) {
    __m256 even = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
    for (std::size_t k = 0; k < 32; k += 2) {
      __m256i pair = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + k * 32));
      even = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_slli_epi32(pair, 16)), widen(x[k]), even);
      odd = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_and_si256(pair, high)), widen(x[k + 1]), odd);
    }
    acc = _mm256_add_ps(acc, _mm256_add_ps(even, odd));
  }
  return acc;
}

void matmul_bf16(const Bf16Matmul& a) {
  const FlushSubnormals flush;
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const std::byte* w = a.panels + panel * a.panel_bytes;
    for (std::size_t t = 0; t < a.T; ++t) {
      const std::uint16_t* x = a.x + t / kTileRows * kTileRows * a.K + t % kTileRows * kBlock;
      const std::size_t step = rows_of_tile(a.T, t / kTileRows) * kBlock;
      float* y = a.y + t * a.y_stride + panel * 16;
      const std::size_t left = a.N - panel * 16;
      const __m256 zero = _mm256_setzero_ps();
      store_outputs(y, left, bf16_half(a.K, w, x, step, a.add ? load_outputs(y, left) : zero),
                    bf16_half(a.K, w + 32, x, step, a.add && left > 8 ? load_outputs(y + 8, left - 8) : zero));
    }
  }
}

}  // namespace

void install_avx2_matmul(Table& table) {
  table.matmul_f32 = matmul_float<F32>;
  table.matmul_f32_turned = matmul_float<F32, true>;
  table.matmul_f16 = matmul_float<F16>;
  table.matmul_nf4 = matmul_nf4;
  table.matmul_bf16 = matmul_bf16;
}

}  // namespace freehold::kernel
