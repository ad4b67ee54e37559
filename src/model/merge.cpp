#include "model/merge.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>

#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"

namespace freehold::model {

Result<std::vector<float>> merge_layer(ThreadPool& pool, const tensor::View& weight, const LowRankValues& v) {
  const std::size_t K = weight.row_elems(), N = weight.elems() / K, r = v.rank;
  std::vector<float> out(N * K);
  const std::size_t row_bytes = weight.bytes.size() / N;
  std::atomic<bool> undirected{false}, infinite{false};
  pool.parallel_for(N, 8, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> row(K);
    for (std::size_t n = begin; n < end; ++n) {
      float* y = out.data() + n * K;
      kernel::dequantise(weight.type, weight.bytes.data() + n * row_bytes, y, K);
      std::fill(row.begin(), row.end(), 0.0);
      for (std::size_t j = 0; j < r; ++j) {
        const double b = static_cast<double>(v.b[n * r + j]);
        for (std::size_t k = 0; k < K; ++k) row[k] += b * static_cast<double>(v.a[j * K + k]);
      }
      double squares = 0;
      for (std::size_t k = 0; k < K; ++k) {
        row[k] = static_cast<double>(y[k]) + static_cast<double>(v.scale) * row[k];
        squares += row[k] * row[k];
      }
      double gain = 1;
      if (!v.magnitude.empty()) {
        if (!(squares > 0)) undirected = true;
        gain = static_cast<double>(v.magnitude[n]) / std::sqrt(squares);
      }
      for (std::size_t k = 0; k < K; ++k) {
        y[k] = static_cast<float>(gain * row[k]);
        if (!std::isfinite(y[k])) infinite = true;
      }
    }
  });
  if (undirected) {
    return fail(Errc::invalid,
                fmt::format("tensor '{}': DoRA on a row of zeros, which has no direction", printable(weight.name)));
  }
  if (infinite) return fail(Errc::corrupt, fmt::format("tensor '{}': the sum is not finite", printable(weight.name)));
  return out;
}

}  // namespace freehold::model
