// The files of a merged model: a GGUF, or a Hugging Face folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "app/open_model.h"
#include "base/result.h"
#include "base/thread_pool.h"

namespace freehold::app {

struct MergeOptions {
  std::optional<std::string> type;  // of a GGUF's weights; nothing: the base's
  bool requantize = false;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  std::function<void(const std::string&)> note = {};
};

// `base.adapter` is merged. The merged layers lie in a file beside `out` meanwhile (float32, or the folder's type),
// which has lost its name, so memory stays bounded. A tied base whose output matrix or embedding is adapted becomes an
// untied model, which has both. Errors: those of merge_layer and of quantize; Errc::unsupported for
// a folder from what is none, or whose weights are quantised.
Result<> write_merged(const std::filesystem::path& out, const CheckedModel& base, ThreadPool& pool,
                      const MergeOptions& options);

}  // namespace freehold::app
