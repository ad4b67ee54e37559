// One decoder block: attention and feed-forward, each with its norms and residual addition.
#pragma once

#include <span>

#include "model/kv_cache.h"
#include "model/spec.h"
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
};

// x (T, C) in place.
void block_forward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& weights,
                   const PassInputs& in, tensor::Rows x);

// Workspace bytes of block_forward for T rows, without attention's scores.
std::size_t block_workspace(const Spec& spec, std::size_t T);

// Mixture of experts (Shazeer et al. 2017; Jiang et al. 2024): router logits, softmax over all experts, the `used` best
// (ties: the lower index), their weights renormalised to sum 1; outputs added in increasing expert index. y (T, C) is
// written.
void experts_forward(nn::Context& context, const Spec& spec, const BlockWeights& weights, tensor::Rows y,
                     tensor::ConstRows x);

}  // namespace freehold::model
