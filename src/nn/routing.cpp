#include "nn/routing.h"

namespace freehold::nn {
namespace {

constexpr std::size_t kTokensAtOnce = 16;

// One row of E logits.
void choose(const kernel::Table& kernels, float* s, std::size_t E, std::uint32_t used) {
  kernels.attn_exp(s, E, kernels.max_row(s, E));
  // Keep the largest `used`, the lower index first among equals; the others become 0.
  for (std::size_t e = 0; e < E; ++e) {
    std::size_t above = 0;
    for (std::size_t o = 0; o < E; ++o) {
      const float other = o < e && s[o] < 0 ? -s[o] : s[o];  // those already kept are marked by their sign
      if (other > s[e] || (other == s[e] && o < e)) ++above;
    }
    if (above < used) s[e] = -s[e];
  }
  float sum = 0.0f;
  for (std::size_t e = 0; e < E; ++e) {
    s[e] = s[e] < 0 ? -s[e] : 0.0f;
    sum += s[e];
  }
  for (std::size_t e = 0; e < E; ++e) s[e] = s[e] / sum;
}

}  // namespace

void routing_forward(Context& context, tensor::Rows share, std::uint32_t used) {
  context.pool.parallel_for(share.rows, kTokensAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) choose(context.kernels, share[t], share.cols, used);
  });
}

void routing_backward(Context& context, tensor::Rows dshare, tensor::ConstRows share) {
  context.pool.parallel_for(share.rows, kTokensAtOnce, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      float sum = 0.0f;
      for (std::size_t e = 0; e < share.cols; ++e) sum += share[t][e] * dshare[t][e];
      for (std::size_t e = 0; e < share.cols; ++e) dshare[t][e] = share[t][e] * (dshare[t][e] - sum);
    }
  });
}

}  // namespace freehold::nn
