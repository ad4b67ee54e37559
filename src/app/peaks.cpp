#include "app/peaks.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>

#include "app/machine.h"
#include "app/peaks_crew.h"
#include "base/check.h"
#include "base/random.h"

namespace freehold::app {
namespace {

constexpr double kWindowSeconds = 0.05;                     // of arithmetic: past what clocks need to settle
constexpr int kQuicker = 5;                                 // times fewer and shorter windows of a quick measurement
constexpr std::size_t kReadWindow = std::size_t{64} << 20;  // a thread's part: some 2 ms, less than a scheduler's slice
constexpr std::size_t kLatencySpan = std::size_t{256} << 20;  // at most: preparing it costs a random write a line
constexpr std::size_t kLine = 64;
constexpr std::uint64_t kSteps = 200'000;  // of the chain a window: 20 ms
constexpr std::size_t kNoPattern = ~std::size_t{0};

struct Pattern {
  std::string_view name;
  std::size_t streams;
  std::size_t ahead;
};
constexpr Pattern kPatterns[] = {
    {"1 stream", 1, 0},
    {"1 stream, prefetch 1024", 1, 1024},
    {"1 stream, prefetch 4096", 1, 4096},
    {"2 streams", 2, 0},
    {"4 streams", 4, 0},
    {"4 streams, prefetch 1024", 4, 1024},
    {"4 streams, prefetch 4096", 4, 4096},
};

std::vector<ArithmeticLoop> all_loops() {
  std::vector<ArithmeticLoop> all = x86::loops_up_to_avx2();
  for (const auto& more : {x86::loops_avx512(), x86::loops_amx()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

// How many rounds take `seconds` of one thread's CPU time.
std::uint64_t rounds_for(void (*run)(std::uint64_t), double seconds) {
  std::uint64_t rounds = 1000;
  for (;;) {
    const double begin = thread_cpu_seconds();
    run(rounds);
    const double taken = thread_cpu_seconds() - begin;
    if (taken > seconds / 20) return static_cast<std::uint64_t>(static_cast<double>(rounds) * seconds / taken) + 1;
    rounds *= 4;
  }
}

// Well past every cache, but at most an eighth of what is free.
std::size_t buffer_size(int threads, bool quick) {
  const Machine machine = read_machine();
  std::uint64_t wanted =
      std::max<std::uint64_t>(std::uint64_t{1} << (quick ? 27 : 30), machine.l3_bytes * (quick ? 4 : 8));
  wanted = std::min(wanted, machine.memory_available / 8);
  const std::size_t unit = static_cast<std::size_t>(threads) << 20;
  return std::max<std::size_t>(wanted / unit, 8) * unit;
}

}  // namespace

std::span<const ArithmeticLoop> arithmetic_loops() {
  static const std::vector<ArithmeticLoop> loops = all_loops();
  return loops;
}

const ArithmeticLoop& bounding_loop(std::string_view name, kernel::Level level) {
  constexpr std::array<std::string_view, 4> kLevels = {"scalar", "avx2", "avx512", "amx"};
  const auto top = std::find(kLevels.begin(), kLevels.end(), kernel::name_of(level));
  const ArithmeticLoop* best = nullptr;
  for (const ArithmeticLoop& loop : arithmetic_loops()) {
    const auto at = std::find(kLevels.begin(), kLevels.end(), loop.level);
    if (at != kLevels.end() && at <= top && loop.supported && loop.name == name) best = &loop;
  }
  FH_CHECK(best != nullptr, "int8 and f32 have a loop that every x86-64 CPU runs, and nothing else is asked for");
  return *best;
}

double rate_by_cpu_time(std::span<const Window> threads) {
  double rate = 0;
  for (const Window& w : threads) rate += w.cpu > 0 ? w.amount / w.cpu : 0;
  return rate;
}

double rate_by_wall_time(std::span<const Window> threads) {
  double amount = 0, begin = INFINITY, end = -INFINITY;
  for (const Window& w : threads) {
    amount += w.amount;
    begin = std::min(begin, w.begin);
    end = std::max(end, w.end);
  }
  return end > begin ? amount / (end - begin) : 0;
}

bool undisturbed(std::span<const Window> threads) {
  double begin = INFINITY, end = -INFINITY;
  for (const Window& w : threads) {
    begin = std::min(begin, w.begin);
    end = std::max(end, w.end);
  }
  // Threads of equal work: what one lacks of the common span, it waited, or it ran beside fewer than all.
  return std::all_of(threads.begin(), threads.end(), [&](const Window& w) { return w.cpu > 0.9 * (end - begin); });
}

PeakMeter::PeakMeter(int threads, bool quick)
    : threads_(threads),
      quick_(quick),
      pattern_of_threads_(static_cast<std::size_t>(threads) + 1, kNoPattern),
      next_(static_cast<std::size_t>(threads), 0) {
  std::size_t bytes = buffer_size(threads, quick);
  // A prefetch may run past the end; alignment to huge pages costs one.
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  void* p = ::mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return;
  ::madvise(p, bytes + kHuge, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(p);
  bytes_ = bytes;
  // Every thread touches its own part, so that on larger machines it lies in that thread's memory.
  const std::size_t part = bytes_ / static_cast<std::size_t>(threads_);
  measure_together(threads_, 1, [&](int thread, int) {
    std::memset(data_ + static_cast<std::size_t>(thread) * part, thread % 100 + 1, part);
    return 0.0;
  });
}

PeakMeter::~PeakMeter() {
  if (data_ != nullptr) ::munmap(data_, bytes_ + (std::size_t{2} << 20));
}

int PeakMeter::windows(int wanted) const {
  return quick_ ? std::max(wanted / kQuicker, 1) : wanted;
}

Peak PeakMeter::over_cpu_time(void (*run)(std::uint64_t), double amount_a_round, int threads, int windows) const {
  const std::uint64_t rounds = rounds_for(run, quick_ ? kWindowSeconds / kQuicker : kWindowSeconds);
  auto measured = measure_together(threads, this->windows(windows), [&](int, int) {
    run(rounds);
    return amount_a_round * static_cast<double>(rounds);
  });
  Peak peak = summarise(measured, rate_by_cpu_time);
  peak.value = peak.high;
  return peak;
}

Peak PeakMeter::arithmetic(const ArithmeticLoop& loop, int threads, int windows) const {
  return over_cpu_time(loop.run, loop.operations / 1e9, threads, windows);
}

Peak PeakMeter::clock(int windows) const {
  return over_cpu_time(x86::dependent_additions, x86::kChainLength / 1e9, 1, windows);
}

Peak PeakMeter::clock_by_multiplication(int windows) const {
  return over_cpu_time(x86::dependent_multiplications, 3 * x86::kChainLength / 1e9, 1, windows);
}

Peak PeakMeter::core_to_core(int windows) const {
  if (threads_ < 2) return {};
  constexpr int kTurns = 20'000;
  struct alignas(64) Ball {
    std::atomic<int> at{0};
  } ball;
  auto measured = measure_together(2, this->windows(windows), [&](int thread, int window) {
    const int first = window * 2 * kTurns + thread;
    for (int i = 0; i < kTurns; ++i) {
      while (ball.at.load(std::memory_order_acquire) != first + 2 * i) {
      }
      ball.at.store(first + 2 * i + 1, std::memory_order_release);
    }
    return static_cast<double>(kTurns);
  });
  Peak peak = summarise_undisturbed(measured, rate_by_wall_time);
  return {1e9 / peak.value, 1e9 / peak.high, 1e9 / peak.low, peak.windows, peak.lost};
}

Peak PeakMeter::read_with(std::size_t pattern, int threads, int windows) {
  // One thread alone walks through the whole buffer, so that what it reads has left the caches again.
  const std::size_t part = bytes_ / static_cast<std::size_t>(threads);
  const std::size_t unit = kPatterns[pattern].streams * 1024;
  const std::size_t bytes = std::min(kReadWindow, part) / unit * unit;
  auto measured = measure_together(threads, windows, [&](int thread, int) {
    auto t = static_cast<std::size_t>(thread);
    std::size_t& next = next_[t];
    if (next + bytes > part) next = 0;
    x86::read_all(data_ + t * part + next, bytes, kPatterns[pattern].streams, kPatterns[pattern].ahead);
    next += bytes;
    return static_cast<double>(bytes) / 1e9;
  });
  return summarise_undisturbed(measured, rate_by_wall_time);
}

Peak PeakMeter::read(int threads, int windows) {
  if (data_ == nullptr) return {};
  std::size_t& best = pattern_of_threads_[static_cast<std::size_t>(threads)];
  if (best == kNoPattern) {
    double most = 0;
    for (std::size_t i = 0; i < std::size(kPatterns); ++i) {
      const double value = read_with(i, threads, std::max(windows / 2, quick_ ? 2 : 8)).value;
      if (value > most) most = value, best = i;
    }
    if (best == kNoPattern) best = 0;
  }
  return read_with(best, threads, this->windows(windows));
}

std::string_view PeakMeter::read_pattern(int threads) const {
  const std::size_t pattern = pattern_of_threads_[static_cast<std::size_t>(threads)];
  return pattern == kNoPattern ? std::string_view() : kPatterns[pattern].name;
}

Peak PeakMeter::latency(int windows) {
  if (data_ == nullptr) return {};
  // One cycle through all lines in random order (Sattolo), every line the address of the next.
  const std::size_t lines = std::min(bytes_, quick_ ? kLatencySpan / 4 : kLatencySpan) / kLine;
  std::vector<std::uint32_t> order(lines);
  for (std::size_t i = 0; i < lines; ++i) order[i] = static_cast<std::uint32_t>(i);
  for (std::size_t i = lines - 1; i > 0; --i) {
    std::swap(order[i], order[static_cast<std::size_t>(uniform_draw(2, 0, i) * static_cast<double>(i))]);
  }
  for (std::size_t i = 0; i < lines; ++i) {
    const void* next = data_ + order[i] * kLine;
    std::memcpy(data_ + i * kLine, &next, sizeof(next));
  }
  const void* at = data_;
  auto measured = measure_together(1, this->windows(windows), [&](int, int) {
    at = x86::follow(at, kSteps);
    return static_cast<double>(kSteps);
  });
  Peak peak = summarise(measured, rate_by_cpu_time);
  // From steps a second to nanoseconds a step; the fastest is the one without disturbance.
  return {1e9 / peak.high, 1e9 / peak.high, 1e9 / peak.low, peak.windows, peak.lost};
}

}  // namespace freehold::app
