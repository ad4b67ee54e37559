// Threads that work for several, each of whom has a share: next is the oldest job of the share of which the fewest run,
// and one share never has all the threads. So whoever floods them waits for himself, and what a newcomer asks for
// begins at once beside a single other share, and with the next job that ends beside several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace freehold {

// Any thread may call anything but the destructor.
class FairThreads {
 public:
  struct Options {
    std::size_t threads = 2;  // one share has all but one of them at most (if there is one, that)
    std::size_t waiting = SIZE_MAX;
    std::size_t waiting_of_share = SIZE_MAX;
  };
  explicit FairThreads(Options options);
  ~FairThreads();  // as close()
  FairThreads(const FairThreads&) = delete;
  FairThreads& operator=(const FairThreads&) = delete;

  enum class Added : std::uint8_t {
    yes,
    too_many_of_share,  // wait
    too_many,           // wait, of all
    ended,              // after finish() or close()
  };
  // `job` is called once, on one of the threads, or destroyed without a call: here if it is not added, or with the
  // threads.
  Added add(const std::string& share, std::function<void()> job);
  // Takes nothing more, and returns when all that waits has been done.
  void finish();
  // Takes nothing more, forgets what waits, and returns when nothing runs.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold
