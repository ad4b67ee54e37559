// How the rest of the program gets its kernel table.
#pragma once

#include "kernel/level.h"
#include "kernel/table.h"

namespace freehold::kernel {

// The fastest kernels that need no more than `level`. `level` must not exceed detect_level().
const Table& table_up_to(Level level);

}  // namespace freehold::kernel
