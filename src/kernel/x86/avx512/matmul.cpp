// Float matrix products with AVX-512: a panel's 16 outputs are one register, tokens in tiles so that a weight is loaded
// once a tile.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/flush.h"
#include "kernel/nf4_levels.h"
#include "kernel/x86/avx512/avx512.h"

namespace freehold::kernel {
namespace {

inline void store_outputs(float* y, std::size_t n, __m512 acc) {
  _mm512_mask_storeu_ps(y, n >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << n) - 1), acc);
}

struct F32 {
  static constexpr std::size_t kBytes = 64;
  static inline __m512 load(const std::byte* p) { return _mm512_loadu_ps(p); }
};
struct F16 {
  static constexpr std::size_t kBytes = 32;
  static inline __m512 load(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
};

inline __m512 load_outputs(const float* y, std::size_t n) {
  return _mm512_maskz_loadu_ps(n >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << n) - 1), y);
}

template <class W, int kTokens, int kPanels, bool kTurned>
void float_tile(const FloatMatmul& a, std::size_t panel, std::size_t t0) {
  __m512 acc[kPanels][kTokens];
  for (int p = 0; p < kPanels; ++p) {
    const std::size_t n = (panel + static_cast<std::size_t>(p)) * 16;
    for (int t = 0; t < kTokens; ++t) {
      acc[p][t] = a.add ? load_outputs(a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + n, a.N - n)
                        : _mm512_setzero_ps();
    }
  }
  const std::byte* base = a.panels + panel * a.panel_bytes;
  const float* x = kTurned ? a.x + t0 : a.x + t0 * a.x_stride;
  for (std::size_t k = 0; k < a.K; ++k) {
    for (int p = 0; p < kPanels; ++p) {
      __m512 w = W::load(base + static_cast<std::size_t>(p) * a.panel_bytes + k * W::kBytes);
      for (int t = 0; t < kTokens; ++t) {
        const float* at = kTurned ? x + k * a.x_stride + t : x + static_cast<std::size_t>(t) * a.x_stride + k;
        acc[p][t] = _mm512_fmadd_ps(w, _mm512_set1_ps(*at), acc[p][t]);
      }
    }
  }
  for (int p = 0; p < kPanels; ++p) {
    std::size_t n = (panel + static_cast<std::size_t>(p)) * 16;
    for (int t = 0; t < kTokens; ++t) {
      store_outputs(a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + n, a.N - n, acc[p][t]);
    }
  }
}

template <class W, int kPanels, bool kTurned>
void float_panels(const FloatMatmul& a, std::size_t panel) {
  std::size_t t = 0;
  for (; t + 8 <= a.T; t += 8) float_tile<W, 8, kPanels, kTurned>(a, panel, t);
  for (; t + 2 <= a.T; t += 2) float_tile<W, 2, kPanels, kTurned>(a, panel, t);
  for (; t < a.T; ++t) float_tile<W, 1, kPanels, kTurned>(a, panel, t);
}

template <class W, bool kTurned = false>
void matmul_float(const FloatMatmul& a) {
  std::size_t panel = a.panel_begin;
  // Two panels at once (four alone would wait on one FMA chain) keep the multipliers and the loads busy.
  for (; panel + 2 <= a.panel_end; panel += 2) float_panels<W, 2, kTurned>(a, panel);
  for (; panel < a.panel_end; ++panel) float_panels<W, 1, kTurned>(a, panel);
}

// A permutation looks up 16 weights' levels at once; it reads the low four bits of each index.
template <int kTokens, int kPanels>
void nf4_tile(const FloatMatmul& a, std::size_t panel, std::size_t t0) {
  const __m512 levels = _mm512_loadu_ps(kNf4Levels);
  __m512 acc[kPanels][kTokens];
  for (int p = 0; p < kPanels; ++p) {
    for (int t = 0; t < kTokens; ++t) acc[p][t] = _mm512_setzero_ps();
  }
  const float* x = a.x + t0 * a.x_stride;
  const std::byte* block = a.panels + panel * a.panel_bytes;
  for (std::size_t b = 0; b < a.K; b += 64, block += kNf4PanelBlock) {
    __m512 absmax[kPanels];
    for (int p = 0; p < kPanels; ++p) {
      absmax[p] = _mm512_loadu_ps(block + static_cast<std::size_t>(p) * a.panel_bytes);
    }
    for (std::size_t j = 0; j < 32; ++j) {
      const float* at = x + b + 2 * j;
      for (int p = 0; p < kPanels; ++p) {
        const std::byte* codes = block + static_cast<std::size_t>(p) * a.panel_bytes + 64 + j * 16;
        const __m512i both = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
        const __m512 first = _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(both, 4), levels), absmax[p]);
        const __m512 second = _mm512_mul_ps(_mm512_permutexvar_ps(both, levels), absmax[p]);
        for (int t = 0; t < kTokens; ++t) {
          const float* row = at + static_cast<std::size_t>(t) * a.x_stride;
          acc[p][t] = _mm512_fmadd_ps(first, _mm512_set1_ps(row[0]), acc[p][t]);
          acc[p][t] = _mm512_fmadd_ps(second, _mm512_set1_ps(row[1]), acc[p][t]);
        }
      }
    }
  }
  for (int p = 0; p < kPanels; ++p) {
    const std::size_t n = (panel + static_cast<std::size_t>(p)) * 16;
    for (int t = 0; t < kTokens; ++t) {
      store_outputs(a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + n, a.N - n, acc[p][t]);
    }
  }
}

