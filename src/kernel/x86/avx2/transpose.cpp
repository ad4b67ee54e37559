// From panels to transposed float32 weights with AVX2: a register holds one k of eight rows, and eight of them are
// turned into eight k of one row each.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/nf4_levels.h"
#include "kernel/x86/avx2/avx2.h"
#include "kernel/x86/avx2/weights.h"

namespace freehold::kernel {
namespace {

// out[r * 16 + i] = v[i][r]
inline void turn(const __m256 (&v)[8], float* out) {
  __m256 a[8], b[8];
  for (int i = 0; i < 8; i += 2) {
    a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  // b[4g + j]: k = 4g … 4g+3 of row 4*lane + j.
  for (int i = 0; i < 8; i += 4) {
    b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
    b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xEE);
    b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
    b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xEE);
  }
  for (int j = 0; j < 4; ++j) {
    _mm256_storeu_ps(out + j * 16, _mm256_permute2f128_ps(b[j], b[4 + j], 0x20));
    _mm256_storeu_ps(out + (4 + j) * 16, _mm256_permute2f128_ps(b[j], b[4 + j], 0x31));
  }
}

template <class F>
void transpose_quant(const TransposeBlock& a) {
  const std::byte* p = a.panel + F::block_at(a.block);
  __m256i table = _mm256_setzero_si256();
  if constexpr (F::kCodebook) {
    table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(F::kKind).table)));
  }
  for (std::size_t rows = 0; rows < 2; ++rows) {  // halves of the panel
    __m256i w[8];
    unpack<F::kBits>(p, rows, w);
    for (auto& v : w) {
      if constexpr (F::kCodebook) v = _mm256_shuffle_epi8(table, v);
      if constexpr (!F::kCodebook && F::kOffset != 0) {
        v = _mm256_sub_epi8(v, _mm256_set1_epi8(static_cast<char>(F::kOffset)));
      }
    }
    const Scales<F> scales = load_scales<F>(a.panel + F::super_at(a.block), p + F::kQuantBytes, rows);
    for (std::size_t eighth = 0; eighth < 4; ++eighth) {
      const std::size_t half = eighth / 2, part = F::kHalves ? half : 0;
      __m256 v[8];
      for (int i = 0; i < 8; ++i) {
        // Byte i % 4 of each lane, with its sign: after the offset every format's quants are signed bytes.
        const __m256i group = w[2 * eighth + static_cast<std::size_t>(i) / 4];
        const __m256i byte = _mm256_srai_epi32(_mm256_slli_epi32(group, 24 - i % 4 * 8), 24);
        v[i] = _mm256_mul_ps(scales.ds[part], _mm256_cvtepi32_ps(byte));
        if constexpr (F::kMin) v[i] = _mm256_add_ps(v[i], scales.ms[part]);
      }
      turn(v, a.out + half * a.stride + rows * 128 + eighth % 2 * 8);
    }
  }
}

struct F32 {
  static inline __m256 at(const std::byte* panel, std::size_t k, std::size_t rows) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(panel + k * 64 + rows * 32));
  }
};
struct F16 {
  static inline __m256 at(const std::byte* panel, std::size_t k, std::size_t rows) {
    return load_f16(panel + k * 32 + rows * 16);
  }
};
struct Bf16 {
  static inline __m256 at(const std::byte* panel, std::size_t k, std::size_t rows) {
    const __m256i pair = load256(panel + k / 2 * 64 + rows * 32);
    const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000u));
    return _mm256_castsi256_ps(k % 2 == 0 ? _mm256_slli_epi32(pair, 16) : _mm256_and_si256(pair, high));
  }
};
struct Nf4 {
  static inline __m256 at(const std::byte* panel, std::size_t k, std::size_t rows) {
    const std::byte* block = panel + k / 64 * kNf4PanelBlock;
    __m256i code = load_u8(block + 64 + k % 64 / 2 * kPanelRows + rows * 8);
    if (k % 2 == 0) code = _mm256_srli_epi32(code, 4);
    // Each half of the table is one permutation, bit 3 of the code chooses.
    const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(kNf4Levels), code);
    const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(kNf4Levels + 8), code);
    const __m256 level = _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(code, 28)));
    return _mm256_mul_ps(level, _mm256_loadu_ps(reinterpret_cast<const float*>(block + rows * 32)));
  }
};

template <class W>
void transpose_float(const TransposeBlock& a) {
  for (std::size_t rows = 0; rows < 2; ++rows) {
    for (std::size_t eighth = 0; eighth < 4; ++eighth) {
      __m256 v[8];
      for (std::size_t i = 0; i < 8; ++i) {
        const std::size_t k = a.block * kBlock + 8 * eighth + i;
        v[i] = k < a.K ? W::at(a.panel, k, rows) : _mm256_setzero_ps();
      }
      turn(v, a.out + eighth / 2 * a.stride + rows * 128 + eighth % 2 * 8);
    }
  }
}

}  // namespace

void install_avx2_transpose(Table& table) {
  for_each_format(
      [&table]<class F>(F) { table.transpose_quant[static_cast<std::size_t>(F::kKind)] = transpose_quant<F>; });
  table.transpose_f32 = transpose_float<F32>;
  table.transpose_f16 = transpose_float<F16>;
  table.transpose_bf16 = transpose_float<Bf16>;
  table.transpose_nf4 = transpose_float<Nf4>;
}

}  // namespace freehold::kernel
