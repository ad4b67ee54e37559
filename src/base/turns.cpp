#include "base/turns.h"

namespace freehold {

void Turns::take() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = next_++;
  changed_.wait(lock, [&] { return now_ == mine; });
}

void Turns::give() {
  {
    const std::lock_guard lock(mutex_);
    ++now_;
    if (now_ == next_) return;  // nobody waits
  }
  changed_.notify_all();
}

void Turns::pass() {
  {
    const std::lock_guard lock(mutex_);
    if (now_ + 1 == next_) return;
  }
  give();
  take();
}

}  // namespace freehold
