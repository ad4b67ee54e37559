// How the loops run.
//
// 1. One loop at a time. The owner publishes it, raises `epoch` and joins in. A worker says that it is inside before it
//    looks at the loop, and reads the epoch again after that; the owner closes the loop by raising the epoch and then
//    waits for those inside. Both orders are sequentially consistent, so either the owner sees the worker inside, or
//    the worker sees that the loop is closed. Nobody waits for a worker that never ran.
// 2. Each thread begins with a contiguous share of the chunks and helps the others with theirs when it is through. So
//    each reads the weights as one stream, which the hardware prefetches: handing out chunks to all in turn cost 13 %
//    of the bandwidth where two processors share a path to memory, and 20 % where they do not.
// 3. In a detached loop a worker is away, not inside, while it computes. When no chunk is left to take, the owner waits
//    for about as long as a chunk takes and then does the missing ones itself; whoever comes first publishes. A worker
//    that comes back to another epoch drops what it has. Without this a decode step on two processors, one of which is
//    also taken by a busy process, stands still for every scheduler slice that the other gets.
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace freehold {
namespace {

using Clock = std::chrono::steady_clock;

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// About 20 microseconds: longer than the serial gap between two operations of a decode step, short enough not to burn a
// core.
constexpr int kSpins = 600;
// Chunks of a detached loop at most; a coarser grain is taken for longer ones.
constexpr std::size_t kMostChunks = 1024;
// How many loops run before the affinity mask is read again: some ten times a second while decoding.
constexpr int kMaskEvery = 1024;

enum Where : int { kOut, kInside, kAway };
enum Chunk : int { kOpen, kTaken, kDone };

}  // namespace

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

struct ThreadPool::State {
  struct alignas(64) Member {
    std::atomic<int> where{kOut};
    alignas(64) std::byte job[kJobBytes];
  };
  struct alignas(64) Share {
    std::atomic<std::size_t> next{0};  // chunk
    std::size_t end = 0;
  };
  Loop loop;
  std::unique_ptr<Member[]> members;                                                               // (threads)
  std::unique_ptr<Share[]> shares;                                                                 // (threads)
  std::unique_ptr<std::atomic<int>[]> chunks = std::make_unique<std::atomic<int>[]>(kMostChunks);  // of a detached loop
  alignas(64) std::atomic<int> epoch{0};  // low bit set: a loop is open
  alignas(64) std::atomic<int> sleepers{0};
  alignas(64) std::atomic<int> allowed{1};  // threads that take part; the others sleep
  std::atomic<bool> stop{false};
  int until_mask = 0;
  std::vector<std::thread> workers;

  // Takes a chunk: of the own share first, then of the others'.
  static bool take(Share* shares, std::size_t threads, std::size_t& at, std::size_t& left, std::size_t& chunk) {
    while (left > 0) {
      Share& share = shares[at];
      if (share.next.load(std::memory_order_relaxed) < share.end) {
        chunk = share.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk < share.end) return true;
      }
      at = at + 1 == threads ? 0 : at + 1;
      --left;
    }
    return false;
  }

  static std::size_t begin_of(const Loop& l, std::size_t chunk) { return chunk * l.grain; }
  static std::size_t end_of(const Loop& l, std::size_t chunk) { return std::min((chunk + 1) * l.grain, l.count); }

  void publish(const Loop& l, void* job, std::size_t chunk, int thread) {
    int open = kOpen;
    if (!chunks[chunk].compare_exchange_strong(open, kTaken, std::memory_order_relaxed)) return;
    l.publish(job, begin_of(l, chunk), end_of(l, chunk), thread);
    chunks[chunk].store(kDone, std::memory_order_release);
  }

  // A worker's part in the loop of epoch `now`.
  void help(int thread, int now) {
    Member& self = members[static_cast<std::size_t>(thread)];
    self.where.store(kInside);
    if (epoch.load() == now && static_cast<std::size_t>(thread) < loop.threads) {
      const Loop l = loop;
      std::size_t at = static_cast<std::size_t>(thread), left = l.threads, chunk = 0;
      if (l.publish == nullptr) {
        while (take(shares.get(), l.threads, at, left, chunk)) {
          l.compute(l.body, begin_of(l, chunk), end_of(l, chunk), thread);
        }
      } else if (take(shares.get(), l.threads, at, left, chunk)) {
        l.copy(self.job, l.body);
        l.enter(self.job, thread);
        do {
          self.where.store(kAway, std::memory_order_release);
          l.compute(self.job, begin_of(l, chunk), end_of(l, chunk), thread);
          self.where.store(kInside);
          if (epoch.load() != now) break;
          publish(l, self.job, chunk, thread);
        } while (take(shares.get(), l.threads, at, left, chunk));
      }
    }
    self.where.store(kOut, std::memory_order_release);
  }

  void work(int thread) {
    int seen = 0;
    while (!stop.load()) {
      if (int n = allowed.load(); thread >= n) {
        allowed.wait(n);
        continue;
      }
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
      seen = now;
      if ((now & 1) != 0) help(thread, now);
    }
  }

  // The owner's part in a detached loop.
  void lead(const Loop& l) {
    std::byte* job = members[0].job;
    l.copy(job, l.body);
    l.enter(job, 0);
    const auto start = Clock::now();
    std::size_t at = 0, left = l.threads, chunk = 0, mine = 0;
    for (; take(shares.get(), l.threads, at, left, chunk); ++mine) {
      l.compute(job, begin_of(l, chunk), end_of(l, chunk), 0);
      publish(l, job, chunk, 0);
    }
    // The others are at their last chunks. They get twice the time that one took us.
    const auto now = Clock::now();
    const auto deadline = now + (now - start) * 2 / static_cast<int>(std::max<std::size_t>(mine, 1));
    for (chunk = 0; chunk < l.chunks; ++chunk) {
      while (chunks[chunk].load(std::memory_order_acquire) != kDone) {
        if (chunks[chunk].load(std::memory_order_relaxed) == kOpen && Clock::now() > deadline) {
          l.compute(job, begin_of(l, chunk), end_of(l, chunk), 0);
          publish(l, job, chunk, 0);
        } else {
          relax();
        }
      }
    }
  }

  void read_mask(int threads) {
    if (until_mask-- > 0) return;
    until_mask = kMaskEvery;
    const int n = std::min(threads, available_cpus());
    if (n == allowed.load(std::memory_order_relaxed)) return;
    allowed.store(n);
    allowed.notify_all();
  }
};

