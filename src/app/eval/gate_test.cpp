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
  EXPECT_NE(refused("version: 1\ntasks: [a]\nlimit: 2.7\n").find("whole number"), std::string::npos);
  EXPECT_NE(refused("version: 1\ntasks: [{a: b}]\n").find("line 2"), std::string::npos);
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
  const auto judged = judge(*gate, c.report);
  EXPECT_TRUE(judged);
  const auto findings = judged.value_or(std::vector<GateFinding>{});
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

// Two models on several tasks, in the order of the alphabet: "a", "b" … `values`: by task, of the first model and of
// the second.
struct Pair {
  std::vector<eval::Task> tasks;
  std::vector<eval::Group> groups;
  EvalReport report;
  Pair(const std::vector<std::pair<std::vector<double>, std::vector<double>>>& values, eval::Metric metric,
       std::vector<eval::Group> in, const std::vector<double>& weights = {})
      : tasks(values.size()), groups(std::move(in)) {
    report.models.resize(2);
    for (std::size_t t = 0; t < values.size(); ++t) {
      tasks[t].name = std::string(1, static_cast<char>('a' + t));
      tasks[t].metrics = {metric};
      auto& questions = report.tasks.emplace_back();
      questions.task = &tasks[t];
      questions.questions.resize(values[t].first.size());
      for (std::size_t m = 0; m < 2; ++m) {
        eval::Measured measured;
        measured.metric = metric;
        measured.binary = eval::is_binary(metric);
        measured.values = m == 0 ? values[t].first : values[t].second;
        measured.weights = weights;
        double sum = 0, weight = 0;
        for (std::size_t i = 0; i < measured.values.size(); ++i) {
          sum += measured.values[i];
          weight += weights.empty() ? 1 : weights[i];
        }
        measured.score = metric == eval::Metric::perplexity ? std::exp(sum / weight) : sum / weight;
        report.models[m].tasks.emplace_back().measured.push_back(measured);
      }
    }
    summarise(report, groups);
  }
};

eval::Group group_of(std::string name, std::vector<std::string> members, bool by_items) {
  eval::Group group;
  group.name = std::move(name);
  group.members = std::move(members);
  group.by_items = by_items;
  return group;
}

std::string judged(std::string_view more, const Pair& pair) {
  const auto gate = parse_gate("version: 1\ntasks: [tasks.yaml]\n" + std::string(more), "g");
  EXPECT_TRUE(gate);
  const auto findings = judge(*gate, pair.report);
  if (!findings) return findings.error().what;
  std::string out;
  for (const GateFinding& f : *findings) out += (f.passed ? "+" : "-") + f.name + " ";
  return out;
}

std::vector<double> right(std::size_t first, std::size_t n) {
  std::vector<double> values(n);
  std::fill_n(values.begin(), first, 1);
  return values;
}

TEST(Gate, TwoGroupsOfTheSameTasksAreBothJudged) {
  const Pair pair({{right(9, 10), right(5, 10)}, {right(9, 10), right(5, 10)}}, eval::Metric::acc,
                  {group_of("items", {"a", "b"}, true), group_of("members", {"b", "a"}, false)});
  EXPECT_EQ(judged("", pair), "-items -members ");
}

TEST(Gate, OfAGroupTheGroupIsJudgedInWhateverOrderItsMembersAre) {
  for (const bool turned : {false, true}) {
    const Pair pair(
        {{right(9, 10), right(5, 10)}, {right(5, 10), right(9, 10)}}, eval::Metric::acc,
        {group_of("all", turned ? std::vector<std::string>{"b", "a"} : std::vector<std::string>{"a", "b"}, true)});
    EXPECT_EQ(judged("", pair), "+all ");
    EXPECT_EQ(judged("tolerance: {a: 1}\n", pair), "-a +all ");
  }
}

TEST(Gate, NeverPassesWithoutHavingJudged) {
  Pair pair({{right(9, 10), right(5, 10)}}, eval::Metric::acc, {});
  pair.report.lines.clear();
  pair.report.comparisons.clear();
  EXPECT_EQ(judged("", pair), "the gate judges nothing: name a task or a group in it");
}

