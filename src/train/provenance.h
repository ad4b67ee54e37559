// Where a result comes from: what an auditor, or somebody who finds the files in two years, wants to know. Written
// beside the result as provenance.json and, shorter and for people, provenance.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "train/checkpoint_file.h"
#include "train/dataset.h"
#include "train/metrics.h"
#include "train/recipe.h"
#include "train/result_files.h"
#include "train/run_plan.h"

namespace freehold::train {

// What a run began with. Its identity is that of the run: with another one, a checkpoint is another's.
struct Beginning {
  std::string recipe_text;
  std::string base_model;                 // as the recipe calls it
  std::vector<std::string> base_digests;  // of the weight files, "sha256:…"
  std::string tokenizer, chat_template;   // digests, "sha256:…", or empty
  std::string adapter;                    // of the adapter to go on from, "sha256:…", or empty
  std::vector<SourceFacts> data;
  // What was done to the data's rows before they were learned, as a text that is the same for the same; may be empty.
  std::string treatment;
  int numerics = 1;
  std::string program;  // "freehold 0.1.0 (…)": not part of the identity
};
// SHA-256 over all of it but the program, 64 hexadecimal digits.
std::string identity_of(const Beginning& beginning);
std::string recipe_digest(const Beginning& beginning);

struct Provenance {
  Beginning beginning;
  std::string label;          // the highest of what was learned from; may be empty
  std::string personal_data;  // what was found of it and done, a JSON object: {"mask": {"email": 2}}; may be empty
  std::string method;         // "LoRA", …
  std::string started, finished;
  std::string ending;  // "finished", "stopped early: …"
  Counters counters;
  std::uint64_t steps = 0;
  std::uint64_t result_step = 0;  // whose values the result has
  std::uint64_t parameters = 0;   // that learned
  std::vector<EvaluationMetrics> evaluations;
  std::vector<ResultFile> files;
};

// The label in a folder's provenance.json; empty if there is none. Errors: corrupt (one that cannot be read).
Result<std::string> provenance_label(const std::filesystem::path& folder);

// The files of examples in a folder's provenance.json: their paths and digests. None if there are none that can be
// read.
std::vector<SourceFacts> provenance_data(const std::filesystem::path& folder);

Result<> write_provenance(const std::filesystem::path& folder, const Recipe& recipe, const Provenance& provenance);

}  // namespace freehold::train
