// Backward of attention, on the kernels of its forward pass: tiles of up to 32 query rows against a block of 32 keys.
#include <algorithm>
#include <cstring>
#include <limits>

#include "nn/attention.h"
#include "nn/attention_cache.h"

namespace freehold::nn {
namespace {

using attention::Cache;
using attention::first_seen;

constexpr std::size_t kBlock = kAttentionBlock;

// One thread's scratch; D16 is D rounded up to 16.
struct BackwardTile {
  float *kept, *k_columns, *k_rows, *v_columns, *v_rows;  // a block's keys and values both ways
  float *dk, *dv;                                         // (32, D16)
  float *q, *dout, *dq;                                   // (32, D16), zero past D
  float *s, *dp, *p_columns, *ds_columns;                 // (32, 32)

  static std::size_t elems(std::size_t D16) { return 10 * kBlock * D16 + 4 * kBlock * kBlock; }
  BackwardTile(float* memory, std::size_t D16) {
    for (float** part : {&kept, &k_columns, &k_rows, &v_columns, &v_rows, &dk, &dv, &q, &dout, &dq}) {
      *part = memory;
      memory += kBlock * D16;
    }
    for (float** part : {&s, &dp, &p_columns, &ds_columns}) {
      *part = memory;
      memory += kBlock * kBlock;
    }
  }
};

struct Operands {
  Context& context;
  tensor::Rows dq, dk, dv;
  tensor::ConstRows dout, q;
  const AttentionShape& shape;
  const float* logsumexp;  // (T, H)
  const float* delta;      // (T, H): do.o
};

// A block's keys (D, 32) and values (32, D16) as the cache keeps them, each also the other way round; only the first
// `count` positions have been written.
void read_block(const Cache& cache, const std::byte* block, std::size_t g, std::size_t count,
                const BackwardTile& tile) {
  const std::size_t D = cache.shape.D, D16 = kernel::kv_padded(D);
  const float* k = cache.keys(block, g, tile.kept);
  std::fill_n(tile.k_columns, kBlock * D16, 0.0f);
  std::fill_n(tile.k_rows, kBlock * D16, 0.0f);
  for (std::size_t d = 0; d < D; ++d) {
    for (std::size_t j = 0; j < count; ++j)
      tile.k_columns[d * kBlock + j] = tile.k_rows[j * D16 + d] = k[d * kBlock + j];
  }
  const float* v = cache.values(block, g, tile.kept);
  std::fill_n(tile.v_columns, kBlock * D16, 0.0f);
  for (std::size_t j = 0; j < count; ++j) {
    for (std::size_t d = 0; d < D; ++d) tile.v_columns[d * kBlock + j] = v[j * D16 + d];
  }
}

// Query rows t0 … t0 + n - 1 (positions i0 …) of head h against the block of `count` keys from position j0 on.
void tile_backward(const Operands& o, const BackwardTile& tile, std::size_t h, std::size_t t0, std::uint32_t i0,
                   std::size_t n, std::uint32_t j0, std::size_t count) {
  const AttentionShape& shape = o.shape;
  const kernel::Table& kernels = o.context.kernels;
  const std::size_t D = shape.D, D16 = kernel::kv_padded(D);
  kernels.attn_scores({tile.s, kBlock, o.q[t0] + h * D, o.q.stride, n, tile.k_columns, D, shape.scale});
  kernels.attn_scores({tile.dp, kBlock, o.dout[t0] + h * D, o.dout.stride, n, tile.v_columns, D, 1.0f});
  std::fill_n(tile.dq, kBlock * D16, 0.0f);
  for (std::size_t r = 0; r < n; ++r) {
    float* s = tile.s + r * kBlock;
    float slope[kBlock];
    std::fill_n(slope, kBlock, shape.scale);
    if (shape.softcap != 0) {
      kernels.softcap_row(s, shape.softcap, kBlock);
      for (std::size_t j = 0; j < kBlock; ++j) slope[j] *= 1.0f - s[j] / shape.softcap * (s[j] / shape.softcap);
    }
    const std::uint32_t position = i0 + static_cast<std::uint32_t>(r), first = first_seen(shape, position);
    const std::size_t begin = first > j0 ? std::min<std::size_t>(first - j0, kBlock) : 0;
    const std::size_t end = position < j0 ? 0 : std::min<std::size_t>(position + 1 - j0, count);
    for (std::size_t j = 0; j < kBlock; ++j) {
      if (j < begin || j >= end) s[j] = -std::numeric_limits<float>::infinity();
    }
    const std::size_t at = (t0 + r) * shape.H + h;
    kernels.attn_exp(s, kBlock, o.logsumexp[at]);
    float* dp = tile.dp + r * kBlock;
    for (std::size_t j = 0; j < kBlock; ++j) {
      const bool seen = j >= begin && j < end;
      tile.p_columns[j * kBlock + r] = s[j];
      dp[j] = seen ? s[j] * (dp[j] - o.delta[at]) * slope[j] : 0.0f;
      tile.ds_columns[j * kBlock + r] = dp[j];
    }
    float *q = tile.q + r * D16, *dout = tile.dout + r * D16;
    std::memcpy(q, o.q[t0 + r] + h * D, D * sizeof(float));
    std::memcpy(dout, o.dout[t0 + r] + h * D, D * sizeof(float));
    std::fill(q + D, q + D16, 0.0f);
    std::fill(dout + D, dout + D16, 0.0f);
  }
  kernels.attn_values({tile.dv, D16, tile.p_columns, kBlock, count, tile.dout, D16, 0, n});
  kernels.attn_values({tile.dk, D16, tile.ds_columns, kBlock, count, tile.q, D16, 0, n});
  kernels.attn_values({tile.dq, D16, tile.dp, kBlock, n, tile.k_rows, D16, 0, count});
  for (std::size_t r = 0; r < n; ++r) kernels.add_row(o.dq[t0 + r] + h * D, tile.dq + r * D16, D);
}

// All of one sequence's kv head: rows t0 … t0 + length - 1, from position 0 on.
void head_backward(const Operands& o, const Cache& cache, std::span<std::byte* const> blocks, const BackwardTile& tile,
                   std::size_t g, std::size_t t0, std::size_t length) {
  const AttentionShape& shape = o.shape;
  const std::size_t D = shape.D, D16 = kernel::kv_padded(D), group = shape.H / shape.K;
  for (std::size_t j0 = 0; j0 < length; j0 += kBlock) {
    const std::size_t count = std::min(kBlock, length - j0);
    // The last row that sees a position of this block, plus one.
    const std::size_t end = shape.window == 0 ? length : std::min<std::size_t>(length, j0 + count - 1 + shape.window);
    read_block(cache, blocks[j0 / kBlock], g, count, tile);
    std::fill_n(tile.dk, kBlock * D16, 0.0f);
    std::fill_n(tile.dv, kBlock * D16, 0.0f);
    for (std::size_t h = g * group; h < (g + 1) * group; ++h) {
      for (std::size_t i0 = j0; i0 < end; i0 += kBlock) {
        tile_backward(o, tile, h, t0 + i0, static_cast<std::uint32_t>(i0), std::min(kBlock, end - i0),
                      static_cast<std::uint32_t>(j0), count);
      }
    }
    for (std::size_t j = 0; j < count; ++j) {
      o.context.kernels.add_row(o.dk[t0 + j0 + j] + g * D, tile.dk + j * D16, D);
      o.context.kernels.add_row(o.dv[t0 + j0 + j] + g * D, tile.dv + j * D16, D);
    }
  }
}

}  // namespace

void attention_backward(Context& context, tensor::Rows dq, tensor::Rows dk, tensor::Rows dv, tensor::ConstRows dout,
                        tensor::ConstRows out, tensor::ConstRows q, std::span<const AttentionRow> rows,
                        const AttentionShape& shape, KvOffsets at, std::span<const float> logsumexp) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t T = rows.size(), D = shape.D, D16 = kernel::kv_padded(D);
  auto* starts = context.workspace.take<std::uint32_t>(T + 1);
  std::size_t sequences = 0;
  for (std::size_t t = 0; t < T; ++t) {
    if (rows[t].position == 0) starts[sequences++] = static_cast<std::uint32_t>(t);
    FH_CHECK(sequences > 0 && rows[t].position == t - starts[sequences - 1], "training runs whole sequences in order");
  }
  starts[sequences] = static_cast<std::uint32_t>(T);
  auto* delta = context.workspace.take<float>(T * shape.H);
  context.pool.parallel_for(T, 8, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t h = 0; h < shape.H; ++h) {
        double sum = 0;
        for (std::size_t d = h * D; d < (h + 1) * D; ++d) {
          sum += static_cast<double>(dout[t][d]) * static_cast<double>(out[t][d]);
        }
        delta[t * shape.H + h] = static_cast<float>(sum);
      }
    }
  });
  auto* scratch =
      context.workspace.take<float>(static_cast<std::size_t>(context.pool.threads()) * BackwardTile::elems(D16));
  const Cache cache{context.kernels, shape, at};
  const Operands operands{context, dq, dk, dv, dout, q, shape, logsumexp.data(), delta};
  context.pool.parallel_for(sequences * shape.K, 1, [&](std::size_t begin, std::size_t end, int thread) {
    const BackwardTile tile(scratch + static_cast<std::size_t>(thread) * BackwardTile::elems(D16), D16);
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t s = i / shape.K, t0 = starts[s];
      head_backward(operands, cache, rows[t0].blocks, tile, i % shape.K, t0, starts[s + 1] - t0);
    }
  });
}

std::size_t attention_backward_workspace(int threads, std::size_t T, std::uint32_t H, std::uint32_t D) {
  return Workspace::cost<std::uint32_t>(T + 1) + Workspace::cost<float>(T * H) +
         Workspace::cost<float>(static_cast<std::size_t>(threads) * BackwardTile::elems(kernel::kv_padded(D)));
}

}  // namespace freehold::nn
