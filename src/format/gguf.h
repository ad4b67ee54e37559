// Reads GGUF files, versions 1 to 3, little endian, also split into parts. Everything a file says is checked before it
// is used; docs/formats/gguf.md lists what is accepted and what is refused. Source: the GGUF specification,
// ggml-org/ggml docs/gguf.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "format/metadata.h"
#include "tensor/view.h"

namespace freehold::format {

inline constexpr std::uint64_t kGgufDefaultAlignment = 32;
inline constexpr std::size_t kGgufMaxKeyBytes = 65535;
inline constexpr std::size_t kGgufMaxTensorNameBytes = 63;
inline constexpr int kGgufMaxArrayDepth = 4;
inline constexpr std::uint64_t kGgufMaxDimension = std::uint64_t{1} << 40;
// Metadata and tensor table together. The largest known (a vocabulary of 262,144 with its merges) take 16 MiB.
inline constexpr std::uint64_t kGgufMaxHeaderBytes = std::uint64_t{48} << 20;
inline constexpr std::uint64_t kGgufMaxEntries = std::uint64_t{1} << 17;  // of metadata, and of the tensor table
// Elements of one array, in all its levels: eight times the largest known (514,906 merges).
inline constexpr std::uint64_t kGgufMaxArrayElements = std::uint64_t{1} << 22;
inline constexpr std::uint64_t kGgufMaxAlignment = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kGgufMaxSplits = 1024;

// An opened file. Move-only: metadata and tensors borrow from the maps it owns, which do not move when it is moved.
struct Gguf {
  std::uint32_t version = 3;
  std::uint64_t alignment = kGgufDefaultAlignment;
  Metadata metadata;                   // of the first part, when split
  std::vector<tensor::View> tensors;   // in the table's order; of all parts, first part first
  std::uint64_t total_bytes = 0;       // of all parts
  std::vector<MappedFile> files;       // what the rest borrows from; empty after parse_gguf
  std::vector<std::uint32_t> by_name;  // indices into tensors, sorted by name

  const tensor::View* find(std::string_view name) const;
};

// `path` is a whole file or the first part of a split one (…-00001-of-00003.gguf); the other parts are looked for
// beside it.
Result<Gguf> open_gguf(const std::filesystem::path& path);

// One file already in memory, which must outlive the result and start on an 8-byte boundary. A part of a split file is
// read as it is.
Result<Gguf> parse_gguf(Bytes bytes);

// Whether a file that begins with these bytes claims to be a GGUF.
bool looks_like_gguf(Bytes beginning);

}  // namespace freehold::format
