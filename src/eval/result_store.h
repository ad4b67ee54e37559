// What has been measured, kept in one SQLite file: by model, task digest, aspect and item. A run that was ended by
// kill -9 goes on where it was, and what is there is not computed again (docs/formats/databases.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
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
  using Clock = std::function<std::int64_t()>;  // Unix seconds; empty: the system's
  static Result<ResultStore> open(const std::filesystem::path& file, Clock clock = {});

  // All that is known, by row. `model`: what identifies it with all that decides about its logits.
  Result<std::map<std::size_t, std::string>> load(std::string_view model, std::string_view task, Aspect aspect);
  // On disk when it returns. What is there already is replaced.
  Result<> save(std::string_view model, std::string_view task, Aspect aspect,
                const std::vector<std::pair<std::size_t, std::string>>& items);
  // What is saved from here on is of questions with this label (guard/policy.h); empty: nobody has said one.
  void label(std::string label) { label_ = std::move(label); }

  // A run, for who lets go of what was kept for long enough. Runs of version 1 were recorded when the file was brought
  // forward, and have no label.
  struct Run {
    long long id = 0;
    std::string label;
    std::int64_t recorded = 0;  // when something of it was saved last: Unix seconds
    bool words = false;         // it has texts, or what programs have printed
  };
  Result<std::vector<Run>> runs();
  // Removes its texts and verdicts, whose scores stay; or all of it. Returns when nothing of it is in the file.
  Result<> drop_words(long long run);
  Result<> remove(long long run);

  // The run of these, if something of it is known.
  Result<std::optional<Run>> find(std::string_view model, std::string_view task, Aspect aspect);
  // Forgets a run's items.
  Result<> drop(std::string_view model, std::string_view task, Aspect aspect);

 private:
  ResultStore(sql::Database database, Clock clock) : database_(std::move(database)), clock_(std::move(clock)) {}
  sql::Database database_;
  Clock clock_;
  std::string label_;
};

}  // namespace freehold::eval
