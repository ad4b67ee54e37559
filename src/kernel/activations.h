// Where the rows of activations lie that the matrix products read: in tiles of 16 rows, block after block.
//
// A tile holds kTileRows consecutive rows (the last one those that are left, R of them). Inside a tile the blocks of 32
// consecutive k follow each other, and inside a block its rows: one AMX A tile is 512 consecutive bytes, and the rows
// of a batch never lie a power of two apart.
//
//   q, x    (tiles) (K/32) (R) (32)          element k of row r of a tile: [k/32][r][k%32]
//   d, sum32 (tiles) (K/32) (R)
//   sum16   (tiles) (K/32) (2) (R)
//
// Tile i begins at row 16*i's share of each array: i*16*K elements of q, i*16*K/32 of d. A kernel may read (and ignore)
// the 16 rows of a tile even where the last one has fewer, so each array is readable kTileRows rows of one block past
// its end; the *_elements functions count these in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/panel.h"

namespace freehold::kernel {

inline constexpr std::size_t kTileRows = 16;

// T rows of K activations quantised in blocks of 32.
//   d = max|x| / 127,  q = round_to_nearest_even(x * (127 / max|x|)),  sum32 = sum of q over the block, sum16 over its
//   first and its second 16 elements (exact as floats).
// max|x| < 1e-30 gives d = 0, q = 0; a block with an infinity or NaN gives d = NaN, q = 0.
struct QuantRows {
  const std::int8_t* q;
  const float* d;
  const float* sum32;
  const float* sum16;
};

// Where one row goes: the addresses of its first block, and the rows R of its tile.
struct QuantRowOut {
  std::int8_t* q;
  float* d;
  float* sum32;
  float* sum16;
  std::size_t rows;
};

// Unnamed: a shared inline function compiled for one instruction set could be the copy the whole program gets.
namespace {

constexpr std::size_t rows_of_tile(std::size_t T, std::size_t tile) {
  return T - tile * kTileRows < kTileRows ? T - tile * kTileRows : kTileRows;
}
constexpr std::size_t q_elements(std::size_t T, std::size_t K) {
  return T * K + kTileRows * kBlock;
}
constexpr std::size_t d_elements(std::size_t T, std::size_t K) {
  return T * (K / kBlock) + kTileRows;
}
constexpr std::size_t sum16_elements(std::size_t T, std::size_t K) {
  return 2 * d_elements(T, K);
}

// The first tile's rows from row 16*tile on.
constexpr QuantRows from_tile(const QuantRows& x, std::size_t tile, std::size_t K) {
  const std::size_t row = tile * kTileRows;
  return {x.q + row * K, x.d + row * (K / kBlock), x.sum32 + row * (K / kBlock), x.sum16 + row * (K / kBlock) * 2};
}

constexpr QuantRowOut row_out(std::int8_t* q, float* d, float* sum32, float* sum16, std::size_t T, std::size_t K,
                              std::size_t t) {
  const std::size_t first = t / kTileRows * kTileRows, r = t % kTileRows, blocks = K / kBlock;
  return {q + first * K + r * kBlock, d + first * blocks + r, sum32 + first * blocks + r,
          sum16 + first * blocks * 2 + r, rows_of_tile(T, t / kTileRows)};
}

}  // namespace
}  // namespace freehold::kernel
