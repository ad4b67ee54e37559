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

double Acceptance::chance_after(Evidence evidence, std::uint32_t run) const {
  return run == 0 ? first_[static_cast<std::size_t>(evidence)].value : later_[std::min(run, kRun - 1)].value;
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
  costs_.reserve(room + std::size_t{1});
}

double Planner::extra(std::uint32_t rows, std::uint32_t drafted) const {
  return (cost.of(rows + drafted) + drafted * draft_seconds_) / cost.of(rows) - 1;
}

// Costs are believed up to twice the rows that were measured.
std::uint32_t Planner::most_now(std::uint32_t rows) const {
  return std::min(room_, 2 * std::max(cost.most_measured(), rows) - rows);
}

void Planner::plan(std::span<DraftPlan> plans, std::uint32_t rows) {
  for (DraftPlan& plan : plans) plan.chosen = 0;
  if (steps_ < kPlainSteps) return;
  if (rows == 1 && plans.size() == 1) {
    plan_one(plans[0]);
  } else {
    plan_several(plans, rows);
  }
  if (tries_) try_one(plans, rows);
}

// Tokens of the best step after `run` right ones, less what its time would give at the present speed.
double Planner::worth(const DraftPlan& plan, std::uint32_t run, std::uint32_t most) const {
  double best = 1 - said_ / spent_, right = 1, tokens = 1;
  for (std::uint32_t k = 1; k <= most; ++k) {
    right *= plan.acceptance->chance_after(plan.evidence, run + k - 1);
    tokens += right;
    best = std::max(best, tokens - said_ / spent_ * costs_[k]);
  }
  return best;
}

void Planner::plan_one(DraftPlan& plan) {
  const std::uint32_t most = std::min(most_now(1), plan.available);
  costs_.clear();
  for (std::uint32_t k = 0; k <= most; ++k) costs_.push_back(1 + extra(1, k));
  const Acceptance& a = *plan.acceptance;
  const double after_wrong = worth(plan, 0, most);
  double right = 1, tokens = 1, best = 0;
  for (std::uint32_t k = 0; k <= most; ++k) {
    // The token after the guess is known to be right or wrong as well, so that the next step begins from there.
    const double all = right * a.chance(plan.evidence, k);
    const double next = all * worth(plan, a.run() + k + 1, most) + (1 - all) * after_wrong;
    const double value = tokens - said_ / spent_ * costs_[k] + next;
    const double risk = (1 - a.chance(plan.evidence, 0)) * (costs_[k] - 1);
    if (k == 0 || (value > best && risk <= balance_)) {
      best = value;
      plan.chosen = k;
    }
    right = all;
    tokens += all;
  }
}

// Tokens by falling chance, so the first t of the list are the best t; the t with the most tokens a second is taken.
void Planner::plan_several(std::span<DraftPlan> plans, std::uint32_t rows) {
  next_.clear();
  picks_.clear();
  for (std::uint32_t i = 0; i < plans.size(); ++i) {
    if (plans[i].available > 0) next_.push_back({i, plans[i].acceptance->chance(plans[i].evidence, 0)});
  }
  const std::uint32_t most = most_now(rows);
  const auto less = [](const Pick& a, const Pick& b) {
    return a.chance != b.chance ? a.chance < b.chance : a.plan > b.plan;
  };
  std::make_heap(next_.begin(), next_.end(), less);
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
}

// If nothing is guessed, one answer's token all the same when it is time, and the account has it.
void Planner::try_one(std::span<DraftPlan> plans, std::uint32_t rows) {
  bool tried = room_ == 0 || extra(rows, 1) > balance_ ||
               std::any_of(plans.begin(), plans.end(), [](const DraftPlan& p) { return p.chosen > 0; });
  for (DraftPlan& plan : plans) {
    if (plan.chosen > 0 || plan.available == 0) continue;
    if (plan.acceptance->wait() && !tried) {
      plan.chosen = 1;
      tried = true;
    }
  }
}

void Planner::settle(std::uint32_t rows, std::uint32_t drafted, std::uint32_t gained) {
  if (rows == 0) return;
  steps_ = std::min(steps_ + 1, kPlainSteps);
  if (rows == 1) {
    constexpr double kFade = 0.96;
    said_ = kFade * said_ + 1 + gained;
    spent_ = kFade * spent_ + 1 + extra(1, drafted);
  }
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
