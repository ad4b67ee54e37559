#include "model/decoder_block.h"

#include <algorithm>

#include "nn/elementwise.h"
#include "nn/linear.h"
#include "nn/low_rank.h"
#include "nn/rmsnorm.h"
#include "nn/rope.h"

namespace freehold::model {
namespace {

using nn::rows_cost;
using nn::take_rows;
using nn::Workspace;
using tensor::Rows;

nn::Gate gate_of(const Spec& spec) {
  return spec.activation == Activation::silu ? nn::Gate::silu : nn::Gate::gelu_tanh;
}

// y holds `base` of x; the rows that have an adapter on this layer get its part.
void adapt(nn::Context& context, const PassInputs& in, Site site, const nn::Linear& base, Rows y, tensor::ConstRows x) {
  for (const AdaptedRows& r : in.adapters) {
    const nn::LowRank& adapter = r.adapter->blocks[in.layer].at(site);
    if (adapter.empty()) continue;
    nn::low_rank_forward(context, {y[r.begin], r.end - r.begin, y.cols, y.stride},
                         {x[r.begin], r.end - r.begin, x.cols, x.stride}, base, adapter, dropout_at(in, site));
  }
}

// y = down(act(gate x) * up x)
void expert_forward(nn::Context& context, const Spec& spec, const Expert& expert, Rows y, tensor::ConstRows x) {
  const nn::WorkspaceScope scope(context.workspace);
  Rows gate = take_rows(context, x.rows, expert.gate.outputs());
  Rows up = take_rows(context, x.rows, expert.up.outputs());
  const nn::LinearTask tasks[] = {{gate, &expert.gate}, {up, &expert.up}};
  nn::linear_forward(context, tasks, x);
  nn::gated_forward(context, gate, gate, up, gate_of(spec));
  nn::linear_forward(context, y, gate, expert.down);
}

// The dense feed-forward, with adapters.
void ffn_part(nn::Context& context, const Spec& spec, const Expert& w, const PassInputs& in, Rows y,
              tensor::ConstRows x, BlockTape* tape) {
  const nn::WorkspaceScope scope(context.workspace);
  Rows gate = tape != nullptr ? tape->gate : take_rows(context, x.rows, w.gate.outputs());
  Rows up = tape != nullptr ? tape->up : take_rows(context, x.rows, w.up.outputs());
  Rows act = tape != nullptr ? tape->act : gate;
  const nn::LinearTask tasks[] = {{gate, &w.gate}, {up, &w.up}};
  nn::linear_forward(context, tasks, x);
  adapt(context, in, Site::gate, w.gate, gate, x);
  adapt(context, in, Site::up, w.up, up, x);
  nn::gated_forward(context, act, gate, up, gate_of(spec));
  nn::linear_forward(context, y, act, w.down);
  adapt(context, in, Site::down, w.down, y, act);
}

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
  adapt(context, in, Site::q, w.q, q, x);
  adapt(context, in, Site::k, w.k, k, x);
  adapt(context, in, Site::v, w.v, v, x);
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
  adapt(context, in, Site::o, w.o, y, out);
}

}  // namespace

void experts_forward(nn::Context& context, const Spec& spec, const BlockWeights& w, Rows y, tensor::ConstRows x) {
  const nn::WorkspaceScope scope(context.workspace);
  const std::size_t T = x.rows, E = spec.experts;
  Rows share = take_rows(context, T, E);  // router logits, then each expert's share (0 = not used)
  nn::linear_forward(context, share, x, w.router);
  for (std::size_t t = 0; t < T; ++t) {
    float* s = share[t];
    float best = context.kernels.max_row(s, E);
    context.kernels.attn_exp(s, E, best);
    // Keep the largest `used`, the lower index first among equals; the others become 0.
    float sum = 0.0f;
    for (std::size_t e = 0; e < E; ++e) {
      std::size_t above = 0;
      for (std::size_t o = 0; o < E; ++o) {
        const float other = o < e && s[o] < 0 ? -s[o] : s[o];  // those already kept are marked by their sign
        if (other > s[e] || (other == s[e] && o < e)) ++above;
      }
      if (above < spec.experts_used) s[e] = -s[e];
    }
    for (std::size_t e = 0; e < E; ++e) {
      s[e] = s[e] < 0 ? -s[e] : 0.0f;
      sum += s[e];
    }
    for (std::size_t e = 0; e < E; ++e) s[e] = s[e] / sum;
    std::fill(y[t], y[t] + y.cols, 0.0f);
  }
  auto* chosen = context.workspace.take<std::uint32_t>(T);
  for (std::size_t e = 0; e < E; ++e) {
    const nn::WorkspaceScope expert_scope(context.workspace);
    std::size_t n = 0;
    for (std::size_t t = 0; t < T; ++t) {
      if (share[t][e] > 0) chosen[n++] = static_cast<std::uint32_t>(t);
    }
    if (n == 0) continue;
    Rows in = take_rows(context, n, x.cols);
    Rows out = take_rows(context, n, x.cols);
    for (std::size_t i = 0; i < n; ++i) std::copy_n(x[chosen[i]], x.cols, in[i]);
    expert_forward(context, spec, w.experts[e], out, in);
    for (std::size_t i = 0; i < n; ++i) context.kernels.axpy_row(y[chosen[i]], share[chosen[i]][e], out[i], y.cols);
  }
}

nn::Dropout dropout_at(const PassInputs& in, Site site) {
  nn::Dropout d = in.dropout;
  d.stream = (d.stream << 16) + in.layer * kSites + static_cast<std::size_t>(site);
  return d;
}

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
  if (spec.experts != 0) {
    experts_forward(context, spec, w, y, h);
  } else {
    ffn_part(context, spec, w.ffn, in, y, h, tape);
  }
  if (spec.post_norms) {
    if (tape != nullptr) copy_rows(tape->ffn_out, y);
    nn::rmsnorm_forward(context, y, y, w.post_ffn_norm, spec.norm_eps, rstd(&BlockTape::post_ffn_rstd));
  }
  nn::add_forward(context, x, y);
}

std::size_t block_workspace(const Spec& spec, std::size_t T, std::size_t rank) {
  const std::size_t Q = std::size_t{spec.heads} * spec.head_size, KV = std::size_t{spec.kv_heads} * spec.head_size;
  const std::size_t C = spec.width, F = spec.ffn;
  const std::size_t widest = std::max({C, Q, F});
  const std::size_t attention = 2 * rows_cost(T, Q) + 2 * rows_cost(T, KV);
  const std::size_t feed_forward = 2 * rows_cost(T, F);
  const std::size_t experts =
      spec.experts == 0 ? 0 : rows_cost(T, spec.experts) + Workspace::cost<std::uint32_t>(T) + 2 * rows_cost(T, C);
  return 2 * rows_cost(T, C) + std::max(attention, feed_forward + experts) + nn::linear_workspace(T, widest) +
         (rank == 0 ? 0 : nn::low_rank_workspace(T, widest, widest, rank));
}

}  // namespace freehold::model
