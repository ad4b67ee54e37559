// Weights that are no numbers are found before a model is stored, not when somebody runs it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "format/checkpoint.h"
#include "store/progress.h"
#include "tensor/view.h"

namespace freehold::store {

// Elements [begin, begin + elems) of a tensor, whole blocks. Errors: Errc::corrupt, naming tensor and place.
Result<> check_finite(const tensor::View& view, std::uint64_t begin, std::uint64_t elems);

// Every tensor; resident memory stays bounded.
Result<> check_finite(const format::Checkpoint& checkpoint, const Progress& progress);

}  // namespace freehold::store
