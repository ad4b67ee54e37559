#include "app/peaks.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "app/machine.h"

namespace freehold::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

constexpr std::size_t kPiece = std::size_t{1} << 20;  // what a thread reads at a time
constexpr int kPasses = 12;
constexpr std::size_t kRounds = 3'000'000;  // of kChains instructions: some 20 ms
constexpr int kTries = 5;

// Memory that lies in huge pages where the system allows it, so that address translation does not count.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : bytes_(bytes) {
    void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return;
    ::madvise(p, bytes, MADV_HUGEPAGE);
    data_ = static_cast<std::byte*>(p);
  }
  ~Buffer() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

// Well past every cache, but at most an eighth of what is free.
std::size_t buffer_size() {
  Machine machine = read_machine();
  std::uint64_t wanted = std::max<std::uint64_t>(std::uint64_t{512} << 20, machine.l3_bytes * 8);
  wanted = std::min(wanted, machine.memory_available / 8);
  return std::max<std::size_t>(wanted / kPiece, 8) * kPiece;
}

double read_bandwidth(ThreadPool& pool, const PeakLoops& loops, std::size_t bytes) {
  Buffer buffer(bytes);
  if (buffer.data() == nullptr) return 0;
  std::size_t pieces = bytes / kPiece;
  pool.parallel_for(pieces, 1, [&](std::size_t begin, std::size_t end, int) {
    std::memset(buffer.data() + begin * kPiece, static_cast<int>(begin & 0x7F) + 1, (end - begin) * kPiece);
  });
  std::atomic<unsigned long long> sum{0};
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    auto begin = Clock::now();
    pool.parallel_for(pieces, 1, [&](std::size_t first, std::size_t last, int) {
      sum.fetch_xor(loops.read(buffer.data() + first * kPiece, (last - first) * kPiece), std::memory_order_relaxed);
    });
    best = std::max(best, static_cast<double>(bytes) / seconds_since(begin));
  }
  return best / 1e9;
}

template <typename Number>
double arithmetic(ThreadPool& pool, double (*loop)(std::size_t, volatile Number*)) {
  double best = 0;
  auto threads = static_cast<std::size_t>(pool.threads());
  for (int i = 0; i < kTries; ++i) {
    std::atomic<double> work{0};
    auto begin = Clock::now();
    pool.parallel_for(threads, 1, [&](std::size_t first, std::size_t last, int) {
      volatile Number sink = 0;
      for (std::size_t t = first; t < last; ++t) work.fetch_add(loop(kRounds, &sink));
    });
    best = std::max(best, work.load() / seconds_since(begin));
  }
  return best / 1e9;
}

}  // namespace

Peaks measure_peaks(ThreadPool& pool, kernel::Level level) {
  const PeakLoops& loops = peak_loops(level);
  Peaks peaks;
  peaks.buffer_bytes = buffer_size();
  peaks.read_gb_s = read_bandwidth(pool, loops, peaks.buffer_bytes);
  peaks.int8_gop_s = arithmetic(pool, loops.int8);
  peaks.f32_gop_s = arithmetic(pool, loops.f32);
  return peaks;
}

}  // namespace freehold::app
