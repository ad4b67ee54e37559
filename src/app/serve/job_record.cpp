// A job's record as JSON text.
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "app/serve/job_store.h"

namespace freehold::app {

using api::Json;

std::string record_json(const JobRecord& r) {
  Json models = Json::array();
  for (const JobModel& m : r.models) {
    const api::openai::JobCheckpoint& c = m.checkpoint;
    models.push_back({{"name", m.name},
                      {"folder", m.folder},
                      {"adapter", m.adapter},
                      {"bytes", m.bytes},
                      {"checkpoint", c.id},
                      {"created_at", c.created_at},
                      {"step", c.step},
                      {"train_loss", c.train_loss},
                      {"valid_loss", c.valid_loss ? Json(*c.valid_loss) : Json(nullptr)}});
  }
  return api::dump({{"job", job_json(r.job)},
                    {"base_key", r.base_key},
                    {"base_digests", r.base_digests},
                    {"recipe", r.recipe},
                    {"models", std::move(models)},
                    {"label", r.label}});
}

Result<JobRecord> read_job_record(const std::string& text) {
  const auto broken = [] { return fail(Errc::corrupt, "fine_tuning.db holds a job that was not written by freehold"); };
  const auto root = api::parse_object(text);
  if (!root) return broken();
  const auto text_of = [](const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number_of = [](const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  const auto real_of = [](const Json& object, const char* key) -> std::optional<double> {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
  };
  auto job = api::openai::read_job(text_of(*root, "job"));
  const auto digests = root->find("base_digests"), models = root->find("models");
  if (!job || digests == root->end() || !digests->is_array() || models == root->end() || !models->is_array()) {
    return broken();
  }
  JobRecord r;
  r.job = std::move(*job);
  r.base_key = text_of(*root, "base_key");
  r.recipe = text_of(*root, "recipe");
  r.label = text_of(*root, "label");
  for (const Json& digest : *digests) {
    if (!digest.is_string()) return broken();
    r.base_digests.push_back(digest.get<std::string>());
  }
  for (const Json& m : *models) {
    if (!m.is_object()) return broken();
    JobModel model{text_of(m, "name"), text_of(m, "folder"), text_of(m, "adapter"), number_of(m, "bytes"), {}};
    const std::string id = text_of(m, "checkpoint");
    if (!id.empty()) {
      model.checkpoint = {id,
                          static_cast<std::int64_t>(number_of(m, "created_at")),
                          r.job.id,
                          model.name,
                          number_of(m, "step"),
                          real_of(m, "train_loss").value_or(0),
                          real_of(m, "valid_loss")};
    }
    r.models.push_back(std::move(model));
  }
  return r;
}

}  // namespace freehold::app
