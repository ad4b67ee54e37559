#include "nn/elementwise.h"

namespace freehold::nn {
namespace {

constexpr std::size_t kRowsAtOnce = 8;

// sqrt(2 / pi) and the cubic term of gelu's tanh form (Hendrycks & Gimpel 2016), as kernel/lanes/row_ops.h has them.
constexpr float kGeluScale = 0.7978845608028654f;
constexpr float kGeluCubic = 0.044715f;

// act(x) and its derivative for one row; `s` is scratch of n.
void silu_row(const kernel::Table& kernels, float* act, float* slope, const float* x, float* s, std::size_t n) {
  // exp(-|x|) cannot overflow; the sigmoid of a negative x is 1 minus that of -x.
  for (std::size_t i = 0; i < n; ++i) s[i] = x[i] < 0 ? x[i] : -x[i];
  kernels.attn_exp(s, n, 0.0f);
  for (std::size_t i = 0; i < n; ++i) {
    const float small = s[i] / (1.0f + s[i]), sigmoid = x[i] < 0 ? small : 1.0f / (1.0f + s[i]);
    act[i] = x[i] * sigmoid;
    slope[i] = sigmoid * (1.0f + x[i] * (x[i] < 0 ? 1.0f / (1.0f + s[i]) : small));
  }
}

void gelu_row(const kernel::Table& kernels, float* act, float* slope, const float* x, float* s, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) s[i] = kGeluScale * (x[i] + kGeluCubic * x[i] * x[i] * x[i]);
  kernels.softcap_row(s, 1.0f, n);  // tanh
  for (std::size_t i = 0; i < n; ++i) {
    const float inner = kGeluScale * (1.0f + 3.0f * kGeluCubic * x[i] * x[i]);
    act[i] = 0.5f * x[i] * (1.0f + s[i]);
    slope[i] = 0.5f * (1.0f + s[i]) + 0.5f * x[i] * (1.0f - s[i] * s[i]) * inner;
  }
}

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
  const WorkspaceScope scope(context.workspace);
  const std::size_t F = gate.cols;
  auto* scratch = context.workspace.take<float>(static_cast<std::size_t>(context.pool.threads()) * 3 * F);
  auto* row = act == Gate::silu ? silu_row : gelu_row;
  context.pool.parallel_for(gate.rows, kRowsAtOnce, [&](std::size_t begin, std::size_t end, int thread) {
    float* value = scratch + static_cast<std::size_t>(thread) * 3 * F;
    float* slope = value + F;
    for (std::size_t t = begin; t < end; ++t) {
      row(context.kernels, value, slope, gate[t], slope + F, F);
      for (std::size_t i = 0; i < F; ++i) {
        const float d = dy[t][i];
        dup[t][i] = d * value[i];
        dgate[t][i] = d * up[t][i] * slope[i];
      }
    }
  });
}

std::size_t gated_backward_workspace(int threads, std::size_t F) {
  return Workspace::cost<float>(static_cast<std::size_t>(threads) * 3 * F);
}

void softcap_backward(Context& context, tensor::Rows dy, tensor::ConstRows y, float cap) {
  context.pool.parallel_for(y.rows, 1, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t i = 0; i < y.cols; ++i) dy[t][i] *= 1.0f - y[t][i] / cap * (y[t][i] / cap);
    }
  });
}

}  // namespace freehold::nn