TEST(Gate, NamesThatNothingHasAreErrors) {
  const Pair pair({{right(9, 10), right(5, 10)}}, eval::Metric::acc, {group_of("legal", {"a", "b"}, true)});
  const auto checked = [&](std::string_view more) {
    const auto gate = parse_gate("version: 1\ntasks: [t.yaml]\n" + std::string(more), "g.yaml");
    EXPECT_TRUE(gate);
    const auto good = check_gate(*gate, "g.yaml", lines_of(pair.report, pair.groups));
    return good ? std::string("good") : good.error().what;
  };
  EXPECT_EQ(checked("tolerance: {default: 1, a: 2}\nleast: {a: 5}\n"), "good");
  EXPECT_NE(checked("tolerance: {defualt: 1}\n").find("'defualt'"), std::string::npos);
  EXPECT_NE(checked("tolerance: {defualt: 1}\n").find("did you mean default?"), std::string::npos);
  EXPECT_NE(checked("least: {cla: 99}\n").find("g.yaml: 'least' names 'cla'"), std::string::npos);
  EXPECT_NE(checked("least: {legal: 99}\n").find("'legal'"), std::string::npos);  // only one of its members is measured
  EXPECT_NE(check_gate({}, "g.yaml", {}).error().what.find("measure nothing"), std::string::npos);
}

TEST(Gate, IntervalsOfFewItemsAreWideOrRefused) {
  const std::string interval = "tolerance: 0.5\njudge: interval\n";
  for (const std::size_t n : {1u, 3u, 150u})
    EXPECT_EQ(judged(interval, Pair({{right(n, n), right(n, n)}}, eval::Metric::acc, {})), "-a ") << n;
  EXPECT_EQ(judged(interval, Pair({{right(800, 800), right(800, 800)}}, eval::Metric::acc, {})), "+a ");
  // f1 is resampled: nine items are too few, whatever they say; and items that do not differ are no proof either.
  std::vector<double> f1(9, 0.5), better(9, 0.6);
  EXPECT_EQ(judged(interval, Pair({{f1, better}}, eval::Metric::f1, {})), "-a ");
  EXPECT_EQ(judged("tolerance: 0.5\n", Pair({{f1, better}}, eval::Metric::f1, {})), "+a ");
  EXPECT_EQ(
      judged(interval, Pair({{std::vector<double>(20, 0.5), std::vector<double>(20, 0.5)}}, eval::Metric::f1, {})),
      "-a ");
  // A group's members have intervals of their own.
  EXPECT_EQ(judged(interval, Pair({{right(2, 2), right(2, 2)}, {right(800, 800), right(800, 800)}}, eval::Metric::acc,
                                  {group_of("both", {"a", "b"}, false)})),
            "-both ");
}

TEST(Gate, PerplexitiesAreJudgedInPercentOfTheirOwn) {
  // 0.05 nats a token more everywhere: 5.127 %, whatever the perplexity is.
  std::vector<double> before, now;
  for (int i = 0; i < 20; ++i) before.push_back(2 + 0.1 * i), now.push_back(2.05 + 0.1 * i);
  const Pair pair({{before, now}}, eval::Metric::perplexity, {});
  EXPECT_EQ(judged("tolerance: 5.12\n", pair), "-a ");
  EXPECT_EQ(judged("tolerance: 5.13\n", pair), "+a ");
  EXPECT_EQ(judged("tolerance: 5.12\njudge: interval\n", pair), "-a ");
  EXPECT_EQ(judged("tolerance: 5.13\njudge: interval\n", pair), "+a ");
  EXPECT_EQ(judged("tolerance: 0\n", Pair({{now, before}}, eval::Metric::perplexity, {})), "+a ");
}

TEST(Gate, ACalibrationErrorThatRisesIsALoss) {
  Pair pair({{right(1, 4), right(1, 4)}}, eval::Metric::ece, {});
  pair.report.lines[0].scores[0].score = 0.46;
  pair.report.lines[0].scores[1].score = 0.50;
  EXPECT_EQ(judged("tolerance: 3\n", pair), "-a ");
  EXPECT_EQ(judged("tolerance: 5\n", pair), "+a ");
  std::swap(pair.report.lines[0].scores[0], pair.report.lines[0].scores[1]);
  EXPECT_EQ(judged("tolerance: 0\n", pair), "+a ");
  const auto gate = parse_gate("version: 1\ntasks: [t.yaml]\njudge: interval\n", "g.yaml");
  EXPECT_NE(check_gate(*gate, "g.yaml", pair.report.lines).error().what.find("ece"), std::string::npos);
}

