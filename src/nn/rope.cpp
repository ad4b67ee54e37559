#include "nn/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/mathd.h"

namespace freehold::nn {

std::vector<double> rope_frequencies(std::uint32_t dims, double theta) {
  std::vector<double> f(dims / 2);
  double log_theta = mathd::log(theta);
  for (std::size_t i = 0; i < f.size(); ++i) f[i] = mathd::exp(-2.0 * static_cast<double>(i) / dims * log_theta);
  return f;
}

void rope_scale_linear(std::vector<double>& inv_freq, double factor) {
  for (double& f : inv_freq) f /= factor;
}

void rope_scale_llama3(std::vector<double>& inv_freq, double factor, double low_freq_factor, double high_freq_factor,
                       double original_context) {
  for (double& f : inv_freq) {
    double wavelength = 2.0 * std::numbers::pi / f;
    if (wavelength < original_context / high_freq_factor) continue;
    if (wavelength > original_context / low_freq_factor) {
      f /= factor;
      continue;
    }
    double smooth = (original_context / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
    f = (1.0 - smooth) * f / factor + smooth * f;
  }
}

double rope_scale_yarn(std::vector<double>& inv_freq, double theta, double factor, double original_context,
                       double beta_fast, double beta_slow) {
  const double dims = 2.0 * static_cast<double>(inv_freq.size());
  // The pair whose wavelength makes `rotations` turns over the original context (section 3.2 of the paper).
  auto pair_of = [&](double rotations) {
    return dims * mathd::log(original_context / (rotations * 2.0 * std::numbers::pi)) / (2.0 * mathd::log(theta));
  };
  double low = std::max(0.0, std::floor(pair_of(beta_fast)));
  double high = std::min(dims - 1.0, std::ceil(pair_of(beta_slow)));
  for (std::size_t i = 0; i < inv_freq.size(); ++i) {
    double ramp = std::clamp((static_cast<double>(i) - low) / std::max(0.001, high - low), 0.0, 1.0);
    inv_freq[i] = inv_freq[i] / factor * ramp + inv_freq[i] * (1.0 - ramp);
  }
  return factor > 1.0 ? 0.1 * mathd::log(factor) + 1.0 : 1.0;
}

void rope_scale_factors(std::vector<double>& inv_freq, std::span<const float> factors) {
  for (std::size_t i = 0; i < inv_freq.size() && i < factors.size(); ++i)
    inv_freq[i] /= static_cast<double>(factors[i]);
}

void rope_angles(const Rope& rope, std::span<const std::uint32_t> positions, float* cos, float* sin) {
  for (std::uint32_t position : positions) {
    for (double f : rope.inv_freq) {
      double angle = static_cast<double>(position) * f;
      *cos++ = static_cast<float>(mathd::cos(angle) * rope.attention_factor);
      *sin++ = static_cast<float>(mathd::sin(angle) * rope.attention_factor);
    }
  }
}

void rope_forward(Context& context, tensor::Rows x, std::uint32_t heads, std::uint32_t D, const Rope& rope,
                  const float* cos, const float* sin) {
  const std::size_t n = rope.inv_freq.size();
  context.pool.parallel_for(x.rows, 16, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::uint32_t h = 0; h < heads; ++h) {
        context.kernels.rope_row(x[t] + std::size_t{h} * D, cos + t * n, sin + t * n, n, rope.style);
      }
    }
  });
}

void rope_backward(Context& context, tensor::Rows dx, std::uint32_t heads, std::uint32_t D, const Rope& rope,
                   const float* cos, const float* sin) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t n = rope.inv_freq.size();
  auto* back = context.workspace.take<float>(dx.rows * n);
  for (std::size_t i = 0; i < dx.rows * n; ++i) back[i] = -sin[i];
  rope_forward(context, dx, heads, D, rope, cos, back);
}

}  // namespace freehold::nn
