#include "eval/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/nearest.h"
#include "base/utf8.h"

namespace freehold::eval {
namespace {

struct MetricInfo {
  Metric metric;
  std::string_view name;
  bool binary;
  std::uint32_t pass = 0;
};
constexpr MetricInfo kMetrics[] = {
    {Metric::acc, "acc", true},
    {Metric::acc_byte, "acc_byte", true},
    {Metric::acc_token, "acc_token", true},
    {Metric::acc_uncond, "acc_uncond", true},
    {Metric::mc2, "mc2", false},
    {Metric::ece, "ece", false},
    {Metric::letter, "letter", true},
    {Metric::exact_match, "exact_match", true},
    {Metric::f1, "f1", false},
    {Metric::perplexity, "perplexity", false},
    {Metric::bits_per_byte, "bits_per_byte", false},
    {Metric::pass_1, "pass@1", true, 1},
    {Metric::pass_10, "pass@10", false, 10},
    {Metric::pass_100, "pass@100", false, 100},
};
const MetricInfo& info(Metric metric) {
  return *std::find_if(std::begin(kMetrics), std::end(kMetrics),
                       [&](const MetricInfo& m) { return m.metric == metric; });
}

// "; did you mean ARC?", or nothing.
std::string did_you_mean(const TaskSet& set, std::string_view name) {
  std::vector<std::string> names;
  for (const Task& t : set.tasks) names.push_back(t.name);
  for (const Group& g : set.groups) names.push_back(g.name);
  const auto near = nearest(name, names);
  return near ? fmt::format("; did you mean {}?", printable(*near)) : "";
}

}  // namespace

std::string_view name_of(TaskKind kind) {
  switch (kind) {
    case TaskKind::choice:
      return "choice";
    case TaskKind::generate:
      return "generate";
    case TaskKind::continuation:
      return "continuation";
    case TaskKind::perplexity:
      break;
  }
  return "perplexity";
}

std::string_view name_of(Metric metric) {
  return info(metric).name;
}

std::optional<Metric> metric_from_name(std::string_view name) {
  for (const MetricInfo& m : kMetrics) {
    if (m.name == name) return m.metric;
  }
  return std::nullopt;
}

bool is_binary(Metric metric) {
  return info(metric).binary;
}

std::uint32_t pass_of(Metric metric) {
  return info(metric).pass;
}

bool less_is_better(Metric metric) {
  return metric == Metric::ece || metric == Metric::perplexity || metric == Metric::bits_per_byte;
}

std::string_view Task::why_no_letters() const {
  if (kind != TaskKind::choice) return "it has no choices";
  if (!contexts.empty()) return "its choices differ in their prompts, which have no letters";
  // The right ones stand where the task says: always in front, for example, so a letter can be right without knowing.
  if (right.kind == RightChoice::Kind::source) return "its right choices always stand at the same letters";
  return {};
}

bool Task::several_right() const {
  return kind == TaskKind::choice && right.kind == RightChoice::Kind::source &&
         choices[right.source].kind != ChoiceSource::Kind::pattern;
}

const Task* TaskSet::find(std::string_view name) const {
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const Task& t) { return t.name == name; });
  return found == tasks.end() ? nullptr : &*found;
}

const Group* TaskSet::find_group(std::string_view name) const {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

Result<std::vector<const Task*>> TaskSet::expand(std::string_view name) const {
  std::vector<const Task*> out;
  std::vector<std::string_view> open = {name};
  std::set<std::string_view> seen;
  while (!open.empty()) {
    const std::string_view next = open.back();
    open.pop_back();
    if (!seen.insert(next).second) continue;
    if (const Task* task = find(next)) {
      out.push_back(task);
    } else if (const Group* group = find_group(next)) {
      open.insert(open.end(), group->members.rbegin(), group->members.rend());
    } else {
      return fail(Errc::not_found, fmt::format("there is no task '{}'{}", printable(next), did_you_mean(*this, next)));
    }
  }
  return out;
}

Result<> TaskSet::add(TaskSet more) {
  for (Task& task : more.tasks) {
    if (find(task.name) != nullptr || find_group(task.name) != nullptr)
      return fail(Errc::invalid, fmt::format("there is a task '{}' already", printable(task.name)));
    tasks.push_back(std::move(task));
  }
  for (Group& group : more.groups) {
    if (find(group.name) != nullptr || find_group(group.name) != nullptr)
      return fail(Errc::invalid, fmt::format("there is a task '{}' already", printable(group.name)));
    groups.push_back(std::move(group));
  }
  return {};
}

Result<> TaskSet::check_cycles() const {
  std::map<std::string_view, const Group*> by_name;
  for (const Group& group : groups) by_name.emplace(group.name, &group);
  struct Step {
    const Group* group;
    std::size_t next;  // member
  };
  std::set<const Group*> settled, open;  // open: on the way from the start
  for (const Group& start : groups) {
    std::vector<Step> way;
    if (!settled.contains(&start)) way.push_back({&start, 0});
    open = {&start};
    while (!way.empty()) {
      Step& step = way.back();
      if (step.next == step.group->members.size()) {
        settled.insert(step.group);
        open.erase(step.group);
        way.pop_back();
        continue;
      }
      const auto found = by_name.find(step.group->members[step.next++]);
      if (found == by_name.end() || settled.contains(found->second)) continue;
      const Group& member = *found->second;
      if (!open.insert(&member).second) {
        return fail(
            Errc::invalid,
            fmt::format("{}: group '{}' contains itself{}", step.group->where, printable(member.name),
                        &member == step.group ? "" : fmt::format(", by way of '{}'", printable(step.group->name))));
      }
      way.push_back({&member, 0});
    }
  }
  return {};
}

Result<> TaskSet::check_members() const {
  std::set<std::string_view> names;
  for (const Task& task : tasks) names.insert(task.name);
  for (const Group& group : groups) names.insert(group.name);
  for (const Group& group : groups) {
    for (const std::string& member : group.members) {
      if (names.contains(member)) continue;
      return fail(Errc::invalid, fmt::format("{}: group '{}' has a member '{}', which is no task{}", group.where,
                                             printable(group.name), printable(member), did_you_mean(*this, member)));
    }
  }
  return check_cycles();
}

void set_shots(Task& task, std::uint32_t count) {
  task.shots.count = count;
  task.canonical += fmt::format("\nshots overridden: {}", count);
}

}  // namespace freehold::eval
