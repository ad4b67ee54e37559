// Backward of linear layers. Both products run on the F32 kernel of the forward pass, over panels that are made of W^T
// or of x for 32 columns at a time; a thread owns whole columns, so no sum depends on how many threads there are.
#include <algorithm>

#include "kernel/transpose.h"
#include "nn/linear.h"

namespace freehold::nn {
namespace {

constexpr std::size_t kColumns = kernel::kBlock;  // of one chunk: two panels

std::size_t round16(std::size_t n) {
  return (n + 15) / 16 * 16;
}

// One thread's scratch.
struct Chunk {
  float* panels;  // two of `inputs` rows
  float* y;       // (rows, 32)
};

struct Chunks {
  std::size_t panel_elems, y_elems;
  float* memory;

  Chunks(Context& context, std::size_t inputs, std::size_t rows)
      : panel_elems(2 * inputs * kernel::kPanelRows),
        y_elems(rows * kColumns),
        memory(
            context.workspace.take<float>(static_cast<std::size_t>(context.pool.threads()) * (panel_elems + y_elems))) {
  }
  Chunk of(int thread) const {
    float* p = memory + static_cast<std::size_t>(thread) * (panel_elems + y_elems);
    return {p, p + panel_elems};
  }
};

// y (rows, columns) = x (rows, inputs) times the chunk's panels, added to `out` at its column k0.
void multiply_add(Context& context, const Chunk& chunk, tensor::Rows out, tensor::ConstRows x, std::size_t k0) {
  const std::size_t columns = std::min(kColumns, out.cols - k0);
  context.kernels.matmul_f32({reinterpret_cast<const std::byte*>(chunk.panels),
                              x.cols * kernel::kPanelRows * sizeof(float), 0,
                              (columns + kernel::kPanelRows - 1) / kernel::kPanelRows, columns, x.cols, x.rows, x.data,
                              x.stride, chunk.y, kColumns});
  for (std::size_t r = 0; r < x.rows; ++r) context.kernels.add_row(out[r] + k0, chunk.y + r * kColumns, columns);
}

}  // namespace

void linear_backward_input(Context& context, tensor::Rows dx, tensor::ConstRows dy, const Linear& layer) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t K = layer.inputs(), N = layer.outputs(), N16 = round16(N);
  const Chunks chunks(context, N16, dy.rows);
  context.pool.parallel_for((K + kColumns - 1) / kColumns, 1, [&](std::size_t begin, std::size_t end, int thread) {
    const Chunk chunk = chunks.of(thread);
    for (std::size_t b = begin; b < end; ++b) {
      // The second panel begins where the kernel, which sees N inputs, looks for it.
      for (std::size_t p = 0; p < N16 / 16; ++p) {
        float both[2 * 256];
        kernel::transpose_panel_block(layer.type(), layer.panel(p), K, b, both, 256);
        const std::size_t rows = std::min<std::size_t>(16, N - 16 * p);
        for (std::size_t half = 0; half < 2; ++half) {
          std::copy_n(both + half * 256, rows * 16, chunk.panels + (half * N + 16 * p) * 16);
        }
      }
      multiply_add(context, chunk, dx, dy, b * kColumns);
    }
  });
}

void linear_backward_weight(Context& context, tensor::Rows dw, tensor::ConstRows dy, tensor::ConstRows x) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t T = x.rows, K = x.cols, N = dy.cols, stride = round16(T);
  auto* turned = context.workspace.take<float>(N * stride);
  context.pool.parallel_for(N, 64, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < T; ++t) {
      for (std::size_t n = begin; n < end; ++n) turned[n * stride + t] = dy[t][n];
    }
  });
  const Chunks chunks(context, T, N);
  context.pool.parallel_for((K + kColumns - 1) / kColumns, 1, [&](std::size_t begin, std::size_t end, int thread) {
    const Chunk chunk = chunks.of(thread);
    for (std::size_t b = begin; b < end; ++b) {
      for (std::size_t half = 0; half < 2; ++half) {
        for (std::size_t t = 0; t < T; ++t) {
          for (std::size_t i = 0; i < 16; ++i) {
            const std::size_t k = b * kColumns + 16 * half + i;
            chunk.panels[(half * T + t) * 16 + i] = k < K ? x[t][k] : 0.0f;
          }
        }
      }
      multiply_add(context, chunk, dw, {turned, N, T, stride}, b * kColumns);
    }
  });
}

void linear_backward_bias(Context& context, std::span<float> db, tensor::ConstRows dy) {
  context.pool.parallel_for(db.size(), 256, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < dy.rows; ++t) context.kernels.add_row(db.data() + begin, dy[t] + begin, end - begin);
  });
}

std::size_t linear_backward_workspace(int threads, std::size_t T, std::size_t N, std::size_t K) {
  const auto n = static_cast<std::size_t>(threads);
  const std::size_t input = Workspace::cost<float>(n * (2 * round16(N) * 16 + T * kColumns));
  const std::size_t weight =
      Workspace::cost<float>(N * round16(T)) + Workspace::cost<float>(n * (2 * T * 16 + N * kColumns));
  (void)K;
  return std::max(input, weight);
}

}  // namespace freehold::nn