template <int kPanels>
void nf4_panels(const FloatMatmul& a, std::size_t panel) {
  std::size_t t = 0;
  for (; t + 8 <= a.T; t += 8) nf4_tile<8, kPanels>(a, panel, t);
  for (; t + 2 <= a.T; t += 2) nf4_tile<2, kPanels>(a, panel, t);
  for (; t < a.T; ++t) nf4_tile<1, kPanels>(a, panel, t);
}

void matmul_nf4(const FloatMatmul& a) {
  std::size_t panel = a.panel_begin;
  for (; panel + 2 <= a.panel_end; panel += 2) nf4_panels<2>(a, panel);
  for (; panel < a.panel_end; ++panel) nf4_panels<1>(a, panel);
}

// Activations of kRows rows as floats: [k][row], so that the inner loop broadcasts them from memory; 16 KiB of them
// stay in the first-level cache.
template <std::size_t kRows>
struct Widened {
  static constexpr std::size_t kPiece = 4096 / kRows;
  alignas(64) float x[kPiece][kRows];
};

template <std::size_t kRows>
void widen(const Bf16Matmul& a, std::size_t t0, std::size_t first, std::size_t n, Widened<kRows>& out) {
  const std::size_t rows = rows_of_tile(a.T, t0 / kTileRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::uint16_t* x = a.x + t0 / kTileRows * kTileRows * a.K + (t0 % kTileRows + r) * kBlock;
    for (std::size_t k = first; k < first + n; k += kBlock) {
      const std::uint16_t* from = x + k * rows;
      for (std::size_t i = 0; i < kBlock; ++i) {
        const std::uint32_t bits = static_cast<std::uint32_t>(from[i]) << 16;
        __builtin_memcpy(&out.x[k - first + i][r], &bits, sizeof bits);
      }
    }
  }
}

// Adds elements first … first+n to the sums in y (or starts them).
template <std::size_t kRows>
void bf16_rows(const Bf16Matmul& a, std::size_t panel, std::size_t t0, std::size_t first, std::size_t n,
               const Widened<kRows>& x) {
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000u));
  const std::size_t left = a.N - panel * 16;
  const __mmask16 outputs = left >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
  float* y = a.y + t0 * a.y_stride + panel * 16;
  __m512 acc[kRows];
  for (std::size_t t = 0; t < kRows; ++t) {
    acc[t] = first == 0 && !a.add ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(outputs, y + t * a.y_stride);
  }
  const std::byte* w = a.panels + panel * a.panel_bytes + first * 32;
  for (std::size_t b = 0; b < n; b += kBlock) {
    __m512 even[kRows], odd[kRows];
    for (std::size_t t = 0; t < kRows; ++t) even[t] = odd[t] = _mm512_setzero_ps();
    for (std::size_t k = b; k < b + kBlock; k += 2, w += 64) {
      const __m512i pair = _mm512_loadu_si512(w);
      const __m512 w_even = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
      const __m512 w_odd = _mm512_castsi512_ps(_mm512_and_si512(pair, high));
      for (std::size_t t = 0; t < kRows; ++t) {
        even[t] = _mm512_fmadd_ps(w_even, _mm512_set1_ps(x.x[k][t]), even[t]);
        odd[t] = _mm512_fmadd_ps(w_odd, _mm512_set1_ps(x.x[k + 1][t]), odd[t]);
      }
    }
    for (std::size_t t = 0; t < kRows; ++t) acc[t] = _mm512_add_ps(acc[t], _mm512_add_ps(even[t], odd[t]));
  }
  for (std::size_t t = 0; t < kRows; ++t) _mm512_mask_storeu_ps(y + t * a.y_stride, outputs, acc[t]);
}

template <std::size_t kRows>
void bf16_panels(const Bf16Matmul& a, std::size_t t0) {
  constexpr std::size_t kPiece = Widened<kRows>::kPiece;
  Widened<kRows> x;
  for (std::size_t first = 0; first < a.K; first += kPiece) {
    const std::size_t n = a.K - first < kPiece ? a.K - first : kPiece;
    widen<kRows>(a, t0, first, n, x);
    for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) bf16_rows<kRows>(a, panel, t0, first, n, x);
  }
}

void matmul_bf16(const Bf16Matmul& a) {
  const FlushSubnormals flush;
  std::size_t t = 0;
  for (; t + 8 <= a.T; t += 8) bf16_panels<8>(a, t);
  for (; t + 4 <= a.T; t += 4) bf16_panels<4>(a, t);
  for (; t + 2 <= a.T; t += 2) bf16_panels<2>(a, t);
  for (; t < a.T; ++t) bf16_panels<1>(a, t);
}

}  // namespace

void install_avx512_matmul(Table& table) {
  table.matmul_f32 = matmul_float<F32>;
  table.matmul_f32_turned = matmul_float<F32, true>;
  table.matmul_f16 = matmul_float<F16>;
  table.matmul_nf4 = matmul_nf4;
  table.matmul_bf16 = matmul_bf16;
}

}  // namespace freehold::kernel
