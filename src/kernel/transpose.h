// The way back: prepared panels (panel.h) -> the exact float32 weights, transposed. A product with W^T, which backward
// needs, then is a product over F32 panels like any other.
#pragma once

#include <cstddef>

#include "kernel/table.h"
#include "tensor/dtype.h"

namespace freehold::kernel {

// The kernel table's transpose of this type: 32 columns of 16 rows, with the values that dequantise gives. F32 panels
// of W^T (outputs k, inputs n) are such pieces of 16 rows of W, one below the other.
void transpose_panel_block(const Table& kernels, tensor::DType type, const std::byte* panel, std::size_t K,
                           std::size_t block, float* out, std::size_t stride);

}  // namespace freehold::kernel
