// Decodes quantised blocks into Block32: the one place that knows how bits lie in a block. Dequantising and repacking
// stand on it.
#pragma once

#include <cstddef>

#include "kernel/blocks/block32.h"
#include "tensor/dtype.h"

namespace freehold::kernel {

// Decodes elements 32 * block_index … 32 * block_index + 31 counted from `row`, which starts a block (any alignment).
using Unpack = void (*)(const std::byte* row, std::size_t block_index, Block32& out);

// The function for a quantised type; null for F32, F16 and BF16.
Unpack unpacker(tensor::DType type);

// unpacker(type)(row, block_index, out); the type must be quantised.
void unpack_block32(tensor::DType type, const std::byte* row, std::size_t block_index, Block32& out);

}  // namespace freehold::kernel
