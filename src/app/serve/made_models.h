// Models made from served ones while the server runs, by name, kept in $FREEHOLD_HOME/serve/made.json.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/ollama/made.h"
#include "base/result.h"

namespace freehold::app {

// Any thread may call anything. Another server on the same home sees what was made when it starts.
class MadeModels {
 public:
  // Until it is opened, nothing is kept on disk. Errors: corrupt, naming the file.
  Result<> open(const std::filesystem::path& home);

  // By name, with or without ":latest".
  std::optional<api::ollama::MadeModel> find(std::string_view name) const;
  std::vector<api::ollama::MadeModel> list() const;
  // Replaces one of the same name. What cannot be kept is not made.
  Result<> put(api::ollama::MadeModel model);
  // Nothing if there is no such model.
  Result<std::optional<api::ollama::MadeModel>> remove(std::string_view name);

 private:
  Result<> save(const std::vector<api::ollama::MadeModel>& models) const;
  mutable std::mutex mutex_;  // guards everything below
  std::filesystem::path file_;
  std::vector<api::ollama::MadeModel> models_;
};

}  // namespace freehold::app
