#include "nn/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/mathd.h"

namespace freehold::nn {
namespace {

// One query head over its keys. `scores` has room for position + 1 floats; `o` is the head's output.
float attend(const kernel::Table& kernels, const AttentionRow& row, const AttentionShape& shape, KvOffsets at,
             std::uint32_t g, const float* q, float* scores, float* o) {
  const std::uint32_t D = shape.D;
  const std::uint32_t begin =
      shape.window != 0 && row.position + 1 > shape.window ? row.position + 1 - shape.window : 0;
  const std::uint32_t end = row.position + 1;
  // Calls body(block's first position j0, positions in it n, its memory at position j0).
  auto each_block = [&](std::size_t offset, auto body) {
    for (std::uint32_t j0 = begin; j0 < end;) {
      const std::uint32_t n = std::min(end, (j0 / kAttentionBlock + 1) * kAttentionBlock) - j0;
      const float* memory =
          row.blocks[j0 / kAttentionBlock] + offset + (std::size_t{g} * kAttentionBlock + j0 % kAttentionBlock) * D;
      body(j0, n, memory);
      j0 += n;
    }
  };
  each_block(at.k, [&](std::uint32_t j0, std::uint32_t n, const float* k) {
    kernels.attn_scores(scores + (j0 - begin), q, k, D, n, D, shape.scale);
  });
  if (shape.softcap != 0) kernels.softcap_row(scores, shape.softcap, end - begin);
  const float max = kernels.max_row(scores, end - begin);
  std::memset(o, 0, D * sizeof(float));
  float sum = 0.0f;
  each_block(at.v, [&](std::uint32_t j0, std::uint32_t n, const float* v) {
    sum += kernels.attn_exp(scores + (j0 - begin), n, max);
    kernels.attn_values(o, scores + (j0 - begin), v, D, n, D);
  });
  kernels.scale_row(o, 1.0f / sum, D);
  return max + static_cast<float>(mathd::log(static_cast<double>(sum)));
}

}  // namespace

void kv_store(Context& context, std::span<const AttentionRow> rows, const AttentionShape& shape, KvOffsets at,
              tensor::ConstRows k, tensor::ConstRows v) {
  context.pool.parallel_for(rows.size(), 16, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      float* block = rows[t].blocks[rows[t].position / kAttentionBlock];
      for (std::uint32_t g = 0; g < shape.K; ++g) {
        const std::size_t place = (std::size_t{g} * kAttentionBlock + rows[t].position % kAttentionBlock) * shape.D;
        std::memcpy(block + at.k + place, k[t] + std::size_t{g} * shape.D, shape.D * sizeof(float));
        std::memcpy(block + at.v + place, v[t] + std::size_t{g} * shape.D, shape.D * sizeof(float));
      }
    }
  });
}

void attention_forward(Context& context, tensor::Rows out, tensor::ConstRows q, std::span<const AttentionRow> rows,
                       const AttentionShape& shape, KvOffsets at, std::span<float> logsumexp) {
  const WorkspaceScope scope(context.workspace);
  std::uint32_t longest = 0;
  for (const AttentionRow& row : rows) longest = std::max(longest, row.position + 1);
  const std::size_t stride = (longest + 15) / 16 * 16;
  auto* scores = context.workspace.take<float>(static_cast<std::size_t>(context.pool.threads()) * stride);
  const std::size_t group = shape.H / shape.K;
  // One piece of work: all query heads that read one kv head, for one row, so that the keys are still in the cache.
  context.pool.parallel_for(rows.size() * shape.K, 1, [&](std::size_t begin, std::size_t end, int thread) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t t = i / shape.K, g = i % shape.K;
      for (std::size_t h = g * group; h < (g + 1) * group; ++h) {
        float lse = attend(context.kernels, rows[t], shape, at, static_cast<std::uint32_t>(g), q[t] + h * shape.D,
                           scores + static_cast<std::size_t>(thread) * stride, out[t] + h * shape.D);
        if (!logsumexp.empty()) logsumexp[t * shape.H + h] = lse;
      }
    }
  });
}

std::size_t attention_workspace(int threads, std::uint32_t longest) {
  return Workspace::cost<float>(static_cast<std::size_t>(threads) * ((std::size_t{longest} + 15) / 16 * 16));
}

}  // namespace freehold::nn
