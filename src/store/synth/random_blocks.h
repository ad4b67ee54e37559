// Random weights, a pure function of (seed, tensor, row): whoever draws them, in whatever order, gets the same bytes.
//
// Quantised types are not quantised from floats: a block's codes are random bits and only its scales are computed, so
// that the values have mean 0 and the wished standard deviation. That is a valid block of ordinary size, at the speed
// of the generator (about 1 GB/s a thread) instead of the quantiser's.
// F32, F16 and BF16 hold the same numbers: each is rounded to what all three represent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/dtype.h"

namespace freehold::store {

// The stream of one tensor.
std::uint64_t stream_key(std::uint64_t seed, std::string_view tensor);

// Draw number `row` of the tensor's rows of `elems` elements (whole blocks) into `out` (byte_size(type, elems) bytes).
// Values are mean + standard deviation * (something close to normal for floats, uniform for codes); quantised types
// ignore the mean.
void draw_row(tensor::DType type, std::uint64_t key, std::uint64_t row, double mean, double deviation,
              std::span<std::byte> out);

}  // namespace freehold::store
