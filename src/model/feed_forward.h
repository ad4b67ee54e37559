// The feed-forward half of a decoder block, forward and back: one gated network, or a mixture of them (Shazeer et al.
// 2017; Jiang et al. 2024), each with the adapters that rows of the batch have.
#pragma once

#include <cstddef>

#include "model/decoder_block.h"

namespace freehold::model {

// y (T, C) = the network of x (T, C). Of a mixture: the router's logits choose each token's experts (nn/routing.h); an
// expert computes its tokens together, and their outputs, times their shares, are added in increasing expert index. A
// `tape` receives what backward needs and changes no bit of y.
void feed_forward(nn::Context& context, const Spec& spec, const BlockWeights& weights, const PassInputs& in,
                  tensor::Rows y, tensor::ConstRows x, BlockTape* tape);

// dx (T, C) += its part, dy being the gradient of y and x what feed_forward read. The gradient of an expert's share is
// the product of dy with what the expert gave; the choice itself has none. Experts' parts are added in increasing
// index, the router's last.
void feed_forward_backward(nn::Context& context, const Spec& spec, const BlockWeights& weights, const PassInputs& in,
                           const BlockTape& tape, tensor::Rows dx, tensor::ConstRows dy, tensor::ConstRows x,
                           const BlockGradients& gradients);

// Workspace bytes for T rows, without that of linear layers and their adapters.
std::size_t feed_forward_workspace(const Spec& spec, std::size_t T);
std::size_t feed_forward_backward_workspace(const Spec& spec, std::size_t T);

}  // namespace freehold::model
