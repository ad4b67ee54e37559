// What this machine can do at most, measured: the denominators of `freehold bench`.
//
// Arithmetic is measured in registers, by loops written in assembly (peaks_x86*.cpp) with enough independent chains to
// cover latency times throughput, and counted against the CPU time that each thread got: another process that takes the
// CPU for a while makes the measurement longer, not lower. Reading memory is measured against the clock on the wall,
// because threads that do not run at the same time do not share the memory bus; windows in which a thread was taken off
// its CPU are dropped. Both report how much was lost to others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/level.h"

namespace freehold::app {

// The windows of one measurement. `value` is the peak; `low` and `high` are the windows' range.
struct Peak {
  double value = 0;
  double low = 0;
  double high = 0;
  int windows = 0;
  double lost = 0;  // share of the wall time in which our threads were ready and somebody else had their CPU
};

// A loop of one instruction mix that touches no memory.
struct ArithmeticLoop {
  std::string_view name;         // "int8", "bf16", "f32"
  std::string_view level;        // "avx512": what the CPU must have, and the kernel level that may use it
  std::string_view instruction;  // "vpdpbusd zmm"
  double operations = 0;         // multiplications and additions a round
  bool supported = false;        // by this CPU and operating system
  void (*run)(std::uint64_t rounds) = nullptr;
};

// All that we know, weakest first; whether this CPU has them is in `supported`.
std::span<const ArithmeticLoop> arithmetic_loops();
// The loop that bounds kernels of `level` ("scalar", "avx2", "avx512", "amx"): the nearest supported one of `name` at
// or below it. avx-vnni and the like, which no level promises, are measured but bound nobody.
const ArithmeticLoop& bounding_loop(std::string_view name, kernel::Level level);

class PeakMeter {
 public:
  // Sets aside a buffer far larger than the caches (at most an eighth of what is free), in huge pages where the system
  // gives them. Threads are pinned to one CPU each while they measure, if there are enough CPUs. `quick`: a fifth of
  // the windows, each a fifth as long, and a smaller buffer: rough figures in a second.
  explicit PeakMeter(int threads, bool quick = false);
  ~PeakMeter();
  PeakMeter(const PeakMeter&) = delete;
  PeakMeter& operator=(const PeakMeter&) = delete;

  int threads() const { return threads_; }
  std::size_t buffer_bytes() const { return bytes_; }

  // 1e9 operations a second by `threads` threads; windows of at least 50 ms each (10 if quick).
  Peak arithmetic(const ArithmeticLoop& loop, int threads, int windows) const;
  // 1e9 bytes a second, of the best access pattern. The first call finds that pattern, which takes a second.
  Peak read(int threads, int windows);
  std::string_view read_pattern(int threads) const;  // "4 streams, prefetch 2048"; empty before the first read()
  // Nanoseconds of a load that depends on the one before, anywhere in the buffer, one thread.
  Peak latency(int windows);
  // Nanoseconds that a cache line takes from one CPU to another and is seen there: some 50 within a core complex, 200
  // between two. In a virtual machine it tells where the host put the CPUs, which decides what they read together.
  // Needs two threads; no windows otherwise.
  Peak core_to_core(int windows) const;
  // GHz by chains of dependent additions, one cycle each. Dependent multiplications, three cycles each, check it.
  Peak clock(int windows) const;
  Peak clock_by_multiplication(int windows) const;

 private:
  Peak read_with(std::size_t pattern, int threads, int windows);
  Peak over_cpu_time(void (*run)(std::uint64_t), double amount_a_round, int threads, int windows) const;
  int windows(int wanted) const;
  int threads_;
  bool quick_;
  std::size_t bytes_ = 0;
  std::byte* data_ = nullptr;
  std::vector<std::size_t> pattern_of_threads_;  // by number of threads; kNoPattern: not yet looked for
  std::vector<std::size_t> next_;                // by thread: where its next window begins
};

// One thread's part in one window.
struct Window {
  double amount = 0;  // of work: operations, bytes, …
  double begin = 0;   // seconds on the wall
  double end = 0;
  double cpu = 0;  // seconds of CPU time
};
// Sum over threads of amount per CPU second; 0 if there is nothing.
double rate_by_cpu_time(std::span<const Window> threads);
// All amounts over the time from the first begin to the last end.
double rate_by_wall_time(std::span<const Window> threads);
// Whether every thread ran all the time and the threads ran at the same time.
bool undisturbed(std::span<const Window> threads);

// Loops without instructions of their own level, and the memory loops (peaks_x86.cpp).
namespace x86 {
std::vector<ArithmeticLoop> loops_up_to_avx2();
std::vector<ArithmeticLoop> loops_avx512();  // peaks_x86_avx512.cpp
std::vector<ArithmeticLoop> loops_amx();     // peaks_x86_amx.cpp; asks the kernel for the tile registers
void dependent_additions(std::uint64_t rounds);
void dependent_multiplications(std::uint64_t rounds);
inline constexpr double kChainLength = 64;  // instructions a round of the two above
// Loads every byte once: `streams` equal parts of [data, data + bytes) side by side, prefetching `ahead` bytes ahead
// (0 = not). `bytes` is a multiple of streams * 1024; up to `ahead` bytes past a part may be prefetched, not loaded.
void read_all(const std::byte* data, std::size_t bytes, std::size_t streams, std::size_t ahead);
// Follows `steps` pointers, each stored where the one before points; returns the last.
const void* follow(const void* start, std::uint64_t steps);
}  // namespace x86

}  // namespace freehold::app
