// Backward of a decoder block: decoder_block.cpp from its last line to its first.
#include <algorithm>

#include "model/adapted_linear.h"
#include "model/decoder_block.h"
#include "model/feed_forward.h"
#include "nn/linear.h"
#include "nn/low_rank.h"
#include "nn/rmsnorm.h"
#include "nn/rope.h"

namespace freehold::model {
namespace {

using nn::Workspace;
using tensor::ConstRows;
using tensor::Rows;

// The gradient of what a post norm read, or dy itself if there is none.
ConstRows post_norm_backward(nn::Context& context, std::span<float> dw, ConstRows dy, ConstRows x,
                             std::span<const float> w, std::span<const float> rstd) {
  if (w.empty()) return dy;
  const Rows dx = take_zeroed(context, dy.rows, dy.cols);
  nn::rmsnorm_backward(context, dx, dw, dy, x, w, rstd);
  return dx;
}

// dx += attention's part.
void attention_part_backward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& w,
                             const PassInputs& in, const BlockTape& tape, Rows dx, ConstRows dy,
                             const BlockGradients& g) {
  const nn::WorkspaceScope scope(context.workspace);
  const std::size_t T = dy.rows, Q = w.q.outputs(), KV = w.k.outputs();
  const Rows dout = take_zeroed(context, T, Q), dq = take_zeroed(context, T, Q), dk = take_zeroed(context, T, KV),
             dv = take_zeroed(context, T, KV);
  const auto layer = [&](Site site, const nn::Linear& base, Rows to, ConstRows from, ConstRows read) {
    adapted_backward(context, in, slot_of(site), base, g.sites[slot_of(site)], to, from, read);
  };
  layer(Site::o, w.o, dout, dy, tape.attention);
  const nn::AttentionShape shape{spec.heads,           spec.kv_heads,          spec.head_size, block.window,
                                 spec.attention_scale, spec.attention_softcap, in.cache_type};
  nn::attention_backward(context, dq, dk, dv, dout, tape.attention, tape.q, in.rows, shape, in.cache, tape.logsumexp);
  const nn::Rope& rope = spec.ropes[block.rope];
  nn::rope_backward(context, dq, spec.heads, spec.head_size, rope, in.cos, in.sin);
  nn::rope_backward(context, dk, spec.kv_heads, spec.head_size, rope, in.cos, in.sin);
  if (spec.qk_norm) {
    nn::head_norm_backward(context, dq, spec.heads, g.q_norm, tape.q_raw, w.q_norm, tape.q_rstd);
    nn::head_norm_backward(context, dk, spec.kv_heads, g.k_norm, tape.k_raw, w.k_norm, tape.k_rstd);
  }
  layer(Site::q, w.q, dx, dq, tape.attention_in);
  layer(Site::k, w.k, dx, dk, tape.attention_in);
  layer(Site::v, w.v, dx, dv, tape.attention_in);
}

}  // namespace

void block_backward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& w,
                    const PassInputs& in, const BlockTape& tape, ConstRows x, Rows dx, const BlockGradients& g) {
  const std::size_t T = x.rows;
  {
    const nn::WorkspaceScope scope(context.workspace);
    const ConstRows dy =
        post_norm_backward(context, g.post_ffn_norm, dx, tape.ffn_out, w.post_ffn_norm, tape.post_ffn_rstd);
    const Rows dh = take_zeroed(context, T, spec.width);
    feed_forward_backward(context, spec, w, in, tape, dh, dy, tape.ffn_in, g);
    nn::rmsnorm_backward(context, dx, g.ffn_norm, dh, tape.middle, w.ffn_norm, tape.ffn_rstd);
  }
  const nn::WorkspaceScope scope(context.workspace);
  const ConstRows dy = post_norm_backward(context, g.post_attention_norm, dx, tape.attention_out, w.post_attention_norm,
                                          tape.post_attention_rstd);
  const Rows dh = take_zeroed(context, T, spec.width);
  attention_part_backward(context, spec, block, w, in, tape, dh, dy, g);
  nn::rmsnorm_backward(context, dx, g.attention_norm, dh, x, w.attention_norm, tape.attention_rstd);
}

std::size_t block_backward_workspace(const Spec& spec, int threads, std::size_t T, std::size_t rank) {
  const std::size_t Q = std::size_t{spec.heads} * spec.head_size, KV = std::size_t{spec.kv_heads} * spec.head_size;
  const std::size_t C = spec.width, F = spec.ffn, widest = std::max({C, Q, F, std::size_t{spec.experts}});
  std::size_t pairs = 0;
  for (const nn::Rope& rope : spec.ropes) pairs = std::max(pairs, rope.inv_freq.size());
  const std::size_t layer = adapted_backward_workspace(threads, T, widest, rank);
  const std::size_t attention =
      2 * nn::rows_cost(T, Q) + 2 * nn::rows_cost(T, KV) +
      std::max({layer, nn::attention_backward_workspace(threads, T, spec.heads, spec.head_size),
                Workspace::cost<float>(T * pairs)});
  const std::size_t feed_forward = feed_forward_backward_workspace(spec, T) + layer;
  return 2 * nn::rows_cost(T, C) + std::max(attention, feed_forward);
}

}  // namespace freehold::model
