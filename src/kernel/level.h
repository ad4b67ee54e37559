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
};

inline constexpr Level kHighestLevel = Level::avx512;

std::string_view name_of(Level level);

// The highest level this CPU (and the operating system's saved state) supports.
Level detect_level();

// detect_level(), lowered by the environment variable FREEHOLD_ISA=scalar|avx2|avx512 if it is set. An unknown name is
// an error; a level that the CPU lacks is an error too (nothing silent).
Result<Level> chosen_level();

}  // namespace freehold::kernel
