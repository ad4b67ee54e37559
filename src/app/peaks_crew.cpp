#include "app/peaks_crew.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <thread>

#include "app/interrupt.h"

namespace freehold::app {
namespace {

double seconds_of(clockid_t clock) {
  timespec t = {};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// The CPUs that this process may use, in order.
std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) cpus.push_back(i);
  }
  return cpus;
}

void pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
}

// Each thread waits for the others. Spins, so that all start within a microsecond; yields now and then, for the case
// that there are more threads than CPUs.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait() {
    const int turn = turn_.load();
    if (arrived_.fetch_add(1) + 1 == threads_) {
      arrived_.store(0);
      turn_.fetch_add(1);
      return;
    }
    for (int spin = 1; turn_.load(std::memory_order_acquire) == turn; ++spin) {
      if (spin % 1000 == 0) std::this_thread::yield();
    }
  }

 private:
  const int threads_;
  std::atomic<int> arrived_{0};
  std::atomic<int> turn_{0};
};

Peak summary(std::vector<double> rates, double lost, double position) {
  if (rates.empty()) return {};
  std::sort(rates.begin(), rates.end());
  const auto at = static_cast<std::size_t>(position * static_cast<double>(rates.size() - 1));
  return {rates[at], rates.front(), rates.back(), static_cast<int>(rates.size()), lost};
}

double lost_share(const std::vector<std::vector<Window>>& windows) {
  double wall = 0, cpu = 0;
  for (const auto& threads : windows) {
    for (const Window& w : threads) wall += w.end - w.begin, cpu += w.cpu;
  }
  return wall > 0 ? std::max(0.0, 1 - cpu / wall) : 0;
}

}  // namespace

double thread_cpu_seconds() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double wall_seconds() {
  return seconds_of(CLOCK_MONOTONIC);
}

std::vector<std::vector<Window>> measure_together(int threads, int windows,
                                                  const std::function<double(int, int)>& work) {
  std::vector<std::vector<Window>> out(static_cast<std::size_t>(windows));
  for (auto& w : out) w.resize(static_cast<std::size_t>(threads));
  const std::vector<int> cpus = allowed_cpus();
  Barrier barrier(threads);
  std::atomic<int> stop{windows};  // the window before which everybody leaves
  auto job = [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    if (static_cast<std::size_t>(threads) <= cpus.size()) pin_this_thread(cpus[t]);
    for (int i = 0; i < windows; ++i) {
      // One decides for all, between two barriers, so that nobody waits for who has left.
      barrier.wait();
      if (thread == 0 && interrupted()) stop.store(i);
      barrier.wait();
      if (stop.load() <= i) return;
      Window& w = out[static_cast<std::size_t>(i)][t];
      const double cpu = thread_cpu_seconds();
      w.begin = wall_seconds();
      w.amount = work(thread, i);
      w.end = wall_seconds();
      w.cpu = thread_cpu_seconds() - cpu;
    }
  };
  std::vector<std::thread> crew;
  for (int i = 0; i < threads; ++i) crew.emplace_back(job, i);
  for (auto& member : crew) member.join();
  out.resize(static_cast<std::size_t>(stop.load()));
  return out;
}

Peak summarise(const std::vector<std::vector<Window>>& windows, RateOf rate) {
  std::vector<double> rates;
  for (const auto& threads : windows) rates.push_back(rate(threads));
  return summary(std::move(rates), lost_share(windows), 0.5);
}

Peak summarise_undisturbed(const std::vector<std::vector<Window>>& windows, RateOf rate) {
  std::vector<double> clean, all;
  for (const auto& threads : windows) {
    all.push_back(rate(threads));
    if (undisturbed(threads)) clean.push_back(all.back());
  }
  const bool enough = clean.size() >= 3;
  return summary(enough ? std::move(clean) : std::move(all), lost_share(windows), enough ? 0.9 : 1.0);
}

}  // namespace freehold::app
