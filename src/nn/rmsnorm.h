// Root mean square normalisation (Zhang & Sennrich 2019), as kernel::Table::rmsnorm_row defines it.
#pragma once

#include <span>

#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::nn {

// y[t,:] = x[t,:] * rstd[t] * w,  rstd[t] = 1 / sqrt(mean(x[t,:]^2) + eps). y may be x.
// Pass an empty `rstd` when nothing will be differentiated; otherwise T floats for backward.
void rmsnorm_forward(Context& context, tensor::Rows y, tensor::ConstRows x, std::span<const float> w, float eps,
                     std::span<float> rstd = {});
// Adds to dx and to dw:
//   dx[t,i] += rstd w[i] dy[t,i] - x[t,i] rstd^3 / C * sum_j w[j] dy[t,j] x[t,j];  dw[i] += sum_t dy[t,i] x[t,i]
//   rstd[t]
// An empty `dw` means the weight is frozen. The sum over j is in double, that over t in increasing order.
void rmsnorm_backward(Context& context, tensor::Rows dx, std::span<float> dw, tensor::ConstRows dy, tensor::ConstRows x,
                      std::span<const float> w, std::span<const float> rstd);

// The same over every head of x (T, heads * D), in place, with one weight of D for all heads. `rstd`: T * heads floats.
void head_norm_forward(Context& context, tensor::Rows x, std::size_t heads, std::span<const float> w, float eps,
                       std::span<float> rstd = {});
// In place on dx (T, heads * D), which holds dy; x is what the norm read.
void head_norm_backward(Context& context, tensor::Rows dx, std::size_t heads, std::span<float> dw, tensor::ConstRows x,
                        std::span<const float> w, std::span<const float> rstd);

}  // namespace freehold::nn
