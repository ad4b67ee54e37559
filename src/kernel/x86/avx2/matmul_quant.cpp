// Matrix products over quantised panels with AVX2: eight outputs a register, two halves a panel. maddubs multiplies
// unsigned weights with signed activations into 16 bits; up to six bits a weight that cannot saturate (2*63*127), and
// 8-bit weights move their sign to the activation first (2*128*127 still fits).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/avx2/avx2.h"

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

template <ScaleKind kind>
struct Scales {
  static constexpr bool kSuper =
      kind == ScaleKind::sub32_min || kind == ScaleKind::sub16 || kind == ScaleKind::sub16_min;
  static constexpr bool kHalves = kind == ScaleKind::sub16 || kind == ScaleKind::sub16_min;
  static constexpr bool kMin =
      kind == ScaleKind::d_m_f16 || kind == ScaleKind::sub32_min || kind == ScaleKind::sub16_min;
  static constexpr std::size_t kSuperBytes = !kSuper ? 0 : kMin ? 64 : 32;
  static constexpr std::size_t kBytes =
      kind == ScaleKind::d_f32 || kind == ScaleKind::d_m_f16 || kind == ScaleKind::sub16_min ? 64 : 32;

  __m256 d = _mm256_setzero_ps(), m = _mm256_setzero_ps();
  __m256i scale[2] = {}, min[2] = {};

  inline void load_super(const std::byte* p, std::size_t half) {
    d = load_f16(p + half * 16);
    if constexpr (kMin) m = load_f16(p + 32 + half * 16);
  }
  inline void load(const std::byte* p, std::size_t half) {
    const std::byte* bytes = p + half * 8;
    if constexpr (kind == ScaleKind::d_f16) d = load_f16(p + half * 16);
    if constexpr (kind == ScaleKind::d_f32) d = _mm256_loadu_ps(reinterpret_cast<const float*>(p) + half * 8);
    if constexpr (kind == ScaleKind::d_m_f16) d = load_f16(p + half * 16), m = load_f16(p + 32 + half * 16);
    if constexpr (kind == ScaleKind::sub32_min) scale[0] = load_u8(bytes), min[0] = load_u8(bytes + 16);
    if constexpr (kind == ScaleKind::sub16) scale[0] = load_i8(bytes), scale[1] = load_i8(bytes + 16);
    if constexpr (kind == ScaleKind::sub16_min) {
      scale[0] = load_u8(bytes), scale[1] = load_u8(bytes + 16);
      min[0] = load_u8(bytes + 32), min[1] = load_u8(bytes + 48);
    }
  }
};

// Four products a lane, summed exactly into 32 bits.
template <bool kSigned>
inline __m256i dot4(__m256i w, __m256i x) {
  __m256i pairs =
      kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)) : _mm256_maddubs_epi16(w, x);
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

inline __m256i times_sum(__m256i min, std::int32_t sum) {
  return _mm256_madd_epi16(min, _mm256_set1_epi32(sum & 0xFFFF));
}

