// Gates: what is read, and what is let through.
#include "app/eval/gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace freehold::app {
namespace {

std::string refused(std::string_view yaml) {
  auto gate = parse_gate(yaml, "g.yaml");
  return gate ? "accepted" : gate.error().what;
}

TEST(Gate, SaysWhatIsWrongWithItsLine) {
  EXPECT_EQ(refused("version: 1\ntasks: [mmlu]\n"), "accepted");
  EXPECT_NE(refused("tasks: [mmlu]\n").find("version: 1"), std::string::npos);
  EXPECT_NE(refused("version: 1\n").find("'tasks'"), std::string::npos);
  EXPECT_NE(refused("version: 1\ntasks: [a]\ntolerence: 1\n").find("line 3"), std::string::npos);
  EXPECT_NE(refused("version: 1\ntasks: [a]\ntolerance: many\n").find("from 0 to 100"), std::string::npos);
  EXPECT_NE(refused("version: 1\ntasks: [a]\nleast: {a: x}\n").find("'a'"), std::string::npos);
  EXPECT_NE(refused("version: 1\ntasks: [a]\njudge: me\n").find("score or interval"), std::string::npos);
  EXPECT_NE(refused("- a\n").find("a map"), std::string::npos);
}

// Two models on a task of a hundred items: the first right on the first `before`, the second on the first `now`.
struct Case {
  eval::Task task;
  EvalReport report;
  Case(std::size_t before, std::size_t now, eval::Metric metric = eval::Metric::acc) {
    task.name = "t";
    task.metrics = {metric};
    report.tasks.push_back({.task = &task});
    report.tasks[0].questions.resize(100);
    for (const std::size_t right : {before, now}) {
      eval::Measured m{.metric = metric, .values = std::vector<double>(100), .binary = eval::is_binary(metric)};
      for (std::size_t i = 0; i < right; ++i) m.values[i] = 1;
      m.score = static_cast<double>(right) / 100;
      m.interval = eval::wilson(right, 100);
      report.models.push_back({.tasks = {{.measured = {m}}}});
    }
    summarise(report, {});
  }
};

bool passes(std::string_view more, const Case& c) {
  const auto gate = parse_gate("version: 1\ntasks: [t]\n" + std::string(more), "g");
  EXPECT_TRUE(gate);
  const auto findings = judge(*gate, c.report);
  EXPECT_FALSE(findings.empty());
  return std::all_of(findings.begin(), findings.end(), [](const GateFinding& f) { return f.passed; });
}

TEST(Gate, ToleratesWhatItSaysAndNoMore) {
  EXPECT_TRUE(passes("", Case(60, 60)));
  EXPECT_TRUE(passes("", Case(60, 70)));
  EXPECT_FALSE(passes("", Case(60, 59)));
  EXPECT_TRUE(passes("tolerance: 1\n", Case(60, 59)));
  EXPECT_FALSE(passes("tolerance: 1\n", Case(60, 58)));
  EXPECT_TRUE(passes("tolerance: {default: 0, t: 2}\n", Case(60, 58)));
  EXPECT_FALSE(passes("tolerance: {default: 5, t: 1}\n", Case(60, 58)));
}

TEST(Gate, TheIntervalIsStricterThanTheScore) {
  EXPECT_TRUE(passes("tolerance: 3\n", Case(60, 58)));
  EXPECT_FALSE(passes("tolerance: 3\njudge: interval\n", Case(60, 58)));
  EXPECT_TRUE(passes("tolerance: 10\njudge: interval\n", Case(60, 58)));
}

TEST(Gate, SomeScoresMustBeReachedAnyway) {
  EXPECT_TRUE(passes("tolerance: 100\nleast: {t: 50}\n", Case(60, 50)));
  EXPECT_FALSE(passes("tolerance: 100\nleast: {t: 51}\n", Case(60, 50)));
}

TEST(Summary, TheSecondModelIsHeldAgainstTheFirst) {
  const Case c(60, 80);
  ASSERT_EQ(c.report.comparisons.size(), 1u);
  const ModelComparison& m = c.report.comparisons[0];
  EXPECT_DOUBLE_EQ(m.difference, 0.2);
  EXPECT_EQ(m.only_first, 0u);
  EXPECT_EQ(m.only_second, 20u);
  EXPECT_EQ(m.test, "McNemar");
  EXPECT_NEAR(m.p, 2 * std::pow(0.5, 20), 1e-12);
}

}  // namespace
}  // namespace freehold::app
