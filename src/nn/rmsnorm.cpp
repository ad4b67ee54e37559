#include "nn/rmsnorm.h"

namespace freehold::nn {
namespace {

// rstd^3 / n * sum of w dy x: what every element's gradient loses in proportion to x.
float projection(const float* dy, const float* x, const float* w, std::size_t n, double rstd) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(w[i] * dy[i]) * static_cast<double>(x[i]);
  return static_cast<float>(sum * rstd * rstd * rstd / static_cast<double>(n));
}

constexpr std::size_t kColumnsAtOnce = 64;

}  // namespace

void rmsnorm_forward(Context& context, tensor::Rows y, tensor::ConstRows x, std::span<const float> w, float eps,
                     std::span<float> rstd) {
  context.pool.parallel_for(x.rows, 16, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      float r = context.kernels.rmsnorm_row(y[t], x[t], w.data(), x.cols, eps);
      if (!rstd.empty()) rstd[t] = r;
    }
  });
}

void head_norm_forward(Context& context, tensor::Rows x, std::size_t heads, std::span<const float> w, float eps,
                       std::span<float> rstd) {
  const std::size_t D = w.size();
  context.pool.parallel_for(x.rows, 8, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t h = 0; h < heads; ++h) {
        float* head = x[t] + h * D;
        float r = context.kernels.rmsnorm_row(head, head, w.data(), D, eps);
        if (!rstd.empty()) rstd[t * heads + h] = r;
      }
    }
  });
}

void rmsnorm_backward(Context& context, tensor::Rows dx, std::span<float> dw, tensor::ConstRows dy, tensor::ConstRows x,
                      std::span<const float> w, std::span<const float> rstd) {
  context.pool.parallel_for(x.rows, 16, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      context.kernels.rmsnorm_backward_row(dx[t], dy[t], x[t], w.data(), x.cols, rstd[t]);
    }
  });
  context.pool.parallel_for(dw.size(), kColumnsAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < x.rows; ++t) {
      for (std::size_t i = begin; i < end; ++i) dw[i] += dy[t][i] * (x[t][i] * rstd[t]);
    }
  });
}

void head_norm_backward(Context& context, tensor::Rows dx, std::size_t heads, std::span<float> dw, tensor::ConstRows x,
                        std::span<const float> w, std::span<const float> rstd) {
  const std::size_t D = w.size();
  context.pool.parallel_for(dw.size(), kColumnsAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < x.rows; ++t) {
      for (std::size_t h = 0; h < heads; ++h) {
        const float* dy = dx[t] + h * D;
        for (std::size_t i = begin; i < end; ++i) dw[i] += dy[i] * (x[t][h * D + i] * rstd[t * heads + h]);
      }
    }
  });
  context.pool.parallel_for(x.rows, 8, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t h = 0; h < heads; ++h) {
        float* dy = dx[t] + h * D;
        const float* in = x[t] + h * D;
        const float r = rstd[t * heads + h], c = projection(dy, in, w.data(), D, r);
        for (std::size_t i = 0; i < D; ++i) dy[i] = r * (w[i] * dy[i]) - in[i] * c;
      }
    }
  });
}

}  // namespace freehold::nn