template <int kBits, int kOffset, bool kCodebook, ScaleKind kScales, int kTokens>
void tile(const QuantMatmul& a, std::size_t panel, std::size_t half, std::size_t t0, __m256i table) {
  using S = Scales<kScales>;
  constexpr std::size_t kQuants = kBits == 4 ? 256 : kBits == 5 ? 320 : kBits == 6 ? 384 : 512;
  constexpr bool kSigned = kCodebook || kBits == 8;
  constexpr std::int32_t kMinus = kSigned ? 0 : kOffset;
  const std::size_t blocks = a.K / kBlock;

  __m256 acc[kTokens];
  for (auto& v : acc) v = _mm256_setzero_ps();
  S s;
  const std::byte* p = a.panels + panel * a.panel_bytes;
  for (std::size_t b = 0; b < blocks; ++b) {
    if constexpr (S::kSuper) {
      if (b % 8 == 0) {
        s.load_super(p, half);
        p += S::kSuperBytes;
      }
    }
    __m256i w[8];
    unpack<kBits>(p, half, w);
    for (auto& v : w) {
      if constexpr (kCodebook) v = _mm256_shuffle_epi8(table, v);
      if constexpr (kBits == 8) v = _mm256_xor_si256(v, _mm256_set1_epi8(static_cast<char>(0x80)));
    }
    s.load(p + kQuants, half);
    p += kQuants + S::kBytes;
    for (int ti = 0; ti < kTokens; ++ti) {
      const std::size_t t = t0 + static_cast<std::size_t>(ti);
      const std::int32_t* sum = a.x.sum16 + t * 2 * blocks + 2 * b;
      std::int32_t word[8];
      __builtin_memcpy(word, a.x.q + t * a.K + b * kBlock, sizeof word);
      __m256i i0 = _mm256_set1_epi32(-kMinus * sum[0]), i1 = _mm256_set1_epi32(-kMinus * sum[1]);
      for (int g = 0; g < 4; ++g) {
        i0 = _mm256_add_epi32(i0, dot4<kSigned>(w[g], _mm256_set1_epi32(word[g])));
        i1 = _mm256_add_epi32(i1, dot4<kSigned>(w[g + 4], _mm256_set1_epi32(word[g + 4])));
      }
      __m256i sums;
      if constexpr (S::kHalves) {
        sums = _mm256_add_epi32(_mm256_mullo_epi32(i0, s.scale[0]), _mm256_mullo_epi32(i1, s.scale[1]));
      } else {
        sums = _mm256_add_epi32(i0, i1);
        if constexpr (kScales == ScaleKind::sub32_min) sums = _mm256_mullo_epi32(sums, s.scale[0]);
      }
      const __m256 dx = _mm256_set1_ps(a.x.d[t * blocks + b]);
      acc[ti] = _mm256_fmadd_ps(_mm256_mul_ps(s.d, dx), _mm256_cvtepi32_ps(sums), acc[ti]);
      if constexpr (kScales == ScaleKind::d_m_f16) {
        acc[ti] = _mm256_fmadd_ps(_mm256_mul_ps(s.m, dx), _mm256_set1_ps(static_cast<float>(sum[0] + sum[1])), acc[ti]);
      } else if constexpr (S::kMin) {
        __m256i least = S::kHalves ? _mm256_add_epi32(times_sum(s.min[0], sum[0]), times_sum(s.min[1], sum[1]))
                                   : times_sum(s.min[0], sum[0] + sum[1]);
        acc[ti] = _mm256_fnmadd_ps(_mm256_mul_ps(s.m, dx), _mm256_cvtepi32_ps(least), acc[ti]);
      }
    }
  }
  const std::size_t n = panel * kPanelRows + half * 8;
  if (n >= a.N) return;
  for (int t = 0; t < kTokens; ++t) {
    float* y = a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + n;
    if (a.N - n >= 8) {
      _mm256_storeu_ps(y, acc[t]);
    } else {
      float last[8];
      _mm256_storeu_ps(last, acc[t]);
      for (std::size_t i = 0; i < a.N - n; ++i) y[i] = last[i];
    }
  }
}

template <PanelKind kind, int kBits, int kOffset, bool kCodebook, ScaleKind kScales>
void matmul(const QuantMatmul& a) {
  __m256i table = _mm256_setzero_si256();
  if constexpr (kCodebook) {
    table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(kind).table)));
  }
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    std::size_t t = 0;
    for (; t + 4 <= a.T; t += 4) {
      for (std::size_t half = 0; half < 2; ++half)
        tile<kBits, kOffset, kCodebook, kScales, 4>(a, panel, half, t, table);
    }
    for (; t < a.T; ++t) {
      for (std::size_t half = 0; half < 2; ++half)
        tile<kBits, kOffset, kCodebook, kScales, 1>(a, panel, half, t, table);
    }
  }
}

template <PanelKind kind, int kBits, int kOffset, bool kCodebook, ScaleKind kScales>
void install(Table& table) {
  table.matmul_quant[static_cast<std::size_t>(kind)] = matmul<kind, kBits, kOffset, kCodebook, kScales>;
}

}  // namespace

// The same rows as panel.cpp's table of formats.
void install_avx2_matmul_quant(Table& t) {
  install<PanelKind::q4_0, 4, 8, false, ScaleKind::d_f16>(t);
  install<PanelKind::q4_1, 4, 0, false, ScaleKind::d_m_f16>(t);
  install<PanelKind::q5_0, 5, 16, false, ScaleKind::d_f16>(t);
  install<PanelKind::q5_1, 5, 0, false, ScaleKind::d_m_f16>(t);
  install<PanelKind::q8_0, 8, 128, false, ScaleKind::d_f16>(t);
  install<PanelKind::q2_k, 4, 0, false, ScaleKind::sub16_min>(t);
  install<PanelKind::q3_k, 4, 4, false, ScaleKind::sub16>(t);
  install<PanelKind::q4_k, 4, 0, false, ScaleKind::sub32_min>(t);
  install<PanelKind::q5_k, 5, 0, false, ScaleKind::sub32_min>(t);
  install<PanelKind::q6_k, 6, 32, false, ScaleKind::sub16>(t);
  install<PanelKind::iq4_nl, 4, 0, true, ScaleKind::d_f16>(t);
  install<PanelKind::iq4_xs, 4, 0, true, ScaleKind::sub16>(t);
  install<PanelKind::mxfp4, 4, 0, true, ScaleKind::d_f32>(t);
}

}  // namespace freehold::kernel
