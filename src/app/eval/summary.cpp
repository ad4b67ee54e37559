// From items to lines and comparisons.
#include <algorithm>
#include <cmath>

#include "app/eval/report.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kSeed = 1;  // of everything that is resampled

std::vector<const eval::Measured*> of_model(const ReportLine& line, const ModelResults& model) {
  std::vector<const eval::Measured*> out;
  for (std::size_t t : line.tasks) out.push_back(&model.tasks[t].measured.front());
  return out;
}

// Binary metrics: exact, task by task; members' distances add up in squares as in eval::combine.
eval::Interval of_right_and_wrong(const eval::Paired& paired, const ModelComparison& c) {
  if (paired.by_items) return eval::paired_shares(c.only_first, c.only_second, paired.items());
  double below = 0, above = 0;
  const double members = static_cast<double>(paired.tasks.size());
  for (const auto& task : paired.tasks) {
    std::uint64_t first = 0, second = 0;
    for (const eval::PairedItem& item : task) {
      first += item.first > item.second ? 1 : 0;
      second += item.second > item.first ? 1 : 0;
    }
    const auto n = static_cast<double>(std::max<std::size_t>(task.size(), 1));
    const double difference = (static_cast<double>(second) - static_cast<double>(first)) / n;
    const eval::Interval interval = eval::paired_shares(first, second, task.size());
    below += std::pow((difference - interval.low) / members, 2);
    above += std::pow((interval.high - difference) / members, 2);
  }
  return {c.difference - std::sqrt(below), c.difference + std::sqrt(above)};
}

ModelComparison compare(const EvalReport& report, std::size_t at, std::size_t first, std::size_t second) {
  const ReportLine& line = report.lines[at];
  ModelComparison c{.line = at, .first = first, .second = second};
  eval::Paired paired{.by_items = line.by_items, .exponential = line.metric == eval::Metric::perplexity};
  const bool binary = std::all_of(line.tasks.begin(), line.tasks.end(),
                                  [&](std::size_t t) { return report.models[first].tasks[t].measured.front().binary; });
  bool differ = false;
  std::size_t fewest = SIZE_MAX;
  for (std::size_t t : line.tasks) {
    const eval::Measured& a = report.models[first].tasks[t].measured.front();
    const eval::Measured& b = report.models[second].tasks[t].measured.front();
    auto& task = paired.tasks.emplace_back();
    for (std::size_t i = 0; i < a.values.size(); ++i) {
      task.push_back(
          {a.values[i], b.values[i], a.weights.empty() ? 1 : a.weights[i], b.weights.empty() ? 1 : b.weights[i]});
      differ = differ || a.values[i] != b.values[i];
      if (binary) {
        c.only_first += a.values[i] > b.values[i] ? 1 : 0;
        c.only_second += b.values[i] > a.values[i] ? 1 : 0;
      }
    }
    fewest = std::min(fewest, task.size());
  }
  c.difference = paired.difference();
  // Where no item differs there is nothing to resample, and what was not seen may yet be: as of right and wrong.
  if (binary || (!differ && in_points(line.metric))) {
    c.interval = of_right_and_wrong(paired, c);
  } else {
    const auto intervals = eval::paired_bootstrap(paired, kSeed);
    c.interval = intervals.difference;
    if (!in_points(line.metric)) c.relative = intervals.relative;
    c.resampled = fewest;
  }
  if (binary && (line.by_items || line.tasks.size() == 1)) {
    c.test = "McNemar";
    c.p = eval::mcnemar_exact(c.only_first, c.only_second);
  } else {
    c.test = "random signs";
    c.p = eval::sign_flip_test(paired, kSeed);
  }
  return c;
}

