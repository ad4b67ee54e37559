// Backward of a decoder block: decoder_block.cpp from its last line to its first.
#include <algorithm>

#include "model/decoder_block.h"
#include "nn/elementwise.h"
#include "nn/linear.h"
#include "nn/low_rank.h"
#include "nn/rmsnorm.h"
#include "nn/rope.h"

namespace freehold::model {
namespace {

using nn::Workspace;
using tensor::ConstRows;
using tensor::Rows;

Rows take_zeroed(nn::Context& context, std::size_t T, std::size_t cols) {
  const Rows rows = nn::take_rows(context, T, cols);
  context.pool.parallel_for(T, 64, [&](std::size_t begin, std::size_t end, int) {
    std::fill_n(rows[begin], (end - begin) * rows.stride, 0.0f);
  });
  return rows;
}
// One linear layer with its adapter: dx += its part, dy is the gradient of what it gave for x.
void layer_backward(nn::Context& context, const PassInputs& in, Site site, const nn::Linear& base,
                    const BlockGradients& gradients, Rows dx, ConstRows dy, ConstRows x) {
  const nn::WorkspaceScope scope(context.workspace);
  const LayerGradients& g = gradients.at(site);
  ConstRows dz = dy;
  if (!in.adapters.empty()) {
    const AdaptedRows& all = in.adapters.front();
    FH_CHECK(in.adapters.size() == 1 && all.begin == 0 && all.end == x.rows, "a training batch has one adapter");
    const nn::LowRank& adapter = all.adapter->blocks[in.layer].at(site);
    if (!adapter.empty()) {
      const bool dora = !adapter.gain.empty();
      const Rows scaled = dora ? take_zeroed(context, dy.rows, dy.cols) : Rows{};
      nn::low_rank_backward(context, dx, scaled, dy, x, base, adapter, g.adapter, dropout_at(in, site));
      if (dora) dz = scaled;
    }
  }
  if (g.weight.data != nullptr) nn::linear_backward_weight(context, g.weight, dz, x);
  nn::linear_backward_bias(context, g.bias, dy);
  nn::linear_backward_input(context, dx, dz, base);
}

// The gradient of what a post norm read, or dy itself if there is none.
ConstRows post_norm_backward(nn::Context& context, std::span<float> dw, ConstRows dy, ConstRows x,
                             std::span<const float> w, std::span<const float> rstd) {
  if (w.empty()) return dy;
  const Rows dx = take_zeroed(context, dy.rows, dy.cols);
  nn::rmsnorm_backward(context, dx, dw, dy, x, w, rstd);
  return dx;
}

// dx += the feed-forward's part.
void ffn_backward(nn::Context& context, const Spec& spec, const Expert& w, const PassInputs& in, const BlockTape& tape,
                  Rows dx, ConstRows dy, const BlockGradients& g) {
  const nn::WorkspaceScope scope(context.workspace);
  const std::size_t T = dy.rows;
  const Rows dgate = take_zeroed(context, T, spec.ffn), dup = take_zeroed(context, T, spec.ffn);
  layer_backward(context, in, Site::down, w.down, g, dgate, dy, tape.act);
  nn::gated_backward(context, dgate, dup, dgate, tape.gate, tape.up,
                     spec.activation == Activation::silu ? nn::Gate::silu : nn::Gate::gelu_tanh);
  layer_backward(context, in, Site::gate, w.gate, g, dx, dgate, tape.ffn_in);
  layer_backward(context, in, Site::up, w.up, g, dx, dup, tape.ffn_in);
}

// dx += attention's part.
void attention_part_backward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& w,
                             const PassInputs& in, const BlockTape& tape, Rows dx, ConstRows dy,
                             const BlockGradients& g) {
  const nn::WorkspaceScope scope(context.workspace);
  const std::size_t T = dy.rows, Q = w.q.outputs(), KV = w.k.outputs();
  const Rows dout = take_zeroed(context, T, Q), dq = take_zeroed(context, T, Q), dk = take_zeroed(context, T, KV),
             dv = take_zeroed(context, T, KV);
  layer_backward(context, in, Site::o, w.o, g, dout, dy, tape.attention);
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
  layer_backward(context, in, Site::q, w.q, g, dx, dq, tape.attention_in);
  layer_backward(context, in, Site::k, w.k, g, dx, dk, tape.attention_in);
  layer_backward(context, in, Site::v, w.v, g, dx, dv, tape.attention_in);
}

}  // namespace

void block_backward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& w,
                    const PassInputs& in, const BlockTape& tape, ConstRows x, Rows dx, const BlockGradients& g) {
  FH_CHECK(spec.experts == 0, "training refuses mixtures of experts before it begins");
  const std::size_t T = x.rows;
  {
    const nn::WorkspaceScope scope(context.workspace);
    const ConstRows dy =
        post_norm_backward(context, g.post_ffn_norm, dx, tape.ffn_out, w.post_ffn_norm, tape.post_ffn_rstd);
    const Rows dh = take_zeroed(context, T, spec.width);
    ffn_backward(context, spec, w.ffn, in, tape, dh, dy, g);
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
  const std::size_t C = spec.width, F = spec.ffn, widest = std::max({C, Q, F});
  std::size_t pairs = 0;
  for (const nn::Rope& rope : spec.ropes) pairs = std::max(pairs, rope.inv_freq.size());
  const std::size_t layer = nn::rows_cost(T, widest) +
                            std::max(nn::linear_backward_workspace(threads, T, widest, widest),
                                     rank == 0 ? 0 : nn::low_rank_backward_workspace(threads, T, widest, widest, rank));
  const std::size_t attention =
      2 * nn::rows_cost(T, Q) + 2 * nn::rows_cost(T, KV) +
      std::max({layer, nn::attention_backward_workspace(threads, T, spec.heads, spec.head_size),
                Workspace::cost<float>(T * pairs)});
  const std::size_t ffn = 2 * nn::rows_cost(T, F) + layer;
  return 2 * nn::rows_cost(T, C) + std::max(attention, ffn);
}

}  // namespace freehold::model
