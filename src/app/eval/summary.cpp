// From items to lines and comparisons.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/eval/report.h"
#include "base/utf8.h"

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
  for (std::size_t t = 0; t < paired.tasks.size(); ++t) {
    const auto& task = paired.tasks[t];
    const double share = paired.shares.empty() ? 1 / static_cast<double>(paired.tasks.size()) : paired.shares[t];
    std::uint64_t first = 0, second = 0;
    for (const eval::PairedItem& item : task) {
      first += item.first > item.second ? 1 : 0;
      second += item.second > item.first ? 1 : 0;
    }
    const auto n = static_cast<double>(std::max<std::size_t>(task.size(), 1));
    const double difference = (static_cast<double>(second) - static_cast<double>(first)) / n;
    const eval::Interval interval = eval::paired_shares(first, second, task.size());
    below += std::pow((difference - interval.low) * share, 2);
    above += std::pow((interval.high - difference) * share, 2);
  }
  return {c.difference - std::sqrt(below), c.difference + std::sqrt(above)};
}

ModelComparison compare(const EvalReport& report, std::size_t at, std::size_t first, std::size_t second) {
  const ReportLine& line = report.lines[at];
  ModelComparison c{.line = at, .first = first, .second = second};
  eval::Paired paired{
      .by_items = line.by_items, .exponential = line.metric == eval::Metric::perplexity, .shares = line.shares};
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

// The measured tasks and all groups: what lines can be made of.
eval::TaskSet measured_set(const EvalReport& report, const std::vector<eval::Group>& groups) {
  eval::TaskSet set;
  for (const eval::Questions& q : report.tasks) set.tasks.push_back(*q.task);
  set.groups = groups;
  return set;
}

std::optional<std::size_t> index_of_task(const EvalReport& report, std::string_view task) {
  const auto found = std::find_if(report.tasks.begin(), report.tasks.end(),
                                  [&](const eval::Questions& q) { return q.task->name == task; });
  if (found == report.tasks.end()) return std::nullopt;
  return static_cast<std::size_t>(found - report.tasks.begin());
}

// What keeps a group from a line; nothing: `tasks` are its tasks.
std::optional<std::string> unfit(const eval::TaskSet& set, const eval::Group& group, const EvalReport& report,
                                 std::vector<std::size_t>& tasks) {
  const auto members = set.expand(group.name);
  if (!members) return members.error().what;
  for (const eval::Task* task : *members) tasks.push_back(*index_of_task(report, task->name));
  const auto metric_of = [&](std::size_t t) { return report.tasks[t].task->metrics.front(); };
  // A mean of perplexities and shares would mean nothing.
  for (const std::size_t t : tasks) {
    const eval::Metric a = metric_of(tasks.front()), b = metric_of(t);
    if (a == b || (!eval::less_is_better(a) && !eval::less_is_better(b))) continue;
    return fmt::format("{} and {} have no mean", eval::name_of(a), eval::name_of(b));
  }
  return std::nullopt;
}

// Each member of a group by members has an equal share, which a member that is a group hands on as it makes its own
// mean. No group contains itself (TaskSet::check_members).
void share_out(const eval::TaskSet& set, std::string_view name, double share, const EvalReport& report,
               const ReportLine& line, std::vector<double>& shares) {
  const eval::Group* group = set.find_group(name);
  if (group == nullptr) {
    const auto task = index_of_task(report, name);
    const auto at = std::find(line.tasks.begin(), line.tasks.end(), *task) - line.tasks.begin();
    shares[static_cast<std::size_t>(at)] += share;
    return;
  }
  if (!group->by_items) {
    for (const std::string& member : group->members)
      share_out(set, member, share / static_cast<double>(group->members.size()), report, line, shares);
    return;
  }
  const auto tasks = set.expand(name);
  double items = 0;
  for (const eval::Task* task : *tasks)
    items += static_cast<double>(report.tasks[*index_of_task(report, task->name)].questions.size());
  for (const eval::Task* task : *tasks) {
    const auto own = static_cast<double>(report.tasks[*index_of_task(report, task->name)].questions.size());
    share_out(set, task->name, share * own / std::max(1.0, items), report, line, shares);
  }
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
  const eval::TaskSet set = measured_set(report, groups);
  for (const eval::Group& group : groups) {
    ReportLine line{.name = group.name, .title = group.title, .group = true, .by_items = group.by_items};
    if (unfit(set, group, report, line.tasks)) continue;
    line.metric = report.tasks[line.tasks.front()].task->metrics.front();
    const bool nested = std::any_of(group.members.begin(), group.members.end(),
                                    [&](const std::string& member) { return set.find_group(member) != nullptr; });
    if (nested && !group.by_items) {
      line.shares.resize(line.tasks.size());
      share_out(set, group.name, 1, report, line, line.shares);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> groups_without_line(const EvalReport& report, const std::vector<eval::Group>& groups) {
  std::vector<std::string> out;
  const eval::TaskSet set = measured_set(report, groups);
  const eval::TaskSet& shipped = eval::shipped().tasks;
  for (const eval::Group& group : groups) {
    if (shipped.find_group(group.name) != nullptr) continue;  // nobody asked for it, unless all of it is there
    std::string why;
    // The first task below it that was not measured, by the name that it has.
    std::vector<std::string> open = {group.name}, seen;
    while (!open.empty() && why.empty()) {
      const std::string name = open.back();
      open.pop_back();
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
      seen.push_back(name);
      if (const eval::Group* inner = set.find_group(name)) {
        open.insert(open.end(), inner->members.rbegin(), inner->members.rend());
      } else if (set.find(name) == nullptr) {
        why = fmt::format("its member {} was not measured: name it beside the file", printable(name));
      }
    }
    std::vector<std::size_t> tasks;
    if (why.empty()) why = unfit(set, group, report, tasks).value_or("");
    if (!why.empty()) out.push_back(fmt::format("group {} has no line: {}", printable(group.name), why));
  }
  return out;
}

void summarise(EvalReport& report, const std::vector<eval::Group>& groups) {
  report.lines = lines_of(report, groups);
  for (ReportLine& line : report.lines) {
    for (std::size_t t : line.tasks) line.items += report.tasks[t].questions.size();
    for (const ModelResults& model : report.models) {
      line.scores.push_back(eval::combine(of_model(line, model), line.by_items, line.shares));
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
