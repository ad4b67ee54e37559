// Linear layers: y = W x (+ bias) over frozen weights of any type, prepared into panels (kernel/panel.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::nn {

class Linear {
 public:
  Linear() = default;
  // Prepares the (N, K) matrix `weight` (a view of 2 dimensions, or of one matrix inside a stack) into `panels`, which
  // has prepared_bytes(weight), begins on a 64-byte boundary and outlives the layer. Errc::corrupt if the weight holds
  // an infinity or NaN, naming the element.
  static Result<Linear> prepare(ThreadPool& pool, const tensor::View& weight, std::span<std::byte> panels);
  // The same layer over panels that were prepared before: prepared_bytes(weight) bytes on a 64-byte boundary, borrowed
  // for as long as the layer lives.
  static Linear over(const tensor::View& weight, std::span<const std::byte> panels);

  std::size_t outputs() const { return N_; }
  std::size_t inputs() const { return K_; }
  tensor::DType type() const { return type_; }
  bool empty() const { return N_ == 0; }
  std::uint64_t bytes() const { return panels_.size(); }
  // Panel p: outputs 16 p … 16 p + 15 (kernel/panel.h).
  const std::byte* panel(std::size_t p) const { return panels_.data() + p * panel_bytes_; }
  std::size_t panel_bytes() const { return panel_bytes_; }
  // A multiple of 64.
  static std::uint64_t prepared_bytes(const tensor::View& weight);

  std::vector<float> bias;  // (N) or empty

 private:
  friend struct LinearLoop;
  tensor::DType type_ = tensor::DType::f32;
  std::size_t N_ = 0, K_ = 0, panel_bytes_ = 0;
  std::span<const std::byte> panels_;
};

struct LinearTask {
  tensor::Rows y;  // (T, N)
  const Linear* layer;
};

// y = x W^T + bias for several layers that share the input x (T, K), in one parallel loop. Activations are prepared
// once as the layers' types need them: as floats for F32 and F16, rounded to BF16, or quantised to int8 in blocks
// of 32.
void linear_forward(Context& context, std::span<const LinearTask> tasks, tensor::ConstRows x);
inline void linear_forward(Context& context, tensor::Rows y, tensor::ConstRows x, const Linear& layer) {
  const LinearTask task{y, &layer};
  linear_forward(context, {&task, 1}, x);
}

// Workspace bytes that linear_forward takes for T rows of K inputs.
std::size_t linear_workspace(std::size_t T, std::size_t K);

// dx += dy W, dx (T, K) and dy (T, N). Whatever type computed the forward pass, backward sees the exact float32 values
// of the weights: dx[t, k] = FMA chain over n = 0, 1, … of W[n, k] * dy[t, n], from dx[t, k]. Rounding the
// activations (int8, BF16) passes the gradient through (Bengio et al. 2013, "straight-through").
// Where context.products is bf16: W and dy rounded to BF16, and per 32 n, even = FMA chain over n = 0, 2, … from 0, odd
// over 1, 3, …, dx[t, k] = dx[t, k] + (even + odd), subnormals zero. So is dw, over t, and it rounds dy and x.
void linear_backward_input(Context& context, tensor::Rows dx, tensor::ConstRows dy, const Linear& layer);
// dw += dy^T x, dw (N, K): dw[n, k] = FMA chain over t = 0, 1, … of x[t, k] * dy[t, n], from dw[n, k].
void linear_backward_weight(Context& context, tensor::Rows dw, tensor::ConstRows dy, tensor::ConstRows x);
// db += the sum of dy over t in increasing order.
void linear_backward_bias(Context& context, std::span<float> db, tensor::ConstRows dy);
// Workspace bytes that the first two take for T rows of a layer of N outputs and K inputs.
std::size_t linear_backward_workspace(int threads, std::size_t T, std::size_t N, std::size_t K);

// Up to this many rows, linear_forward does not wait for a thread that lost its processor, given linear_thread_memory
// bytes for each thread, K being the most inputs of any layer. With more rows the copies of the inputs would cost.
inline constexpr std::size_t kDetachedRows = 8;
std::size_t linear_thread_memory(std::size_t K);

}  // namespace freehold::nn
