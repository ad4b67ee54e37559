// Backward of linear layers with operands rounded to BF16, on the kernel of BF16 layers (kernel/table.h): AMX
// multiplies tiles, the other levels give its bits with FMAs at half the speed of float32. Sums are made in pieces of
// 512 terms, which the kernel goes on from; a piece's activations lie in tiles of their own.
#include <cstring>

#include "nn/linear_backward.h"

namespace freehold::nn {
namespace {

using backward::Part;

constexpr std::size_t kPieceBf16 = 512;
constexpr std::size_t kPanelElemsBf16 = kPieceBf16 * kernel::kPanelRows;

std::size_t round32(std::size_t n) {
  return (n + kernel::kBlock - 1) / kernel::kBlock * kernel::kBlock;
}

// Activations of `rows` rows over `terms` terms: piece after piece, each in tiles (activations.h).
struct Tiles {
  std::uint16_t* memory;
  std::size_t rows, terms;

  static std::size_t elems(std::size_t rows, std::size_t terms) {
    return rows * round32(terms) + kernel::kTileRows * kernel::kBlock;
  }
  // Terms of the piece from term `first` on, padded.
  std::size_t padded(std::size_t first) const { return round32(std::min(kPieceBf16, terms - first)); }
  // The piece's tiles from row `row` (a multiple of 16) on.
  std::uint16_t* at(std::size_t first, std::size_t row) const { return memory + first * rows + row * padded(first); }
};

Tiles take_tiles(Context& context, std::size_t rows, std::size_t terms) {
  auto* memory = context.workspace.take<std::uint16_t>(Tiles::elems(rows, terms));
  // The kernel may read (and ignores) what lies behind the last tile.
  std::memset(memory + rows * round32(terms), 0, kernel::kTileRows * kernel::kBlock * sizeof *memory);
  return {memory, rows, terms};
}

struct Bf16Scratch {
  float* floats;          // two panels
  std::uint16_t* panels;  // the same in BF16

  static std::size_t bytes() { return 2 * kPanelElemsBf16 * (sizeof(float) + sizeof(std::uint16_t)); }
  Bf16Scratch(std::byte* memory, int thread)
      : floats(reinterpret_cast<float*>(memory + static_cast<std::size_t>(thread) * bytes())),
        panels(reinterpret_cast<std::uint16_t*>(floats + 2 * kPanelElemsBf16)) {}

  // `terms` float rows of each panel, padded with zeros to whole blocks of 32, to BF16.
  void round(const Context& context, const Part& part, std::size_t terms) const {
    for (std::size_t half = 0; half < part.panels(); ++half) {
      float* from = floats + half * kPanelElemsBf16;
      std::fill(from + terms * 16, from + round32(terms) * 16, 0.0f);
      context.kernels.bf16_pairs(panels + half * kPanelElemsBf16, from, 16, round32(terms));
    }
  }
};

void multiply(const Context& context, const Part& part, const Bf16Scratch& scratch, const Tiles& x, std::size_t first,
              tensor::Rows y) {
  context.kernels.matmul_bf16({.panels = reinterpret_cast<const std::byte*>(scratch.panels),
                               .panel_bytes = kPanelElemsBf16 * sizeof(std::uint16_t),
                               .panel_begin = 0,
                               .panel_end = part.panels(),
                               .N = part.columns,
                               .K = x.padded(first),
                               .T = part.rows,
                               .x = x.at(first, part.row),
                               .y = y[part.row] + part.column,
                               .y_stride = y.stride,
                               .add = true});
}

std::byte* take_scratch(Context& context) {
  return context.workspace.take<std::byte>(static_cast<std::size_t>(context.pool.threads()) * Bf16Scratch::bytes());
}

}  // namespace

void linear_backward_input_bf16(Context& context, tensor::Rows dx, tensor::ConstRows dy, const Linear& layer) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t T = dy.rows, N = layer.outputs();
  const Tiles tiles = take_tiles(context, T, N);
  context.pool.parallel_for(T, 8, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t tile = t / kernel::kTileRows, rows = kernel::rows_of_tile(T, tile);
      for (std::size_t n0 = 0; n0 < N; n0 += kPieceBf16) {
        context.kernels.bf16_row(tiles.at(n0, tile * kernel::kTileRows) + t % kernel::kTileRows * kernel::kBlock,
                                 rows * kernel::kBlock, dy[t] + n0, std::min(kPieceBf16, N - n0));
      }
    }
  });
  std::byte* const memory = take_scratch(context);
  backward::each_part(context, T, layer.inputs(), [&](const Part& part, int thread) {
    const Bf16Scratch scratch(memory, thread);
    for (std::size_t n0 = 0; n0 < N; n0 += kPieceBf16) {
      const std::size_t terms = std::min(kPieceBf16, N - n0);
      backward::turn_weights(context, layer, n0, terms, part.column, scratch.floats, kPanelElemsBf16);
      scratch.round(context, part, terms);
      multiply(context, part, scratch, tiles, n0, dx);
    }
  });
}

void linear_backward_weight_bf16(Context& context, tensor::Rows dw, tensor::ConstRows dy, tensor::ConstRows x) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t T = x.rows, N = dy.cols;
  const Tiles tiles = take_tiles(context, N, T);
  context.pool.parallel_for((N + kernel::kTileRows - 1) / kernel::kTileRows, 4,
                            [&](std::size_t begin, std::size_t end, int) {
                              float last[kernel::kBlock * 16];  // rows of the last block, then zeros
                              for (std::size_t tile = begin; tile < end; ++tile) {
                                const std::size_t n = tile * kernel::kTileRows;
                                const std::size_t rows = kernel::rows_of_tile(N, tile);
                                for (std::size_t t = 0; t < T; t += kernel::kBlock) {
                                  const std::size_t first = t / kPieceBf16 * kPieceBf16;
                                  std::uint16_t* out = tiles.at(first, n) + (t - first) * rows;
                                  if (t + kernel::kBlock <= T) {
                                    context.kernels.bf16_turned(out, dy[t] + n, dy.stride, rows);
                                    continue;
                                  }
                                  std::fill_n(last, kernel::kBlock * 16, 0.0f);
                                  for (std::size_t i = t; i < T; ++i) std::copy_n(dy[i] + n, rows, last + (i - t) * 16);
                                  context.kernels.bf16_turned(out, last, 16, rows);
                                }
                              }
                            });
  std::byte* const memory = take_scratch(context);
  backward::each_part(context, N, x.cols, [&](const Part& part, int thread) {
    const Bf16Scratch scratch(memory, thread);
    for (std::size_t t0 = 0; t0 < T; t0 += kPieceBf16) {
      const std::size_t terms = std::min(kPieceBf16, T - t0);
      backward::copy_columns(x, t0, terms, part, scratch.floats, kPanelElemsBf16);
      scratch.round(context, part, terms);
      multiply(context, part, scratch, tiles, t0, dw);
    }
  });
}

std::size_t linear_backward_bf16_workspace(int threads, std::size_t T, std::size_t N, std::size_t K) {
  (void)K;
  return Workspace::cost<std::byte>(static_cast<std::size_t>(threads) * Bf16Scratch::bytes()) +
         std::max(Workspace::cost<std::uint16_t>(Tiles::elems(T, N)),
                  Workspace::cost<std::uint16_t>(Tiles::elems(N, T)));
}

}  // namespace freehold::nn
