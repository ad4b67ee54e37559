// Reads one safetensors file: a u64 header length, a JSON header, the tensors' bytes without holes. Source of the
// rules: the format's README and reference reader (huggingface/safetensors); we also refuse duplicate keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/aligned.h"
#include "base/file.h"
#include "base/result.h"
#include "base/scratch_file.h"
#include "format/metadata.h"
#include "tensor/view.h"

namespace freehold::format {

inline constexpr std::uint64_t kSafetensorsMaxHeader = 100'000'000;  // the format's
// Ours, so that a hostile header costs less than 64 MiB: twice what kSafetensorsMaxTensors with long names need.
inline constexpr std::uint64_t kSafetensorsMaxHeaderRead = std::uint64_t{32} << 20;
inline constexpr std::size_t kSafetensorsMaxDims = 8;
inline constexpr std::size_t kSafetensorsMaxTensors = std::size_t{1} << 17;  // of one file

// A tensor whose element type the format knows and we do not compute with (I64, U8, F8_E4M3, …).
struct OtherTensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  Bytes bytes;
};

// Move-only: tensors borrow from the map (or from the aligned copies) that it owns.
struct Safetensors {
  Metadata metadata;                  // __metadata__: string -> string
  std::vector<tensor::View> tensors;  // F32, F16, BF16; in the order of their bytes
  std::vector<OtherTensor> others;
  std::vector<std::string> joined;  // names of parts that became one tensor (nf4_tensors.h), besides that one's own
  MappedFile file;                  // empty after parse_safetensors
  // A header of odd length leaves every tensor misaligned in the map; such tensors are copied here, up to 1 GiB a file.
  std::vector<AlignedBuffer<std::byte>> copies;
  std::vector<ScratchFile> scratch;  // the large ones among joined tensors

  // As MappedFile::forget, for a tensor's bytes wherever they lie.
  void forget(Bytes part) const;
};

Result<Safetensors> open_safetensors(const std::filesystem::path& path);
Result<Safetensors> read_safetensors(MappedFile file);
// `bytes` must outlive the result.
Result<Safetensors> parse_safetensors(Bytes bytes);

}  // namespace freehold::format
