// What this machine can do at most, measured: the denominators of `freehold bench`.
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "kernel/level.h"

namespace freehold::app {

struct Peaks {
  double read_gb_s = 0;   // 1e9 bytes a second: all threads stream a buffer far larger than the last-level cache
  double int8_gop_s = 0;  // 1e9 int8 multiplications and additions a second, accumulated in int32, in registers
  double f32_gop_s = 0;   // the same for float32 FMAs
  std::size_t buffer_bytes = 0;
};

// Takes about two seconds. Each figure is the best of several runs: a peak is what is possible, not what is usual. Uses
// the widest vectors of `level`.
Peaks measure_peaks(ThreadPool& pool, kernel::Level level);

// The loops, for one thread (peaks_x86.cpp).
struct PeakLoops {
  // Reads `bytes` (a multiple of 1024, 64-byte aligned) and returns something that depends on all of them.
  unsigned long long (*read)(const std::byte* data, std::size_t bytes);
  // Runs `rounds` rounds; returns how many multiplications and additions that was.
  double (*int8)(std::size_t rounds, volatile int* sink);
  double (*f32)(std::size_t rounds, volatile float* sink);
};
const PeakLoops& peak_loops(kernel::Level level);

}  // namespace freehold::app
