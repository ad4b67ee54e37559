#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace freehold {
namespace {

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// About 20 microseconds: longer than the serial gap between two operations of a decode step, short enough not to burn a
// core.
constexpr int kSpins = 600;

}  // namespace

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

// One loop at a time. The owner publishes the loop, raises `epoch` and joins in; a worker registers in `active` before
// it looks at the loop and leaves it afterwards, and the owner returns when all chunks are claimed and `active` is
// zero. A worker that wakes up late finds no chunk left and leaves at once, so nobody waits for a thread that never
// ran.
struct ThreadPool::State {
  struct Loop {
    std::size_t count = 0;
    std::size_t grain = 1;
    Invoke invoke = nullptr;
    void* body = nullptr;
  };
  Loop loop;
  alignas(64) std::atomic<std::size_t> next{0};
  alignas(64) std::atomic<int> epoch{0};  // low bit set: a loop is open
  alignas(64) std::atomic<int> active{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;

  void drain(int thread) {
    const Loop l = loop;
    while (true) {
      std::size_t begin = next.fetch_add(l.grain, std::memory_order_relaxed);
      if (begin >= l.count) return;
      l.invoke(l.body, begin, std::min(begin + l.grain, l.count), thread);
    }
  }

  void work(int thread) {
    int seen = 0;
    while (true) {
      int now = epoch.load(std::memory_order_acquire);
      for (int spin = 0; now == seen && spin < kSpins; ++spin) {
        relax();
        now = epoch.load(std::memory_order_acquire);
      }
      if (now == seen) {
        sleepers.fetch_add(1);
        epoch.wait(seen);
        sleepers.fetch_sub(1);
        continue;
      }
      if (stop.load()) return;
      seen = now;
      if ((now & 1) == 0) continue;
      // Registering and then re-reading the epoch (both sequentially consistent) closes the race with an owner that has
      // just seen active == 0 and closed the loop: either it sees us, or we see the closed epoch.
      active.fetch_add(1);
      if (epoch.load() == now) drain(thread);
      active.fetch_sub(1);
    }
  }
};

ThreadPool::ThreadPool(int threads)
    : threads_(threads > 0 ? threads : available_cpus()), state_(std::make_unique<State>()) {
  for (int i = 1; i < threads_; ++i) state_->workers.emplace_back([state = state_.get(), i] { state->work(i); });
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true);
  state_->epoch.fetch_add(2);
  state_->epoch.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

void ThreadPool::run(std::size_t count, std::size_t grain, Invoke invoke, void* body) {
  grain = std::max<std::size_t>(grain, 1);
  if (count == 0) return;
  if (threads_ == 1 || count <= grain) {
    for (std::size_t begin = 0; begin < count; begin += grain) invoke(body, begin, std::min(begin + grain, count), 0);
    return;
  }
  State& s = *state_;
  s.loop = {count, grain, invoke, body};
  s.next.store(0);
  s.epoch.fetch_add(1);  // opens the loop
  if (s.sleepers.load() > 0) s.epoch.notify_all();
  s.drain(0);
  s.epoch.fetch_add(1);  // closes it: late workers leave without touching it
  while (s.active.load() != 0) relax();
}

}  // namespace freehold