void add_costs(ReportLine& line, const ModelResults& model) {
  ledger::Money spent, whole;  // whole: what all items would have cost, had none been known
  bool priced = true, measured = eval::is_binary(line.metric);
  double right = 0;
  for (std::size_t t : line.tasks) {
    const TaskResult& task = model.tasks[t];
    priced = priced && task.cost.has_value();
    measured = measured && task.computed > 0;
    if (!priced || !task.cost) break;
    spent += *task.cost;
    whole += ledger::divided(*task.cost * static_cast<std::int64_t>(task.items.size()),
                             std::max<std::int64_t>(1, static_cast<std::int64_t>(task.computed)));
    for (const double value : task.measured.front().values) right += value;
  }
  line.spent.emplace_back();
  line.per_correct.emplace_back();
  if (!priced) return;
  line.spent.back() = spent;
  if (measured && right >= 1) line.per_correct.back() = ledger::divided(whole, static_cast<std::int64_t>(right));
}

bool all_there(const eval::TaskSet& set, const eval::Group& group, const EvalReport& report,
               std::vector<std::size_t>& tasks) {
  const auto members = set.expand(group.name);
  if (!members) return false;
  for (const eval::Task* task : *members) {
    const auto found = std::find_if(report.tasks.begin(), report.tasks.end(),
                                    [&](const eval::Questions& q) { return q.task->name == task->name; });
    if (found == report.tasks.end()) return false;
    tasks.push_back(static_cast<std::size_t>(found - report.tasks.begin()));
  }
  return true;
}

}  // namespace

bool in_points(eval::Metric metric) {
  return metric != eval::Metric::perplexity && metric != eval::Metric::bits_per_byte;
}

double lost(eval::Metric metric, double before, double now) {
  const double worse = eval::less_is_better(metric) ? now - before : before - now;
  if (in_points(metric) || worse == 0) return 100 * worse;
  return 100 * worse / before;
}

std::vector<ReportLine> lines_of(const EvalReport& report, const std::vector<eval::Group>& groups) {
  std::vector<ReportLine> lines;
  for (std::size_t t = 0; t < report.tasks.size(); ++t) {
    const eval::Task& task = *report.tasks[t].task;
    lines.push_back({.name = task.name, .title = task.title, .metric = task.metrics.front(), .tasks = {t}});
  }
  eval::TaskSet set;
  for (const eval::Questions& q : report.tasks) set.tasks.push_back(*q.task);
  set.groups = groups;
  for (const eval::Group& group : groups) {
    ReportLine line{.name = group.name, .title = group.title, .group = true, .by_items = group.by_items};
    if (!all_there(set, group, report, line.tasks)) continue;
    line.metric = report.tasks[line.tasks.front()].task->metrics.front();
    // A mean of perplexities and shares would mean nothing.
    const bool alike = std::all_of(line.tasks.begin(), line.tasks.end(), [&](std::size_t t) {
      const eval::Metric m = report.tasks[t].task->metrics.front();
      return m == line.metric || (!eval::less_is_better(m) && !eval::less_is_better(line.metric));
    });
    if (alike) lines.push_back(std::move(line));
  }
  return lines;
}

void summarise(EvalReport& report, const std::vector<eval::Group>& groups) {
  report.lines = lines_of(report, groups);
  for (ReportLine& line : report.lines) {
    for (std::size_t t : line.tasks) line.items += report.tasks[t].questions.size();
    for (const ModelResults& model : report.models) {
      line.scores.push_back(eval::combine(of_model(line, model), line.by_items));
      add_costs(line, model);
    }
  }
  for (std::size_t m = 1; m < report.models.size(); ++m) {
    for (std::size_t l = 0; l < report.lines.size(); ++l) {
      if (report.lines[l].metric != eval::Metric::ece) report.comparisons.push_back(compare(report, l, 0, m));
    }
  }
  std::vector<double> p;
  for (const ModelComparison& c : report.comparisons) p.push_back(c.p);
  const auto adjusted = eval::holm(p);
  for (std::size_t i = 0; i < p.size(); ++i) report.comparisons[i].adjusted = adjusted[i];
}

}  // namespace freehold::app
