// What a run leaves for use: an adapter as PEFT writes it, or a whole model in the format of the one it began with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/checkpoint.h"
#include "train/trainable.h"

namespace freehold::train {

class FullModel;
class LoraModel;

struct ResultFile {
  std::string name;    // in the folder
  std::string sha256;  // 64 hexadecimal digits
};

// adapter_model.safetensors and adapter_config.json.
Result<std::vector<ResultFile>> write_adapter(const std::filesystem::path& folder, const LoraModel& model);
// Of a GGUF: model.gguf with the base's metadata, its tensors in float32. Of a Hugging Face folder: model.safetensors
// in float32, config.json that says so, and the tokenizer's files as they are. `base` is what the model was loaded
// from. Each file appears whole or not at all.
Result<std::vector<ResultFile>> write_model(const std::filesystem::path& folder, FullModel& model,
                                            const format::Checkpoint& base);

// The names that either may write: nobody else's file is overwritten.
std::vector<std::string> result_names();

}  // namespace freehold::train
