// The planner against machines and texts that are made up: it must find what pays, and lose little where nothing does.
#include "engine/drafting/planner.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"

namespace freehold::engine {
namespace {

TEST(PassCost, RemembersWhatItMeasuredAndDrawsLinesBetween) {
  PassCost cost;
  EXPECT_GT(cost.of(9), cost.of(1));
  cost.measured(1, 1.0);
  EXPECT_EQ(cost.of(1), 1.0);
  EXPECT_LT(cost.of(2), 2.0);
  cost.measured(5, 3.0);
  EXPECT_EQ(cost.of(3), 2.0);
  EXPECT_EQ(cost.of(9), 5.0);
  for (double bad : {0.0, -1.0}) cost.measured(7, bad);
  cost.measured(0, 9);
  cost.measured(1000, 9);
  EXPECT_EQ(cost.most_measured(), 5u);
  // One pass that somebody disturbed moves little, a lasting change is followed.
  cost.measured(1, 1.0);
  cost.measured(1, 100.0);
  EXPECT_LT(cost.of(1), 1.2);
  for (int i = 0; i < 60; ++i) cost.measured(1, 4.0);
  EXPECT_NEAR(cost.of(1), 4.0, 0.1);
}

TEST(Acceptance, FollowsTheRecentPast) {
  Acceptance a;
  for (int i = 0; i < 30; ++i) a.learn(Evidence::weak, 3, 2);
  EXPECT_GT(a.chance(Evidence::weak, 0), 0.95);
  EXPECT_GT(a.chance(Evidence::weak, 1), 0.95);
  EXPECT_LT(a.chance(Evidence::weak, 2), 0.05);
  a.learn(Evidence::weak, 1, 1);  // so the next but one is the wrong one
  EXPECT_GT(a.chance(Evidence::weak, 0), 0.95);
  EXPECT_LT(a.chance(Evidence::weak, 1), 0.05);
  a.learn(Evidence::weak, 1, 0);
  EXPECT_EQ(a.chance(Evidence::strong, 0), Acceptance().chance(Evidence::strong, 0));
  for (int i = 0; i < 30; ++i) a.learn(Evidence::weak, 1, 0);
  EXPECT_LT(a.chance(Evidence::weak, 0), 0.05);
  (void)a.chance(Evidence::weak, 1000);
  a.learn(Evidence::weak, 1000, 1000);
  (void)a.chance(Evidence::weak, 1000);
}

// One answer on a machine where a pass of r rows takes cost(r), with a text where `right(t, i)` says whether token i of
// a guess made after t tokens is right.
struct Outcome {
  double speedup = 0;
  double worst_loss = 0;  // over any time from the beginning, in plain steps
};
Outcome simulate(const std::function<double(std::uint32_t)>& cost, const std::function<bool(int, std::uint32_t)>& right,
                 int tokens, std::uint32_t answers = 1, bool costly = false) {
  Planner planner(answers, 16, costly);
  std::vector<Acceptance> acceptance(answers);
  Outcome out;
  double time = 0, said = 0;  // tokens of each answer
  while (said < tokens) {
    const int t = static_cast<int>(said);
    std::vector<DraftPlan> plans;
    for (Acceptance& a : acceptance) plans.push_back({&a, Evidence::good, 16, 0});
    planner.plan(plans, answers);
    std::uint32_t drafted = 0, gained = 0;
    for (std::uint32_t a = 0; a < answers; ++a) {
      const std::uint32_t k = plans[a].chosen;
      std::uint32_t r = 0;
      while (r < 16 && r <= k && right(t, r)) ++r;
      const std::uint32_t known = costly ? k : std::min(16u, k + 1);  // of the guess
      acceptance[a].learn(Evidence::good, std::min(r + 1, known), std::min(r, known));
      drafted += k;
      gained += std::min(r, k);
    }
    EXPECT_LE(drafted, 16u);
    planner.cost.measured(answers + drafted, cost(answers + drafted));
    planner.settle(answers, drafted, gained);
    time += cost(answers + drafted);
    said += 1 + static_cast<double>(gained) / answers;
    out.worst_loss = std::max(out.worst_loss, time / cost(answers) - said);
  }
  out.speedup = tokens * cost(answers) / time;
  return out;
}

double cheap(std::uint32_t rows) {
  return 1 + 0.05 * rows;
}
double dear(std::uint32_t rows) {  // bound by arithmetic from the first row on
  return rows;
}
double stairs(std::uint32_t rows) {
  return rows <= 4 ? 1 : rows <= 8 ? 1.6 : 3;
}

TEST(Planner, EveryFifthWrongFindsFour) {
  auto right = [](int t, std::uint32_t i) { return (t + static_cast<int>(i)) % 5 != 4; };
  const double best = 5 * cheap(1) / cheap(5);
  EXPECT_GT(simulate(cheap, right, 500).speedup, 0.9 * best);
  // Three guesses cost nothing here, but leave a step that gives one token: five tokens in two steps.
  EXPECT_GT(simulate(stairs, right, 500).speedup, 0.9 * 5 / 1.6);
  const auto measured = [](std::uint32_t rows) {
    const double cost[] = {0, 1, 1.17, 1.69, 1.7, 2.29, 2.5, 3.2, 4};
    return rows <= 8 ? cost[rows] : 4.5;
  };
  EXPECT_GT(simulate(measured, right, 500).speedup, 0.9 * 5 / 2.29);
  // What a costly guess would have said to the token after it is not known, so the period blurs.
  EXPECT_GT(simulate(cheap, right, 500, 1, true).speedup, 0.7 * best);
}

TEST(Planner, AlwaysRightUsesAllRoom) {
  auto right = [](int, std::uint32_t) { return true; };
  EXPECT_GT(simulate(cheap, right, 1000).speedup, 0.9 * 17 * cheap(1) / cheap(17));
  EXPECT_GT(simulate(cheap, right, 1000, 4).speedup, 0.9 * 5 * cheap(4) / cheap(20));
}

TEST(Planner, LosesLittleWhereNothingPays) {
  const std::function<double(std::uint32_t)> machines[] = {cheap, dear, stairs};
  const std::function<bool(int, std::uint32_t)> texts[] = {
      [](int, std::uint32_t) { return false; },
      [](int t, std::uint32_t i) { return uniform_draw(1, i, static_cast<std::uint64_t>(t)) < 0.1; },
      [](int t, std::uint32_t) { return t % 100 < 10; },
  };
  for (const auto& machine : machines) {
    for (const auto& text : texts) {
      for (std::uint32_t answers : {1u, 4u}) {
        for (int tokens : {50, 300, 3000}) {
          for (bool costly : {false, true}) {
            const Outcome o = simulate(machine, text, tokens, answers, costly);
            EXPECT_LT(o.worst_loss, 0.01 * tokens + 1.5) << answers << " answers, " << tokens << " tokens";
            if (tokens >= 300) {
              EXPECT_GT(o.speedup, 0.97) << answers << " answers, " << tokens << " tokens";
            }
          }
        }
      }
    }
  }
}

TEST(Planner, ComesBackWhenTheTextBeginsToRepeat) {
  auto right = [](int t, std::uint32_t) { return t > 500; };
  EXPECT_GT(simulate(cheap, right, 1500).speedup, 1500 * cheap(1) / (560 * cheap(1) + 940.0 / 17 * cheap(17)));
}

TEST(Planner, RoomGoesToTheBestGuesses) {
  Planner planner(2, 4, false);
  for (int i = 0; i < 20; ++i) {
    planner.cost.measured(2, 1.0);
    planner.cost.measured(6, 1.1);
    planner.settle(2, 0, 0);
  }
  Acceptance good, bad;
  for (int i = 0; i < 30; ++i) {
    good.learn(Evidence::good, 4, 4);
    bad.learn(Evidence::good, 1, 0);
  }
  DraftPlan plans[] = {{&bad, Evidence::good, 4, 0}, {&good, Evidence::good, 3, 0}};
  planner.plan(plans, 2);
  EXPECT_EQ(plans[1].chosen, 3u);
  EXPECT_LE(plans[0].chosen, 1u);
  DraftPlan nothing[] = {{&good, Evidence::good, 0, 7}};
  planner.plan(nothing, 1);
  EXPECT_EQ(nothing[0].chosen, 0u);
}

}  // namespace
}  // namespace freehold::engine
