// The definition of rounding float32 matrices to BF16 in the layouts that matmul_bf16 reads.
#include <cstdint>

#include "base/half.h"
#include "kernel/scalar/scalar.h"

namespace freehold::kernel {
namespace {

void bf16_row(std::uint16_t* out, std::size_t step, const float* x, std::size_t n) {
  for (std::size_t b = 0; b < n; b += kBlock, out += step) {
    for (std::size_t k = 0; k < kBlock; ++k) out[k] = b + k < n ? f32_to_bf16(x[b + k]) : std::uint16_t{0};
  }
}

void bf16_pairs(std::uint16_t* out, const float* x, std::size_t stride, std::size_t n) {
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t r = 0; r < kPanelRows; ++r)
      out[(k / 2 * kPanelRows + r) * 2 + k % 2] = f32_to_bf16(x[k * stride + r]);
  }
}

void bf16_turned(std::uint16_t* out, const float* x, std::size_t stride, std::size_t rows) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < kBlock; ++k) out[r * kBlock + k] = f32_to_bf16(x[k * stride + r]);
  }
}

}  // namespace

void install_scalar_bf16(Table& table) {
  table.bf16_row = bf16_row;
  table.bf16_pairs = bf16_pairs;
  table.bf16_turned = bf16_turned;
}

}  // namespace freehold::kernel