// A long text that the second model knows better, and short ones that it knows worse.
TEST(Summary, ADifferenceIsThatOfTheScores) {
  std::vector<double> first = {300}, second = {200}, weights = {100};
  for (int i = 0; i < 11; ++i) first.push_back(4), second.push_back(5), weights.push_back(2);
  for (const eval::Metric metric : {eval::Metric::perplexity, eval::Metric::bits_per_byte}) {
    const Pair pair({{first, second}}, metric, {}, weights);
    const auto& scores = pair.report.lines[0].scores;
    EXPECT_NEAR(pair.report.comparisons[0].difference, scores[1].score - scores[0].score, 1e-12);
    EXPECT_LT(pair.report.comparisons[0].difference, 0);
    EXPECT_NE(report_table(pair.report).find(metric == eval::Metric::perplexity ? "-8.685" : "-0.730"),
              std::string::npos);
  }
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

// "a" and "b" are a group; with "c" that group is one of two members, not two of three.
TEST(Groups, OfGroupsAverageTheirMembers) {
  for (const bool inner_by_items : {false, true}) {
    const Pair pair({{right(10, 10), right(10, 10)}, {right(0, 30), right(15, 30)}, {right(0, 10), right(10, 10)}},
                    eval::Metric::acc,
                    {group_of("inner", {"a", "b"}, inner_by_items), group_of("outer", {"inner", "c"}, false),
                     group_of("all", {"inner", "c"}, true)});
    const auto line = [&](std::string_view name) -> const ReportLine& {
      return *std::find_if(pair.report.lines.begin(), pair.report.lines.end(),
                           [&](const ReportLine& l) { return l.name == name; });
    };
    const double first = inner_by_items ? 0.25 : 0.5, second = inner_by_items ? 0.625 : 0.75;
    EXPECT_DOUBLE_EQ(line("inner").scores[0].score, first);
    EXPECT_DOUBLE_EQ(line("outer").scores[0].score, first / 2);
    EXPECT_DOUBLE_EQ(line("outer").scores[1].score, (second + 1) / 2);
    EXPECT_DOUBLE_EQ(line("all").scores[0].score, 0.2);
    for (const ModelComparison& c : pair.report.comparisons) {
      const auto& scores = pair.report.lines[c.line].scores;
      EXPECT_NEAR(c.difference, scores[1].score - scores[0].score, 1e-12) << pair.report.lines[c.line].name;
      EXPECT_LE(c.interval.low, c.difference);
      EXPECT_GE(c.interval.high, c.difference);
    }
  }
}

TEST(Groups, WithoutALineSayWhy) {
  Pair pair({{right(5, 10), right(5, 10)}, {right(5, 10), right(5, 10)}}, eval::Metric::acc, {});
  const auto why = [&](std::vector<eval::Group> groups) { return groups_without_line(pair.report, groups); };
  EXPECT_EQ(why({group_of("g", {"a", "b"}, false)}), std::vector<std::string>());
  EXPECT_EQ(
      why({group_of("g", {"a", "hellaswag", "piqa"}, false)}),
      std::vector<std::string>{"group g has no line: its member hellaswag was not measured: name it beside the file"});
  EXPECT_EQ(why({group_of("h", {"g", "b"}, false), group_of("g", {"a", "piqa"}, false)}).size(), 2u);
  EXPECT_EQ(why({group_of("commonsense", {"a", "piqa"}, false)}), std::vector<std::string>()) << "nobody asked for it";
  pair.tasks[1].metrics = {eval::Metric::perplexity};
  EXPECT_EQ(why({group_of("g", {"a", "b"}, false)}),
            std::vector<std::string>{"group g has no line: acc and perplexity have no mean"});
}

}  // namespace
}  // namespace freehold::app
