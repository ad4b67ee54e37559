// All of a recipe's data as examples: read, judged by length, without duplicates if asked, a part held out. What was
// left out and why is counted, so that nothing goes silently; `tune plan` shows it before anything runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/tokenizer_loader.h"
#include "train/examples.h"
#include "train/recipe.h"

namespace freehold::train {

// One file of the recipe.
struct SourceFacts {
  std::string path;    // as it was opened
  std::string sha256;  // of its bytes, 64 hexadecimal digits
  std::uint64_t rows = 0;
  std::uint64_t examples = 0;  // that are kept
  std::uint64_t too_long = 0, dropped = 0, truncated = 0, duplicates = 0, straddled = 0;
  std::uint64_t tokens = 0, learned = 0;  // of what is kept
  std::uint32_t longest = 0;              // tokens, before anything is cut
  std::size_t longest_line = 0;
};

struct Dataset {
  // With preferences chosen and rejected alternate, so the number is even, and a pair stays together.
  std::vector<Example> train, held_out;
  std::vector<SourceFacts> sources;  // of datasets, then of test_datasets
  std::uint32_t together = 1;        // examples that belong together: 2 with preferences
};

// Changes a row before anything is made of it: personal data go out, say.
using RowChange = std::function<void(Row&)>;
// Told after every row: the file's number among all and the row's line. An error stops the reading and is returned.
using DataProgress = std::function<Result<>(std::size_t source, std::size_t line)>;

// Relative paths are below `folder`. Examples over sequence_len: with TooLong::refuse they are counted in too_long and
// kept out, so that the caller can say how many there are before refusing (check_lengths); `drop` and `truncate` do
// what they say. A truncated example that has nothing left to learn is dropped. Errors: those of read_rows and
// ExampleBuilder, with file and line; invalid (all examples have nothing to learn, nothing is left to train on, the
// model has another special token).
Result<Dataset> load_dataset(const Recipe& recipe, const std::filesystem::path& folder,
                             const model::LoadedTokenizer& model, const DataProgress& progress = {},
                             const RowChange& change = {});

// Errc::invalid if examples were too long and the recipe says nothing of them: how many, the longest, what to do.
Result<> check_lengths(const Recipe& recipe, const Dataset& dataset);

// The order of one epoch over `count` things: a permutation that depends on seed and epoch alone (Fisher-Yates over
// counter-based draws), or 0, 1, … without shuffling.
std::vector<std::uint32_t> epoch_order(std::uint32_t count, std::uint64_t seed, std::uint32_t epoch, bool shuffle);
// The same with draws of its own, for the rows that an epoch's examples were packed into.
std::vector<std::uint32_t> row_order(std::uint32_t count, std::uint64_t seed, std::uint32_t epoch);

}  // namespace freehold::train
