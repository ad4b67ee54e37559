// One decoder block: attention and feed-forward, each with its norms and residual addition.
#pragma once

#include <span>

#include "model/adapter.h"
#include "model/kv_cache.h"
#include "model/spec.h"
#include "model/tape.h"
#include "model/weights.h"
#include "nn/attention.h"
#include "nn/context.h"

namespace freehold::model {

// What all blocks of one forward pass share.
struct PassInputs {
  std::span<const nn::AttentionRow> rows;  // (T), for this block's cache group
  nn::KvOffsets cache;                     // this layer's place inside a cache block
  kernel::KvType cache_type;
  const float* cos;  // (T, n) for this block's rope
  const float* sin;
  std::size_t layer = 0;                       // which block of the model this is
  std::span<const AdaptedRows> adapters = {};  // disjoint, in increasing order
  nn::Dropout dropout = {};                    // in front of the adapters, in training; its stream is the pass's
};

// x (T, C) in place. A `tape` changes no bit of x: it receives what block_backward needs besides x as it was.
void block_forward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& weights,
                   const PassInputs& in, tensor::Rows x, BlockTape* tape = nullptr);

// dx (T, C) holds the gradient of the block's output and gets that of its input; `x` is what the block read, and the
// tape, the cache and `in` are as block_forward left them. Rows are whole sequences (nn/attention.h), and at most one
// adapter serves all of them. The weights' and the adapter's gradients are added to.
void block_backward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& weights,
                    const PassInputs& in, const BlockTape& tape, tensor::ConstRows x, tensor::Rows dx,
                    const BlockGradients& gradients);

// Workspace bytes of block_forward for T rows, without attention's scores; `rank` is the adapters' largest.
std::size_t block_workspace(const Spec& spec, std::size_t T, std::size_t rank = 0);
std::size_t block_backward_workspace(const Spec& spec, int threads, std::size_t T, std::size_t rank);

}  // namespace freehold::model
