// Writes GGUF version 3 in one pass and bounded memory: metadata and tensor table first, then the tensors' bytes as
// they come. The same input gives the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "format/metadata.h"
#include "format/sink.h"
#include "tensor/dtype.h"

namespace freehold::format {

struct GgufTensor {
  std::string name;
  tensor::DType type = tensor::DType::f32;
  std::vector<std::uint64_t> shape;  // outermost first, 1 to 4 dimensions
};

class GgufWriter {
 public:
  // Writes everything before the data. Refuses (Errc::invalid) what our reader would refuse: bad names, shapes,
  // duplicate keys, null, objects, arrays of mixed types. `general.alignment` in the metadata, or 32, aligns the
  // tensors.
  static Result<GgufWriter> start(Sink sink, const Metadata& metadata, std::vector<GgufTensor> tensors);

  // The next bytes of tensor data, in the table's order and in parts of any size, but no part crosses from one tensor
  // into the next. The padding between tensors is ours.
  Result<> append(Bytes part);
  // The tensor whose bytes are due next (tensors.size() when all are there), and how many of its bytes are missing.
  std::size_t current() const { return current_; }
  std::uint64_t missing() const { return missing_; }
  // Refuses a file whose data is incomplete.
  Result<> finish();

 private:
  GgufWriter() = default;
  Result<> pad_and_advance();
  Sink sink_;
  std::vector<GgufTensor> tensors_;
  std::uint64_t alignment_ = kGgufDefaultAlignment;
  std::size_t current_ = 0;
  std::uint64_t missing_ = 0;
};

}  // namespace freehold::format
