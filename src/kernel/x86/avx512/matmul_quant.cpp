// Matrix products over quantised panels with AVX-512 VNNI: 16 outputs are one register, dpbusd multiplies unsigned
// stored weights with signed activations exactly, and the type's offset leaves through the activation sums. A block's
// weights are unpacked once for a tile of up to eight tokens.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/avx512/avx512.h"

namespace freehold::kernel {
namespace {

inline __m512i load512(const std::byte* p) {
  return _mm512_loadu_si512(p);
}
inline __m512 load_f16(const std::byte* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline __m512i load_u8(const std::byte* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m512i load_i8(const std::byte* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __mmask64 load_mask(const std::byte* p) {
  std::uint64_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return word;
}

// How a panel block's quants become eight registers of unsigned bytes, register g holding k = 4g … 4g+3 of 16 rows.
template <int kBits>
inline void unpack(const std::byte* p, __m512i w[8]) {
  if constexpr (kBits == 8) {
    for (int g = 0; g < 8; ++g) w[g] = load512(p + g * 64);
  } else {
    const __m512i low = _mm512_set1_epi8(15);
    for (int j = 0; j < 4; ++j) {
      __m512i both = load512(p + j * 64);
      w[j] = _mm512_and_si512(both, low);
      w[j + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
    }
    for (int plane = 0; plane < kBits - 4; ++plane) {
      const __m512i bit = _mm512_set1_epi8(static_cast<char>(16 << plane));
      for (int g = 0; g < 8; ++g) {
        w[g] = _mm512_mask_add_epi8(w[g], load_mask(p + 256 + plane * 64 + g * 8), w[g], bit);
      }
    }
  }
}

template <int kBits>
struct QuantBytes {
  static constexpr std::size_t kValue = kBits == 4 ? 256 : kBits == 5 ? 320 : kBits == 6 ? 384 : 512;
};

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

  __m512 d = _mm512_setzero_ps(), m = _mm512_setzero_ps();
  __m512i scale[2] = {}, min[2] = {};

  inline void load_super(const std::byte* p) {
    d = load_f16(p);
    if constexpr (kMin) m = load_f16(p + 32);
  }
  inline void load(const std::byte* p) {
    if constexpr (kind == ScaleKind::d_f16) d = load_f16(p);
    if constexpr (kind == ScaleKind::d_f32) d = _mm512_loadu_ps(p);
    if constexpr (kind == ScaleKind::d_m_f16) d = load_f16(p), m = load_f16(p + 32);
    if constexpr (kind == ScaleKind::sub32_min) scale[0] = load_u8(p), min[0] = load_u8(p + 16);
    if constexpr (kind == ScaleKind::sub16) scale[0] = load_i8(p), scale[1] = load_i8(p + 16);
    if constexpr (kind == ScaleKind::sub16_min) {
      scale[0] = load_u8(p), scale[1] = load_u8(p + 16);
      min[0] = load_u8(p + 32), min[1] = load_u8(p + 48);
    }
  }
};

// min (0…255) times a sum of 16 or 32 activations (|sum| <= 4064): one 16-bit multiply-add a lane.
inline __m512i times_sum(__m512i min, std::int32_t sum) {
  return _mm512_madd_epi16(min, _mm512_set1_epi32(sum & 0xFFFF));
}

template <int kBits, int kOffset, bool kCodebook, ScaleKind kScales, int kTokens>
void tile(const QuantMatmul& a, std::size_t panel, std::size_t t0, __m512i table) {
  using S = Scales<kScales>;
  constexpr std::size_t kQuants = QuantBytes<kBits>::kValue;
  constexpr std::int32_t kMinus = kCodebook ? 128 : kOffset;  // the codebook's bytes are stored with 128 added
  const std::size_t blocks = a.K / kBlock;
  const std::int8_t* xq = a.x.q + t0 * a.K;
  const float* xd = a.x.d + t0 * blocks;
  const std::int32_t* xs = a.x.sum16 + t0 * 2 * blocks;

  __m512 acc[kTokens];
  for (auto& v : acc) v = _mm512_setzero_ps();
  S s;
  const std::byte* p = a.panels + panel * a.panel_bytes;
  for (std::size_t b = 0; b < blocks; ++b) {
    if constexpr (S::kSuper) {
      if (b % 8 == 0) {
        s.load_super(p);
        p += S::kSuperBytes;
      }
    }
    __m512i w[8];
    unpack<kBits>(p, w);
    if constexpr (kCodebook) {
      for (auto& v : w) v = _mm512_shuffle_epi8(table, v);
    }
    s.load(p + kQuants);
    p += kQuants + S::kBytes;
    for (int ti = 0; ti < kTokens; ++ti) {
      const auto t = static_cast<std::size_t>(ti);
      const std::int8_t* x = xq + t * a.K + b * kBlock;
      const std::int32_t* sum = xs + t * 2 * blocks + 2 * b;
      std::int32_t word[8];
      __builtin_memcpy(word, x, sizeof word);
      __m512i sums;
      if constexpr (S::kHalves) {
        __m512i i0 = _mm512_set1_epi32(-kMinus * sum[0]), i1 = _mm512_set1_epi32(-kMinus * sum[1]);
        for (int g = 0; g < 4; ++g) {
          i0 = _mm512_dpbusd_epi32(i0, w[g], _mm512_set1_epi32(word[g]));
          i1 = _mm512_dpbusd_epi32(i1, w[g + 4], _mm512_set1_epi32(word[g + 4]));
        }
        sums = _mm512_add_epi32(_mm512_mullo_epi32(i0, s.scale[0]), _mm512_mullo_epi32(i1, s.scale[1]));
      } else {
        __m512i i0 = _mm512_set1_epi32(-kMinus * (sum[0] + sum[1])), i1 = _mm512_setzero_si512();
        for (int g = 0; g < 4; ++g) {
          i0 = _mm512_dpbusd_epi32(i0, w[g], _mm512_set1_epi32(word[g]));
          i1 = _mm512_dpbusd_epi32(i1, w[g + 4], _mm512_set1_epi32(word[g + 4]));
        }
        sums = _mm512_add_epi32(i0, i1);
        if constexpr (kScales == ScaleKind::sub32_min) sums = _mm512_mullo_epi32(sums, s.scale[0]);
      }
      const __m512 dx = _mm512_set1_ps(xd[t * blocks + b]);
      acc[ti] = _mm512_fmadd_ps(_mm512_mul_ps(s.d, dx), _mm512_cvtepi32_ps(sums), acc[ti]);
      if constexpr (kScales == ScaleKind::d_m_f16) {
        // The file's m is added: minus minus m.
        acc[ti] = _mm512_fmadd_ps(_mm512_mul_ps(s.m, dx), _mm512_set1_ps(static_cast<float>(sum[0] + sum[1])), acc[ti]);
      } else if constexpr (S::kMin) {
        __m512i least = S::kHalves ? _mm512_add_epi32(times_sum(s.min[0], sum[0]), times_sum(s.min[1], sum[1]))
                                   : times_sum(s.min[0], sum[0] + sum[1]);
        acc[ti] = _mm512_fnmadd_ps(_mm512_mul_ps(s.m, dx), _mm512_cvtepi32_ps(least), acc[ti]);
      }
    }
  }
  const std::size_t n = panel * kPanelRows;
  const std::size_t left = a.N - n;
  const __mmask16 valid = left >= kPanelRows ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
  for (int t = 0; t < kTokens; ++t) {
    _mm512_mask_storeu_ps(a.y + (t0 + static_cast<std::size_t>(t)) * a.y_stride + n, valid, acc[t]);
  }
}

template <PanelKind kind, int kBits, int kOffset, bool kCodebook, ScaleKind kScales>
void matmul(const QuantMatmul& a) {
  __m512i table = _mm512_setzero_si512();
  if constexpr (kCodebook) {
    __m128i signed_values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(kind).table));
    table = _mm512_broadcast_i32x4(_mm_xor_si128(signed_values, _mm_set1_epi8(static_cast<char>(0x80))));
  }
  for (std::size_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
    std::size_t t = 0;
    for (; t + 8 <= a.T; t += 8) tile<kBits, kOffset, kCodebook, kScales, 8>(a, panel, t, table);
    for (; t + 4 <= a.T; t += 4) tile<kBits, kOffset, kCodebook, kScales, 4>(a, panel, t, table);
    for (; t + 2 <= a.T; t += 2) tile<kBits, kOffset, kCodebook, kScales, 2>(a, panel, t, table);
    for (; t < a.T; ++t) tile<kBits, kOffset, kCodebook, kScales, 1>(a, panel, t, table);
  }
}

template <PanelKind kind, int kBits, int kOffset, bool kCodebook, ScaleKind kScales>
void install(Table& table) {
  table.matmul_quant[static_cast<std::size_t>(kind)] = matmul<kind, kBits, kOffset, kCodebook, kScales>;
}

}  // namespace

// The same rows as panel.cpp's table of formats.
void install_avx512_matmul_quant(Table& t) {
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
