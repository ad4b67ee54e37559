// What a GGUF that is made from other files will hold, before its weights are read: every tensor as pieces of the
// source, with what has to be done to them on the way. Whoever writes it chooses the types.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "format/metadata.h"
#include "tensor/view.h"

namespace freehold::format {

struct PlannedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;  // outermost first
  // Of one type; one after the other they make the tensor (a mixture's experts are stacked so). They borrow.
  std::vector<tensor::View> parts;
  // The rows of each head of D rows change from two halves (pair i is rows i and i + D/2) to pairs side by side (rows
  // 2i and 2i + 1). 0: they stay.
  std::uint32_t interleave = 0;
  float offset = 0;  // added to every element, in float32
};

struct GgufPlan {
  Metadata metadata;
  std::vector<PlannedTensor> tensors;
  std::vector<std::string> notes;       // what the file cannot say, for the user to see
  std::vector<Bytes> maps;              // the mapped files: pages that are done with may leave memory
  std::vector<std::vector<float>> own;  // what parts borrow that is in no file
};

}  // namespace freehold::format
