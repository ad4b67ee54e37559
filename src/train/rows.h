// The rows of a data set's file: one object each, whatever the format. JSON is a list of objects, or one object a line
// (JSONL); CSV has its names in the first row; of a text every line that is not empty is a row with the one member
// "text".
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "format/metadata.h"
#include "train/recipe.h"

namespace freehold::train {

struct Row {
  std::size_t line = 0;  // where it begins, from 1; in a JSON list, the number of the element, from 1
  format::Value object;  // Value::object
};

inline constexpr std::uint64_t kMostDataBytes = std::uint64_t{8} << 30;
inline constexpr std::size_t kMostRowBytes = std::size_t{64} << 20;

// Calls `row` for each, in order, and stops at its first error. `by_name`: .jsonl, .json, .csv, .txt. Every error names
// the file and the line: not_found and io (the file), corrupt (not JSON, CSV or UTF-8; a row with too few or too many
// fields; a name twice), invalid (no rows; a format that the name does not tell), exhausted (too large), and what `row`
// returned. `sha256`, if not null, gets the digest of the file's bytes, as 64 hexadecimal digits.
Result<> read_rows(const std::filesystem::path& path, DatasetSource::Format format,
                   const std::function<Result<>(Row)>& row, std::string* sha256 = nullptr);

// The member as text: a string, or a number as it is written. Error: invalid, naming the members there are.
Result<std::string> text_member(const Row& row, const std::string& name);
// The same, empty if it is missing or null.
Result<std::string> optional_text_member(const Row& row, const std::string& name);

}  // namespace freehold::train
