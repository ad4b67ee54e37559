#include "nn/elementwise.h"

namespace freehold::nn {
namespace {

constexpr std::size_t kRowsAtOnce = 8;

}  // namespace

void add_forward(Context& context, tensor::Rows y, tensor::ConstRows x) {
  context.pool.parallel_for(y.rows, kRowsAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) context.kernels.add_row(y[t], x[t], y.cols);
  });
}

void gated_forward(Context& context, tensor::Rows y, tensor::ConstRows gate, tensor::ConstRows up, Gate act) {
  auto* row = act == Gate::silu ? context.kernels.silu_mul_row : context.kernels.gelu_tanh_mul_row;
  context.pool.parallel_for(y.rows, kRowsAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) row(y[t], gate[t], up[t], y.cols);
  });
}

void softcap_forward(Context& context, tensor::Rows y, float cap) {
  context.pool.parallel_for(y.rows, 1, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) context.kernels.softcap_row(y[t], cap, y.cols);
  });
}

void gated_backward(Context& context, tensor::Rows dgate, tensor::Rows dup, tensor::ConstRows dy,
                    tensor::ConstRows gate, tensor::ConstRows up, Gate act) {
  auto* row = act == Gate::silu ? context.kernels.silu_backward_row : context.kernels.gelu_tanh_backward_row;
  context.pool.parallel_for(gate.rows, kRowsAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) row(dgate[t], dup[t], dy[t], gate[t], up[t], gate.cols);
  });
}

void softcap_backward(Context& context, tensor::Rows dy, tensor::ConstRows y, float cap) {
  context.pool.parallel_for(y.rows, 1, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t i = 0; i < y.cols; ++i) dy[t][i] *= 1.0f - y[t][i] / cap * (y[t][i] / cap);
    }
  });
}

}  // namespace freehold::nn
