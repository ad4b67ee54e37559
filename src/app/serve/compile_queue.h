// Constraints are compiled on threads of their own. A stranger's schema may take a second, and those who answer
// everything else must not wait for it: not the threads that handle requests, not the pages that tell of health.
//
// Each tenant has a share of them (base/fair_threads.h), and may have only so many waiting.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/fair_threads.h"
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
  // Its end forgets what waits, and waits for what is being compiled.
  explicit CompileQueue(Options options) : threads_({options.threads, options.waiting, options.waiting_of_tenant}) {}

  // `job` is called once, on one of the threads, or destroyed without a call when the queue is. Error: exhausted
  // ("busy: …"; too many wait).
  Result<> add(const std::string& tenant, std::function<void()> job);

 private:
  FairThreads threads_;
};

}  // namespace freehold::app
