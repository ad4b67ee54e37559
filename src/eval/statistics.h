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

// What two models did on the same items, by task. A model's score on a task is the sum of values over the sum of
// weights; of a perplexity, exp of that. A group's is the mean over its tasks, or weighted by `shares` or their numbers
// of items. What is said about the difference is said about these scores, so that it cannot contradict them.
struct PairedItem {
  double first = 0, second = 0;
  double first_weight = 1, second_weight = 1;
};
struct Paired {
  std::vector<std::vector<PairedItem>> tasks;
  bool by_items = false;
  bool exponential = false;
  std::vector<double> shares = {};  // of the tasks in the group's score; empty: equal ones, or by items
  double difference() const;        // the second's score less the first's
  std::size_t items() const;
};
struct PairedIntervals {
  Interval difference;
  Interval relative;  // of the second's score over the first's, less 1
};
// 95 %, resampling items within each task. Percentiles are taken further out where items are few, as in Hesterberg's
// expanded percentile interval ("What teachers should know about the bootstrap", The American Statistician 69, 2015).
// Below kLeastResampled items a task even that says little.
inline constexpr std::size_t kLeastResampled = 10;
PairedIntervals paired_bootstrap(const Paired& paired, std::uint64_t seed);
// Two-sided: how often scores are as far apart when items change sides at random (Fisher's randomisation test). Never
// below 1/(flips+1).
double sign_flip_test(const Paired& paired, std::uint64_t seed, std::uint32_t flips = 9999);

// Of `right` successes in n trials, 95 %, exact: 2.5 % at most on either side (Clopper & Pearson 1934). n 0: from 0
// to 1.
Interval clopper_pearson(std::uint64_t right, std::uint64_t n);
// Of the difference (second less first) between shares of n paired items of which `first` and `second` are right for
// one model alone; 95 %. The exact limits of the two shares are combined as Zou & Donner 2008 do for differences
// (Statistics in Medicine 27, 1693-1702: MOVER), with the correlation that shares of one sample have. Without a
// discordant pair it is +-(1 - 0.025^(1/n)), about 3.7/n: few items stay few. Its true coverage, summed over all
// outcomes of 3, 10 and 25 items, is nowhere below 95 % (a test does the sum).
Interval paired_shares(std::uint64_t first, std::uint64_t second, std::uint64_t n);

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
