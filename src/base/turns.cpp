#include "base/turns.h"

#include <algorithm>

namespace freehold {

void Turns::take() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = next_++;
  changed_.wait(lock, [&] { return now_ == mine; });
}

void Turns::give_locked() {
  ++now_;
  if (now_ != next_ || resting_ > 0) changed_.notify_all();
}

void Turns::give() {
  const std::lock_guard lock(mutex_);
  used_ = Clock::now();
  give_locked();
}

void Turns::pass() {
  {
    const std::lock_guard lock(mutex_);
    if (now_ + 1 == next_) return;
  }
  give();
  take();
}

void Turns::rest(std::chrono::nanoseconds quiet, std::chrono::nanoseconds most) {
  std::unique_lock lock(mutex_);
  const Clock::time_point begin = Clock::now(), latest = begin + most;
  if (now_ + 1 == next_ && begin - used_ >= quiet) return;
  give_locked();
  ++resting_;
  for (Clock::time_point now = begin; now < latest; now = Clock::now()) {
    const bool free = now_ == next_;
    if (free && now - used_ >= quiet) break;
    changed_.wait_until(lock, free ? std::min(latest, used_ + quiet) : latest);
  }
  --resting_;
  const std::uint64_t mine = next_++;
  changed_.wait(lock, [&] { return now_ == mine; });
}

}  // namespace freehold
