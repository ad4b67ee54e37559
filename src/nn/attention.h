// Causal attention over the paged cache, with grouped queries, sliding window and soft cap.
//
// For one query at position i and head h (which reads kv head h * K / H), with k_j and v_j as the cache's type keeps
// them (kernel/kv_block.h):
//   s_j = scale * q.k_j, then s_j = cap * tanh(s_j / cap) if there is a cap, for all j <= i with i - j < window
//   m = max s_j (exact);  p_j = exp(s_j - m);  l = sum of p_j;  o = (sum of p_j v_j) * (1 / l)
// q.k_j is one FMA chain over the dimensions. l is summed in 16 lanes, position j in lane j mod 16. The sum of p_j v_j
// runs over cache blocks of 32 positions counted from position 0: inside a block an FMA chain in increasing j from +0;
// blocks are added in increasing order. None of this knows which rows are computed together, so chunked prefill, cached
// prefixes and single-token decode agree.
//
// The work is cut into tiles: up to 32 query rows (consecutive positions of one sequence, times the heads that share a
// kv head), so that a block of the cache is read, and made float32, once for all of them. A tile's scores are kept for
// all positions it sees, because the maximum comes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/kv_block.h"
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
  kernel::KvType cache = kernel::KvType::f32;
};

inline constexpr std::uint32_t kAttentionBlock = kernel::kKvBlock;  // positions

// One query row: where its sequence's keys and values of this layer are.
struct AttentionRow {
  std::span<std::byte* const> blocks;  // entry b holds positions 32 b …; owner: the sequence
  std::uint32_t position = 0;
};

// Bytes from a block's beginning to this layer's keys and values. Head g's are g * kv_key_bytes and g * kv_value_bytes
// further.
struct KvOffsets {
  std::size_t k = 0;
  std::size_t v = 0;
};

// Writes k and v (T, K * D) of the rows' positions into the cache. Rows are independent of each other.
void kv_store(Context& context, std::span<const AttentionRow> rows, const AttentionShape& shape, KvOffsets at,
              tensor::ConstRows k, tensor::ConstRows v);

// out (T, H * D) from q (T, H * D). `logsumexp`, if not empty, receives m + log(l) per (row, head) for backward.
// Touches only the blocks that some row's window sees.
void attention_forward(Context& context, tensor::Rows out, tensor::ConstRows q, std::span<const AttentionRow> rows,
                       const AttentionShape& shape, KvOffsets at, std::span<float> logsumexp = {});

// Adds to dq (T, H * D), dk and dv (T, K * D) from dout and what forward read and wrote: q, out and logsumexp; keys and
// values are read from the cache, so the gradient of a key is that of what the cache kept. The rows are whole
// sequences, each from position 0 on; packed sequences (each with blocks of its own) do not see each other.
//   p_j = exp(s_j - logsumexp);  dv_j += p_j do;  ds_j = p_j (do.v_j - do.o);  dq += scale ds_j k_j;  dk_j += scale
//   ds_j q
// with ds_j times 1 - (s_j / cap)^2 under a soft cap. Scores are recomputed (Dao et al. 2022, "FlashAttention",
// algorithm 4), nothing of size T x T is kept. A thread owns a sequence's kv head: blocks of keys in increasing order,
// then heads, then query rows.
void attention_backward(Context& context, tensor::Rows dq, tensor::Rows dk, tensor::Rows dv, tensor::ConstRows dout,
                        tensor::ConstRows out, tensor::ConstRows q, std::span<const AttentionRow> rows,
                        const AttentionShape& shape, KvOffsets at, std::span<const float> logsumexp);
std::size_t attention_backward_workspace(int threads, std::size_t T, std::uint32_t H, std::uint32_t D);

// Workspace bytes of attention_forward for up to T rows at positions below `longest`.
std::size_t attention_workspace(int threads, std::size_t T, std::uint32_t longest, std::uint32_t H, std::uint32_t K,
                                std::uint32_t D);

}  // namespace freehold::nn
