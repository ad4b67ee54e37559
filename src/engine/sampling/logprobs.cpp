#include "engine/sampling/logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/mathd.h"
#include "engine/sampling/weight.h"

namespace freehold::engine {

double log_sum_exp(std::span<const float> logits) {
  float largest = -std::numeric_limits<float>::infinity();
  for (float l : logits) largest = std::max(largest, l);
  if (largest == -std::numeric_limits<float>::infinity()) return 0;
  double sum = 0;
  for (float l : logits) {
    if (!std::isnan(l)) sum += weight_of(double{l} - double{largest});
  }
  return mathd::log(sum) + double{largest};
}

double logprob_of(float logit, double log_sum) {
  return std::isnan(logit) ? -std::numeric_limits<double>::infinity() : double{logit} - log_sum;
}

void top_logprobs(std::span<const float> logits, double log_sum, std::span<TokenLogprob> top) {
  auto likelier = [](const TokenLogprob& a, const TokenLogprob& b) {
    return a.logprob != b.logprob ? a.logprob > b.logprob : a.token < b.token;
  };
  std::size_t size = 0;  // top[0, size) is a heap with the least likely in front
  for (std::size_t i = 0; i < logits.size() && !top.empty(); ++i) {
    TokenLogprob t{static_cast<std::int32_t>(i), logprob_of(logits[i], 0), {}};
    if (size < top.size()) {
      top[size++] = t;
      std::push_heap(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(size), likelier);
    } else if (likelier(t, top.front())) {
      std::pop_heap(top.begin(), top.end(), likelier);
      top.back() = t;
      std::push_heap(top.begin(), top.end(), likelier);
    }
  }
  std::sort_heap(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(size), likelier);
  for (TokenLogprob& t : top) t.logprob -= log_sum;
}

}  // namespace freehold::engine
