// Matrix products over quantised panels with AVX2: eight outputs a register, two halves a panel. maddubs multiplies
// unsigned weights with signed activations into 16 bits; up to six bits a weight that cannot saturate (2*63*127), and
// 8-bit weights move their sign to the activation first (2*128*127 still fits).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/avx2/avx2.h"
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
