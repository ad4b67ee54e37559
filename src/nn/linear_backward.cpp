// Backward of linear layers. Both products run on the F32 kernels of the forward pass, over panels that are made of W^T
// or of x for 32 columns and a piece of the sum at a time. Each result is one chain of FMAs, whose pieces a thread adds
// in order, so no sum depends on how many threads there are or how the work is cut.
#include <algorithm>

#include "kernel/transpose.h"
#include "nn/linear.h"

namespace freehold::nn {
namespace {

constexpr std::size_t kColumns = kernel::kBlock;  // of one chunk: two panels
constexpr std::size_t kPiece = 256;               // terms of the sums: its two panels stay in the first-level cache
constexpr std::size_t kPanelElems = kPiece * kernel::kPanelRows;

// How results (rows, columns) are cut: chunks of 32 columns, and blocks of rows where that gives too few.
struct Cut {
  std::size_t chunks, blocks, rows;  // `rows` of a block, a multiple of 16

  Cut(const Context& context, std::size_t all_rows, std::size_t columns)
      : chunks((columns + kColumns - 1) / kColumns), blocks(1) {
    const std::size_t wanted = 4 * static_cast<std::size_t>(context.pool.threads());
    if (chunks < wanted) blocks = std::clamp<std::size_t>((wanted + chunks - 1) / chunks, 1, (all_rows + 63) / 64);
    rows = ((all_rows + blocks - 1) / blocks + 15) / 16 * 16;
  }
  std::size_t count() const { return chunks * blocks; }
};

// Calls part(first row, rows, first column, columns, thread) for every part of a cut.
template <typename Part>
void each_part(Context& context, std::size_t all_rows, std::size_t columns, Part part) {
  if (all_rows == 0) return;
  const Cut cut(context, all_rows, columns);
  context.pool.parallel_for(cut.count(), 1, [&](std::size_t begin, std::size_t end, int thread) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = i % cut.blocks * cut.rows, column = i / cut.blocks * kColumns;
      if (row >= all_rows) continue;
      part(row, std::min(cut.rows, all_rows - row), column, std::min(kColumns, columns - column), thread);
    }
  });
}

float* take_panels(Context& context) {
  return context.workspace.take<float>(static_cast<std::size_t>(context.pool.threads()) * 2 * kPanelElems);
}
float* panels_of(float* all, int thread) {
  return all + static_cast<std::size_t>(thread) * 2 * kPanelElems;
}

// y (T, columns) += x times the two panels, over `terms` terms of the sums.
kernel::FloatMatmul product(const float* panels, std::size_t columns, std::size_t terms, std::size_t T, const float* x,
                            std::size_t x_stride, float* y, std::size_t y_stride) {
  return {reinterpret_cast<const std::byte*>(panels),
          kPanelElems * sizeof(float),
          0,
          (columns + kernel::kPanelRows - 1) / kernel::kPanelRows,
          columns,
          terms,
          T,
          x,
          x_stride,
          y,
          y_stride,
          true};
}

}  // namespace

void linear_backward_input(Context& context, tensor::Rows dx, tensor::ConstRows dy, const Linear& layer) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t K = layer.inputs(), N = layer.outputs();
  float* const scratch = take_panels(context);
  each_part(context, dy.rows, K, [&](std::size_t t0, std::size_t T, std::size_t k0, std::size_t columns, int thread) {
    float* panels = panels_of(scratch, thread);
    for (std::size_t n0 = 0; n0 < N; n0 += kPiece) {
      const std::size_t terms = std::min(kPiece, N - n0);
      for (std::size_t n = 0; n < terms; n += kernel::kPanelRows) {
        kernel::transpose_panel_block(context.kernels, layer.type(), layer.panel((n0 + n) / kernel::kPanelRows), K,
                                      k0 / kColumns, panels + n * 16, kPanelElems);
      }
      context.kernels.matmul_f32(
          product(panels, columns, terms, T, dy[t0] + n0, dy.stride, dx[t0] + k0, dx.stride));
    }
  });
}

void linear_backward_weight(Context& context, tensor::Rows dw, tensor::ConstRows dy, tensor::ConstRows x) {
  const WorkspaceScope scope(context.workspace);
  float* const scratch = take_panels(context);
  each_part(context, dy.cols, x.cols,
            [&](std::size_t n0, std::size_t N, std::size_t k0, std::size_t columns, int thread) {
              float* panels = panels_of(scratch, thread);
              for (std::size_t t0 = 0; t0 < x.rows; t0 += kPiece) {
                const std::size_t terms = std::min(kPiece, x.rows - t0);
                for (std::size_t t = 0; t < terms; ++t) {
                  const float* from = x[t0 + t] + k0;
                  for (std::size_t half = 0; half < 2; ++half) {
                    float* to = panels + half * kPanelElems + t * 16;
                    const std::size_t n = std::min<std::size_t>(16, columns - std::min(columns, 16 * half));
                    std::copy_n(from + 16 * half, n, to);
                    std::fill(to + n, to + 16, 0.0f);
                  }
                }
                context.kernels.matmul_f32_turned(
                    product(panels, columns, terms, N, dy[t0] + n0, dy.stride, dw[n0] + k0, dw.stride));
              }
            });
}

void linear_backward_bias(Context& context, std::span<float> db, tensor::ConstRows dy) {
  context.pool.parallel_for(db.size(), 256, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < dy.rows; ++t) context.kernels.add_row(db.data() + begin, dy[t] + begin, end - begin);
  });
}

std::size_t linear_backward_workspace(int threads, std::size_t T, std::size_t N, std::size_t K) {
  (void)T, (void)N, (void)K;
  return Workspace::cost<float>(static_cast<std::size_t>(threads) * 2 * kPanelElems);
}

}  // namespace freehold::nn
