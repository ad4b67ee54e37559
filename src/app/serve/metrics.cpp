#include "app/serve/metrics.h"

#include <fmt/format.h>

#include "app/version.h"

namespace freehold::app {
namespace {

// A label's value: backslash, quote and newline are escaped.
std::string label(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

using Load = ServedModel::Load;

struct Metric {
  const char* name;
  const char* type;
  const char* help;
  std::uint64_t (*value)(const ServedModel&, const Load&);
};

constexpr Metric kMetrics[] = {
    {"freehold_requests_total", "counter", "Requests handed to the model, one a prompt.",
     [](const ServedModel&, const Load& s) { return s.submitted; }},
    {"freehold_requests_running", "gauge", "Requests that are being read or answered.",
     [](const ServedModel&, const Load& s) { return std::uint64_t{s.running}; }},
    {"freehold_requests_waiting", "gauge", "Requests in the queue.",
     [](const ServedModel&, const Load& s) { return std::uint64_t{s.waiting}; }},
    {"freehold_prefilled_tokens_total", "counter", "Prompt tokens that were computed.",
     [](const ServedModel&, const Load& s) { return s.counters.prefilled_tokens; }},
    {"freehold_reused_tokens_total", "counter", "Prompt tokens that were found in the cache.",
     [](const ServedModel&, const Load& s) { return s.counters.reused_tokens; }},
    {"freehold_generated_tokens_total", "counter", "Tokens of answers.",
     [](const ServedModel&, const Load& s) { return s.counters.sampled_tokens; }},
    {"freehold_drafted_tokens_total", "counter", "Tokens that were guessed ahead.",
     [](const ServedModel&, const Load& s) { return s.counters.drafted_tokens; }},
    {"freehold_accepted_tokens_total", "counter", "Guessed tokens that turned out right.",
     [](const ServedModel&, const Load& s) { return s.counters.accepted_tokens; }},
    {"freehold_steps_total", "counter", "Passes through the model.",
     [](const ServedModel&, const Load& s) { return s.counters.steps; }},
    {"freehold_sequences", "gauge", "Answers that can run at the same time.",
     [](const ServedModel& m, const Load&) { return std::uint64_t{m.sequences()}; }},
    {"freehold_context_tokens", "gauge", "The longest prompt and answer together.",
     [](const ServedModel& m, const Load&) { return std::uint64_t{m.context()}; }},
};

}  // namespace

std::string metrics_text(const Site& site, const guard::Principal& who) {
  const std::vector<ServedModel*> models = site.served_to(who);
  std::vector<Load> loads;
  for (const ServedModel* m : models) loads.push_back(m->load());
  std::string out = fmt::format(
      "# HELP freehold_build_info The program that answers.\n# TYPE freehold_build_info gauge\n"
      "freehold_build_info{{version=\"{}\",commit=\"{}\"}} 1\n"
      "# HELP process_start_time_seconds When the server started, in Unix seconds.\n"
      "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n",
      label(version()), label(commit()), site.started());
  for (const Metric& metric : kMetrics) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.type);
    for (std::size_t i = 0; i < loads.size(); ++i) {
      const ServedModel& model = *models[i];
      out += fmt::format("{}{{model=\"{}\"}} {}\n", metric.name, label(model.name()), metric.value(model, loads[i]));
    }
  }
  return out;
}

http::Response metrics_page(const Site& site, const guard::Principal& who) {
  http::Response response{200, {}, metrics_text(site, who)};
  response.headers.set("content-type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace freehold::app
