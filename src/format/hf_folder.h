// Opens a folder as Hugging Face lays it out: config.json, weights in safetensors (one file, or shards with an index),
// tokenizer files. Nothing in it is executed; pickled weights are refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "format/metadata.h"
#include "format/safetensors.h"
#include "tensor/view.h"

namespace freehold::format {

// Move-only: tensors borrow from the files it owns.
struct HfFolder {
  std::filesystem::path path;
  Metadata config;                            // config.json, nested objects flattened with dots
  std::optional<Metadata> generation_config;  // generation_config.json, if there is one
  std::vector<tensor::View> tensors;          // of all shards, in the order of shard names, then of bytes
  std::uint64_t total_bytes = 0;              // of the weight files
  // The files as they are, each absent if the folder has none. as_text(file->bytes()) is the JSON or the template.
  std::optional<MappedFile> tokenizer_json;
  std::optional<MappedFile> tokenizer_config_json;
  std::optional<MappedFile> tokenizer_model;  // SentencePiece
  std::optional<MappedFile> chat_template_jinja;

  std::vector<Safetensors> shards;
  std::vector<std::uint32_t> by_name;  // indices into tensors, sorted by name

  const tensor::View* find(std::string_view name) const;
};

Result<HfFolder> open_hf_folder(const std::filesystem::path& folder);

}  // namespace freehold::format
