// How sure a figure is, and whether two models differ: intervals, paired tests, sample sizes. All randomness is counter
// based and seeded, so the same results give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace freehold::eval {

struct Interval {
  double low = 0;
  double high = 0;
};

inline constexpr double kConfidence95 = 1.959963984540054;  // standard deviations
inline constexpr std::uint32_t kResamples = 2000;

// Of `right` successes in n trials, 95 % (Wilson 1927). n 0: from 0 to 1.
Interval wilson(std::uint64_t right, std::uint64_t n);

// Two-sided exact McNemar test: the chance of a split of the discordant pairs at least as uneven as this, if neither
// model is better. `first` and `second`: pairs that only this one got right.
double mcnemar_exact(std::uint64_t first, std::uint64_t second);

// A statistic of resampled items, 95 % percentile interval: `statistic(indices)` over n indices.
using Statistic = std::function<double(std::span<const std::uint32_t> indices)>;
Interval bootstrap(std::size_t n, const Statistic& statistic, std::uint64_t seed);

// Differences of paired items, by task: a group's difference is the mean over tasks of their means, or over all items.
struct Differences {
  std::vector<std::vector<double>> tasks;
  bool by_items = false;
  double mean() const;
  std::size_t items() const;
};
// 95 %, resampling items within each task.
Interval paired_bootstrap(const Differences& differences, std::uint64_t seed);
// Two-sided: how often random signs give a mean as far from 0 (Fisher's randomisation test). Never below 1/(flips+1).
double sign_flip_test(const Differences& differences, std::uint64_t seed, std::uint32_t flips = 9999);

// p-values of several comparisons that are looked at together, adjusted so that the chance of any false one stays below
// the level (Holm 1979). In the order given.
std::vector<double> holm(std::span<const double> p);

// Items needed to see a difference of `difference` (0 … 1) between two models at 5 % (two-sided) with 80 % power, if
// `discordant` of the items are right for one model alone (Connor 1987).
std::uint64_t items_needed(double difference, double discordant);
// The smallest difference that n items show on the same terms.
double visible_difference(std::uint64_t n, double discordant);

// The chance that at least one of k answers, drawn without replacement from n of which c are right, is right: unbiased
// for that of k fresh answers (Chen et al. 2021, "Evaluating large language models trained on code", arXiv 2107.03374,
// equation 1). k <= n.
double pass_at(std::uint32_t k, std::uint64_t n, std::uint64_t c);

// Expected calibration error: |confidence - share right|, over ten bins of confidence, weighted by their items;
// of the items that `indices` names.
double calibration_error(std::span<const double> confidence, const std::vector<bool>& right,
                         std::span<const std::uint32_t> indices);

}  // namespace freehold::eval
