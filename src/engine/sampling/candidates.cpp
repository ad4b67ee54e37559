#include "engine/sampling/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/mathd.h"
#include "engine/sampling/weight.h"

namespace freehold::engine {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

}  // namespace

Result<> Candidates::reset(std::span<const float> logits) {
  items_.resize(logits.size());
  bool finite = true;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    finite &= logits[i] < std::numeric_limits<float>::infinity();  // false for NaN too
    items_[i] = {logits[i], 0, static_cast<std::int32_t>(i)};
  }
  by_id_ = rising_ = true;
  masked_ = false;
  changed();
  if (finite) return {};
  auto bad =
      std::find_if(logits.begin(), logits.end(), [](float l) { return !(l < std::numeric_limits<float>::infinity()); });
  return broken_logit(static_cast<std::size_t>(bad - logits.begin()), *bad);
}

Result<> Candidates::reset(std::span<const float> logits, std::span<const std::uint64_t> allowed) {
  items_.clear();
  by_id_ = false;
  rising_ = masked_ = true;
  changed();
  for (std::size_t w = 0; w < allowed.size(); ++w) {
    for (std::uint64_t left = allowed[w]; left != 0; left &= left - 1) {
      const std::size_t i = w * 64 + static_cast<std::size_t>(std::countr_zero(left));
      if (i >= logits.size()) break;
      if (logits[i] == std::numeric_limits<float>::infinity()) return broken_logit(i, logits[i]);
      const double logit = std::isnan(logits[i]) ? -kInfinity : double{logits[i]};
      items_.push_back({logit, 0, static_cast<std::int32_t>(i)});
    }
  }
  if (items_.empty()) return fail(Errc::invalid, "no token may be chosen: the mask forbids every one");
  return {};
}

Unexpected broken_logit(std::size_t token, float logit) {
  return fail(Errc::corrupt,
              fmt::format("the model gave token {} the logit {}: its weights are damaged, or its numbers overflow",
                          token, logit));
}

void Candidates::changed() {
  weighed_ = false;
  ranked_ = 0;
}

void Candidates::cut(Prefix kept) {
  by_id_ = by_id_ && kept.count == items_.size();
  rising_ = by_id_;
  items_.resize(kept.count);
  total_ = kept.sum;
}

Result<> Candidates::weigh() {
  if (weighed_) return {};
  double largest = -kInfinity;
  for (const Candidate& c : items_) largest = std::max(largest, c.logit);
  if (largest == -kInfinity && masked_) {
    auto lowest = std::min_element(items_.begin(), items_.end(), [](auto& a, auto& b) { return a.id < b.id; });
    items_[0] = {0, 0, lowest->id};
    items_.resize(1);
    by_id_ = false;
    changed();
    largest = 0;
  }
  if (largest == -kInfinity) {
    return fail(Errc::invalid, "no token may be chosen: the model and logit_bias together forbid every one");
  }
  total_ = 0;
  for (Candidate& c : items_) {
    c.weight = weight_of(c.logit - largest);
    total_ += c.weight;
  }
  weighed_ = true;
  return {};
}

void Candidates::rank(std::size_t count) {
  count = std::min(count, items_.size());
  if (count <= ranked_) return;
  by_id_ = rising_ = false;
  auto first = items_.begin() + static_cast<std::ptrdiff_t>(ranked_);
  // A heap of `count` beats sorting everything as long as it is small.
  if (count - ranked_ < (items_.size() - ranked_) / 8) {
    std::partial_sort(first, items_.begin() + static_cast<std::ptrdiff_t>(count), items_.end(), likelier);
    ranked_ = count;
  } else {
    std::sort(first, items_.end(), likelier);
    ranked_ = items_.size();
  }
}

void Candidates::keep_top(std::size_t count) {
  if (count >= items_.size()) return;
  rank(count);
  items_.resize(count);
  ranked_ = count;
  weighed_ = false;  // the sum is another
}

void Candidates::keep_best() {
  if (items_.empty()) return;
  items_[0] = *std::min_element(items_.begin(), items_.end(), likelier);
  items_.resize(1);
  by_id_ = rising_ = false;
  changed();
}

// How many candidates, sorted by `less`, it takes until their weights sum to `sum` (or exceed it). The first `sorted`
// are sorted already. Sorts no more than about four times what is needed, because a nucleus is usually small and a
// vocabulary is not.
template <typename Less>
Candidates::Prefix Candidates::shortest_prefix(Less less, std::size_t sorted, double sum, bool strictly) {
  double running = 0;
  std::size_t i = 0;
  for (std::size_t step = 64;; step *= 4) {
    for (; i < sorted; ++i) {
      running += items_[i].weight;
      if (running > sum || (!strictly && running == sum)) return {i + 1, running};
    }
    std::size_t rest = items_.size() - sorted;
    if (rest == 0) return {items_.size(), running};
    by_id_ = rising_ = false;
    auto first = items_.begin() + static_cast<std::ptrdiff_t>(sorted);
    if (step < rest / 8) {
      std::partial_sort(first, first + static_cast<std::ptrdiff_t>(step), items_.end(), less);
      sorted += step;
    } else {
      std::sort(first, items_.end(), less);
      sorted = items_.size();
    }
  }
}

void Candidates::keep_nucleus(double sum) {
  cut(shortest_prefix(likelier, ranked_, sum, false));
  ranked_ = items_.size();
}

void Candidates::keep_typical(double sum) {
  // -log p_i = log(total) - log(weight) = log(total) + largest - logit_i
  double largest = -kInfinity;
  for (const Candidate& c : items_) largest = std::max(largest, c.logit);
  double zero = mathd::log(total_) + largest;
  double entropy = 0;
  for (const Candidate& c : items_) {
    if (c.weight > 0) entropy += c.weight * (zero - c.logit);
  }
  entropy /= total_;
  auto more_typical = [zero, entropy](const Candidate& a, const Candidate& b) {
    double distance_a = std::fabs(zero - a.logit - entropy);
    double distance_b = std::fabs(zero - b.logit - entropy);
    return distance_a != distance_b ? distance_a < distance_b : likelier(a, b);
  };
  cut(shortest_prefix(more_typical, 0, sum, false));
  ranked_ = 0;
}

void Candidates::keep_weight(double weight) {
  bool ranked = ranked_ == items_.size();
  double total = 0;
  std::size_t kept = 0;
  for (const Candidate& c : items_) {
    if (c.weight < weight) continue;
    total += c.weight;
    items_[kept++] = c;
  }
  cut({kept, total});
  ranked_ = ranked ? kept : 0;
}

const Candidate& Candidates::at_sum(double target) {
  std::size_t count = shortest_prefix(likelier, ranked_, target, true).count;
  ranked_ = std::max(ranked_, count);
  // The ranked sum may fall short of the target by rounding: then it is the last one with any probability.
  while (count > 1 && items_[count - 1].weight == 0) --count;
  return items_[count - 1];
}

}  // namespace freehold::engine
