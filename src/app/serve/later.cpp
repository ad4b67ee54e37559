#include "app/serve/later.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace freehold::app {

struct Later::State {
  std::mutex mutex;  // guards what follows, up to `threads`
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool closed = false;
  std::vector<std::thread> threads;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return closed || !waiting.empty(); });
      if (closed) return;
      std::function<void()> next = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
    }
  }
};

Later::Later(int threads) : state_(std::make_unique<State>()) {
  for (int i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

Later::~Later() {
  close();
}

void Later::run(std::function<void()> work) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    state_->waiting.push_back(std::move(work));
  }
  state_->changed.notify_one();
}

void Later::close() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    dropped.swap(state_->waiting);
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace freehold::app
