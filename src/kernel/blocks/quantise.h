// float32 -> blocks of any type. Deterministic: the same floats give the same bytes on every machine and with any
// number of threads.
//
// F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and MXFP4 give the bytes of ggml's reference quantiser. The K-quants and IQ4
// use our own search (quantise_search.h), which minimises the squared error of the weights.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "tensor/dtype.h"

namespace freehold::kernel {

// Quantises `elems` floats (a whole number of the type's blocks) into `blocks` (any alignment). For values that are
// known to be finite and of ordinary size; others never crash but give unspecified blocks. Rows are independent: call
// it from many threads.
void quantise(tensor::DType type, const float* x, std::byte* blocks, std::size_t elems);

// The same for values from outside. Errors: `invalid` names the first element that is NaN or infinite, the first block
// whose scale the type cannot hold (its values are too large), or sizes that do not fit the type's blocks.
Result<> quantise_row(tensor::DType type, std::span<const float> x, std::span<std::byte> blocks);

}  // namespace freehold::kernel
