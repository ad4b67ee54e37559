#include "base/fair_threads.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/scrub.h"

namespace freehold {

struct FairThreads::State {
  struct Share {
    std::size_t waiting = 0, running = 0;
  };
  using Shares = std::unordered_map<std::string, Share>;
  struct Waiting {
    Shares::value_type* share;
    std::function<void()> job;
  };

  explicit State(Options o) : options(o), most_running(std::max<std::size_t>(o.threads, 2) - 1) {}

  // The lock is held. End of the list: nothing may be begun.
  std::list<Waiting>::iterator next() {
    auto best = waiting.end();
    std::size_t fewest = most_running;
    for (auto w = waiting.begin(); w != waiting.end(); ++w) {
      const std::size_t running = w->share->second.running;
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
      changed.wait(lock,
                   [&] { return stopping || (chosen = next()) != waiting.end() || (finishing && waiting.empty()); });
      if (stopping || chosen == waiting.end()) return;
      Waiting one = std::move(*chosen);
      waiting.erase(chosen);
      Share& share = one.share->second;
      --share.waiting;
      ++share.running;
      lock.unlock();
      one.job();
      one.job = nullptr;  // what it holds may be large, or call somebody when it goes
      scrub_stack();
      lock.lock();
      if (--share.running + share.waiting == 0) shares.erase(shares.find(one.share->first));
      changed.notify_all();
    }
  }

  void join() {
    changed.notify_all();
    for (std::thread& thread : threads) {
      if (thread.joinable()) thread.join();
    }
  }

  const Options options;
  const std::size_t most_running;  // of one share
  std::mutex mutex;                // guards what follows
  std::condition_variable changed;
  std::list<Waiting> waiting;  // oldest first
  Shares shares;               // of those who have any; what they are named does not move
  bool stopping = false, finishing = false;
  std::vector<std::thread> threads;
};

FairThreads::FairThreads(Options options) : state_(std::make_unique<State>(options)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
  }
}

FairThreads::~FairThreads() {
  close();
}

FairThreads::Added FairThreads::add(const std::string& share, std::function<void()> job) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->finishing) return Added::ended;
    const auto found = state_->shares.find(share);
    if (found != state_->shares.end() && found->second.waiting >= state_->options.waiting_of_share)
      return Added::too_many_of_share;
    if (state_->waiting.size() >= state_->options.waiting) return Added::too_many;
    auto& own = found != state_->shares.end() ? *found : *state_->shares.try_emplace(share).first;
    ++own.second.waiting;
    state_->waiting.push_back({&own, std::move(job)});
  }
  state_->changed.notify_one();
  return Added::yes;
}

void FairThreads::finish() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->finishing = true;
  }
  state_->join();
}

void FairThreads::close() {
  std::list<State::Waiting> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->join();
}

}  // namespace freehold
