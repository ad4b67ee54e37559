// Constraints are compiled on threads of their own. A stranger's schema may take a second, and those who answer
// everything else must not wait for it: not the threads that handle requests, not the pages that tell of health.
//
// The next to be compiled is the oldest of the tenant of whom the fewest are being compiled. One tenant never has all
// the threads, and may have only so many waiting; so whoever floods the queue waits for himself.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace freehold::app {

// Any thread may call anything but the destructor.
class CompileQueue {
 public:
  struct Options {
    std::size_t threads = 2;
    std::size_t waiting = 256;
    std::size_t waiting_of_tenant = 32;
  };
  explicit CompileQueue(Options options);
  ~CompileQueue();  // forgets what waits, and waits for what is being compiled
  CompileQueue(const CompileQueue&) = delete;
  CompileQueue& operator=(const CompileQueue&) = delete;

  // `job` is called once, on one of the threads, or destroyed without a call when the queue is. Error: exhausted
  // ("busy: …"; too many wait).
  Result<> add(const std::string& tenant, std::function<void()> job);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::app
