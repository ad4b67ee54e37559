#include "model/decoder_block.h"

#include <algorithm>

#include "model/adapted_linear.h"
#include "model/feed_forward.h"
#include "nn/elementwise.h"
#include "nn/linear.h"
#include "nn/low_rank.h"
#include "nn/rmsnorm.h"
#include "nn/rope.h"

namespace freehold::model {
namespace {

using nn::rows_cost;
using nn::take_rows;
using tensor::Rows;

void copy_rows(Rows to, tensor::ConstRows from) {
  for (std::size_t t = 0; t < from.rows; ++t) std::copy_n(from[t], from.cols, to[t]);
}

void attention_part(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& w,
                    const PassInputs& in, Rows y, tensor::ConstRows x, BlockTape* tape) {
  const nn::WorkspaceScope scope(context.workspace);
  const std::size_t T = x.rows;
  Rows q = tape != nullptr ? tape->q : take_rows(context, T, w.q.outputs());
  Rows k = take_rows(context, T, w.k.outputs());
  Rows v = take_rows(context, T, w.v.outputs());
  const nn::LinearTask tasks[] = {{q, &w.q}, {k, &w.k}, {v, &w.v}};
  nn::linear_forward(context, tasks, x);
  adapt(context, in, slot_of(Site::q), w.q, q, x);
  adapt(context, in, slot_of(Site::k), w.k, k, x);
  adapt(context, in, slot_of(Site::v), w.v, v, x);
  if (spec.qk_norm) {
    if (tape != nullptr) copy_rows(tape->q_raw, q), copy_rows(tape->k_raw, k);
    nn::head_norm_forward(context, q, spec.heads, w.q_norm, spec.norm_eps, tape ? tape->q_rstd : std::span<float>{});
    nn::head_norm_forward(context, k, spec.kv_heads, w.k_norm, spec.norm_eps, tape ? tape->k_rstd : std::span<float>{});
  }
  const nn::Rope& rope = spec.ropes[block.rope];
  nn::rope_forward(context, q, spec.heads, spec.head_size, rope, in.cos, in.sin);
  nn::rope_forward(context, k, spec.kv_heads, spec.head_size, rope, in.cos, in.sin);
  const nn::AttentionShape shape{spec.heads,           spec.kv_heads,          spec.head_size, block.window,
                                 spec.attention_scale, spec.attention_softcap, in.cache_type};
  nn::kv_store(context, in.rows, shape, in.cache, k, v);
  Rows out = tape != nullptr ? tape->attention : take_rows(context, T, w.q.outputs());
  nn::attention_forward(context, out, q, in.rows, shape, in.cache, tape ? tape->logsumexp : std::span<float>{});
  nn::linear_forward(context, y, out, w.o);
  adapt(context, in, slot_of(Site::o), w.o, y, out);
}

}  // namespace

void block_forward(nn::Context& context, const Spec& spec, const Block& block, const BlockWeights& w,
                   const PassInputs& in, Rows x, BlockTape* tape) {
  const nn::WorkspaceScope scope(context.workspace);
  Rows h = tape != nullptr ? tape->attention_in : take_rows(context, x.rows, x.cols);
  Rows y = take_rows(context, x.rows, x.cols);
  auto rstd = [&](std::span<float> BlockTape::*part) { return tape != nullptr ? tape->*part : std::span<float>{}; };

  nn::rmsnorm_forward(context, h, x, w.attention_norm, spec.norm_eps, rstd(&BlockTape::attention_rstd));
  attention_part(context, spec, block, w, in, y, h, tape);
  if (spec.post_norms) {
    if (tape != nullptr) copy_rows(tape->attention_out, y);
    nn::rmsnorm_forward(context, y, y, w.post_attention_norm, spec.norm_eps, rstd(&BlockTape::post_attention_rstd));
  }
  nn::add_forward(context, x, y);
  if (tape != nullptr) {
    copy_rows(tape->middle, x);
    h = tape->ffn_in;
  }

  nn::rmsnorm_forward(context, h, x, w.ffn_norm, spec.norm_eps, rstd(&BlockTape::ffn_rstd));
  feed_forward(context, spec, w, in, y, h, tape);
  if (spec.post_norms) {
    if (tape != nullptr) copy_rows(tape->ffn_out, y);
    nn::rmsnorm_forward(context, y, y, w.post_ffn_norm, spec.norm_eps, rstd(&BlockTape::post_ffn_rstd));
  }
  nn::add_forward(context, x, y);
}

std::size_t block_workspace(const Spec& spec, std::size_t T, std::size_t rank) {
  const std::size_t Q = std::size_t{spec.heads} * spec.head_size, KV = std::size_t{spec.kv_heads} * spec.head_size;
  const std::size_t C = spec.width, F = spec.ffn;
  const std::size_t widest = std::max({C, Q, F, std::size_t{spec.experts}});
  const std::size_t attention = 2 * rows_cost(T, Q) + 2 * rows_cost(T, KV);
  return 2 * rows_cost(T, C) + std::max(attention, feed_forward_workspace(spec, T)) + nn::linear_workspace(T, widest) +
         (rank == 0 ? 0 : nn::low_rank_workspace(T, widest, widest, rank));
}

}  // namespace freehold::model
