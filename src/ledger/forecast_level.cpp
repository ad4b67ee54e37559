#include "ledger/forecast_level.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace freehold::ledger {
namespace {

using Three = std::array<double, 3>;
using ThreeByThree = std::array<Three, 3>;

// What is thought of histories before one is seen. The shares are so chosen that totals after steps of x1.0 to x2.0 are
// in their band in 90 to 99 % of cases (forecast_bench.cpp prints them).
constexpr double kLevelSpread = 1.0;   // of the level around the median day
constexpr double kSlopeSpread = 0.02;  // a day
constexpr double kSmallStep = 0.12, kStep = 0.5, kBend = 0.01;
constexpr double kShareOfSmallSteps = 0.29, kShareOfSteps = 0.1, kShareOfBends = 0.03;
// Of those that grow, against one that has not changed. What begins looks like a step for weeks: more of it here would
// put steps of a half out of their band.
constexpr double kShareOfBeginnings = 0.5, kShareOfEnds = 0.3;
constexpr double kShareOfGrowth[] = {0.8, 0.1, 0.1};
struct MemoryPrior {
  double memory, share;
};
constexpr MemoryPrior kMemories[] = {{0, 0.45}, {0.15, 0.2}, {0.3, 0.15}, {0.5, 0.1}, {0.7, 0.07}, {0.85, 0.03}};
constexpr double kNoises[] = {0.5, 0.63, 0.79, 0.89, 1, 1.12, 1.26, 1.59, 2};  // times the first guess

constexpr std::size_t kLeastBefore = 3, kLeastAfter = 3;  // days before a change, so that it is one
constexpr std::size_t kLeastAfterBend = 14;               // days that a new slope takes to be seen
constexpr std::size_t kEachDay = 30, kStride = 3, kBendStride = 3;
constexpr double kLeastWeight = 1e-4;  // of the heaviest

constexpr double kFarBehind = 7;  // in logarithms

struct Candidate {
  Change change = Change::none;
  std::size_t at = 0;
  double share = 0;  // of its kind
};

// One row of the regression: a day, alone or less what it keeps of the day before.
struct WhiteRow {
  double t = 0;
  double z = 0, before = 0;
  bool follows = false;
};

double share_of(Change change) {
  switch (change) {
    case Change::small_step:
      return kShareOfSmallSteps;
    case Change::step:
      return kShareOfSteps;
    case Change::bend:
      return kShareOfBends;
    case Change::growth_begins:
      return kShareOfBeginnings;
    case Change::growth_ends:
      return kShareOfEnds;
    case Change::none:
      break;
  }
  return 1;
}

// What the third parameter does.
double changed(Change change, double t, double at) {
  if (t < at) return 0;
  return change == Change::bend ? t - at + 1 : change == Change::small_step || change == Change::step ? 1 : 0;
}

// Days of growth, from the centre or from its beginning.
double grown(Change change, double t, double at, double centre) {
  if (change == Change::growth_begins) return std::max(0.0, t - at + 1);
  return (change == Change::growth_ends ? std::min(t, at - 1) : t) - centre;
}

double growth_of(Growth growth, double slope, double t) {
  return growth == Growth::amount ? std::log(std::max(1e-3, 1 + slope * t)) : slope * t;
}

// Symmetric and positive definite; in place, the lower triangle.
void factorise(ThreeByThree& a) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(std::max(sum, 1e-300)) : sum / a[j][j];
    }
  }
}

Three solved(const ThreeByThree& root, Three b) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= root[i][k] * b[k];
    b[i] /= root[i][i];
  }
  for (std::size_t i = 3; i-- > 0;) {
    for (std::size_t k = i + 1; k < 3; ++k) b[i] -= root[k][i] * b[k];
    b[i] /= root[i][i];
  }
  return b;
}

class Explainer {
 public:
  explicit Explainer(const LevelDays& days) : days_(days) {
    std::vector<double> all;
    for (std::size_t i = days.from; i < days.z.size(); ++i) {
      if (!days.use[i]) continue;
      const bool follows = i > days.from && days.use[i - 1];
      rows_.push_back({static_cast<double>(i), days.z[i], follows ? days.z[i - 1] : 0, follows});
      all.push_back(days.z[i]);
    }
    if (all.empty()) return;
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    origin_ = *middle;
  }

