#include "api/openai/fine_tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/fields.h"

namespace freehold::api::openai {
namespace {

constexpr std::array<std::string_view, 7> kStatusNames = {"validating_files", "queued", "running",  "paused",
                                                          "succeeded",        "failed", "cancelled"};

std::string_view name_of(TuningMethod method) {
  return method == TuningMethod::dpo ? "dpo" : "supervised";
}

Json string_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(std::string(text));
}

template <typename T>
Json or_else(const std::optional<T>& value, const Json& otherwise) {
  return value ? Json(*value) : otherwise;
}

Json hyperparameters_json(const Hyperparameters& h, TuningMethod method) {
  Json out = {{"n_epochs", or_else(h.n_epochs, "auto")},
              {"batch_size", or_else(h.batch_size, "auto")},
              {"learning_rate_multiplier", or_else(h.learning_rate_multiplier, "auto")}};
  if (method == TuningMethod::dpo) out["beta"] = or_else(h.beta, "auto");
  return out;
}

template <typename T>
std::optional<T> number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<T>();
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string_view name_of(JobStatus status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

std::optional<JobStatus> job_status(std::string_view name) {
  const auto found = std::find(kStatusNames.begin(), kStatusNames.end(), name);
  if (found == kStatusNames.end()) return std::nullopt;
  return static_cast<JobStatus>(found - kStatusNames.begin());
}

bool is_over(JobStatus status) {
  return status == JobStatus::succeeded || status == JobStatus::failed || status == JobStatus::cancelled;
}

bool may_become(JobStatus from, JobStatus to) {
  using enum JobStatus;
  switch (to) {
    case validating_files:
      return false;
    case queued:
      return from == validating_files || from == paused || from == running;
    case running:
      return from == queued;
    case paused:
      return from == queued || from == running;
    case succeeded:
      return from == running;
    case failed:
    case cancelled:
      return !is_over(from);
  }
  return false;
}

bool FineTuningJob::become(JobStatus next, std::int64_t now) {
  if (!may_become(status, next)) return false;
  status = next;
  if (is_over(next)) finished_at = now;
  if (next != JobStatus::running) estimated_finish.reset();
  return true;
}

std::string job_json(const FineTuningJob& j) {
  const Json hyperparameters = hyperparameters_json(j.hyperparameters, j.method);
  const std::string method(name_of(j.method));
  Json error = nullptr;
  if (j.error)
    error = {{"code", j.error->code}, {"message", j.error->message}, {"param", string_or_null(j.error->param)}};
  const auto metadata = parse_json(j.metadata);
  return dump({{"object", "fine_tuning.job"},
               {"id", j.id},
               {"model", j.model},
               {"created_at", j.created_at},
               {"finished_at", or_else(j.finished_at, nullptr)},
               {"fine_tuned_model", string_or_null(j.fine_tuned_model)},
               {"organization_id", j.organization},
               {"result_files", j.result_files},
               {"status", std::string(name_of(j.status))},
               {"validation_file", string_or_null(j.validation_file)},
               {"training_file", j.training_file},
               {"hyperparameters", hyperparameters},
               {"trained_tokens", or_else(j.trained_tokens, nullptr)},
               {"error", std::move(error)},
               {"user_provided_suffix", string_or_null(j.suffix)},
               {"seed", j.seed},
               {"estimated_finish", or_else(j.estimated_finish, nullptr)},
               {"integrations", Json::array()},
               {"metadata", metadata ? *metadata : Json(nullptr)},
               {"method", {{"type", method}, {method, {{"hyperparameters", hyperparameters}}}}}});
}

std::optional<FineTuningJob> read_job(std::string_view json) {
  const auto root = parse_object(json);
  if (!root) return std::nullopt;
  const Json& o = *root;
  const auto status = job_status(text_in(o, "status"));
  const auto created = number_in<std::int64_t>(o, "created_at");
  const auto seed = number_in<std::uint32_t>(o, "seed");
  if (!status || !created || !seed || !o.contains("method") || !o["method"].is_object() ||
      !o.contains("hyperparameters") || !o["hyperparameters"].is_object() || !o.contains("result_files") ||
      !o["result_files"].is_array() || !o.contains("metadata") || !o.contains("error")) {
    return std::nullopt;
  }
  FineTuningJob j;
  j.status = *status;
  j.created_at = *created;
  j.seed = *seed;
  j.id = text_in(o, "id");
  j.model = text_in(o, "model");
  j.training_file = text_in(o, "training_file");
  j.validation_file = text_in(o, "validation_file");
  j.fine_tuned_model = text_in(o, "fine_tuned_model");
  j.organization = text_in(o, "organization_id");
  j.suffix = text_in(o, "user_provided_suffix");
  j.finished_at = number_in<std::int64_t>(o, "finished_at");
  j.estimated_finish = number_in<std::int64_t>(o, "estimated_finish");
  j.trained_tokens = number_in<std::uint64_t>(o, "trained_tokens");
  j.metadata = dump(o["metadata"]);
  j.method = text_in(o["method"], "type") == "dpo" ? TuningMethod::dpo : TuningMethod::supervised;
  const Json& h = o["hyperparameters"];
  j.hyperparameters = {number_in<std::uint32_t>(h, "n_epochs"), number_in<std::uint32_t>(h, "batch_size"),
                       number_in<double>(h, "learning_rate_multiplier"), number_in<double>(h, "beta")};
  for (const Json& file : o["result_files"]) {
    if (file.is_string()) j.result_files.push_back(file.get<std::string>());
  }
  if (const Json& e = o["error"]; e.is_object())
    j.error = JobError{text_in(e, "code"), text_in(e, "message"), text_in(e, "param")};
  return j;
}

std::string event_json(const JobEvent& e) {
  const auto data = parse_json(e.data);
  return dump({{"object", "fine_tuning.job.event"},
               {"id", e.id},
               {"created_at", e.created_at},
               {"level", e.level},
               {"message", e.message},
               {"type", e.type},
               {"data", data ? *data : Json(nullptr)}});
}

std::string checkpoint_json(const JobCheckpoint& c) {
  Json metrics = {{"step", c.step}, {"train_loss", c.train_loss}};
  if (c.valid_loss) metrics["valid_loss"] = metrics["full_valid_loss"] = *c.valid_loss;
  return dump({{"object", "fine_tuning.job.checkpoint"},
               {"id", c.id},
               {"created_at", c.created_at},
               {"fine_tuned_model_checkpoint", c.model},
               {"fine_tuning_job_id", c.job},
               {"metrics", std::move(metrics)},
               {"step_number", c.step}});
}

std::string model_deleted_json(std::string_view name) {
  return dump({{"id", std::string(name)}, {"object", "model"}, {"deleted", true}});
}

}  // namespace freehold::api::openai
