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

// Whether somebody may know what others do here.
bool sees_all(const Site& site, const guard::Principal& who) {
  return site.may(who, guard::Action::metrics) || site.is_only_key(who);
}

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
    {"freehold_batch_sequences", "gauge", "Sequences of the last pass.",
     [](const ServedModel*, const Load& s) { return std::uint64_t{s.batch_sequences}; }},
    {"freehold_batch_tokens", "gauge", "Tokens of the last pass.",
     [](const ServedModel*, const Load& s) { return std::uint64_t{s.batch_tokens}; }},
    {"freehold_context_tokens", "gauge", "The longest prompt and answer together.",
     [](const ServedModel* m, const Load&) { return std::uint64_t{m->context()}; }},
};

// What clients of vLLM look for, under the names that its dashboards have.
struct Usual {
  const char* name;
  const char* type;
  const char* help;
  double (*value)(const Load&);
};

constexpr Usual kUsual[] = {
    {"vllm:num_requests_running", "gauge", "Requests that are being read or answered.",
     [](const Load& s) { return double(s.running); }},
    {"vllm:num_requests_waiting", "gauge", "Requests in the queue.", [](const Load& s) { return double(s.waiting); }},
    {"vllm:kv_cache_usage_perc", "gauge", "The part of the cache's blocks that is in use; 1 is all.",
     [](const Load& s) { return s.kv_total == 0 ? 0 : double(s.kv_used) / double(s.kv_total); }},
    {"vllm:prompt_tokens_total", "counter", "Prompt tokens, computed or found in the cache.",
     [](const Load& s) { return double(s.counters.prefilled_tokens + s.counters.reused_tokens); }},
    {"vllm:generation_tokens_total", "counter", "Tokens of answers.",
     [](const Load& s) { return double(s.counters.sampled_tokens); }},
    {"vllm:prefix_cache_queries_total", "counter", "Prompt tokens that were looked for in the cache.",
     [](const Load& s) { return double(s.counters.prefilled_tokens + s.counters.reused_tokens); }},
    {"vllm:prefix_cache_hits_total", "counter", "Of these, those that were found.",
     [](const Load& s) { return double(s.counters.reused_tokens); }},
};

struct Timed {
  const char* name;
  const char* help;
  Histogram ModelTimes::*histogram;
};

constexpr Timed kTimed[] = {
    {"vllm:time_to_first_token_seconds", "From the request's last byte to its answer's first token.",
     &ModelTimes::first_token},
    {"vllm:inter_token_latency_seconds",
     "From one token of an answer to the next; all of an answer count with their mean, so sum and count are exact.",
     &ModelTimes::between_tokens},
    {"vllm:request_time_per_output_token_seconds", "The same mean, once an answer.", &ModelTimes::per_token},
    {"vllm:e2e_request_latency_seconds", "From the request's last byte to its answer's last.", &ModelTimes::total},
    {"vllm:request_queue_time_seconds", "In the queue.", &ModelTimes::queue},
    {"vllm:request_prefill_time_seconds", "From the queue to the first token.", &ModelTimes::prefill},
    {"vllm:request_decode_time_seconds", "From the first token to the last.", &ModelTimes::decode},
};

std::string head_of(const char* name, const char* type, const char* help) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

std::string veiled_text(const Site& site) {
  if (site.permissions().policy().personal_data.rules.empty()) return {};
  std::string out = head_of("freehold_personal_data_total", "counter", "Findings of personal data, by what was done.");
  for (const guard::Way way : {guard::Way::request, guard::Way::answer, guard::Way::log}) {
    for (std::size_t t = 0; t < guard::kTreatments; ++t) {
      const auto treatment = static_cast<guard::Treatment>(t);
      if (treatment == guard::Treatment::allow || !guard::can(way, treatment)) continue;
      out += fmt::format("freehold_personal_data_total{{where=\"{}\",do=\"{}\"}} {}\n", guard::name_of(way),
                         guard::name_of(treatment), site.veiled().of(way, treatment));
    }
  }
  return out;
}

