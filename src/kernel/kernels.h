// How the rest of the program gets its kernel table.
#pragma once

#include "kernel/level.h"
#include "kernel/table.h"

namespace freehold::kernel {

// The fastest kernels that need no more than `level`. `level` must not exceed detect_level().
const Table& table_up_to(Level level);

// The same without that condition, for tests which emulate what the CPU lacks (amx_emulator_testing.h).
const Table& table_even_if_unsupported(Level level);

}  // namespace freehold::kernel
