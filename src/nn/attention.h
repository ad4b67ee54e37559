// Causal attention over the paged cache, with grouped queries, sliding window and soft cap.
//
// For one query at position i and head h (which reads kv head h * K / H):
//   s_j = scale * q.k_j (lanes), then s_j = cap * tanh(s_j / cap) if there is a cap, for all j <= i with i - j < window
//   m = max s_j (exact);  p_j = exp(s_j - m);  l = sum of p_j;  o = (sum of p_j v_j) * (1 / l)
// Sums run over cache blocks of 32 positions counted from position 0: inside a block p_j v_j is an FMA chain in
// increasing j and l is summed in lanes; blocks are added in increasing order. So chunked prefill, cached prefixes and
// single-token decode agree.
#pragma once

#include <cstdint>
#include <span>

#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::nn {

struct AttentionShape {
  std::uint32_t H = 0;  // query heads
  std::uint32_t K = 0;  // kv heads, divides H
  std::uint32_t D = 0;  // head size
  std::uint32_t window = 0;
  float scale = 0;
  float softcap = 0;
};

inline constexpr std::uint32_t kAttentionBlock = 32;  // positions; equals the cache's block

// One query row: where its sequence's keys and values of this layer are.
struct AttentionRow {
  std::span<float* const> blocks;  // entry b holds positions 32 b …; owner: the sequence
  std::uint32_t position = 0;
};

// k of position j, head g: blocks[j/32] + k_offset + (g * 32 + j % 32) * D; v likewise.
struct KvOffsets {
  std::size_t k = 0;
  std::size_t v = 0;
};

// Writes k and v (T, K * D) of the rows' positions into the cache.
void kv_store(Context& context, std::span<const AttentionRow> rows, const AttentionShape& shape, KvOffsets at,
              tensor::ConstRows k, tensor::ConstRows v);

// out (T, H * D) from q (T, H * D). `logsumexp`, if not empty, receives m + log(l) per (row, head) for backward.
void attention_forward(Context& context, tensor::Rows out, tensor::ConstRows q, std::span<const AttentionRow> rows,
                       const AttentionShape& shape, KvOffsets at, std::span<float> logsumexp = {});

// Workspace bytes for the longest position.
std::size_t attention_workspace(int threads, std::uint32_t longest);

}  // namespace freehold::nn
