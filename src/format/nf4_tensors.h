// 4-bit tensors of bitsandbytes in safetensors: a matrix W of NF4 with double quantisation is stored as six tensors,
//   W                        U8 (N K / 2, 1): codes, the first weight in the high nibble
//   W.absmax                 U8 (N K / 64): the blocks' absmax, quantised
//   W.nested_absmax          F32, one in 256 of those;   W.nested_quant_map   F32 (256)
//   W.quant_map              F32 (16): must be NF4's levels
//   W.quant_state.bitsandbytes__nf4   U8: JSON with shape, block sizes and offset
// (bitsandbytes functional.py, QuantState.as_dict). They become one tensor of type NF4 (kernel/blocks/nf4.h).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/safetensors.h"

namespace freehold::format {

// Moves the 4-bit tensors of `file` from `others` (and their companions from `tensors`) to `tensors`; their blocks are
// put together in memory that `file.copies` and `file.scratch` own. Does nothing if there are none. Errors:
// Errc::corrupt for parts that do not fit together, Errc::unsupported for FP4, for single quantisation, other block
// sizes and rows that are no whole number of blocks; the tensor is named.
Result<> join_nf4_tensors(Safetensors& file);

}  // namespace freehold::format
