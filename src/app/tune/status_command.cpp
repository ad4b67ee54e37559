// `tune status`: what the run's folder tells, whoever runs it.
#include <fmt/format.h>

#include <algorithm>

#include "app/json_writer.h"
#include "app/progress.h"
#include "app/tune/curve.h"
#include "app/tune/prepare.h"
#include "app/tune/tune_commands.h"
#include "base/utf8.h"
#include "train/metrics.h"

namespace freehold::app {
namespace {

using train::RunStatus;

struct Status {
  train::RunState state;
  std::string word;  // running, killed, finished, …
  std::optional<int> process;
  train::Metrics metrics;
  double tokens_a_second = 0, seconds_left = 0;
};

Result<Status> look(const train::RunFolder& folder) {
  FH_TRY(auto state, folder.state());
  if (!state) return fail(Errc::not_found, fmt::format("there is no run in {}", printable(folder.path().string())));
  Status s;
  s.state = std::move(*state);
  s.process = train::RunLock::holder(folder.path());
  s.word = name_of(s.state.status);
  if (s.process) {
    s.word = "running";
  } else if (s.state.status == RunStatus::running) {
    s.word = "killed";
  }
  FH_TRY(s.metrics, train::read_metrics(folder.file("metrics.jsonl")));
  const auto& steps = s.metrics.steps;
  constexpr std::size_t kRecent = 20;
  double seconds = 0, tokens = 0;
  const std::size_t recent = std::min(kRecent, steps.size());
  for (std::size_t i = steps.size() - recent; i < steps.size(); ++i) {
    seconds += steps[i].seconds;
    tokens += static_cast<double>(steps[i].tokens);
  }
  if (seconds > 0) {
    s.tokens_a_second = tokens / seconds;
    s.seconds_left = seconds / static_cast<double>(recent) *
                     static_cast<double>(s.state.steps - std::min(s.state.steps, steps.back().step));
  }
  return s;
}

std::string as_text(const Status& s, const train::RunFolder& folder, const Console& console) {
  const auto& steps = s.metrics.steps;
  std::string out = fmt::format("{}: {} on {}, {}", printable(folder.path().string()), printable(s.state.method),
                                printable(s.state.base_model), s.word);
  if (s.process.value_or(0) != 0) out += fmt::format(" (process {})", *s.process);
  if (s.word == "killed") out += " (freehold tune resume goes on)";
  out += "\n";
  if (!s.state.why.empty()) out += printable(s.state.why, 1000) + "\n";
  if (steps.empty()) return out + fmt::format("no step yet of {}\n", grouped(s.state.steps));
  out += fmt::format("step {} of {}, epoch {:.2f}: loss {:.4f} (at first {:.4f})", grouped(steps.back().step),
                     grouped(s.state.steps), steps.back().epoch, steps.back().loss, steps.front().loss);
  if (!s.metrics.evaluations.empty()) {
    const auto best = std::min_element(s.metrics.evaluations.begin(), s.metrics.evaluations.end(),
                                       [](const auto& a, const auto& b) { return a.loss < b.loss; });
    out += fmt::format("; held out {:.4f}, at best {:.4f} after step {}", s.metrics.evaluations.back().loss, best->loss,
                       grouped(best->step));
  }
  out += fmt::format("\n{} tokens/s", grouped(static_cast<std::uint64_t>(s.tokens_a_second)));
  if (s.word == "running") out += fmt::format(", about {} left", human_seconds(s.seconds_left));
  out += "\n\n" + loss_curve(s.metrics, std::max(s.state.steps, steps.back().step),
                             std::clamp(console.columns() - 12, 20, 100), 12);
  return out;
}

std::string as_json(const Status& s) {
  JsonWriter w(true);
  w.begin_object().member("status", s.word).member("method", s.state.method).member("base_model", s.state.base_model);
  if (s.process.value_or(0) != 0) w.member("process", *s.process);
  if (!s.state.why.empty()) w.member("why", s.state.why);
  w.member("started", s.state.started).member("steps", s.state.steps).member("run", s.state.run);
  const auto& steps = s.metrics.steps;
  w.member("step", steps.empty() ? 0 : steps.back().step);
  if (!steps.empty()) w.member("loss", steps.back().loss).member("tokens_per_second", s.tokens_a_second);
  if (s.word == "running" && !steps.empty()) w.member("seconds_left", s.seconds_left);
  w.key("evaluations").begin_array();
  for (const train::EvaluationMetrics& m : s.metrics.evaluations) {
    w.begin_object().member("step", m.step).member("loss", m.loss).end_object();
  }
  return w.end_array().end_object().take() + "\n";
}

Result<> run_status(const Arguments& arguments, Console& console) {
  FH_TRY(const train::RunFolder folder, run_folder_of(arguments, console));
  FH_TRY(const Status status, look(folder));
  console.write(arguments.flag("json") ? as_json(status) : as_text(status, folder, console));
  return {};
}

}  // namespace

Command tune_status_command() {
  return {
      .name = "tune status",
      .summary = "Show how a run goes: its state, its losses as a curve, the time left.",
      .details =
          "Reads the run's folder, so it works from another terminal and long after the end. States: running, "
          "finished, "
          "stopped, killed (resume goes on after both), failed (an error of disk or memory; resume goes on), diverged.",
      .positionals = {recipe_positional()},
      .options = {{.name = "json", .help = "Print one JSON object."}},
      .examples = {{"freehold tune status recipe.yaml", "While it trains:"}},
      .run = run_status,
  };
}

}  // namespace freehold::app