  std::vector<Explanation> all() {
    const std::size_t n = days_.z.size();
    // Candidates stand for all days that they are nearest to.
    const auto span = static_cast<double>(n - days_.from);
    std::vector<Candidate> candidates;
    double none = 1;
    const auto put = [&](Change change, std::size_t at, double days, double share) {
      candidates.push_back({change, at, days / span});
      if (change != Change::growth_begins && change != Change::growth_ends) none -= share * days / span;
    };
    for (std::size_t k = n; k-- > days_.from + kLeastBefore;) {
      const std::size_t after = n - k;
      if (after >= kLeastAfter && (after <= kEachDay || after % kStride == 0))
        put(Change::step, k, after <= kEachDay ? 1 : kStride, share_of(Change::small_step) + share_of(Change::step));
      if (after >= kLeastAfterBend && k >= days_.from + kLeastAfterBend && after % kBendStride == 0)
        for (const Change change : {Change::bend, Change::growth_begins, Change::growth_ends})
          put(change, k, kBendStride, share_of(change));
    }
    candidates.push_back({Change::none, 0, none});
    for (const MemoryPrior& memory : kMemories) {
      std::vector<double> best;
      for (const Candidate& c : candidates) {
        const bool of_growth = c.change == Change::growth_begins || c.change == Change::growth_ends;
        if (!of_growth) add(Growth::none, c, memory);
        best.push_back(add(Growth::percent, c, memory));
      }
      // By amounts takes longest, and is worth it only where percentages are not out of the question.
      const double most = *std::max_element(best.begin(), best.end());
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        const bool close = best[c] > most - kFarBehind && candidates[c].change != Change::bend;
        if (candidates[c].change == Change::none || close) add(Growth::amount, candidates[c], memory);
      }
    }
    return weighed();
  }

 private:
  struct Sums {
    ThreeByThree gram{};
    Three with{};        // columns with what is left of the days
    double squares = 0;  // of what is left
    double scale = 0;    // logarithms of the rows' scales
  };

  // The linearised regression around `parameters`.
  Sums sums_at(const Explanation& e, const Three& parameters) const {
    const double w = std::sqrt(1 - e.memory * e.memory);
    const auto at = static_cast<double>(e.at);
    const auto columns = [&](double t) -> Three {
      const double x = grown(e.change, t, at, days_.centre);
      const double slope = e.growth == Growth::none      ? 0
                           : e.growth == Growth::percent ? x
                                                         : x / std::max(1e-3, 1 + parameters[1] * x);
      return {1, slope, changed(e.change, t, at)};
    };
    Sums out;
    for (const WhiteRow& row : rows_) {
      Three c = columns(row.t);
      double left = row.z - origin_ - e.at_day(parameters, row.t, days_.centre);
      if (row.follows) {
        const Three b = columns(row.t - 1);
        for (std::size_t i = 0; i < 3; ++i) c[i] -= e.memory * b[i];
        left -= e.memory * (row.before - origin_ - e.at_day(parameters, row.t - 1, days_.centre));
      } else {
        for (double& x : c) x *= w;
        left *= w;
        out.scale += std::log(w);
      }
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j <= i; ++j) out.gram[i][j] += c[i] * c[j];
        out.with[i] += c[i] * left;
      }
      out.squares += left * left;
    }
    return out;
  }

  static Three prior_of(Growth growth, Change change) {
    constexpr double kNever = 1e9;
    const auto precision = [](double spread) { return 1 / (spread * spread); };
    return {precision(kLevelSpread), growth == Growth::none ? kNever : precision(kSlopeSpread),
            change == Change::step         ? precision(kStep)
            : change == Change::small_step ? precision(kSmallStep)
            : change == Change::bend       ? precision(kBend)
                                           : kNever};
  }

  // Steps are added twice, small and large. Returns the logarithm of the heaviest weight.
  double add(Growth growth, const Candidate& candidate, const MemoryPrior& memory) {
    Explanation e{.growth = growth, .change = candidate.change, .at = candidate.at, .memory = memory.memory};
    const double guess = days_.noise * std::sqrt(1 + e.memory);
    Three around{};
    Sums sums = sums_at(e, around);
    // By amounts: to the optimum first, at the guessed noise.
    for (int round = 0; growth == Growth::amount && !rows_.empty() && round < 6; ++round) {
      const double edge = std::max(1.0, rows_.back().t - days_.centre),
                   back = std::max(1.0, days_.centre - rows_.front().t);
      around = optimum(sums, prior_of(growth, e.change), around, guess).first;
      around[1] = std::clamp(around[1], -0.9 / edge, 0.9 / back);
      sums = sums_at(e, around);
    }
    const double share = candidate.share * memory.share * kShareOfGrowth[static_cast<std::size_t>(growth)];
    if (e.change == Change::none) return weigh(e, sums, around, guess, share);
    if (e.change != Change::step) return weigh(e, sums, around, guess, share * share_of(e.change));
    const double large = weigh(e, sums, around, guess, share * share_of(Change::step));
    e.change = Change::small_step;
    return std::max(large, weigh(e, sums, around, guess, share * share_of(Change::small_step)));
  }

  // With every size of the noise.
  double weigh(Explanation e, const Sums& sums, const Three& around, double guess, double share) {
    const Three prior = prior_of(e.growth, e.change);
    const double free = std::max(1.0, static_cast<double>(rows_.size()) - days_.spent);
    double heaviest = -INFINITY;
    for (const double times : kNoises) {
      e.innovation = guess * times;
      std::tie(e.mean, e.precision_root) = optimum(sums, prior, around, e.innovation);
      // Of the days given the optimum, the prior there, and the optimum's width.
      double squares = sums.squares, evidence = sums.scale - free * std::log(e.innovation);
      for (std::size_t i = 0; i < 3; ++i) {
        const double step = e.mean[i] - around[i];
        squares -= 2 * step * sums.with[i];
        for (std::size_t j = 0; j < 3; ++j)
          squares += step * (e.mean[j] - around[j]) * sums.gram[std::max(i, j)][std::min(i, j)];
        evidence +=
            0.5 * std::log(prior[i]) - 0.5 * prior[i] * e.mean[i] * e.mean[i] - std::log(e.precision_root[i][i]);
      }
      e.weight = evidence - 0.5 * squares / (e.innovation * e.innovation) + std::log(share);
      heaviest = std::max(heaviest, e.weight);
      e.mean[0] += origin_;
      found_.push_back(e);
    }
    return heaviest;
  }

  static std::pair<Three, ThreeByThree> optimum(const Sums& sums, const Three& prior, const Three& around,
                                                double innovation) {
    const double tau = 1 / (innovation * innovation);
    ThreeByThree a = sums.gram;
    Three b{};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j <= i; ++j) a[i][j] *= tau;
      a[i][i] += prior[i];
      b[i] = tau * sums.with[i] - prior[i] * around[i];
    }
    factorise(a);
    const Three step = solved(a, b);
    return {{around[0] + step[0], around[1] + step[1], around[2] + step[2]}, a};
  }

  std::vector<Explanation> weighed() {
    std::sort(found_.begin(), found_.end(),
              [](const Explanation& a, const Explanation& b) { return a.weight > b.weight; });
    const double most = found_.front().weight;
    double sum = 0;
    std::size_t kept = 0;
    while (kept < found_.size() && found_[kept].weight >= most + std::log(kLeastWeight)) {
      found_[kept].weight = std::exp(found_[kept].weight - most);
      sum += found_[kept++].weight;
    }
    found_.resize(kept);
    for (Explanation& e : found_) e.weight /= sum;
    return std::move(found_);
  }

  const LevelDays& days_;
  std::vector<WhiteRow> rows_;
  double origin_ = 0;  // taken off all days, so that the prior of the level is around it
  std::vector<Explanation> found_;
};

}  // namespace

double Explanation::at_day(const std::array<double, 3>& parameters, double t, double centre) const {
  const auto from = static_cast<double>(at);
  return parameters[0] + growth_of(growth, parameters[1], grown(change, t, from, centre)) +
         parameters[2] * changed(change, t, from);
}

std::vector<Explanation> explain_level(const LevelDays& days) {
  return Explainer(days).all();
}

}  // namespace freehold::ledger
