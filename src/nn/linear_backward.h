// What the two precisions of linear layers' backward share: how the work is cut, and where their panels come from.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernel/transpose.h"
#include "nn/linear.h"

namespace freehold::nn {

// The products of linear.h with operands rounded to BF16 (linear_backward_bf16.cpp).
void linear_backward_input_bf16(Context& context, tensor::Rows dx, tensor::ConstRows dy, const Linear& layer);
void linear_backward_weight_bf16(Context& context, tensor::Rows dw, tensor::ConstRows dy, tensor::ConstRows x);
std::size_t linear_backward_bf16_workspace(int threads, std::size_t T, std::size_t N, std::size_t K);

namespace backward {

inline constexpr std::size_t kColumns = kernel::kBlock;  // of one part: two panels

// Some of the results (rows, columns).
struct Part {
  std::size_t row, rows, column, columns;
  std::size_t panels() const { return (columns + kernel::kPanelRows - 1) / kernel::kPanelRows; }
};

// Calls body(part, thread) for parts of 32 columns, and of some rows (from a multiple of 16 on) where there are too few
// columns for all threads.
template <typename Body>
void each_part(Context& context, std::size_t rows, std::size_t columns, Body body) {
  if (rows == 0) return;
  const std::size_t chunks = (columns + kColumns - 1) / kColumns;
  const std::size_t wanted = 4 * static_cast<std::size_t>(context.pool.threads());
  const std::size_t cuts = chunks < wanted ? std::min((wanted + chunks - 1) / chunks, (rows + 63) / 64) : 1;
  const std::size_t height = ((rows + cuts - 1) / cuts + 15) / 16 * 16, blocks = (rows + height - 1) / height;
  context.pool.parallel_for(chunks * blocks, 1, [&](std::size_t begin, std::size_t end, int thread) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = i % blocks * height, column = i / blocks * kColumns;
      body(Part{row, std::min(height, rows - row), column, std::min(kColumns, columns - column)}, thread);
    }
  });
}

// Two float panels of W^T: rows n0 … n0+terms (n0 a multiple of 16; the last panel is whole) of 32 columns of W.
inline void turn_weights(const Context& context, const Linear& layer, std::size_t n0, std::size_t terms,
                         std::size_t column, float* panels, std::size_t panel_elems) {
  for (std::size_t n = 0; n < terms; n += kernel::kPanelRows) {
    kernel::transpose_panel_block(context.kernels, layer.type(), layer.panel((n0 + n) / kernel::kPanelRows),
                                  layer.inputs(), column / kColumns, panels + n * 16, panel_elems);
  }
}

// Two float panels of a part's columns of x: rows t0 … t0+terms, zeros where x has no more columns.
inline void copy_columns(tensor::ConstRows x, std::size_t t0, std::size_t terms, const Part& part, float* panels,
                         std::size_t panel_elems) {
  for (std::size_t half = 0; half < part.panels(); ++half) {
    const std::size_t n = std::min(kernel::kPanelRows, part.columns - 16 * half);
    for (std::size_t t = 0; t < terms; ++t) {
      float* to = panels + half * panel_elems + t * 16;
      std::copy_n(x[t0 + t] + part.column + 16 * half, n, to);
      std::fill(to + n, to + 16, 0.0f);
    }
  }
}

}  // namespace backward
}  // namespace freehold::nn
