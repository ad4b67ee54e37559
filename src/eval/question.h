// A task's rows as questions: texts, not tokens, so the same for every model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "eval/task.h"

namespace freehold::eval {

// Files below a folder, with their digests; those that `expected` names must have the digest it says.
class DataFolder {
 public:
  DataFolder(std::filesystem::path folder, const std::map<std::string, std::string, std::less<>>* expected)
      : folder_(std::move(folder)), expected_(expected) {}

  struct Loaded {
    std::vector<Row> rows;
    Digest digest;
  };
  // Errors: not_found, io; corrupt (another digest than expected, or not the format).
  Result<std::shared_ptr<const Loaded>> load(const DataSource& source) const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  const std::map<std::string, std::string, std::less<>>* expected_;  // owner: the caller; may be null
};

struct Question {
  std::size_t row = 0;                // in the data file, from 0: the item's name
  std::size_t shared = 0;             // which of Questions::shared comes before it
  std::vector<std::string> prompts;   // one, or one a choice
  std::vector<std::string> answers;   // the choices, or the target alone
  std::vector<bool> right;            // one a choice
  std::vector<std::string> accepted;  // of generate: answers that count, the target's first
  std::string beyond;                 // what ends answers (until) and stands in every accepted one: none can be given
  std::shared_ptr<const Row> fields;  // of tasks with a program, which is filled when there is an answer

  const std::string& prompt(std::size_t choice) const { return prompts[prompts.size() == 1 ? 0 : choice]; }
};

struct QuestionOptions {
  std::size_t limit = SIZE_MAX;  // the first so many rows
  std::uint64_t seed = 0;        // of drawn examples and sampled answers
  bool chat = false;             // prompts go through the model's template: part of the digest
};

struct Questions {
  const Task* task = nullptr;  // owner: the caller
  QuestionOptions options;
  std::vector<std::string> shared;  // descriptions with examples: the usual one, and those of rows that ask the same
  std::vector<std::vector<std::string>> examples;  // of each of these, the examples one by one
  std::vector<Question> questions;
  std::size_t beyond_until = 0;  // of them, those whose right answer can never be given, and what ends it
  std::string until;
  Digest digest;  // of all that decides about results: task, data, examples, seed where it matters
};

// Errors: as DataFolder::load; corrupt or invalid naming file and line (a field that is missing, an answer out of
// range).
Result<Questions> make_questions(const Task& task, const DataFolder& data, const QuestionOptions& options);

// The example texts of a `shared`, from the `skip`th on, behind the description.
std::string shared_text(const Questions& questions, std::size_t shared, std::size_t skip = 0);

// The choices as a lettered list, for answers that are letters: "…\nA. …\nB. …\nAnswer:".
std::string lettered_prompt(const Task& task, const Question& question);

}  // namespace freehold::eval
