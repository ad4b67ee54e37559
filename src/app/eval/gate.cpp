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

// 100 for what is shown in points, 1 for others.
double points(eval::Metric metric) {
  return metric == eval::Metric::perplexity || metric == eval::Metric::bits_per_byte ? 1 : 100;
}

// How much worse the candidate is than the first model, in points, or in percent of a perplexity; and how much worse it
// may be, at the far end of the interval.
struct Loss {
  double seen = 0;
  double at_most = 0;
};
Loss loss_of(const EvalReport& report, std::size_t line, double before) {
  const eval::Metric metric = report.lines[line].metric;
  const auto found = std::find_if(report.comparisons.begin(), report.comparisons.end(), [&](const ModelComparison& c) {
    return c.line == line && c.second + 1 == report.models.size();
  });
  if (found == report.comparisons.end()) return {};
  const double scale = points(metric) == 100 || before == 0 ? 100 : 100 / before;
  if (eval::less_is_better(metric)) {
    const double seen = report.lines[line].scores.back().score - before;
    return {seen * scale, std::max(seen, found->interval.high) * scale};
  }
  return {-found->difference * scale, -found->interval.low * scale};
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
      for (const YamlNode& item : node.items) gate.tasks.push_back(item.text);
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
      FH_TRY(const double n, number_in(1, 1e9));
      gate.limit = static_cast<std::size_t>(n);
    } else if (key == "shots") {
      FH_TRY(const double n, number_in(0, 1000));
      gate.shots = static_cast<std::uint32_t>(n);
    } else if (key == "seed") {
      FH_TRY(const double n, number_in(0, 9e15));
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

std::vector<GateFinding> judge(const Gate& gate, const EvalReport& report) {
  std::vector<GateFinding> findings;
  for (std::size_t l = 0; l < report.lines.size(); ++l) {
    const ReportLine& line = report.lines[l];
    // Of a group's tasks only the group is judged, unless the gate names a task.
    const bool named = gate.tolerances.contains(line.name) || gate.least.contains(line.name) ||
                       std::find(gate.tasks.begin(), gate.tasks.end(), line.name) != gate.tasks.end();
    const bool inside = std::any_of(report.lines.begin(), report.lines.end(), [&](const ReportLine& other) {
      return other.group && &other != &line && !line.tasks.empty() &&
             std::includes(other.tasks.begin(), other.tasks.end(), line.tasks.begin(), line.tasks.end());
    });
    if (inside && !named) continue;
    const double scale = points(line.metric), now = line.scores.back().score;
    if (const auto least = gate.least.find(line.name); least != gate.least.end()) {
      const bool less = eval::less_is_better(line.metric);
      const bool passed = less ? now * scale <= least->second : now * scale >= least->second;
      findings.push_back(
          {line.name, passed,
           fmt::format("{:.2f}, {} {} wanted", now * scale, less ? "at most" : "at least", least->second)});
    }
    if (report.models.size() < 2) continue;
    const auto own = gate.tolerances.find(line.name);
    const double allowed = own == gate.tolerances.end() ? gate.tolerance : own->second;
    const double before = line.scores.front().score;
    const Loss loss = loss_of(report, l, before);
    const double judged = gate.by_interval ? loss.at_most : loss.seen;
    findings.push_back({line.name, judged <= allowed + 1e-9,
                        fmt::format("{:.2f} after {:.2f}: {:.2f} lost, at most {:.2f} (95 %), {} allowed", now * scale,
                                    before * scale, std::max(0.0, loss.seen), std::max(0.0, loss.at_most), allowed)});
  }
  return findings;
}

}  // namespace freehold::app
