// NF4, the 4-bit type of QLoRA (Dettmers et al. 2023, section 3), as bitsandbytes stores it and as we hold it.
//
// A matrix is cut, row after row, into blocks of 64 weights; each keeps its largest magnitude and 16 levels between -1
// and 1, the quantiles of a normal distribution (kernel/nf4_levels.h):
//   code = the nearest level to w * (1 / absmax), of two equally near the lower;   w' = level[code] * absmax
//
// Double quantisation: the blocks' absmax, less their mean (`offset`), are quantised in turn in blocks of 256 to 8 bits
// of bitsandbytes' dynamic map:   absmax' = map[q] * nested_absmax + offset   (two roundings)
//
// A file holds codes, q, nested_absmax, map and offset (4.127 bits a weight). In memory a block stands for itself:
//
//   float32 absmax'   | 32 bytes: weight 2j in the high, 2j + 1 in the low nibble of byte j          36 bytes, 4.5 bits
//
// because the second level's blocks of 16,384 weights cross rows and panels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "kernel/nf4_levels.h"

namespace freehold::kernel {

inline constexpr std::size_t kNf4Block = 64;
inline constexpr std::size_t kNf4NestedBlock = 256;  // blocks
inline constexpr std::size_t kNf4MapSize = 256;

struct BlockNf4 {
  float absmax;
  std::uint8_t codes[kNf4Block / 2];
};
static_assert(sizeof(BlockNf4) == 36);

// A matrix as a file holds it.
struct Nf4Tensor {
  std::vector<std::uint8_t> codes;   // two a byte, the first in the high nibble
  std::vector<std::uint8_t> absmax;  // one a block of 64
  std::vector<float> nested_absmax;  // one in 256 of those
  std::vector<float> map;            // 256 values, increasing
  float offset = 0;
};

// bitsandbytes' dynamic map of 8 bits (functional.py, create_dynamic_map(signed, 7, 8); Dettmers et al. 2022, "8-bit
// Optimizers via Block-wise Quantization", section 1.3): 256 values from -1, or 0, to 1, in increasing order, seven
// decades of exponents with 1 to 64 steps each, of positive ones twice as many. Recomputing it may differ by one unit
// in the last place from what a checkpoint holds, so readers take the file's.
enum class MapSign : bool { both, positive };
std::vector<float> dynamic_map(MapSign sign);
inline std::vector<float> nf4_dynamic_map() {
  return dynamic_map(MapSign::both);
}
// Index of the value of an increasing map that is nearest to x, of two equally near the lower.
std::uint8_t nearest_in_map(std::span<const float> map, float x);

// Quantises `x`, row-major, whose rows are whole blocks. Errors: Errc::invalid for an infinity, a NaN or a length that
// is no whole number of blocks.
Result<Nf4Tensor> quantise_nf4(std::span<const float> x, std::vector<float> map = nf4_dynamic_map());

// absmax' of block `index`.
inline float nf4_absmax(std::uint8_t q, float nested_absmax, float offset, std::span<const float> map) {
  const float scaled = map[q] * nested_absmax;
  return scaled + offset;
}

}  // namespace freehold::kernel
