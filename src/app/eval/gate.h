// What a model must show before a name is moved to it: a small YAML file (docs/formats/eval-tasks.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/eval/report.h"
#include "base/result.h"

namespace freehold::app {

struct Gate {
  std::vector<std::string> tasks;
  double tolerance = 0;  // points that a score may fall; of perplexities, percent that it may rise
  std::map<std::string, double, std::less<>> tolerances;  // of single tasks or groups
  std::map<std::string, double, std::less<>> least;       // scores, in points, that must be reached anyway
  bool by_interval = false;  // the whole 95 % interval of the difference must be within the tolerance
  std::optional<std::size_t> limit;
  std::optional<std::uint32_t> shots;
  std::uint64_t seed = 0;
  bool chat = false;
};
// Errors: invalid, naming file, line and key.
Result<Gate> parse_gate(std::string_view yaml, std::string_view file);

// Before anything is measured: every name in `tolerance` and `least` is one of the lines, there is something to judge,
// and what is judged by interval has one. Errors: invalid, with the nearest name.
Result<> check_gate(const Gate& gate, std::string_view file, const std::vector<ReportLine>& lines);

struct GateFinding {
  std::string name;
  bool passed = false;
  std::string what;  // "61.2 after 63.0: 1.8 points less, 1 allowed"
};
// Of a report whose first model is what the name leads to now, and whose last is the candidate; one model alone is only
// judged by `least`. Judged are the lines that are not part of a larger group, and those that the gate names. An
// interval that few items cannot give does not pass. Errors: invalid: nothing was judged of two models.
Result<std::vector<GateFinding>> judge(const Gate& gate, const EvalReport& report);

}  // namespace freehold::app
