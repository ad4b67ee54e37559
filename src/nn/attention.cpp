#include "nn/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/mathd.h"
#include "nn/attention_cache.h"

namespace freehold::nn {
namespace {

using attention::blocks_up_to;
using attention::Cache;
using attention::first_seen;
using kernel::KvType;

constexpr std::size_t kTileRows = 32;                      // query rows that share one reading of the cache
constexpr std::size_t kTileScores = std::size_t{1} << 17;  // floats: half of a usual second-level cache

// How many positions a tile takes when each row has `span` scores.
std::size_t tile_positions(std::size_t group, std::size_t span) {
  const std::size_t most = std::max<std::size_t>(1, kTileRows / group);
  return std::clamp<std::size_t>(kTileScores / (group * span), 1, most);
}

// One thread's scratch.
struct Scratch {
  float* scores;   // (rows, span)
  float* q;        // (rows, D)
  float* o;        // (rows, D16)
  float* inverse;  // (rows): 1 / l
  float* block;    // (32, D16) or (D, 32)
};

// The rows of one tile: `count` consecutive positions of a sequence times the heads of one kv head; row i * group + h.
struct Tile {
  std::span<std::byte* const> blocks;
  std::uint32_t position;  // of the first
  std::size_t count;
  std::size_t group;
};

// Scores of all rows, row r from the tile's first block on, and -infinity where a row does not see.
void fill_scores(const Cache& cache, const Tile& tile, std::size_t g, const Scratch& s, std::size_t first_block,
                 std::size_t span) {
  const AttentionShape& shape = cache.shape;
  const std::size_t end_block = blocks_up_to(tile.position + static_cast<std::uint32_t>(tile.count));
  for (std::size_t b = first_block; b < end_block; ++b) {
    // Positions before this block see nothing of it, nor do those whose window has left it.
    const std::size_t start = b * kAttentionBlock;
    std::size_t from = start > tile.position ? start - tile.position : 0, to = tile.count;
    while (to > from &&
           first_seen(shape, tile.position + static_cast<std::uint32_t>(to) - 1) >= start + kAttentionBlock) {
      --to;
    }
    if (b + 1 < end_block) cache.prefetch_keys(tile.blocks[b + 1], g);
    const float* k = cache.keys(tile.blocks[b], g, s.block);
    const std::size_t row = from * tile.group;
    cache.kernels.attn_scores({s.scores + row * span + (b - first_block) * kAttentionBlock, span, s.q + row * shape.D,
                               shape.D, (to - from) * tile.group, k, shape.D, shape.scale});
  }
}

// Turns a row's scores into exp(s - m), 0 where it does not see; returns {m, l}.
struct Softmax {
  float max, sum;
};
Softmax softmax_row(const Cache& cache, std::uint32_t position, float* s, std::size_t first_block) {
  const std::size_t begin = first_seen(cache.shape, position) - first_block * kAttentionBlock;
  const std::size_t end = position + 1 - first_block * kAttentionBlock;
  const std::size_t whole_begin = begin / kAttentionBlock * kAttentionBlock;
  const std::size_t whole_end = (end + kAttentionBlock - 1) / kAttentionBlock * kAttentionBlock;
  constexpr float kUnseen = -std::numeric_limits<float>::infinity();
  std::fill(s + whole_begin, s + begin, kUnseen);
  std::fill(s + end, s + whole_end, kUnseen);
  if (cache.shape.softcap != 0) cache.kernels.softcap_row(s + begin, cache.shape.softcap, end - begin);
  const float max = cache.kernels.max_row(s + begin, end - begin);
  return {max, cache.kernels.attn_exp(s + whole_begin, whole_end - whole_begin, max)};
}

void add_values(const Cache& cache, const Tile& tile, std::size_t g, const Scratch& s, std::size_t first_block,
                std::size_t span) {
  const AttentionShape& shape = cache.shape;
  const std::size_t D16 = kernel::kv_padded(shape.D);
  const std::size_t end_block = blocks_up_to(tile.position + static_cast<std::uint32_t>(tile.count));
  for (std::size_t b = first_block; b < end_block; ++b) {
    const std::uint32_t start = static_cast<std::uint32_t>(b) * kAttentionBlock;
    struct Seen {
      std::size_t begin, end;
      bool operator==(const Seen&) const = default;
    };
    auto seen = [&](std::size_t i) {
      const std::uint32_t position = tile.position + static_cast<std::uint32_t>(i);
      const std::uint32_t begin = std::max(first_seen(shape, position), start);
      const std::uint32_t end = std::min(position + 1, start + kAttentionBlock);
      return begin < end ? Seen{begin - start, end - start} : Seen{0, 0};
    };
    if (b + 1 < end_block) cache.prefetch_values(tile.blocks[b + 1], g);
    const float* v = cache.values(tile.blocks[b], g, s.block);
    // Consecutive positions that see the same part go together.
    for (std::size_t i = 0; i < tile.count;) {
      const Seen part = seen(i);
      std::size_t next = i + 1;
      while (next < tile.count && seen(next) == part) ++next;
      if (part.end > 0) {
        const std::size_t row = i * tile.group;
        cache.kernels.attn_values({s.o + row * D16, D16, s.scores + row * span + (b - first_block) * kAttentionBlock,
                                   span, (next - i) * tile.group, v, D16, part.begin, part.end});
      }
      i = next;
    }
  }
}

}  // namespace

void kv_store(Context& context, std::span<const AttentionRow> rows, const AttentionShape& shape, KvOffsets at,
              tensor::ConstRows k, tensor::ConstRows v) {
  const kernel::Table& kernels = context.kernels;
  const std::size_t D = shape.D, D16 = kernel::kv_padded(D), scales = kernel::kv_scales(D);
  constexpr std::size_t kPart = kernel::kKvScaled;
  // Writes up to 32 dimensions from d0 on of one head's key (element d at d * 32 + j) or value (at j * D16 + d).
  auto put = [&](std::byte* to, const float* x, std::size_t d0, std::size_t j, bool key) {
    float part[kPart] = {};
    const std::size_t n = std::min(kPart, D - d0);
    std::memcpy(part, x + d0, n * sizeof(float));
    const std::size_t step = key ? kAttentionBlock : 1, place = key ? d0 * kAttentionBlock + j : j * D16 + d0;
    auto scatter = [&](auto* out, const auto* elements) {
      for (std::size_t i = 0; i < n; ++i) out[place + i * step] = elements[i];
    };
    switch (shape.cache) {
      case KvType::f32:
        scatter(reinterpret_cast<float*>(to), part);
        break;
      case KvType::f16: {
        std::uint16_t halves[kPart];
        kernels.f32_to_f16(halves, part, kPart);
        scatter(reinterpret_cast<std::uint16_t*>(to), halves);
        break;
      }
      case KvType::q8_0: {
        std::int8_t q[kPart];
        float scale, sum32, sums[2];
        kernels.quantise_row(part, kPart, {q, &scale, &sum32, sums, 1});
        scatter(reinterpret_cast<std::int8_t*>(to), q);
        auto* all = reinterpret_cast<float*>(to + (key ? D : D16) * kAttentionBlock);
        all[key ? d0 / kPart * kAttentionBlock + j : j * scales + d0 / kPart] = scale;
        break;
      }
    }
  };
  context.pool.parallel_for(rows.size(), 16, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      std::byte* block = rows[t].blocks[rows[t].position / kAttentionBlock];
      const std::size_t j = rows[t].position % kAttentionBlock;
      for (std::size_t g = 0; g < shape.K; ++g) {
        for (std::size_t d = 0; d < D; d += kPart) {
          put(block + at.k + g * kernel::kv_key_bytes(shape.cache, D), k[t] + g * D, d, j, true);
          put(block + at.v + g * kernel::kv_value_bytes(shape.cache, D), v[t] + g * D, d, j, false);
        }
      }
    }
  });
}

