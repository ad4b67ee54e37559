// Matrix products over quantised panels with AMX int8: a block of 32 k is one tdpbssd of 16 rows of activations (16 x
// 32 bytes) with 16 outputs (8 x 64 bytes, a panel block unpacked to signed bytes). Where halves of a block have scales
// of their own it is two, each with the other half's weights zero, so that the activations are loaded once.
//
// The sums leave through memory: tdpbssd -> tilestored -> convert, scale, add in 16 registers. Two blocks are in
// flight, each with its own tiles and buffer: while block b is scaled, b+1's sums are being stored and b+2's computed.
// The vector arithmetic (three operations a row, four with a minimum) is what bounds it: 24 to 32 cycles a tile of 8192
// products, a quarter to a third of what tdpbssd alone could do.
//
// Few rows fall to AVX-512. With one tile of rows weights are unpacked on the way, one block ahead; with more, once for
// all of them into scratch memory.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernel/x86/amx/amx.h"
#include "kernel/x86/amx/tiles.h"
#include "kernel/x86/avx512/weights.h"

#define FH_INLINE inline __attribute__((always_inline))

namespace freehold::kernel {
namespace {

constexpr std::size_t kFewestRows = 4;    // below, a tile would be mostly empty
constexpr std::size_t kMostPanels = 8;    // unpacked at a time
constexpr std::size_t kPieceBlocks = 64;  // of each
constexpr std::size_t kPrefetchBytes = 2048;

// The AVX-512 kernels, for tiles of few rows.
void (*few_rows[kPanelKinds])(const QuantMatmul&) = {};

// A block's weights as B tiles. With halves: first half, zeros, second half, so that the tile of half h, eight rows
// from row 4*h on, is (first, zeros) and (zeros, second).
template <class F>
struct Unpacked {
  static constexpr std::size_t kVectors = F::kHalves ? 12 : 8;
  alignas(64) std::byte w[kVectors][64];
  alignas(64) float ds[F::kParts][16];
  alignas(64) float ms[F::kMin ? F::kParts : 1][16];
};

template <class F>
FH_INLINE void unpack(const std::byte* panel, std::size_t b, __m512i table, Unpacked<F>& out) {
  const std::byte* p = panel + F::block_at(b);
  __m512i w[8];
  unpack_quants<F>(p, w);
  for (int g = 0; g < 8; ++g) {
    if constexpr (F::kCodebook) w[g] = _mm512_shuffle_epi8(table, w[g]);
    if constexpr (F::kOffset != 0) w[g] = _mm512_sub_epi8(w[g], _mm512_set1_epi8(static_cast<char>(F::kOffset)));
    _mm512_store_si512(out.w[F::kHalves && g >= 4 ? g + 4 : g], w[g]);
  }
  if constexpr (F::kHalves) {
    for (int g = 4; g < 8; ++g) _mm512_store_si512(out.w[g], _mm512_setzero_si512());
  }
  const Scales<F> s = load_scales<F>(panel + F::super_at(b), p + F::kQuantBytes);
  for (int h = 0; h < F::kParts; ++h) {
    _mm512_store_ps(out.ds[h], s.ds[h]);
    if constexpr (F::kMin) _mm512_store_ps(out.ms[h], s.ms[h]);
  }
}

// Where blocks come from: unpacked before …
template <class F>
struct FromScratch {
  const Unpacked<F>* blocks;
  FH_INLINE const Unpacked<F>& at(std::size_t b) const { return blocks[b]; }
  FH_INLINE void prepare(std::size_t) const {}
};

// … or on the way into a ring: four, because two are in flight, one is being scaled and one is being written.
template <class F>
struct OnTheWay {
  const std::byte* panel;
  std::size_t count;
  __m512i table;
  Unpacked<F>* ring;  // (4)
  FH_INLINE const Unpacked<F>& at(std::size_t b) const { return ring[b % 4]; }
  FH_INLINE void prepare(std::size_t b) const {
    if (b >= count) return;
    const std::byte* ahead = panel + F::block_at(b) + kPrefetchBytes;
    for (std::size_t line = 0; line < F::kBytes; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T0);
    unpack<F>(panel, b, table, ring[b % 4]);
  }
};

// Sums of one block: [part][row][output].
struct Sums {
  alignas(64) std::int32_t dot[2][16][16];
};

// Tiles of the pipeline's slot 0 or 1.
template <int kSlot>
struct Slot {
  static constexpr int kSum = kSlot, kSum2 = 6 + kSlot, kA = 2 + kSlot, kB = 4 + kSlot;
};

void configure(std::size_t rows) {
  TileConfig config;
  for (int slot = 0; slot < 2; ++slot) {
    config.set(slot, rows, 64);
    config.set(6 + slot, rows, 64);
    config.set(2 + slot, rows, 32);
    config.set(4 + slot, 8, 64);
  }
  load_config(config);
}

// Starts the products of one block with one tile of rows at q.
template <class F, int kSlot>
FH_INLINE void multiply(const std::int8_t* q, const Unpacked<F>& w) {
  using S = Slot<kSlot>;
  tile_load<S::kA>(q, kBlock);
  tile_load<S::kB>(w.w, 64);
  tile_zero<S::kSum>();
  tile_dot_i8<S::kSum, S::kA, S::kB>();
  if constexpr (F::kHalves) {
    tile_load<S::kB>(w.w + 4, 64);
    tile_zero<S::kSum2>();
    tile_dot_i8<S::kSum2, S::kA, S::kB>();
  }
}

template <class F, int kSlot>
FH_INLINE void store(Sums& sums) {
  tile_store<Slot<kSlot>::kSum>(sums.dot[0], 64);
  if constexpr (F::kHalves) tile_store<Slot<kSlot>::kSum2>(sums.dot[1], 64);
}

template <class F, std::size_t kRows>
FH_INLINE void scale(__m512 (&acc)[kRows], const Sums& sums, const Unpacked<F>& w, const float* d, const float* sum32,
                     const float* sum16, std::size_t rows) {
  const __m512 zero = _mm512_setzero_ps();
  const __m512 ds0 = _mm512_load_ps(w.ds[0]), ds1 = _mm512_load_ps(w.ds[F::kParts - 1]);
  const __m512 ms0 = _mm512_load_ps(w.ms[0]), ms1 = _mm512_load_ps(w.ms[F::kMin ? F::kParts - 1 : 0]);
  for (std::size_t r = 0; r < kRows; ++r) {
    __m512 s = _mm512_fmadd_ps(ds0, _mm512_cvtepi32_ps(_mm512_load_si512(sums.dot[0][r])), zero);
    if constexpr (F::kHalves) {
      s = _mm512_fmadd_ps(ds1, _mm512_cvtepi32_ps(_mm512_load_si512(sums.dot[1][r])), s);
      if constexpr (F::kMin) {
        s = _mm512_fmadd_ps(ms0, _mm512_set1_ps(sum16[r]), s);
        s = _mm512_fmadd_ps(ms1, _mm512_set1_ps(sum16[rows + r]), s);
      }
    } else if constexpr (F::kMin) {
      s = _mm512_fmadd_ps(ms0, _mm512_set1_ps(sum32[r]), s);
    }
    acc[r] = _mm512_fmadd_ps(_mm512_set1_ps(d[r]), s, acc[r]);
  }
}

inline __mmask16 outputs_of(const QuantMatmul& a, std::size_t panel) {
  const std::size_t left = a.N - panel * kPanelRows;
  return left >= kPanelRows ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
}

// `rows` <= kRows rows of one tile, whose blocks first … first+count begin at x; earlier sums are in y.
template <class F, std::size_t kRows, class Source>
FH_INLINE void tile(const QuantMatmul& a, std::size_t panel, const Source& source, const QuantRows& x, float* y,
                    std::size_t rows, std::size_t first, std::size_t count) {
  __m512 acc[kRows];
  const __mmask16 outputs = outputs_of(a, panel);
  float* out = y + panel * kPanelRows;
  for (std::size_t r = 0; r < kRows; ++r) {
    acc[r] = first == 0 || r >= rows ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(outputs, out + r * a.y_stride);
  }
  Sums sums[2];
  const std::int8_t* q = x.q + first * rows * kBlock;
  const std::size_t block = rows * kBlock;
  auto scale_block = [&](std::size_t b) __attribute__((always_inline)) {
    const std::size_t at = (first + b) * rows;
    scale<F, kRows>(acc, sums[b % 2], source.at(b), x.d + at, x.sum32 + at, x.sum16 + 2 * at, rows);
  };
  source.prepare(0);
  source.prepare(1);
  multiply<F, 0>(q, source.at(0));
  if (count > 1) multiply<F, 1>(q + block, source.at(1));
  source.prepare(2);
  // Invariant at the top: b and b+1 are being multiplied, b-1's sums are stored, blocks up to b+2 are unpacked.
  std::size_t b = 0;
  for (; b + 1 < count; b += 2) {
    store<F, 0>(sums[0]);
    if (b + 2 < count) multiply<F, 0>(q + (b + 2) * block, source.at(b + 2));
    if (b > 0) scale_block(b - 1);
    source.prepare(b + 3);
    store<F, 1>(sums[1]);
    if (b + 3 < count) multiply<F, 1>(q + (b + 3) * block, source.at(b + 3));
    scale_block(b);
    source.prepare(b + 4);
  }
  if (b < count) {
    store<F, 0>(sums[0]);
    if (b > 0) scale_block(b - 1);
    scale_block(b);
  } else {
    scale_block(b - 1);
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    if (r < rows) _mm512_mask_storeu_ps(out + r * a.y_stride, outputs, acc[r]);
  }
}

template <class F, std::size_t kRows>
void one_tile(const QuantMatmul& a, const QuantRows& x, float* y, std::size_t rows, std::size_t begin, std::size_t end,
              __m512i table) {
  Unpacked<F> ring[4];
  for (std::size_t panel = begin; panel < end; ++panel) {
    const std::size_t blocks = a.K / kBlock;
    const OnTheWay<F> source{a.panels + panel * a.panel_bytes, blocks, table, ring};
    tile<F, kRows>(a, panel, source, x, y, rows, 0, blocks);
  }
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
    for (std::size_t t = 0; t < tiles; ++t) {
      const QuantRows x = from_tile(a.x, t, a.K);
      for (std::size_t panel = begin; panel < end; ++panel) {
        tile<F, kTileRows>(a, panel, FromScratch<F>{scratch[panel - begin]}, x, a.y + t * kTileRows * a.y_stride,
                           kTileRows, first, count);
      }
    }
  }
}

template <class F>
void matmul(const QuantMatmul& a) {
  const std::size_t tiles = a.T > kTileRows ? a.T / kTileRows : 0, rest = a.T - tiles * kTileRows;
  const QuantRows last = from_tile(a.x, tiles, a.K);
  float* y = a.y + tiles * kTileRows * a.y_stride;
  if (rest != 0 && rest < kFewestRows) {
    QuantMatmul few = a;
    few.T = rest;
    few.x = last;
    few.y = y;
    few_rows[static_cast<std::size_t>(F::kKind)](few);
    if (tiles == 0) return;
  }
  __m512i table = _mm512_setzero_si512();
  if constexpr (F::kCodebook) {
    table = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(panel_format(F::kKind).table)));
  }
  if (tiles != 0) {
    configure(kTileRows);
    for (std::size_t begin = a.panel_begin; begin < a.panel_end; begin += kMostPanels) {
      full_tiles<F>(a, begin, begin + kMostPanels < a.panel_end ? begin + kMostPanels : a.panel_end, tiles, table);
    }
  }
  if (rest >= kFewestRows) {
    configure(rest);
    if (rest <= 8) {
      one_tile<F, 8>(a, last, y, rest, a.panel_begin, a.panel_end, table);
    } else {
      one_tile<F, kTileRows>(a, last, y, rest, a.panel_begin, a.panel_end, table);
    }
  }
  release_tiles();
}

}  // namespace

void install_amx_matmul_quant(Table& table) {
  for (std::size_t kind = 0; kind < kPanelKinds; ++kind) few_rows[kind] = table.matmul_quant[kind];
  for_each_format([&table]<class F>(F) { table.matmul_quant[static_cast<std::size_t>(F::kKind)] = matmul<F>; });
}

}  // namespace freehold::kernel
