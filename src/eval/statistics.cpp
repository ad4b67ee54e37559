#include "eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace freehold::eval {
namespace {

// Between the two nearest order statistics.
double quantile(std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Interval percentiles(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.025), quantile(values, 0.975)};
}

std::uint32_t draw_below(std::uint64_t seed, std::uint64_t stream, std::uint64_t index, std::size_t n) {
  return static_cast<std::uint32_t>(uniform_draw(seed, stream, index) * static_cast<double>(n));
}

}  // namespace

Interval wilson(std::uint64_t right, std::uint64_t n) {
  if (n == 0) return {0, 1};
  const double z2 = kConfidence95 * kConfidence95, N = static_cast<double>(n);
  const double p = static_cast<double>(right) / N;
  const double centre = (p + z2 / (2 * N)) / (1 + z2 / N);
  const double half = kConfidence95 / (1 + z2 / N) * std::sqrt(p * (1 - p) / N + z2 / (4 * N * N));
  return {right == 0 ? 0 : std::max(0.0, centre - half), right == n ? 1 : std::min(1.0, centre + half)};
}

double mcnemar_exact(std::uint64_t first, std::uint64_t second) {
  const std::uint64_t n = first + second, k = std::min(first, second);
  if (n == 0) return 1;
  // Sum over i <= k of C(n, i) / 2^n, in logarithms so that large n does not underflow before the sum.
  const double N = static_cast<double>(n);
  double sum = 0;
  for (std::uint64_t i = 0; i <= k; ++i) {
    const double x = static_cast<double>(i);
    sum += std::exp(std::lgamma(N + 1) - std::lgamma(x + 1) - std::lgamma(N - x + 1) - N * std::log(2.0));
  }
  return std::min(1.0, 2 * sum);
}

Interval bootstrap(std::size_t n, const Statistic& statistic, std::uint64_t seed) {
  if (n == 0) return {};
  std::vector<std::uint32_t> indices(n);
  std::vector<double> values(kResamples);
  for (std::uint32_t r = 0; r < kResamples; ++r) {
    for (std::size_t i = 0; i < n; ++i) indices[i] = draw_below(seed, r, i, n);
    values[r] = statistic(indices);
  }
  return percentiles(values);
}

double Differences::mean() const {
  double sum = 0;
  for (const auto& task : tasks) {
    const double one = std::accumulate(task.begin(), task.end(), 0.0);
    sum += by_items ? one : one / static_cast<double>(std::max<std::size_t>(task.size(), 1));
  }
  const std::size_t parts = by_items ? items() : tasks.size();
  return sum / static_cast<double>(std::max<std::size_t>(parts, 1));
}

std::size_t Differences::items() const {
  std::size_t sum = 0;
  for (const auto& task : tasks) sum += task.size();
  return sum;
}

Interval paired_bootstrap(const Differences& differences, std::uint64_t seed) {
  std::vector<double> values(kResamples);
  Differences drawn = differences;
  for (std::uint32_t r = 0; r < kResamples; ++r) {
    std::uint64_t index = 0;
    for (std::size_t t = 0; t < drawn.tasks.size(); ++t) {
      const auto& from = differences.tasks[t];
      for (double& d : drawn.tasks[t]) d = from[draw_below(seed, r, index++, from.size())];
    }
    values[r] = drawn.mean();
  }
  return percentiles(values);
}

double sign_flip_test(const Differences& differences, std::uint64_t seed, std::uint32_t flips) {
  const double seen = std::abs(differences.mean());
  Differences flipped = differences;
  std::uint32_t as_far = 0;
  for (std::uint32_t f = 0; f < flips; ++f) {
    std::uint64_t index = 0;
    for (std::size_t t = 0; t < flipped.tasks.size(); ++t) {
      const auto& from = differences.tasks[t];
      for (std::size_t i = 0; i < from.size(); ++i) {
        if (from[i] != 0) flipped.tasks[t][i] = uniform_draw(seed, f, index++) < 0.5 ? -from[i] : from[i];
      }
    }
    // What rounding adds must not make an equal mean look smaller.
    as_far += std::abs(flipped.mean()) >= seen * (1 - 1e-12) ? 1 : 0;
  }
  return (as_far + 1.0) / (flips + 1.0);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.size());
  double most = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    most = std::max(most, std::min(1.0, p[order[i]] * static_cast<double>(order.size() - i)));
    out[order[i]] = most;
  }
  return out;
}

std::uint64_t items_needed(double difference, double discordant) {
  constexpr double kPower80 = 0.8416212335729143;
  const double d = std::abs(difference);
  if (d <= 0) return UINT64_MAX;
  const double psi = std::max(discordant, d);
  const double root = kConfidence95 * std::sqrt(psi) + kPower80 * std::sqrt(std::max(0.0, psi - d * d));
  return static_cast<std::uint64_t>(std::ceil(root * root / (d * d)));
}

double visible_difference(std::uint64_t n, double discordant) {
  double low = 0, high = 1;  // items_needed falls as the difference grows
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (items_needed(middle, discordant) > n ? low : high) = middle;
  }
  return high;
}

double pass_at(std::uint32_t k, std::uint64_t n, std::uint64_t c) {
  if (n - c < k) return 1;
  // 1 - C(n-c, k) / C(n, k), as a product that does not overflow.
  double none = 1;
  for (std::uint64_t i = n - c + 1; i <= n; ++i) none *= 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - none;
}

double calibration_error(std::span<const double> confidence, const std::vector<bool>& right,
                         std::span<const std::uint32_t> indices) {
  constexpr std::size_t kBins = 10;
  double sure[kBins] = {}, hits[kBins] = {};
  for (std::uint32_t i : indices) {
    const auto bin = std::min(kBins - 1, static_cast<std::size_t>(confidence[i] * kBins));
    sure[bin] += confidence[i];
    hits[bin] += right[i] ? 1 : 0;
  }
  double sum = 0;
  for (std::size_t b = 0; b < kBins; ++b) sum += std::abs(sure[b] - hits[b]);
  return indices.empty() ? 0 : sum / static_cast<double>(indices.size());
}

}  // namespace freehold::eval
