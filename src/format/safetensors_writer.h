// Writes one safetensors file of float32 tensors. The same tensors give the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/view.h"

namespace freehold::format {

struct F32Tensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::span<const float> values;  // row-major
};

// In the given order; the file appears under its name only when all of it is on disk. Errors: Errc::invalid for a name
// that is no UTF-8 or occurs twice; Errc::io.
Result<> write_safetensors(const std::filesystem::path& path, std::span<const F32Tensor> tensors);
// The same for tensors of F32, F16 and BF16.
Result<> write_safetensors(const std::filesystem::path& path, std::span<const tensor::View> tensors);

}  // namespace freehold::format