ThreadPool::ThreadPool(int threads)
    : threads_(threads > 0 ? threads : available_cpus()), state_(std::make_unique<State>()) {
  const auto n = static_cast<std::size_t>(threads_);
  state_->members = std::make_unique<State::Member[]>(n);
  state_->shares = std::make_unique<State::Share[]>(n);
  state_->read_mask(threads_);
  for (int i = 1; i < threads_; ++i) state_->workers.emplace_back([state = state_.get(), i] { state->work(i); });
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true);
  state_->allowed.store(threads_ + 1);
  state_->allowed.notify_all();
  state_->epoch.fetch_add(2);
  state_->epoch.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

void ThreadPool::wait_for_late_threads() {
  for (int i = 1; i < threads_; ++i) {
    while (state_->members[static_cast<std::size_t>(i)].where.load(std::memory_order_acquire) != kOut) {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::run(Loop& l) {
  State& s = *state_;
  if (l.count == 0) return;
  l.grain = std::max<std::size_t>(l.grain, 1);
  if (l.publish != nullptr) l.grain = std::max(l.grain, (l.count + kMostChunks - 1) / kMostChunks);
  l.chunks = (l.count + l.grain - 1) / l.grain;
  if (threads_ > 1) s.read_mask(threads_);
  l.threads = static_cast<std::size_t>(s.allowed.load(std::memory_order_relaxed));
  if (l.threads == 1 || l.chunks == 1) {
    void* body = l.body;
    if (l.copy != nullptr) {
      body = s.members[0].job;
      l.copy(body, l.body);
      l.enter(body, 0);
    }
    for (std::size_t chunk = 0; chunk < l.chunks; ++chunk) {
      l.compute(body, State::begin_of(l, chunk), State::end_of(l, chunk), 0);
      if (l.publish != nullptr) l.publish(body, State::begin_of(l, chunk), State::end_of(l, chunk), 0);
    }
    return;
  }
  s.loop = l;
  for (std::size_t i = 0; i < l.threads; ++i) {
    s.shares[i].next.store(l.chunks * i / l.threads, std::memory_order_relaxed);
    s.shares[i].end = l.chunks * (i + 1) / l.threads;
  }
  if (l.publish != nullptr) {
    for (std::size_t i = 0; i < l.chunks; ++i) s.chunks[i].store(kOpen, std::memory_order_relaxed);
  }
  s.epoch.fetch_add(1);  // opens the loop
  if (s.sleepers.load() > 0) s.epoch.notify_all();
  if (l.publish != nullptr) {
    s.lead(l);
  } else {
    std::size_t at = 0, left = l.threads, chunk = 0;
    while (State::take(s.shares.get(), l.threads, at, left, chunk)) {
      l.compute(l.body, State::begin_of(l, chunk), State::end_of(l, chunk), 0);
    }
  }
  s.epoch.fetch_add(1);  // closes it: late workers leave without touching it
  for (std::size_t i = 1; i < static_cast<std::size_t>(threads_); ++i) {
    while (s.members[i].where.load() == kInside) relax();
  }
}

}  // namespace freehold
