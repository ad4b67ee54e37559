// Writes one safetensors file. The same tensors give the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/sink.h"
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

// A row of the header. `dtype` is the format's name ("U8").
struct SafetensorsRow {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t bytes = 0;
};

// Everything before the data, with which a file begins whose tensors follow as they are made: in the order of the rows
// and without holes. Errors: Errc::invalid as above.
Result<std::string> safetensors_head(std::span<const SafetensorsRow> rows);

}  // namespace freehold::format
