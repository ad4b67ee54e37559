// `models inspect` of adapters.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "store/store.h"

namespace freehold::app {

struct FoundAdapter {
  std::filesystem::path path;               // a PEFT folder, or a GGUF
  std::optional<store::Manifest> manifest;  // of one in the store
};
// What the reference means, if it is an adapter; nothing if it is a model, or nothing at all.
Result<std::optional<FoundAdapter>> find_adapter(std::string_view reference);

// A file that a model has learned from, in a line; and all of them as the member "learned_from".
std::string learned_text(const store::LearnedFrom& file);
void learned_json(JsonWriter& w, const std::vector<store::LearnedFrom>& files);

// Shows it, as text or with --json; with --on MODEL also whether it fits. Error: why it cannot be used.
Result<> inspect_adapter(const FoundAdapter& found, const Arguments& arguments, Console& console);

}  // namespace freehold::app