void attention_forward(Context& context, tensor::Rows out, tensor::ConstRows q, std::span<const AttentionRow> rows,
                       const AttentionShape& shape, KvOffsets at, std::span<float> logsumexp) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t D = shape.D, D16 = kernel::kv_padded(D);
  const auto threads = static_cast<std::size_t>(context.pool.threads());
  std::size_t group = shape.H / shape.K;  // heads of a tile
  std::uint32_t longest = 0;
  for (const AttentionRow& row : rows) longest = std::max(longest, row.position + 1);
  // Blocks a tile's rows may see: a window of them, the tile's own positions, and a part-filled one at either end.
  std::size_t span = blocks_up_to(longest);
  if (shape.window != 0) span = std::min(span, blocks_up_to(shape.window) + kTileRows / kAttentionBlock + 2);
  span *= kAttentionBlock;
  const std::size_t most = tile_positions(group, span);

  // Tiles: row indices where one begins.
  auto* starts = context.workspace.take<std::uint32_t>(rows.size() + 1);
  std::size_t tiles = 0;
  for (std::size_t t = 0; t < rows.size(); ++t) {
    const bool goes_on = t > 0 && t - starts[tiles - 1] < most && rows[t].blocks.data() == rows[t - 1].blocks.data() &&
                         rows[t].position == rows[t - 1].position + 1;
    if (!goes_on) starts[tiles++] = static_cast<std::uint32_t>(t);
  }
  starts[tiles] = static_cast<std::uint32_t>(rows.size());

  // With more threads than tiles, the heads of a group are shared out: the cache is read more than once, by more.
  std::size_t parts = shape.K;
  while (tiles * parts < threads && group % 2 == 0) group /= 2, parts *= 2;

  auto* scores = context.workspace.take<float>(threads * most * group * span);
  auto* queries = context.workspace.take<float>(threads * most * group * D16);
  auto* outputs = context.workspace.take<float>(threads * most * group * D16);
  auto* inverses = context.workspace.take<float>(threads * most * group);
  auto* blocks = context.workspace.take<float>(threads * kAttentionBlock * D16);
  const Cache cache{context.kernels, shape, at};
  context.pool.parallel_for(tiles * parts, 1, [&](std::size_t begin, std::size_t end, int thread) {
    const auto n = static_cast<std::size_t>(thread);
    const Scratch s{scores + n * most * group * span, queries + n * most * group * D16,
                    outputs + n * most * group * D16, inverses + n * most * group, blocks + n * kAttentionBlock * D16};
    for (std::size_t i = begin; i < end; ++i) {
      // Tiles of one kv head follow each other, so that its keys stay in the cache.
      const std::size_t h0 = i / tiles * group, g = h0 / (shape.H / shape.K), t0 = starts[i % tiles],
                        t1 = starts[i % tiles + 1];
      const Tile tile{rows[t0].blocks, rows[t0].position, t1 - t0, group};
      const std::size_t first_block = first_seen(shape, tile.position) / kAttentionBlock;
      for (std::size_t t = t0; t < t1; ++t) {
        std::memcpy(s.q + (t - t0) * group * D, q[t] + h0 * D, group * D * sizeof(float));
      }
      std::fill_n(s.o, tile.count * group * D16, 0.0f);
      fill_scores(cache, tile, g, s, first_block, span);
      for (std::size_t r = 0; r < tile.count * group; ++r) {
        const std::size_t t = t0 + r / group, h = h0 + r % group;
        const Softmax l = softmax_row(cache, rows[t].position, s.scores + r * span, first_block);
        s.inverse[r] = 1.0f / l.sum;
        if (!logsumexp.empty()) {
          logsumexp[t * shape.H + h] = l.max + static_cast<float>(mathd::log(static_cast<double>(l.sum)));
        }
      }
      add_values(cache, tile, g, s, first_block, span);
      for (std::size_t r = 0; r < tile.count * group; ++r) {
        float* o = out[t0 + r / group] + (h0 + r % group) * D;
        std::memcpy(o, s.o + r * D16, D * sizeof(float));
        context.kernels.scale_row(o, s.inverse[r], D);
      }
    }
  });
}

std::size_t attention_workspace(int threads, std::size_t T, std::uint32_t longest, std::uint32_t H, std::uint32_t K,
                                std::uint32_t D) {
  const std::size_t group = H / K;
  const auto n = static_cast<std::size_t>(threads);
  const std::size_t rows = std::max(kTileRows, group);
  // A tile of more than one position keeps to kTileScores.
  const std::size_t span = blocks_up_to(longest) * kAttentionBlock;
  const std::size_t scores = std::max(group * span, std::min(rows * span, std::max(kTileScores, group * span)));
  return Workspace::cost<std::uint32_t>(T + 1) + Workspace::cost<float>(n * scores) +
         2 * Workspace::cost<float>(n * rows * kernel::kv_padded(D)) + Workspace::cost<float>(n * rows) +
         Workspace::cost<float>(n * kAttentionBlock * kernel::kv_padded(D));
}

}  // namespace freehold::nn
