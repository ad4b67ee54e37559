// Backward of linear layers. Both products run on the F32 kernels of the forward pass, over panels that are made of W^T
// or of x for 32 columns and a piece of the sum at a time. Each result is one chain of FMAs, whose pieces a thread adds
// in order, so no sum depends on how many threads there are or how the work is cut.
#include "nn/linear_backward.h"

#include <algorithm>

#include "nn/linear.h"

namespace freehold::nn {
namespace {

using backward::copy_columns;
using backward::each_part;
using backward::Part;
using backward::turn_weights;

constexpr std::size_t kPiece = 256;  // terms of the sums: its two panels stay in the first-level cache
constexpr std::size_t kPanelElems = kPiece * kernel::kPanelRows;

float* take_panels(Context& context) {
  return context.workspace.take<float>(static_cast<std::size_t>(context.pool.threads()) * 2 * kPanelElems);
}
float* panels_of(float* all, int thread) {
  return all + static_cast<std::size_t>(thread) * 2 * kPanelElems;
}

// A part's y += x times the two panels, over `terms` terms of the sums.
kernel::FloatMatmul product(const Part& part, const float* panels, std::size_t terms, const float* x,
                            std::size_t x_stride, float* y, std::size_t y_stride) {
  return {.panels = reinterpret_cast<const std::byte*>(panels),
          .panel_bytes = kPanelElems * sizeof(float),
          .panel_begin = 0,
          .panel_end = part.panels(),
          .N = part.columns,
          .K = terms,
          .T = part.rows,
          .x = x,
          .x_stride = x_stride,
          .y = y,
          .y_stride = y_stride,
          .add = true};
}

}  // namespace

void linear_backward_input(Context& context, tensor::Rows dx, tensor::ConstRows dy, const Linear& layer) {
  if (context.products == BackwardProducts::bf16) return linear_backward_input_bf16(context, dx, dy, layer);
  const WorkspaceScope scope(context.workspace);
  const std::size_t K = layer.inputs(), N = layer.outputs();
  float* const scratch = take_panels(context);
  each_part(context, dy.rows, K, [&](const Part& p, int thread) {
    float* panels = panels_of(scratch, thread);
    for (std::size_t n0 = 0; n0 < N; n0 += kPiece) {
      const std::size_t terms = std::min(kPiece, N - n0);
      turn_weights(context, layer, n0, terms, p.column, panels, kPanelElems);
      context.kernels.matmul_f32(product(p, panels, terms, dy[p.row] + n0, dy.stride, dx[p.row] + p.column, dx.stride));
    }
  });
}

void linear_backward_weight(Context& context, tensor::Rows dw, tensor::ConstRows dy, tensor::ConstRows x) {
  if (context.products == BackwardProducts::bf16) return linear_backward_weight_bf16(context, dw, dy, x);
  const WorkspaceScope scope(context.workspace);
  float* const scratch = take_panels(context);
  each_part(context, dy.cols, x.cols, [&](const Part& p, int thread) {
    float* panels = panels_of(scratch, thread);
    for (std::size_t t0 = 0; t0 < x.rows; t0 += kPiece) {
      const std::size_t terms = std::min(kPiece, x.rows - t0);
      copy_columns(x, t0, terms, p, panels, kPanelElems);
      context.kernels.matmul_f32_turned(
          product(p, panels, terms, dy[t0] + p.row, dy.stride, dw[p.row] + p.column, dw.stride));
    }
  });
}

void linear_backward_bias(Context& context, std::span<float> db, tensor::ConstRows dy) {
  context.pool.parallel_for(db.size(), 256, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < dy.rows; ++t) context.kernels.add_row(db.data() + begin, dy[t] + begin, end - begin);
  });
}

std::size_t linear_backward_workspace(int threads, std::size_t T, std::size_t N, std::size_t K) {
  return std::max(Workspace::cost<float>(static_cast<std::size_t>(threads) * 2 * kPanelElems),
                  linear_backward_bf16_workspace(threads, T, N, K));
}

}  // namespace freehold::nn
