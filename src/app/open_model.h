// From what the user calls a model to its opened, checked files: the road that every command with a MODEL takes.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "app/console.h"
#include "base/result.h"
#include "format/checkpoint.h"
#include "model/kv_cache.h"
#include "model/peft.h"
#include "model/tokenizer_loader.h"
#include "model/weights.h"
#include "store/store.h"

namespace freehold::app {

struct OpenModel {
  std::string reference;  // as the user wrote it
  std::filesystem::path path;
  std::optional<store::Manifest> manifest;  // of a model in the store
  std::filesystem::path prepared;           // its weights as the kernels want them; may be empty
  std::filesystem::path adapter;            // what the name puts on the model; empty: nothing
  std::shared_ptr<const format::Checkpoint> checkpoint;
};

// name:tag, sha256:…, or a path. Reads metadata and the tensor table, no weights. On not_found the console gets a hint.
Result<OpenModel> open_model(std::string_view reference, Console& console);
Result<OpenModel> open_model(std::string_view reference);  // without the hint
// What the store found.
Result<OpenModel> open_model(std::string_view reference, store::Resolved resolved);

// SHA-256 of every weight file, "sha256:…": from the store's manifest, or by reading them (with a progress bar).
Result<std::vector<std::string>> weight_digests(const OpenModel& opened, Console& console);

// Everything `plan` and `load_tokenizer` check, in one go.
struct CheckedModel {
  OpenModel opened;
  model::Plan plan;
  model::LoadedTokenizer tokenizer;
  std::optional<model::PeftAdapter> adapter;  // that the model's name or --adapter puts on it
};
Result<CheckedModel> open_and_check(std::string_view reference, Console& console);
Result<CheckedModel> check_model(OpenModel opened);

// --threads, --kv-cache and --verbose, as every command that runs a model has them; and --context before them.
Option threads_option();
// What it says; unless given, the processors that this program may use.
int threads_of(const Arguments& arguments);
std::vector<Option> run_options();
std::vector<Option> run_options_with_context();
model::KvChoice kv_choice(const Arguments& arguments);  // of run_options()
Positional model_positional();
// `base` followed by `more`.
std::vector<Option> join(std::vector<Option> base, std::vector<Option> more);

}  // namespace freehold::app
