// Matrix products over quantised panels with AVX-512 VNNI: 16 outputs are one register, dpbusd multiplies unsigned
// stored weights with signed activations exactly.
//
// The sums of a block start at the bits of the float 1.5 * 2^23 less the type's offset times the activations' sum, so
// that they end as the bits of 1.5 * 2^23 + dot: adding 1 to an integer is adding one to the last place of such a
// float. One FMA then gives round(ds * dot), because ds * 1.5 * 2^23 is exact (ds has at most 17 bits), and converting
// costs nothing. So a row and a block cost eight dpbusd, two FMAs, and one more where there is a minimum.
//
// From 17 rows on, weights are unpacked into scratch memory once for all tiles of 16 rows; below, into registers once
// for all rows (rounded up to one of eight sizes; the rows too many are computed and not stored).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/level.h"
#include "kernel/x86/avx512/avx512.h"
#include "kernel/x86/avx512/weights.h"

#define FH_INLINE inline __attribute__((always_inline))

namespace freehold::kernel {
namespace {

constexpr float kMagic = 12582912.0f;         // 1.5 * 2^23
constexpr std::size_t kMostPanels = 8;        // unpacked at a time
constexpr std::size_t kPieceBlocks = 64;      // of each
constexpr std::size_t kPrefetchBytes = 2048;  // ahead, across the page's end, where weights are used once

// An MXFP4 scale times 1.5 * 2^23 can overflow; those sums are converted.
template <class F>
constexpr bool kConvert = F::kScales == ScaleKind::d_f32;
// What the stored bytes are above the weight.
template <class F>
constexpr int kStoredOffset = F::kCodebook ? 128 : F::kOffset;

template <class F>
struct Block {
  __m512i w[8];
  Scales<F> scales;
};

template <class F>
struct Unpacked {
  alignas(64) std::byte w[512];
  alignas(64) float ds[F::kParts][16];
  alignas(64) float ms[F::kMin ? F::kParts : 1][16];
};

template <class F>
FH_INLINE Block<F> load_block(const std::byte* panel, std::size_t b, __m512i table) {
  Block<F> block;
  const std::byte* p = panel + F::block_at(b);
  unpack_quants<F>(p, block.w);
  if constexpr (F::kCodebook) {
    for (auto& v : block.w) v = _mm512_shuffle_epi8(table, v);
  }
  block.scales = load_scales<F>(panel + F::super_at(b), p + F::kQuantBytes);
  return block;
}

template <class F>
FH_INLINE Block<F> load_block(const Unpacked<F>& u) {
  Block<F> block;
  for (int g = 0; g < 8; ++g) block.w[g] = _mm512_load_si512(u.w + g * 64);
  for (int h = 0; h < F::kParts; ++h) {
    block.scales.ds[h] = _mm512_load_ps(u.ds[h]);
    block.scales.ms[h] = _mm512_load_ps(u.ms[F::kMin ? h : 0]);
  }
  return block;
}

template <class F>
void unpack(const std::byte* panel, std::size_t b, __m512i table, Unpacked<F>& u) {
  const Block<F> block = load_block<F>(panel, b, table);
  for (int g = 0; g < 8; ++g) _mm512_store_si512(u.w + g * 64, block.w[g]);
  for (int h = 0; h < F::kParts; ++h) {
    _mm512_store_ps(u.ds[h], block.scales.ds[h]);
    if constexpr (F::kMin) _mm512_store_ps(u.ms[h], block.scales.ms[h]);
  }
}

// One block of a tile: its rows' quants, scales and sums.
struct Rows {
  const std::int8_t* q;
  const float* d;
  const float* sum32;
  const float* sum16;
  std::size_t rows;
};

FH_INLINE Rows block_of(const QuantRows& x, std::size_t rows, std::size_t b) {
  return {x.q + b * rows * kBlock, x.d + b * rows, x.sum32 + b * rows, x.sum16 + b * rows * 2, rows};
}

FH_INLINE __m512 start_of(__m512 sum, int offset, bool convert) {
  return _mm512_fmadd_ps(sum, _mm512_set1_ps(static_cast<float>(-offset)), _mm512_set1_ps(convert ? 0.0f : kMagic));
}

// Where the integer sums of up to 16 rows start, [part][row].
struct Starts {
  alignas(64) std::int32_t at[2][16];
};

template <class F>
FH_INLINE void make_starts(const Rows& x, Starts& starts) {
  if constexpr (kStoredOffset<F> != 0) {
    for (int h = 0; h < F::kParts; ++h) {
      const float* sums = F::kHalves ? x.sum16 + static_cast<std::size_t>(h) * x.rows : x.sum32;
      const __m512 start = start_of(_mm512_loadu_ps(sums), kStoredOffset<F>, kConvert<F>);
      _mm512_store_si512(starts.at[h], kConvert<F> ? _mm512_cvtps_epi32(start) : _mm512_castps_si512(start));
    }
  }
}

template <class F>
FH_INLINE __m512i start(const Starts& starts, int part, int row) {
  if constexpr (kStoredOffset<F> == 0) return _mm512_castps_si512(_mm512_set1_ps(kMagic));
  return _mm512_set1_epi32(starts.at[part][row]);
}

template <class F>
FH_INLINE __m512 combine(const Scales<F>& w, const __m512 (&less)[F::kParts], const __m512i* dot, const Rows& x,
                         std::size_t r) {
  __m512 s;
  if constexpr (kConvert<F>) {
    s = _mm512_fmadd_ps(w.ds[0], _mm512_cvtepi32_ps(dot[0]), _mm512_setzero_ps());
  } else {
    s = _mm512_fmadd_ps(w.ds[0], _mm512_castsi512_ps(dot[0]), less[0]);
  }
  if constexpr (F::kHalves) {
    s = _mm512_fmadd_ps(w.ds[1], _mm512_sub_ps(_mm512_castsi512_ps(dot[1]), _mm512_set1_ps(kMagic)), s);
    if constexpr (F::kMin) {
      s = _mm512_fmadd_ps(w.ms[0], _mm512_set1_ps(x.sum16[r]), s);
      s = _mm512_fmadd_ps(w.ms[1], _mm512_set1_ps(x.sum16[x.rows + r]), s);
    }
  } else if constexpr (F::kMin) {
    s = _mm512_fmadd_ps(w.ms[0], _mm512_set1_ps(x.sum32[r]), s);
  }
  return s;
}

// kCount rows from kFirst on, their dependency chains interleaved.
template <class F, int kRows, int kFirst, int kCount>
FH_INLINE void add_group(__m512 (&acc)[kRows], const Block<F>& w, const __m512 (&less)[F::kParts], const Rows& x,
                         const Starts& starts) {
  __m512i dot[kCount][F::kParts];
  for (int r = 0; r < kCount; ++r) {
    for (int h = 0; h < F::kParts; ++h) dot[r][h] = start<F>(starts, h, kFirst + r);
  }
  for (int g = 0; g < 8; ++g) {
    for (int r = 0; r < kCount; ++r) {
      std::int32_t four;
      __builtin_memcpy(&four, x.q + (kFirst + r) * 32 + g * 4, sizeof four);
      __m512i& sum = dot[r][F::kHalves ? g / 4 : 0];
      sum = _mm512_dpbusd_epi32(sum, w.w[g], _mm512_set1_epi32(four));
    }
  }
  for (int r = 0; r < kCount; ++r) {
    const __m512 s =
        combine<F>(w.scales, less, dot[r], x, static_cast<std::size_t>(kFirst) + static_cast<std::size_t>(r));
    acc[kFirst + r] = _mm512_fmadd_ps(_mm512_set1_ps(x.d[kFirst + r]), s, acc[kFirst + r]);
  }
}

template <class F, int kRows, int kFirst = 0>
FH_INLINE void add_groups(__m512 (&acc)[kRows], const Block<F>& w, const __m512 (&less)[F::kParts], const Rows& x,
                          const Starts& starts) {
  constexpr int kMost = F::kHalves ? 2 : 4;  // as the registers allow
  constexpr int kCount = kRows - kFirst < kMost ? kRows - kFirst : kMost;
  add_group<F, kRows, kFirst, kCount>(acc, w, less, x, starts);
  if constexpr (kFirst + kCount < kRows) add_groups<F, kRows, kFirst + kCount>(acc, w, less, x, starts);
}

template <class F, int kRows>
FH_INLINE void add_block(__m512 (&acc)[kRows], const Block<F>& w, const Rows& x) {
  Starts starts;
  make_starts<F>(x, starts);
  __m512 less[F::kParts];
  for (int h = 0; h < F::kParts; ++h) less[h] = _mm512_mul_ps(w.scales.ds[h], _mm512_set1_ps(-kMagic));
  add_groups<F, kRows>(acc, w, less, x, starts);
}

inline __mmask16 outputs_of(const QuantMatmul& a, std::size_t panel) {
  const std::size_t left = a.N - panel * kPanelRows;
  return left >= kPanelRows ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
}

// `rows` <= kRows rows of one tile, which begin at x and y: one panel, straight from its packed form.
template <class F, int kRows>
void few_rows(const QuantMatmul& a, std::size_t panel, const QuantRows& x, float* y, std::size_t rows, __m512i table) {
  __m512 acc[kRows];
  for (auto& v : acc) v = _mm512_setzero_ps();
  static const bool prefetch = prefetching_pays();
  const std::byte* base = a.panels + panel * a.panel_bytes;
  for (std::size_t b = 0; b < a.K / kBlock; ++b) {
    if (prefetch) {
      const std::byte* ahead = base + F::block_at(b) + kPrefetchBytes;
      for (std::size_t line = 0; line < F::kBytes; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T0);
    }
    add_block<F, kRows>(acc, load_block<F>(base, b, table), block_of(x, rows, b));
  }
  for (std::size_t r = 0; r < static_cast<std::size_t>(kRows); ++r) {
    if (r < rows) _mm512_mask_storeu_ps(y + r * a.y_stride + panel * kPanelRows, outputs_of(a, panel), acc[r]);
  }
}

template <class F>
void few_rows(const QuantMatmul& a, std::size_t panel, const QuantRows& x, float* y, std::size_t rows, __m512i table) {
  if (rows == 1) return few_rows<F, 1>(a, panel, x, y, rows, table);
  if (rows == 2) return few_rows<F, 2>(a, panel, x, y, rows, table);
  if (rows == 3) return few_rows<F, 3>(a, panel, x, y, rows, table);
  if (rows == 4) return few_rows<F, 4>(a, panel, x, y, rows, table);
  if (rows <= 6) return few_rows<F, 6>(a, panel, x, y, rows, table);
  if (rows <= 8) return few_rows<F, 8>(a, panel, x, y, rows, table);
  if (rows <= 12) return few_rows<F, 12>(a, panel, x, y, rows, table);
  few_rows<F, 16>(a, panel, x, y, rows, table);
}

// 16 rows of `count` unpacked blocks; the sums so far are in y unless these are the first blocks.
template <class F>
void full_tile(const QuantMatmul& a, std::size_t panel, const Unpacked<F>* w, const QuantRows& x, float* y,
               std::size_t first, std::size_t count) {
  __m512 acc[kTileRows];
  const __mmask16 outputs = outputs_of(a, panel);
  float* out = y + panel * kPanelRows;
  for (std::size_t r = 0; r < kTileRows; ++r) {
    acc[r] = first == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(outputs, out + r * a.y_stride);
  }
  for (std::size_t b = 0; b < count; ++b) {
    add_block<F, kTileRows>(acc, load_block<F>(w[b]), block_of(x, kTileRows, first + b));
  }
  for (std::size_t r = 0; r < kTileRows; ++r) _mm512_mask_storeu_ps(out + r * a.y_stride, outputs, acc[r]);
}

template <class F>
void full_tiles(const QuantMatmul& a, std::size_t begin, std::size_t end, std::size_t tiles, __m512i table) {
  Unpacked<F> scratch[kMostPanels][kPieceBlocks];
  const std::size_t blocks = a.K / kBlock;
  for (std::size_t first = 0; first < blocks; first += kPieceBlocks) {
    const std::size_t count = blocks - first < kPieceBlocks ? blocks - first : kPieceBlocks;
    for (std::size_t panel = begin; panel < end; ++panel) {
      const std::byte* base = a.panels + panel * a.panel_bytes;
      for (std::size_t b = 0; b < count; ++b) unpack<F>(base, first + b, table, scratch[panel - begin][b]);
    }
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      const QuantRows x = from_tile(a.x, tile, a.K);
      float* y = a.y + tile * kTileRows * a.y_stride;
      for (std::size_t panel = begin; panel < end; ++panel) {
        full_tile<F>(a, panel, scratch[panel - begin], x, y, first, count);
      }
    }
  }
}

template <class F>
void matmul(const QuantMatmul& a) {
  __m512i table = _mm512_setzero_si512();
  if constexpr (F::kCodebook) {
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(F::kKind).table));
    table = _mm512_broadcast_i32x4(_mm_xor_si128(values, _mm_set1_epi8(static_cast<char>(0x80))));
  }
  const std::size_t tiles = a.T > kTileRows ? a.T / kTileRows : 0;
  for (std::size_t begin = a.panel_begin; begin < a.panel_end; begin += kMostPanels) {
    const std::size_t end = begin + kMostPanels < a.panel_end ? begin + kMostPanels : a.panel_end;
    if (tiles != 0) full_tiles<F>(a, begin, end, tiles, table);
    for (std::size_t panel = begin; tiles * kTileRows < a.T && panel < end; ++panel) {
      few_rows<F>(a, panel, from_tile(a.x, tiles, a.K), a.y + tiles * kTileRows * a.y_stride, a.T - tiles * kTileRows,
                  table);
    }
  }
}

}  // namespace

void install_avx512_matmul_quant(Table& table) {
  for_each_format([&table]<class F>(F) { table.matmul_quant[static_cast<std::size_t>(F::kKind)] = matmul<F>; });
}

}  // namespace freehold::kernel
