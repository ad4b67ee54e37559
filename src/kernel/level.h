// Which instruction sets this CPU has, and which one the program uses.
#pragma once

#include <string_view>

#include "base/result.h"

namespace freehold::kernel {

// In rising order; each needs everything below it.
enum class Level {
  scalar,  // portable C++: the definition
  avx2,    // AVX2, FMA, F16C
  avx512,  // AVX-512 F, BW, DQ, VL and VNNI
  amx,     // AMX tiles with int8 and BF16, and Linux grants the tile registers
};

inline constexpr Level kHighestLevel = Level::amx;

std::string_view name_of(Level level);

// The highest level this CPU (and the operating system's saved state) supports. Asks Linux for the tile registers,
// which it grants a process on request only.
Level detect_level();

// Whether asking for weights 2 KiB before they are used makes one pass over them faster. On AMD's processors it slows
// down their own prefetching (docs/performance.md).
bool prefetching_pays();

// detect_level(), lowered by the environment variable FREEHOLD_ISA=scalar|avx2|avx512|amx if it is set. An unknown name
// is an error; a level that the CPU lacks is an error too (nothing silent).
Result<Level> chosen_level();

}  // namespace freehold::kernel
