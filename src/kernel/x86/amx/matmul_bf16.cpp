// BF16 matrix products with AMX: tdpbf16ps is the definition (table.h). Two tiles of rows times two panels at once:
// four loads for four products. Pieces of 512 k keep the rows' part in the first-level cache while the panels pass.
#include <cstddef>
#include <cstdint>

#include "kernel/x86/amx/amx.h"
#include "kernel/x86/amx/tiles.h"

namespace freehold::kernel {
namespace {

constexpr std::size_t kFewestRows = 4;
constexpr std::size_t kPiece = 512;

void (*few_rows)(const Bf16Matmul&) = nullptr;

// Tiles: sums 0 … 3 ([row tile][panel]), activations 4 and 5, weights 6 and 7. A and the sums of row tile 1 have rows1
// rows.
void configure(std::size_t rows0, std::size_t rows1) {
  TileConfig config;
  for (int i = 0; i < 2; ++i) {
    config.set(i, rows0, 64);
    config.set(2 + i, rows1, 64);
    config.set(6 + i, 16, 64);
  }
  config.set(4, rows0, 64);
  config.set(5, rows1, 64);
  load_config(config);
}

// Sums of one tile on their way between y and the tile register, for the outputs that y has.
struct Buffer {
  alignas(64) float sums[16][16];

  void from(const float* y, std::size_t stride, std::size_t rows, std::size_t n) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < 16; ++i) sums[r][i] = i < n ? y[r * stride + i] : 0.0f;
    }
  }
  void to(float* y, std::size_t stride, std::size_t rows, std::size_t n) const {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < n; ++i) y[r * stride + i] = sums[r][i];
    }
  }
};

template <int kTile>
void begin_sums(const Bf16Matmul& a, float* y, std::size_t rows, std::size_t panel, bool fresh) {
  if (fresh) return tile_zero<kTile>();
  const std::size_t left = a.N - panel * 16;
  if (left >= 16) return tile_load<kTile>(y + panel * 16, a.y_stride * 4);
  Buffer buffer;
  buffer.from(y + panel * 16, a.y_stride, rows, left);
  tile_load<kTile>(buffer.sums, 64);
}

template <int kTile>
void end_sums(const Bf16Matmul& a, float* y, std::size_t rows, std::size_t panel) {
  const std::size_t left = a.N - panel * 16;
  if (left >= 16) return tile_store<kTile>(y + panel * 16, a.y_stride * 4);
  Buffer buffer;
  tile_store<kTile>(buffer.sums, 64);
  buffer.to(y + panel * 16, a.y_stride, rows, left);
}

// Row tiles t and (where kTwoTiles) t+1, panels p and (where kTwoPanels) p+1, elements first … first+n.
template <bool kTwoTiles, bool kTwoPanels>
void piece(const Bf16Matmul& a, std::size_t t, std::size_t panel, std::size_t first, std::size_t n) {
  const std::size_t rows[2] = {rows_of_tile(a.T, t), kTwoTiles ? rows_of_tile(a.T, t + 1) : 0};
  float* y = a.y + t * kTileRows * a.y_stride;
  float* y1 = y + kTileRows * a.y_stride;
  const bool fresh = first == 0 && !a.add;
  begin_sums<0>(a, y, rows[0], panel, fresh);
  if constexpr (kTwoPanels) begin_sums<1>(a, y, rows[0], panel + 1, fresh);
  if constexpr (kTwoTiles) begin_sums<2>(a, y1, rows[1], panel, fresh);
  if constexpr (kTwoTiles && kTwoPanels) begin_sums<3>(a, y1, rows[1], panel + 1, fresh);
  const std::uint16_t* x0 = a.x + t * kTileRows * a.K + first * rows[0];
  const std::uint16_t* x1 = a.x + (t + 1) * kTileRows * a.K + first * rows[1];
  const std::byte* w = a.panels + panel * a.panel_bytes + first * 32;
  for (std::size_t k = 0; k < n; k += kBlock) {
    tile_load<6>(w + k * 32, 64);
    tile_load<4>(x0 + k * rows[0], 64);
    tile_dot_bf16<0, 4, 6>();
    if constexpr (kTwoPanels) {
      tile_load<7>(w + a.panel_bytes + k * 32, 64);
      tile_dot_bf16<1, 4, 7>();
    }
    if constexpr (kTwoTiles) {
      tile_load<5>(x1 + k * rows[1], 64);
      tile_dot_bf16<2, 5, 6>();
      if constexpr (kTwoPanels) tile_dot_bf16<3, 5, 7>();
    }
  }
  end_sums<0>(a, y, rows[0], panel);
  if constexpr (kTwoPanels) end_sums<1>(a, y, rows[0], panel + 1);
  if constexpr (kTwoTiles) end_sums<2>(a, y1, rows[1], panel);
  if constexpr (kTwoTiles && kTwoPanels) end_sums<3>(a, y1, rows[1], panel + 1);
}

template <bool kTwoTiles>
void tiles(const Bf16Matmul& a, std::size_t t) {
  for (std::size_t first = 0; first < a.K; first += kPiece) {
    const std::size_t n = a.K - first < kPiece ? a.K - first : kPiece;
    std::size_t panel = a.panel_begin;
    for (; panel + 2 <= a.panel_end; panel += 2) piece<kTwoTiles, true>(a, t, panel, first, n);
    if (panel < a.panel_end) piece<kTwoTiles, false>(a, t, panel, first, n);
  }
}

void matmul_bf16(const Bf16Matmul& a) {
  if (a.T < kFewestRows) return few_rows(a);
  const std::size_t count = (a.T + kTileRows - 1) / kTileRows;
  std::size_t t = 0;
  // Full tiles share one configuration: loading one takes as long as several products.
  if (a.T >= 2 * kTileRows) configure(kTileRows, kTileRows);
  for (; (t + 2) * kTileRows <= a.T; t += 2) tiles<true>(a, t);
  if (t + 2 <= count) {
    configure(kTileRows, rows_of_tile(a.T, t + 1));
    tiles<true>(a, t);
  } else if (t < count) {
    configure(rows_of_tile(a.T, t), kTileRows);
    tiles<false>(a, t);
  }
  release_tiles();
}

}  // namespace

void install_amx_matmul_bf16(Table& table) {
  few_rows = table.matmul_bf16;
  table.matmul_bf16 = matmul_bf16;
}

}  // namespace freehold::kernel
