#include "nn/rmsnorm.h"

namespace freehold::nn {

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

}  // namespace freehold::nn
