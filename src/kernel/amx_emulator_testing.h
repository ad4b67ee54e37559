// AMX on machines without it, for tests only: a handler of SIGILL that carries out the AMX instructions our kernels use
// and goes on behind them, so that the level "amx" is compared with scalar bit for bit on every x86-64 Linux.
//
// Semantics after the Intel SDM (volume 2, "AMX"): palette 1, eight tiles of at most 16 rows x 64 bytes; rows past a
// tile's own are zero after a load, a zeroing or a product; a tile that is not configured, or dimensions that do not
// fit each other, are #UD, which here ends the program with the reason. TDPBF16PS keeps the contract of kernel/table.h.
// Instructions: LDTILECFG, STTILECFG, TILERELEASE, TILEZERO, TILELOADD(T1), TILESTORED, TDPBSSD, TDPBSUD, TDPBUSD,
// TDPBUUD, TDPBF16PS.
#pragma once

#include <vector>

#include "kernel/level.h"

namespace freehold::kernel {

// Whether level amx can be tested here: the CPU has it, or it has AVX-512 and the emulator is installed now (once a
// process, never removed; a SIGILL that is not AMX goes to the former handler). Tiles belong to the thread.
bool amx_for_tests();

// The levels above scalar that can be tested here, amx among them as amx_for_tests says.
std::vector<Level> fast_levels();

}  // namespace freehold::kernel
