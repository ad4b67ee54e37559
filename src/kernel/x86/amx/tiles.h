// The AMX instructions as functions. Our own assembly: g++ 12's _tile_loadconfig names 8 of the 64 bytes it reads and
// its _tile_loadd none, so that stores before them can vanish.
#pragma once

#include <cstddef>
#include <cstdint>

namespace freehold::kernel {
namespace {

// The 64 bytes that LDTILECFG reads (Intel SDM, palette 1).
struct TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  void set(int tile, std::size_t r, std::size_t bytes) {
    rows[tile] = static_cast<std::uint8_t>(r);
    row_bytes[tile] = static_cast<std::uint16_t>(bytes);
  }
};
static_assert(sizeof(TileConfig) == 64, "as the hardware reads it");

inline void load_config(const TileConfig& config) {
  asm volatile("ldtilecfg %0" ::"m"(config) : "memory");
}
// Gives the tiles back, so that a context switch does not save them.
inline void release_tiles() {
  asm volatile("tilerelease" ::: "memory");
}
template <int kTile>
inline void tile_zero() {
  asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
}
template <int kTile>
inline void tile_load(const void* rows, std::size_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
inline void tile_store(void* rows, std::size_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
}
// sum += a * b, int8 with int32 sums.
template <int kSum, int kA, int kB>
inline void tile_dot_i8() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
}
template <int kSum, int kA, int kB>
inline void tile_dot_bf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
}

}  // namespace
}  // namespace freehold::kernel
