#include "engine/drafting/planner.h"

#include <algorithm>

namespace freehold::engine {
namespace {

constexpr double kRowGuess = 0.1;    // what a row more costs, in passes of one row, before anything is measured
constexpr double kAllowance = 0.01;  // of a step
constexpr double kMostBalance = 2;   // steps
constexpr std::uint32_t kPlainSteps =
    2;                                   // without guesses in the beginning, so that there is something to compare with
constexpr double kMemory = 8;            // measurements and guesses that an average follows
constexpr std::uint32_t kLeastWait = 2;  // steps between tries while they succeed
constexpr std::uint32_t kMostWait = 128;  // and when they never do

double guessed(std::uint32_t rows) {
  return 1 + kRowGuess * (rows - 1.0);
}

}  // namespace

void PassCost::measured(std::uint32_t rows, double seconds) {
  if (rows == 0 || rows > kRows || !(seconds > 0)) return;
  Point& p = points_[rows];
  ++p.times;
  if (p.times <= 2) {
    // The first pass of a kind also pays for memory that nobody had touched.
    p.seconds = p.times == 1 ? seconds : std::min(p.seconds, seconds);
  } else {
    // Somebody else's work on this machine must not look like the cost of a row.
    p.seconds += (std::min(seconds, 2 * p.seconds) - p.seconds) / kMemory;
  }
  least_ = least_ == 0 ? rows : std::min(least_, rows);
  most_ = std::max(most_, rows);
}

double PassCost::of(std::uint32_t rows) const {
  if (least_ == 0) return guessed(rows);
  if (rows <= least_) return points_[least_].seconds * guessed(rows) / guessed(least_);
  if (rows > most_) {
    if (least_ == most_) return points_[most_].seconds * guessed(rows) / guessed(most_);
    const double slope = (points_[most_].seconds - points_[least_].seconds) / (most_ - least_);
    return points_[most_].seconds + std::max(slope, 0.0) * (rows - most_);
  }
  std::uint32_t below = rows, above = rows;
  while (points_[below].times == 0) --below;
  while (points_[above].times == 0) ++above;
  if (below == above) return points_[rows].seconds;
  const double share = static_cast<double>(rows - below) / (above - below);
  return points_[below].seconds + share * (points_[above].seconds - points_[below].seconds);
}

Acceptance::Acceptance() {
  // From repeating texts of several kinds; they matter for a dozen tokens.
  constexpr double kFirst[kEvidences] = {0.3, 0.5, 0.65, 0.8};
  for (std::size_t e = 0; e < kEvidences; ++e) first_[e].value = kFirst[e];
  for (Rate& rate : later_) rate.value = 0.8;
}

void Acceptance::Rate::learn(bool right) {
  ++times;
  value += ((right ? 1.0 : 0.0) - value) / std::min(times + 2.0, kMemory);
}

double Acceptance::chance(Evidence evidence, std::uint32_t place) const {
  const std::uint32_t run = std::min(run_ + place, kRun - 1);
  return run == 0 ? first_[static_cast<std::size_t>(evidence)].value : later_[run].value;
}

void Acceptance::learn(Evidence evidence, std::uint32_t compared, std::uint32_t right) {
  for (std::uint32_t i = 0; i < compared; ++i) {
    const std::uint32_t run = std::min(run_ + i, kRun - 1);
    (run == 0 ? first_[static_cast<std::size_t>(evidence)] : later_[run]).learn(i < right);
  }
  run_ = compared == 0 || right < compared ? 0 : std::min(run_ + right, kRun);
  if (compared == 0) return;
  waited_ = 0;
  interval_ = right > 0 ? kLeastWait : std::min(2 * interval_, kMostWait);
}

bool Acceptance::wait() {
  if (++waited_ < interval_) return false;
  waited_ = 0;
  return true;
}

Planner::Planner(std::size_t answers, std::uint32_t room, bool tries) : room_(room), tries_(tries) {
  next_.reserve(answers);
  picks_.reserve(room);
}

double Planner::extra(std::uint32_t rows, std::uint32_t drafted) const {
  return (cost.of(rows + drafted) + drafted * draft_seconds_) / cost.of(rows) - 1;
}

void Planner::plan(std::span<DraftPlan> plans, std::uint32_t rows) {
  next_.clear();
  picks_.clear();
  for (std::uint32_t i = 0; i < plans.size(); ++i) {
    plans[i].chosen = 0;
    if (plans[i].available > 0 && steps_ >= kPlainSteps)
      next_.push_back({i, plans[i].acceptance->chance(plans[i].evidence, 0)});
  }
  // Costs are believed up to twice the rows that were measured.
  const std::uint32_t most_rows = 2 * std::max(cost.most_measured(), rows);
  const std::uint32_t most = std::min(room_, most_rows - rows);
  const auto less = [](const Pick& a, const Pick& b) {
    return a.chance != b.chance ? a.chance < b.chance : a.plan > b.plan;
  };
  std::make_heap(next_.begin(), next_.end(), less);
  // Tokens by falling chance, so the first t of the list are the best t; the t with the most tokens a second is taken.
  double expected = 0, best_speed = 1, miss = 1;
  std::size_t best = 0;
  while (!next_.empty() && picks_.size() < most) {
    std::pop_heap(next_.begin(), next_.end(), less);
    const Pick pick = next_.back();
    next_.pop_back();
    picks_.push_back(pick);
    DraftPlan& plan = plans[pick.plan];
    if (++plan.chosen < plan.available) {
      next_.push_back({pick.plan, pick.chance * plan.acceptance->chance(plan.evidence, plan.chosen)});
      std::push_heap(next_.begin(), next_.end(), less);
    }
    expected += pick.chance;
    if (plan.chosen == 1) miss *= 1 - pick.chance;
    const double more = extra(rows, static_cast<std::uint32_t>(picks_.size()));
    const double speed = (1 + expected / rows) / (1 + more);
    if (speed > best_speed && miss * more <= balance_) {
      best_speed = speed;
      best = picks_.size();
    }
  }
  for (DraftPlan& plan : plans) plan.chosen = 0;
  for (std::size_t i = 0; i < best; ++i) ++plans[picks_[i].plan].chosen;
  if (!tries_) return;
  const bool affordable = room_ > 0 && steps_ >= kPlainSteps && extra(rows, 1) <= balance_;
  bool tried = best > 0;
  for (DraftPlan& plan : plans) {
    if (plan.chosen > 0 || plan.available == 0) continue;
    if (plan.acceptance->wait() && affordable && !tried) {
      plan.chosen = 1;
      tried = true;
    }
  }
}

void Planner::settle(std::uint32_t rows, std::uint32_t drafted, std::uint32_t gained) {
  if (rows == 0) return;
  steps_ = std::min(steps_ + 1, kPlainSteps);
  balance_ += kAllowance;
  if (drafted > 0) balance_ += static_cast<double>(gained) / rows - extra(rows, drafted);
  balance_ = std::min(balance_, kMostBalance);
}

void Planner::drafting_took(double seconds, std::uint32_t tokens) {
  if (!(seconds >= 0) || tokens == 0) return;
  const double each = seconds / tokens;
  draft_seconds_ =
      draft_seconds_ == 0 ? each : draft_seconds_ + (std::min(each, 2 * draft_seconds_) - draft_seconds_) / kMemory;
}

}  // namespace freehold::engine
