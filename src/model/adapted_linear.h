// The linear layers of a decoder block with the adapters that rows of a batch have on them, forward and back.
#pragma once

#include <cstddef>

#include "model/decoder_block.h"
#include "nn/linear.h"

namespace freehold::model {

// y holds `base` of x; the rows that have an adapter on this layer (`slot` of the block, model/adapter.h) get its part.
void adapt(nn::Context& context, const PassInputs& in, std::size_t slot, const nn::Linear& base, tensor::Rows y,
           tensor::ConstRows x);

// dx += the layer's part, dy being the gradient of what layer and adapter gave for x. At most one adapter, on all rows.
// `gradients` are added to.
void adapted_backward(nn::Context& context, const PassInputs& in, std::size_t slot, const nn::Linear& base,
                      const LayerGradients& gradients, tensor::Rows dx, tensor::ConstRows dy, tensor::ConstRows x);
// Workspace bytes of adapted_backward for T rows of layers no wider than `widest`; `rank` is the adapter's largest.
std::size_t adapted_backward_workspace(int threads, std::size_t T, std::size_t widest, std::size_t rank);

// A pass's dropout as one layer's adapter has it: a stream of its own in every pass. A slot of 0 in the block behind
// the last is the output matrix's.
nn::Dropout dropout_of(nn::Dropout pass, std::size_t block, std::size_t slot, std::size_t slots);

// (T, cols), all zero.
tensor::Rows take_zeroed(nn::Context& context, std::size_t T, std::size_t cols);

}  // namespace freehold::model
