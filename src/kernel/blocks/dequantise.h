// Blocks of any type -> float32, exactly: the definition all faster paths are tested against.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace freehold::kernel {

// out[0 … elems) = the values of `elems` consecutive elements starting at `blocks` (any alignment). `elems` is a whole
// number of the type's blocks. Never fails: every bit pattern has a value; infinite or NaN scales give infinities and
// NaN.
void dequantise(tensor::DType type, const std::byte* blocks, float* out, std::size_t elems);

}  // namespace freehold::kernel
