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

// The same over every head of x (T, heads * D), in place, with one weight of D for all heads. `rstd`: T * heads floats.
void head_norm_forward(Context& context, tensor::Rows x, std::size_t heads, std::span<const float> w, float eps,
                       std::span<float> rstd = {});

}  // namespace freehold::nn
