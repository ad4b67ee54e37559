// Rotary position embedding (Su et al. 2021, "RoFormer") and its usual extensions, as a table of frequencies.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernel/table.h"
#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::nn {

// Rotates the first 2 * inv_freq.size() elements of a head; pair i turns by position * inv_freq[i].
struct Rope {
  kernel::RopeStyle style = kernel::RopeStyle::half;
  std::vector<double> inv_freq;  // radians a position
  double attention_factor = 1;   // multiplies cosines and sines (YaRN)
};

// theta^(-2i/dims), i = 0 … dims/2-1
std::vector<double> rope_frequencies(std::uint32_t dims, double theta);
// Position interpolation (Chen et al. 2023): every frequency divided by `factor`.
void rope_scale_linear(std::vector<double>& inv_freq, double factor);
// Llama 3.1 (Meta, llama-models): wavelengths over ctx/low are slowed by factor, those under ctx/high kept, smooth
// between.
void rope_scale_llama3(std::vector<double>& inv_freq, double factor, double low_freq_factor, double high_freq_factor,
                       double original_context);
// YaRN (Peng et al. 2023). Returns the attention factor 0.1 ln(factor) + 1 (times `attention_factor` of the caller's
// file).
double rope_scale_yarn(std::vector<double>& inv_freq, double theta, double factor, double original_context,
                       double beta_fast, double beta_slow);
// Explicit divisors, one a pair (GGUF tensor rope_freqs.weight).
void rope_scale_factors(std::vector<double>& inv_freq, std::span<const float> factors);

// Cosines and sines for each position: cos and sin are (T, n), n = inv_freq.size(). Computed in double with our own
// sine and cosine (base/mathd.h), so that every machine gets the same floats.
void rope_angles(const Rope& rope, std::span<const std::uint32_t> positions, float* cos, float* sin);

// Rotates every head of x (T, heads * D) in place; cos and sin as rope_angles made them.
void rope_forward(Context& context, tensor::Rows x, std::uint32_t heads, std::uint32_t D, const Rope& rope,
                  const float* cos, const float* sin);
// The transpose of that, in place on dx: the same rotation backwards.
void rope_backward(Context& context, tensor::Rows dx, std::uint32_t heads, std::uint32_t D, const Rope& rope,
                   const float* cos, const float* sin);

}  // namespace freehold::nn
