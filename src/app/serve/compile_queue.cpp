#include "app/serve/compile_queue.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace freehold::app {

struct CompileQueue::State {
  struct Waiting {
    std::string tenant;
    std::function<void()> job;
  };
  struct Count {
    std::size_t waiting = 0, running = 0;
  };

  explicit State(Options o) : options(o), most_running(std::max<std::size_t>(o.threads, 2) - 1) {}

  // The lock is held. End of the list: nothing may be begun.
  std::list<Waiting>::iterator next() {
    auto best = waiting.end();
    std::size_t fewest = most_running;
    for (auto w = waiting.begin(); w != waiting.end(); ++w) {
      const std::size_t running = counts[w->tenant].running;
      if (running >= fewest) continue;
      fewest = running;
      best = w;
      if (fewest == 0) break;  // the oldest of these
    }
    return best;
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      auto chosen = waiting.end();
      changed.wait(lock, [&] { return stopping || (chosen = next()) != waiting.end(); });
      if (stopping) return;
      Waiting one = std::move(*chosen);
      waiting.erase(chosen);
      --counts[one.tenant].waiting;
      ++counts[one.tenant].running;
      lock.unlock();
      one.job();
      one.job = nullptr;  // what it holds may be large, or call somebody when it goes
      lock.lock();
      if (Count& count = counts[one.tenant]; --count.running + count.waiting == 0) counts.erase(one.tenant);
      changed.notify_all();
    }
  }

  const Options options;
  const std::size_t most_running;  // of one tenant
  std::mutex mutex;                // guards what follows
  std::condition_variable changed;
  std::list<Waiting> waiting;                     // oldest first
  std::unordered_map<std::string, Count> counts;  // by tenant, of those who have any
  bool stopping = false;
  std::vector<std::thread> threads;
};

CompileQueue::CompileQueue(Options options) : state_(std::make_unique<State>(options)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
  }
}

CompileQueue::~CompileQueue() {
  std::list<State::Waiting> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

Result<> CompileQueue::add(const std::string& tenant, std::function<void()> job) {
  {
    const std::lock_guard lock(state_->mutex);
    State::Count& own = state_->counts[tenant];
    if (own.waiting >= state_->options.waiting_of_tenant) {
      return fail(Errc::exhausted, "busy: too many schemas, grammars and tools of this key wait to be compiled");
    }
    if (state_->waiting.size() >= state_->options.waiting) {
      if (own.waiting + own.running == 0) state_->counts.erase(tenant);
      return fail(Errc::exhausted, "busy: too many schemas, grammars and tools wait to be compiled");
    }
    ++own.waiting;
    state_->waiting.push_back({tenant, std::move(job)});
  }
  state_->changed.notify_one();
  return {};
}

}  // namespace freehold::app
