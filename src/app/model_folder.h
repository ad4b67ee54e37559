// What a new Hugging Face folder takes over from the one that it was made of.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace freehold::app {

// Everything beside the weights and their index: config.json, the tokenizer's files, the model card, …
Result<> copy_small_files(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace freehold::app
