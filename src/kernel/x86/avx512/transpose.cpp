// From panels to transposed float32 weights with AVX-512: a register holds one k of 16 rows, and 16 of them are turned
// into 16 k of one row each.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/nf4_levels.h"
#include "kernel/x86/avx512/avx512.h"
#include "kernel/x86/avx512/weights.h"

namespace freehold::kernel {
namespace {

// out[r * 16 + i] = v[i][r]
inline void turn(const __m512 (&v)[16], float* out) {
  __m512 a[16], b[16];
  for (int i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    a[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  // b[4g + j]: k = 4g … 4g+3 of row 4*lane + j.
  for (int i = 0; i < 16; i += 4) {
    b[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a[i]), _mm512_castps_pd(a[i + 2])));
    b[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a[i]), _mm512_castps_pd(a[i + 2])));
    b[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a[i + 1]), _mm512_castps_pd(a[i + 3])));
    b[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a[i + 1]), _mm512_castps_pd(a[i + 3])));
  }
  for (int j = 0; j < 4; ++j) {
    const __m512 low01 = _mm512_shuffle_f32x4(b[j], b[4 + j], 0x44),
                 high01 = _mm512_shuffle_f32x4(b[j], b[4 + j], 0xEE);
    const __m512 low23 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0x44);
    const __m512 high23 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0xEE);
    _mm512_storeu_ps(out + (0 + j) * 16, _mm512_shuffle_f32x4(low01, low23, 0x88));
    _mm512_storeu_ps(out + (4 + j) * 16, _mm512_shuffle_f32x4(low01, low23, 0xDD));
    _mm512_storeu_ps(out + (8 + j) * 16, _mm512_shuffle_f32x4(high01, high23, 0x88));
    _mm512_storeu_ps(out + (12 + j) * 16, _mm512_shuffle_f32x4(high01, high23, 0xDD));
  }
}

template <class F>
void transpose_quant(const TransposeBlock& a) {
  const std::byte* p = a.panel + F::block_at(a.block);
  __m512i w[8];
  unpack_quants<F>(p, w);
  if constexpr (F::kCodebook) {
    const __m512i table =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(F::kKind).table)));
    for (auto& v : w) v = _mm512_shuffle_epi8(table, v);
  } else if constexpr (F::kOffset != 0) {
    for (auto& v : w) v = _mm512_sub_epi8(v, _mm512_set1_epi8(static_cast<char>(F::kOffset)));
  }
  const Scales<F> scales = load_scales<F>(a.panel + F::super_at(a.block), p + F::kQuantBytes);
  for (int half = 0; half < 2; ++half) {
    const int part = F::kHalves ? half : 0;
    __m512 v[16];
    for (int i = 0; i < 16; ++i) {
      // Byte i % 4 of each lane, with its sign: after the offset every format's quants are signed bytes.
      const __m512i byte = _mm512_srai_epi32(_mm512_slli_epi32(w[4 * half + i / 4], 24 - i % 4 * 8), 24);
      v[i] = _mm512_mul_ps(scales.ds[part], _mm512_cvtepi32_ps(byte));
      if constexpr (F::kMin) v[i] = _mm512_add_ps(v[i], scales.ms[part]);
    }
    turn(v, a.out + static_cast<std::size_t>(half) * a.stride);
  }
}

struct F32 {
  static inline __m512 at(const std::byte* panel, std::size_t k) { return _mm512_loadu_ps(panel + k * 64); }
};
struct F16 {
  static inline __m512 at(const std::byte* panel, std::size_t k) { return load_f16(panel + k * 32); }
};
struct Bf16 {
  static inline __m512 at(const std::byte* panel, std::size_t k) {
    const __m512i pair = _mm512_loadu_si512(panel + k / 2 * 64);
    const __m512i bits = k % 2 == 0 ? _mm512_slli_epi32(pair, 16)
                                    : _mm512_and_si512(pair, _mm512_set1_epi32(static_cast<int>(0xFFFF0000u)));
    return _mm512_castsi512_ps(bits);
  }
};
struct Nf4 {
  static inline __m512 at(const std::byte* panel, std::size_t k) {
    const std::byte* block = panel + k / 64 * kNf4PanelBlock;
    const __m512i both =
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 64 + k % 64 / 2 * kPanelRows)));
    const __m512i code = k % 2 == 0 ? _mm512_srli_epi32(both, 4) : both;  // the permutation reads four bits
    return _mm512_mul_ps(_mm512_permutexvar_ps(code, _mm512_loadu_ps(kNf4Levels)), _mm512_loadu_ps(block));
  }
};

template <class W>
void transpose_float(const TransposeBlock& a) {
  for (std::size_t half = 0; half < 2; ++half) {
    __m512 v[16];
    for (std::size_t i = 0; i < 16; ++i) {
      const std::size_t k = a.block * kBlock + 16 * half + i;
      v[i] = k < a.K ? W::at(a.panel, k) : _mm512_setzero_ps();
    }
    turn(v, a.out + half * a.stride);
  }
}

}  // namespace

void install_avx512_transpose(Table& table) {
  for_each_format(
      [&table]<class F>(F) { table.transpose_quant[static_cast<std::size_t>(F::kKind)] = transpose_quant<F>; });
  table.transpose_f32 = transpose_float<F32>;
  table.transpose_f16 = transpose_float<F16>;
  table.transpose_bf16 = transpose_float<Bf16>;
  table.transpose_nf4 = transpose_float<Nf4>;
}

}  // namespace freehold::kernel
