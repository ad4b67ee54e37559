// What has been measured, kept in one SQLite file: by model, task digest, aspect and item. A run that was ended by
// kill -9 goes on where it was, and what is there is not computed again (docs/formats/databases.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "eval/result.h"
#include "sql/database.h"

namespace freehold::eval {

// One thread at a time; other processes may have the file open.
class ResultStore {
 public:
  static Result<ResultStore> open(const std::filesystem::path& file);

  // All that is known, by row. `model`: what identifies it with all that decides about its logits.
  Result<std::map<std::size_t, std::string>> load(std::string_view model, std::string_view task, Aspect aspect);
  // On disk when it returns. What is there already is replaced.
  Result<> save(std::string_view model, std::string_view task, Aspect aspect,
                const std::vector<std::pair<std::size_t, std::string>>& items);
  // Forgets a run's items.
  Result<> drop(std::string_view model, std::string_view task, Aspect aspect);

 private:
  explicit ResultStore(sql::Database database) : database_(std::move(database)) {}
  sql::Database database_;
};

}  // namespace freehold::eval
