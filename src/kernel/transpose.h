// The way back: prepared panels (panel.h) -> the exact float32 weights, transposed. A product with W^T, which backward
// needs, then is a product over F32 panels like any other.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace freehold::kernel {

// Columns 32*block … 32*block + 31 of the 16 rows of one panel over K inputs, with the values that dequantise gives:
//   out[half * stride + r * 16 + i] = w[r, 32*block + 16*half + i],  half = 0, 1; zero past K.
// So F32 panels of W^T (outputs k, inputs n) are 16 rows of W, one below the other.
void transpose_panel_block(tensor::DType type, const std::byte* panel, std::size_t K, std::size_t block, float* out,
                           std::size_t stride);

}  // namespace freehold::kernel
