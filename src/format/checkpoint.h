// A model's files whatever their format: a GGUF (whole, or its first part) or a Hugging Face folder, behind one look-up
// of metadata and tensors. The names inside differ by format and are the model families' business.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "format/hf_folder.h"
#include "format/metadata.h"
#include "tensor/view.h"

namespace freehold::format {

class Checkpoint {
 public:
  enum class Kind { gguf, hugging_face };

  explicit Checkpoint(Gguf gguf);
  explicit Checkpoint(HfFolder folder);

  Kind kind() const { return gguf_ ? Kind::gguf : Kind::hugging_face; }
  const Metadata& metadata() const;  // GGUF's key-values, or config.json flattened
  const std::vector<tensor::View>& tensors() const;
  const tensor::View* find(std::string_view name) const;
  std::uint64_t total_bytes() const;  // of the weight files

  // A tensor's bytes have been read and will not be soon again: gives their pages back (MappedFile::forget).
  void forget(Bytes part) const;

  // For what the formats do not share (tokenizer files, versions); null if it is the other kind.
  const Gguf* gguf() const { return gguf_.get(); }
  const HfFolder* hf() const { return hf_.get(); }

 private:
  std::unique_ptr<Gguf> gguf_;
  std::unique_ptr<HfFolder> hf_;
};

// A GGUF is known by its first bytes, not by its name; a folder by its config.json.
Result<Checkpoint> open_checkpoint(const std::filesystem::path& path);

}  // namespace freehold::format