std::string times_text(const Site& site, const guard::Principal& who) {
  const bool all = sees_all(site, who);
  auto models = site.latencies().of(all ? std::nullopt : std::optional(who.key_id));
  std::erase_if(models, [&](const auto& m) { return !site.permissions().sees(who, m.first); });
  std::string out;
  for (const Timed& timed : kTimed) {
    out += head_of(timed.name, "histogram", timed.help);
    for (const auto& [model, times] : models) {
      const Histogram& h = times.*timed.histogram;
      const std::string name = label(model);
      for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
        out += fmt::format("{}_bucket{{model_name=\"{}\",le=\"{}\"}} {}\n", timed.name, name, Histogram::kBounds[i],
                           h.below(i));
      }
      out += fmt::format(
          "{0}_bucket{{model_name=\"{1}\",le=\"+Inf\"}} {2}\n{0}_sum{{model_name=\"{1}\"}} {3}\n"
          "{0}_count{{model_name=\"{1}\"}} {2}\n",
          timed.name, name, h.count(), h.sum());
    }
  }
  out += head_of("vllm:request_success_total", "counter", "Requests that were answered, by how they ended.");
  for (const auto& [model, times] : models) {
    for (const auto& [how, count] : times.finished) {
      out += fmt::format("vllm:request_success_total{{model_name=\"{}\",finished_reason=\"{}\"}} {}\n", label(model),
                         label(how), count);
    }
  }
  if (!all) return out;
  out += veiled_text(site);
  out += head_of("http_requests_total", "counter", "Answers of HTTP, whatever they were about.");
  for (const auto& [of, count] : site.statuses().all()) {
    out += fmt::format("http_requests_total{{dialect=\"{}\",status=\"{}\"}} {}\n", of.first, of.second, count);
  }
  return out;
}

// How many entries the log has tells what others did: for those who may know.
std::string mirror_text(const Site& site) {
  if (!site.mirror) return {};
  const CheckpointMirror::State mirror = site.mirror->state();
  return head_of("freehold_checkpoint_mirror_up", "gauge", "Whether the log's checkpoints could be mirrored last.") +
         fmt::format("freehold_checkpoint_mirror_up {}\n", mirror.good ? 1 : 0) +
         head_of("freehold_checkpoint_mirror_entries", "gauge", "Entries of the checkpoint that was mirrored last.") +
         fmt::format("freehold_checkpoint_mirror_entries {}\n", mirror.entries) +
         head_of("freehold_checkpoint_mirror_failures_total", "counter",
                 "Attempts to mirror a checkpoint that failed.") +
         fmt::format("freehold_checkpoint_mirror_failures_total {}\n", mirror.failures);
}

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
    row->load.kv_used += now.kv_used;
    row->load.kv_total += now.kv_total;
    row->load.batch_tokens += now.batch_tokens;
    row->load.batch_sequences += now.batch_sequences;
    row->model = m.model.get();
  }
  std::erase_if(rows, [&](const Row& row) { return !site.permissions().sees(who, row.name); });
  std::string out = fmt::format(
      "# HELP freehold_build_info The program that answers.\n# TYPE freehold_build_info gauge\n"
      "freehold_build_info{{version=\"{}\",commit=\"{}\"}} 1\n"
      "# HELP process_start_time_seconds When the server started, in Unix seconds.\n"
      "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n",
      label(version()), label(commit()), site.started());
  out += pool_text(site, loaded.size());
  if (sees_all(site, who)) out += mirror_text(site);
  for (const Metric& metric : kMetrics) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.type);
    for (const Row& row : rows) {
      if (row.model == nullptr && metric.type != std::string_view("counter")) continue;
      out += fmt::format("{}{{model=\"{}\"}} {}\n", metric.name, label(row.name), metric.value(row.model, row.load));
    }
  }
  for (const Usual& metric : kUsual) {
    out += head_of(metric.name, metric.type, metric.help);
    for (const Row& row : rows) {
      if (row.model == nullptr && metric.type != std::string_view("counter")) continue;
      out += fmt::format("{}{{model_name=\"{}\"}} {}\n", metric.name, label(row.name), metric.value(row.load));
    }
  }
  out += times_text(site, who);
  return out;
}

http::Response metrics_page(const Site& site, const guard::Principal& who) {
  http::Response response{200, {}, metrics_text(site, who)};
  response.headers.set("content-type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace freehold::app
