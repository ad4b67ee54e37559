// How the rest of the program gets its kernel table.
#pragma once

#include "kernel/level.h"
#include "kernel/table.h"

namespace freehold::kernel {

// The fastest kernels that need no more than `level`. `level` must not exceed detect_level().
const Table& table_up_to(Level level);

// Without that condition, for tests that emulate AMX (amx_emulator_testing.h); else the highest that the CPU has.
const Table& table_even_if_unsupported(Level level);

}  // namespace freehold::kernel
