// Is every weight of a row a finite number? A quantised row is asked for its scales, which is where an infinity can
// hide.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace freehold::kernel {

bool all_finite(tensor::DType type, const std::byte* row, std::size_t elems);

}  // namespace freehold::kernel
