// How many guessed tokens a step should run: as many as make it faster, by what has been measured.
//
// A pass over r rows takes longer than one over a single row, but less than r times; a guess of k tokens gives up to
// k + 1. The planner takes for each step the number of guessed rows with the most expected tokens a second; where one
// answer is alone, it also looks at what the step after that will be worth (a guess that ends just before the token
// that is always wrong leaves a poor one). Its numbers come from clocks and counts and decide nothing but speed.
//
// Never much slower than without: an account holds what guessing has gained and lost, in plain steps. It begins with
// one step's worth, grows by 2 % of a step every step and by what guesses gain, and is capped at two; below zero
// nothing is guessed. So over any stretch the loss is at most 2 % of its time, two steps, and what one pass cost more.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/drafting/drafter.h"

namespace freehold::engine {

// Seconds of a pass by its rows, measured. What was not measured lies on a line between what was.
class PassCost {
 public:
  static constexpr std::uint32_t kRows = 64;  // passes with more are not looked at

  // Times that are not above zero (a clock that stands still) are ignored.
  void measured(std::uint32_t rows, double seconds);
  // In seconds, or in passes of one row while nothing was measured: only ratios mean anything.
  double of(std::uint32_t rows) const;
  std::uint32_t most_measured() const { return most_; }

 private:
  struct Point {
    double seconds = 0;
    std::uint32_t times = 0;
  };
  std::array<Point, kRows + 1> points_{};
  std::uint32_t least_ = 0;  // rows of the smallest pass measured; 0 = none
  std::uint32_t most_ = 0;
};

// How often an answer's guesses are right. After a wrong token the evidence decides, later the number of right ones
// since then: the longer a text has followed its model, the likelier it goes on, or the nearer is the end of what
// repeats. Follows the last dozen of each.
class Acceptance {
 public:
  Acceptance();
  // The chance that token `place` of a guess is right if all before it are.
  double chance(Evidence evidence, std::uint32_t place) const { return chance_after(evidence, run_ + place); }
  // The chance of a token with so many right ones before it, since the last wrong one; the evidence counts at 0.
  double chance_after(Evidence evidence, std::uint32_t run) const;
  std::uint32_t run() const { return run_; }
  // The answer went on: the first `compared` tokens of the guess were looked at, whether they were run or not, and the
  // first `right` of these were right (all, or all but the last).
  void learn(Evidence evidence, std::uint32_t compared, std::uint32_t right);

  // Where no guess is made, nothing is learned; so one is made now and then though it does not pay. Counts a step
  // without one, and says whether it is time.
  bool wait();

 private:
  static constexpr std::uint32_t kRun = 24;  // longer runs are not told apart
  struct Rate {
    double value = 0;
    std::uint32_t times = 0;
    void learn(bool right);
  };
  std::array<Rate, kEvidences> first_;  // after a wrong one
  std::array<Rate, kRun> later_;        // by the right ones before it
  std::uint32_t run_ = 0;               // right tokens since the last wrong one
  std::uint32_t interval_ = 8;          // steps from one try to the next
  std::uint32_t waited_ = 0;
};

// One answer's guess in a plan.
struct DraftPlan {
  Acceptance* acceptance = nullptr;
  Evidence evidence = Evidence::good;
  std::uint32_t available = 0;  // tokens that could be run
  std::uint32_t chosen = 0;     // that should be
};

class Planner {
 public:
  // For up to `answers` answers and `room` guessed tokens a step. `tries`: guesses that are not made cannot be compared
  // with what comes, so that some have to be made (Acceptance::wait).
  Planner(std::size_t answers, std::uint32_t room, bool tries);

  // Sets `chosen` of each plan, `room` in all. The step decodes `rows` answers in any case.
  void plan(std::span<DraftPlan> plans, std::uint32_t rows);
  // The step is over: `rows` answers with `drafted` guessed tokens gave `gained` tokens beyond one each.
  void settle(std::uint32_t rows, std::uint32_t drafted, std::uint32_t gained);
  // Guessing took so long, for so many tokens.
  void drafting_took(double seconds, std::uint32_t tokens);

  PassCost cost;
  double balance() const { return balance_; }

 private:
  double extra(std::uint32_t rows, std::uint32_t drafted) const;
  std::uint32_t most_now(std::uint32_t rows) const;
  void plan_one(DraftPlan& plan);
  void plan_several(std::span<DraftPlan> plans, std::uint32_t rows);
  void try_one(std::span<DraftPlan> plans, std::uint32_t rows);
  double worth(const DraftPlan& plan, std::uint32_t run, std::uint32_t most) const;

  std::uint32_t room_;
  bool tries_;
  std::uint32_t steps_ = 0;  // settled, up to as many as matter
  double balance_ = 0.5;
  double draft_seconds_ = 0;   // a guessed token
  double said_ = 1;            // tokens of an answer that was alone, in the last two dozen steps
  double spent_ = 1;           // and what these steps took, in plain ones
  std::vector<double> costs_;  // of a pass with so many guessed tokens, in plain steps
  struct Pick {
    std::uint32_t plan;
    double chance;  // that this token and all before it in its guess are right
  };
  std::vector<Pick> next_;   // by plan: the next token that could be added; a heap
  std::vector<Pick> picks_;  // in the order they were added
};

}  // namespace freehold::engine
