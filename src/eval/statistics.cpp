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

Interval percentiles(std::vector<double>& values, double tail = 0.025) {
  std::sort(values.begin(), values.end());
  return {quantile(values, tail), quantile(values, 1 - tail)};
}

// 2.5 % on either side, as n items need it: a resampled mean spreads sqrt((n-1)/n) as wide as it should, and with the
// normal's tails instead of Student's. The latter's quantile by Abramowitz & Stegun 26.7.5.
double expanded_tail(std::size_t n) {
  if (n < 2) return 0;
  const double nu = static_cast<double>(n - 1), z = kConfidence95, z2 = z * z;
  const double t = z * (1 + (z2 + 1) / (4 * nu) + ((5 * z2 + 16) * z2 + 3) / (96 * nu * nu) +
                        (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * nu * nu * nu));
  return 0.5 * std::erfc(t * std::sqrt(static_cast<double>(n) / nu) / std::sqrt(2.0));
}

struct PairedScores {
  double first = 0, second = 0;
};
struct PairedSums {
  PairedItem of;  // values and weights
  PairedSums() : of{.first_weight = 0, .second_weight = 0} {}
  void add(const PairedItem& item) {
    of.first += item.first;
    of.second += item.second;
    of.first_weight += item.first_weight;
    of.second_weight += item.second_weight;
  }
};

// `sums_of(t)`: of task t's items, as they are or drawn anew.
template <class SumsOf>
PairedScores scores_of(const Paired& paired, const SumsOf& sums_of) {
  const auto score = [&](double value, double weight) {
    const double mean = weight > 0 ? value / weight : 0;
    return paired.exponential ? std::exp(mean) : mean;
  };
  const double items = static_cast<double>(std::max<std::size_t>(paired.items(), 1));
  PairedScores scores;
  for (std::size_t t = 0; t < paired.tasks.size(); ++t) {
    const PairedItem sums = sums_of(t).of;
    const double share = paired.by_items          ? static_cast<double>(paired.tasks[t].size()) / items
                         : !paired.shares.empty() ? paired.shares[t]
                                                  : 1.0 / static_cast<double>(paired.tasks.size());
    scores.first += share * score(sums.first, sums.first_weight);
    scores.second += share * score(sums.second, sums.second_weight);
  }
  return scores;
}

PairedScores scores_of(const Paired& paired) {
  return scores_of(paired, [&](std::size_t t) {
    PairedSums sums;
    for (const PairedItem& item : paired.tasks[t]) sums.add(item);
    return sums;
  });
}

bool unchanged(const PairedItem& item) {
  return item.first == item.second && item.first_weight == item.second_weight;
}

// The p at which `right` successes or fewer have a chance of 2.5 %.
double upper_limit(std::uint64_t right, std::uint64_t n) {
  if (right == n) return 1;
  const double N = static_cast<double>(n), x = static_cast<double>(right);
  const double binomial = std::lgamma(N + 1) - std::lgamma(x + 1) - std::lgamma(N - x + 1);
  double low = x / N, high = 1;
  for (int round = 0; round < 60; ++round) {
    const double p = (low + high) / 2;
    // Terms fall from `right` downwards, because p is above right/n.
    double term = std::exp(binomial + x * std::log(p) + (N - x) * std::log1p(-p)), sum = term;
    for (double i = x; i > 0 && term > 1e-17 * sum; --i) {
      term *= i / (N - i + 1) * (1 - p) / p;
      sum += term;
    }
    (sum > 0.025 ? low : high) = p;
  }
  return high;
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

double Paired::difference() const {
  const PairedScores scores = scores_of(*this);
  return scores.second - scores.first;
}

std::size_t Paired::items() const {
  std::size_t sum = 0;
  for (const auto& task : tasks) sum += task.size();
  return sum;
}

PairedIntervals paired_bootstrap(const Paired& paired, std::uint64_t seed) {
  std::vector<double> differences(kResamples), relative(kResamples);
  for (std::uint32_t r = 0; r < kResamples; ++r) {
    std::uint64_t index = 0;
    const PairedScores scores = scores_of(paired, [&](std::size_t t) {
      PairedSums sums;
      const auto& from = paired.tasks[t];
      for (std::size_t i = 0; i < from.size(); ++i) sums.add(from[draw_below(seed, r, index++, from.size())]);
      return sums;
    });
    differences[r] = scores.second - scores.first;
    relative[r] = scores.first == 0 ? 0 : differences[r] / scores.first;
  }
  std::size_t fewest = SIZE_MAX;
  for (const auto& task : paired.tasks) fewest = std::min(fewest, task.size());
  const double tail = expanded_tail(fewest);
  return {percentiles(differences, tail), percentiles(relative, tail)};
}

double sign_flip_test(const Paired& paired, std::uint64_t seed, std::uint32_t flips) {
  // Items on which the models do the same stay as they are.
  std::vector<PairedSums> fixed(paired.tasks.size());
  std::vector<std::vector<PairedItem>> open(paired.tasks.size());
  for (std::size_t t = 0; t < paired.tasks.size(); ++t) {
    for (const PairedItem& item : paired.tasks[t]) {
      if (unchanged(item))
        fixed[t].add(item);
      else
        open[t].push_back(item);
    }
  }
  const PairedScores seen = scores_of(paired);
  // What rounding adds must not make an equal difference look smaller.
  const double far = std::abs(seen.second - seen.first) - 1e-12 * (std::abs(seen.first) + std::abs(seen.second));
  std::uint32_t as_far = 0;
  for (std::uint32_t f = 0; f < flips; ++f) {
    std::uint64_t index = 0;
    const PairedScores scores = scores_of(paired, [&](std::size_t t) {
      PairedSums sums = fixed[t];
      for (const PairedItem& item : open[t]) {
        if (uniform_draw(seed, f, index++) < 0.5)
          sums.add({item.second, item.first, item.second_weight, item.first_weight});
        else
          sums.add(item);
      }
      return sums;
    });
    as_far += std::abs(scores.second - scores.first) >= far ? 1 : 0;
  }
  return (as_far + 1.0) / (flips + 1.0);
}

Interval clopper_pearson(std::uint64_t right, std::uint64_t n) {
  if (n == 0) return {0, 1};
  return {1 - upper_limit(n - right, n), upper_limit(right, n)};
}

Interval paired_shares(std::uint64_t first, std::uint64_t second, std::uint64_t n) {
  if (n == 0) return {-1, 1};
  const double a = static_cast<double>(first) / static_cast<double>(n);
  const double b = static_cast<double>(second) / static_cast<double>(n);
  const Interval of_a = clopper_pearson(first, n), of_b = clopper_pearson(second, n);
  const double correlation = first == n || second == n ? 0 : -std::sqrt(a * b / ((1 - a) * (1 - b)));
  const auto reach = [&](double x, double y) { return std::sqrt(x * x + y * y - 2 * correlation * x * y); };
  return {b - a - reach(b - of_b.low, of_a.high - a), b - a + reach(of_b.high - b, a - of_a.low)};
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
