#include "app/eval/gate.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/utf8.h"
#include "format/yaml.h"

namespace freehold::app {
namespace {

using format::YamlNode;

Unexpected bad_gate(std::string_view file, const YamlNode& node, std::string what) {
  return fail(Errc::invalid, fmt::format("{}: line {}: {}", printable(file), node.line, what));
}

// Of a group's tasks and groups only the largest group is judged, unless the gate names one. Two groups of the same
// tasks are both judged.
std::vector<std::size_t> judged_lines(const Gate& gate, const std::vector<ReportLine>& lines) {
  std::vector<std::vector<std::size_t>> tasks;
  for (const ReportLine& line : lines) {
    tasks.push_back(line.tasks);
    std::sort(tasks.back().begin(), tasks.back().end());
  }
  std::vector<std::size_t> judged;
  for (std::size_t l = 0; l < lines.size(); ++l) {
    const std::string& name = lines[l].name;
    const bool named = gate.tolerances.contains(name) || gate.least.contains(name) ||
                       std::find(gate.tasks.begin(), gate.tasks.end(), name) != gate.tasks.end();
    bool inside = false;
    for (std::size_t other = 0; other < lines.size() && !named && !inside; ++other) {
      inside = lines[other].group && tasks[other].size() > tasks[l].size() &&
               std::includes(tasks[other].begin(), tasks[other].end(), tasks[l].begin(), tasks[l].end());
    }
    if (!inside) judged.push_back(l);
  }
  return judged;
}

GateFinding by_least(const ReportLine& line, double least) {
  const bool less = eval::less_is_better(line.metric);
  const double now = line.scores.back().score * (in_points(line.metric) ? 100 : 1);
  return {line.name, less ? now <= least : now >= least,
          fmt::format("{:.2f}, {} {} wanted", now, less ? "at most" : "at least", least)};
}

GateFinding by_tolerance(const Gate& gate, const EvalReport& report, std::size_t at) {
  const ReportLine& line = report.lines[at];
  const auto own = gate.tolerances.find(line.name);
  const double allowed = own == gate.tolerances.end() ? gate.tolerance : own->second;
  const double before = line.scores.front().score, now = line.scores.back().score;
  const double scale = in_points(line.metric) ? 100 : 1;
  const std::string_view unit = in_points(line.metric) ? "" : " %";
  const double seen = lost(line.metric, before, now);
  std::string what =
      fmt::format("{:.2f} after {:.2f}: {:.2f}{} lost", now * scale, before * scale, std::max(0.0, seen), unit);
  bool passed = seen <= allowed + 1e-9;  // not of what is no number
  const auto c = std::find_if(report.comparisons.begin(), report.comparisons.end(), [&](const ModelComparison& m) {
    return m.line == at && m.first == 0 && m.second + 1 == report.models.size();
  });
  const bool interval = c != report.comparisons.end() && (c->resampled == 0 || c->resampled >= eval::kLeastResampled);
  if (interval) {
    const double most = in_points(line.metric) ? -c->interval.low * 100 : c->relative.high * 100;
    what += fmt::format(", at most {:.2f}{} (95 %)", std::max(0.0, most), unit);
    if (gate.by_interval) passed = passed && most <= allowed + 1e-9;
  } else if (gate.by_interval) {
    passed = false;
    what += c == report.comparisons.end() ? std::string(", and there is no interval to judge by")
                                          : fmt::format(", and {} items are too few to judge by interval: {} at least",
                                                        c->resampled, eval::kLeastResampled);
  }
  return {line.name, passed, fmt::format("{}, {}{} allowed", what, allowed, unit)};
}

}  // namespace

Result<Gate> parse_gate(std::string_view yaml, std::string_view file) {
  auto parsed = format::parse_yaml(yaml);
  if (!parsed) return fail(Errc::invalid, fmt::format("{}: {}", printable(file), parsed.error().what));
  if (!parsed->is_map()) return fail(Errc::invalid, fmt::format("{}: a gate is a map", printable(file)));
  Gate gate;
  const std::vector<std::string> keys = {"version", "tasks", "tolerance", "least", "judge",
                                         "limit",   "shots", "seed",      "chat"};
  bool versioned = false;
  for (const auto& member : parsed->members) {
    const std::string& key = member.key;
    const YamlNode& node = member.value;
    const auto number_in = [&](double least, double most) -> Result<double> {
      const auto x = node.as_number();
      if (!x || *x < least || *x > most)
        return bad_gate(file, node, fmt::format("'{}' must be a number from {} to {}", key, least, most));
      return *x;
    };
    const auto whole_in = [&](std::int64_t least, std::int64_t most) -> Result<std::int64_t> {
      const auto n = node.as_integer();
      if (!n || *n < least || *n > most)
        return bad_gate(file, node, fmt::format("'{}' must be a whole number from {} to {}", key, least, most));
      return *n;
    };
    const auto numbers = [&](auto& into) -> Result<> {
      for (const auto& [name, value] : node.members) {
        const auto x = value.as_number();
        if (!x || *x < 0) return bad_gate(file, value, fmt::format("'{}' must be a number of points", printable(name)));
        into[name] = *x;
      }
      return {};
    };
    if (key == "version") {
      if (node.as_integer() != 1) return bad_gate(file, node, "version must be 1");
      versioned = true;
    } else if (key == "tasks") {
      for (const YamlNode& item : node.items) {
        if (!item.is_scalar()) return bad_gate(file, item, "'tasks' is a list of names and files");
        gate.tasks.push_back(item.text);
      }
      if (node.is_scalar()) gate.tasks.push_back(node.text);
    } else if (key == "tolerance") {
      if (node.is_map()) {
        FH_TRY_VOID(numbers(gate.tolerances));
        if (const auto all = gate.tolerances.find("default"); all != gate.tolerances.end())
          gate.tolerance = all->second;
      } else {
        FH_TRY(gate.tolerance, number_in(0, 100));
      }
    } else if (key == "least") {
      if (!node.is_map()) return bad_gate(file, node, "'least' is a map of tasks and points");
      FH_TRY_VOID(numbers(gate.least));
    } else if (key == "judge") {
      if (node.text != "score" && node.text != "interval")
        return bad_gate(file, node, "'judge' must be score or interval");
      gate.by_interval = node.text == "interval";
    } else if (key == "limit") {
      FH_TRY(const auto n, whole_in(1, 1'000'000'000));
      gate.limit = static_cast<std::size_t>(n);
    } else if (key == "shots") {
      FH_TRY(const auto n, whole_in(0, 1000));
      gate.shots = static_cast<std::uint32_t>(n);
    } else if (key == "seed") {
      FH_TRY(const auto n, whole_in(0, 9'000'000'000'000'000));
      gate.seed = static_cast<std::uint64_t>(n);
    } else if (key == "chat") {
      const auto b = node.as_bool();
      if (!b) return bad_gate(file, node, "'chat' must be true or false");
      gate.chat = *b;
    } else {
      const auto near = nearest(key, keys);
      return bad_gate(file, node,
                      fmt::format("a gate has no key '{}'{}", printable(key),
                                  near ? fmt::format("; did you mean {}?", *near) : ""));
    }
  }
  if (!versioned) return fail(Errc::invalid, fmt::format("{}: a gate begins with 'version: 1'", printable(file)));
  if (gate.tasks.empty())
    return fail(Errc::invalid, fmt::format("{}: 'tasks' names nothing to measure", printable(file)));
  return gate;
}

Result<> check_gate(const Gate& gate, std::string_view file, const std::vector<ReportLine>& lines) {
  if (lines.empty()) return fail(Errc::invalid, fmt::format("{}: the gate's tasks measure nothing", printable(file)));
  std::vector<std::string> names;
  for (const ReportLine& line : lines) names.push_back(line.name);
  const auto known = [&](std::string_view key, const std::string& name) -> Result<> {
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    const auto near = nearest(name, names);
    return fail(
        Errc::invalid,
        fmt::format("{}: '{}' names '{}', which is no task and no group that this gate measures{}", printable(file),
                    key, printable(name), near ? fmt::format("; did you mean {}?", printable(*near)) : ""));
  };
  for (const auto& [name, points] : gate.least) FH_TRY_VOID(known("least", name));
  names.emplace_back("default");
  for (const auto& [name, points] : gate.tolerances) FH_TRY_VOID(known("tolerance", name));
  for (const std::size_t l : judged_lines(gate, lines)) {
    if (gate.by_interval && lines[l].metric == eval::Metric::ece)
      return fail(Errc::invalid,
                  fmt::format("{}: 'judge: interval': {} is measured by ece first, which is judged by score only",
                              printable(file), printable(lines[l].name)));
  }
  return {};
}

Result<std::vector<GateFinding>> judge(const Gate& gate, const EvalReport& report) {
  std::vector<GateFinding> findings;
  for (const std::size_t l : judged_lines(gate, report.lines)) {
    const ReportLine& line = report.lines[l];
    if (const auto least = gate.least.find(line.name); least != gate.least.end())
      findings.push_back(by_least(line, least->second));
    if (report.models.size() > 1) findings.push_back(by_tolerance(gate, report, l));
  }
  if (findings.empty() && report.models.size() > 1)
    return fail(Errc::invalid, "the gate judges nothing: name a task or a group in it");
  return findings;
}

}  // namespace freehold::app
