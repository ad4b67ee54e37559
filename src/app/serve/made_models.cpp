#include "app/serve/made_models.h"

#include <algorithm>

#include "base/file.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::ollama::MadeModel;

Result<> MadeModels::open(const fs::path& home) {
  const std::lock_guard lock(mutex_);
  file_ = home / "serve" / "made.json";
  std::error_code ec;
  if (!fs::exists(file_, ec)) return {};
  FH_TRY(const std::string text, read_file(file_));
  auto parsed = api::ollama::parse_made_models(text);
  if (!parsed) return in_context({Errc::corrupt, parsed.error().message}, file_.string());
  models_ = std::move(*parsed);
  return {};
}

std::optional<MadeModel> MadeModels::find(std::string_view name) const {
  const std::string wanted = api::ollama::with_tag(name);
  const std::lock_guard lock(mutex_);
  for (const MadeModel& m : models_) {
    if (m.name == wanted) return m;
  }
  return std::nullopt;
}

std::vector<MadeModel> MadeModels::list() const {
  const std::lock_guard lock(mutex_);
  return models_;
}

Result<> MadeModels::save(const std::vector<MadeModel>& models) const {
  if (file_.empty()) return {};
  FH_TRY_VOID(make_directories(file_.parent_path()));
  return write_file_atomically(file_, api::ollama::to_json(models));
}

Result<> MadeModels::put(MadeModel model) {
  model.name = api::ollama::with_tag(model.name);
  const std::lock_guard lock(mutex_);
  std::vector<MadeModel> models = models_;
  std::erase_if(models, [&](const MadeModel& m) { return m.name == model.name; });
  models.push_back(std::move(model));
  FH_TRY_VOID(save(models));
  models_ = std::move(models);
  return {};
}

Result<std::optional<MadeModel>> MadeModels::remove(std::string_view name) {
  const std::string wanted = api::ollama::with_tag(name);
  const std::lock_guard lock(mutex_);
  std::vector<MadeModel> models = models_;
  const auto found = std::find_if(models.begin(), models.end(), [&](const MadeModel& m) { return m.name == wanted; });
  if (found == models.end()) return std::optional<MadeModel>();
  std::optional<MadeModel> removed = std::move(*found);
  models.erase(found);
  FH_TRY_VOID(save(models));
  models_ = std::move(models);
  return removed;
}

}  // namespace freehold::app
