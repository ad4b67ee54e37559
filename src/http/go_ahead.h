// A word that is given once, from any thread, to a connection that waits for it on a thread of its own and may be gone
// by then.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

namespace freehold::http {

class GoAhead {
 public:
  // `wake` is called when the word is given, as long as this lives, with a lock held: it posts something, no more.
  explicit GoAhead(std::function<void()> wake) : shared_(std::make_shared<Shared>()) {
    shared_->wake = std::move(wake);
  }
  ~GoAhead() {
    const std::lock_guard lock(shared_->mutex);
    shared_->wake = nullptr;
  }
  GoAhead(const GoAhead&) = delete;
  GoAhead& operator=(const GoAhead&) = delete;

  // What gives it; may outlive this.
  std::function<void()> giver() const {
    return [shared = shared_] {
      const std::lock_guard lock(shared->mutex);
      shared->given = true;
      if (shared->wake) shared->wake();
    };
  }
  bool given() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->given;
  }

 private:
  struct Shared {
    std::mutex mutex;  // guards what follows; taken alone
    std::function<void()> wake;
    bool given = false;
  };
  const std::shared_ptr<Shared> shared_;
};

}  // namespace freehold::http
