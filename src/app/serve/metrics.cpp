#include "app/serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>

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
  std::uint64_t (*value)(const ServedModel*, const Load&);
};

constexpr Metric kMetrics[] = {
    {"freehold_requests_total", "counter", "Requests handed to the model, one a prompt.",
     [](const ServedModel*, const Load& s) { return s.submitted; }},
    {"freehold_requests_running", "gauge", "Requests that are being read or answered.",
     [](const ServedModel*, const Load& s) { return std::uint64_t{s.running}; }},
    {"freehold_requests_waiting", "gauge", "Requests in the queue.",
     [](const ServedModel*, const Load& s) { return std::uint64_t{s.waiting}; }},
    {"freehold_prefilled_tokens_total", "counter", "Prompt tokens that were computed.",
     [](const ServedModel*, const Load& s) { return s.counters.prefilled_tokens; }},
    {"freehold_reused_tokens_total", "counter", "Prompt tokens that were found in the cache.",
     [](const ServedModel*, const Load& s) { return s.counters.reused_tokens; }},
    {"freehold_generated_tokens_total", "counter", "Tokens of answers.",
     [](const ServedModel*, const Load& s) { return s.counters.sampled_tokens; }},
    {"freehold_drafted_tokens_total", "counter", "Tokens that were guessed ahead.",
     [](const ServedModel*, const Load& s) { return s.counters.drafted_tokens; }},
    {"freehold_accepted_tokens_total", "counter", "Guessed tokens that turned out right.",
     [](const ServedModel*, const Load& s) { return s.counters.accepted_tokens; }},
    {"freehold_steps_total", "counter", "Passes through the model.",
     [](const ServedModel*, const Load& s) { return s.counters.steps; }},
    {"freehold_sequences", "gauge", "Answers that can run at the same time.",
     [](const ServedModel* m, const Load&) { return std::uint64_t{m->sequences()}; }},
    {"freehold_context_tokens", "gauge", "The longest prompt and answer together.",
     [](const ServedModel* m, const Load&) { return std::uint64_t{m->context()}; }},
};

std::string pool_text(const Site& site, std::size_t loaded) {
  const ModelPool::Counters c = site.pool().counters();
  std::string out;
  const auto add = [&](const char* name, const char* type, const char* help, auto value) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
  };
  add("freehold_models_loaded", "gauge", "Models in memory.", loaded);
  add("freehold_models_loading", "gauge", "Models that are being loaded or wait for room.", site.pool().loading());
  add("freehold_models_memory_bytes", "gauge", "Memory planned for models in memory.", c.bytes);
  add("freehold_models_memory_limit_bytes", "gauge", "Memory that models may take together.", site.pool().limit());
  add("freehold_model_loads_total", "counter", "Models brought into memory.", c.loads);
  add("freehold_model_load_failures_total", "counter", "Loads that failed.", c.failures);
  add("freehold_model_unloads_total", "counter", "Models removed from memory.", c.unloads);
  add("freehold_model_load_seconds_total", "counter", "Time that loads took.",
      std::chrono::duration<double>(c.load_time).count());
  return out;
}

}  // namespace

std::string metrics_text(const Site& site, const guard::Principal& who) {
  const std::vector<Models::InMemory> loaded = site.pool().in_memory();
  // Counters go on from where an earlier load of the model left them; gauges are of what is in memory.
  struct Row {
    std::string name;
    Load load;
    const ServedModel* model = nullptr;  // null: not in memory
  };
  std::vector<Row> rows;
  for (const auto& [name, load] : site.pool().past()) rows.push_back({name, load, nullptr});
  for (const Models::InMemory& m : loaded) {
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == m.model->name(); });
    if (row == rows.end()) row = rows.insert(rows.end(), {m.model->name(), {}, nullptr});
    const Load now = m.model->load();
    row->load.submitted += now.submitted;
    row->load.counters.add(now.counters);
    row->load.running += now.running;
    row->load.waiting += now.waiting;
    row->model = m.model.get();
  }
  std::erase_if(rows, [&](const Row& row) { return !guard::allows(who.models, row.name); });
  std::string out = fmt::format(
      "# HELP freehold_build_info The program that answers.\n# TYPE freehold_build_info gauge\n"
      "freehold_build_info{{version=\"{}\",commit=\"{}\"}} 1\n"
      "# HELP process_start_time_seconds When the server started, in Unix seconds.\n"
      "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n",
      label(version()), label(commit()), site.started());
  out += pool_text(site, loaded.size());
  for (const Metric& metric : kMetrics) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.type);
    for (const Row& row : rows) {
      if (row.model == nullptr && metric.type != std::string_view("counter")) continue;
      out += fmt::format("{}{{model=\"{}\"}} {}\n", metric.name, label(row.name), metric.value(row.model, row.load));
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
