// Processors that several owners of loops share (the models of a server, each with a thread of its own): whose turn it
// is may use the threads, all of them; the others wait and are served in the order in which they asked. So there are
// never more threads at work than one owner alone would have.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace freehold {

// Any thread may call anything.
class Turns {
 public:
  // Waits for its turn. Not to be taken twice by one thread.
  void take();
  // By whoever has the turn.
  void give();
  // Lets those that wait go first: give() and take(), if anybody waits. By whoever has the turn.
  void pass();
  // Lets everybody else go first, for work that nobody waits for: gives the turn, and takes it again once nobody but
  // who rests has had one or asked for one for `quiet`, or when `most` has passed, so that such work goes on even
  // beside owners that never stop. At once if it has been as quiet already. By whoever has the turn.
  void rest(std::chrono::nanoseconds quiet, std::chrono::nanoseconds most);

 private:
  using Clock = std::chrono::steady_clock;
  void give_locked();
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::uint64_t next_ = 0;    // ticket of the next to ask
  std::uint64_t now_ = 0;     // ticket whose turn it is
  int resting_ = 0;           // owners in rest(), who hear of every turn that ends
  Clock::time_point used_{};  // when the last turn of one that does not rest ended
};

// A turn for as long as it lives; of nobody's Turns, nothing.
class Turn {
 public:
  explicit Turn(Turns* turns) : turns_(turns) {
    if (turns_ != nullptr) turns_->take();
  }
  ~Turn() {
    if (turns_ != nullptr) turns_->give();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turns* turns_;  // owner: the caller
};

}  // namespace freehold
