// What a new Hugging Face folder takes over from the one that it was made of.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"

namespace freehold::app {

// Everything beside the weights and their index: config.json, the tokenizer's files, the model card, … Not the same
// weights in another format (pytorch_model.bin): of these `left` is told, if it is given.
Result<> copy_small_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::function<void(const std::string& name)>& left = {});

}  // namespace freehold::app
