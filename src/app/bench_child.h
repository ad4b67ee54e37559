// Processes that `freehold bench` starts: one that keeps a CPU busy, and further copies of this program. None outlives
// this process, whatever ends it: the kernel is asked to kill them with their parent.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::app {

// Computes on one CPU, the last that this process may use, until it is destroyed. It starts paused.
class BusyProcess {
 public:
  static Result<BusyProcess> start();
  BusyProcess(BusyProcess&& other) noexcept;
  BusyProcess& operator=(BusyProcess&&) = delete;
  ~BusyProcess();
  void resume() const;
  void pause() const;
  int pid() const { return pid_; }

 private:
  BusyProcess() = default;
  int pid_ = 0;
};

// Runs this very program with these arguments and returns what it wrote to standard output; its standard error is ours.
// Errors: Errc::cancelled after Ctrl-C (the child has been ended), Errc::io if it cannot be started, Errc::internal
// naming its exit code otherwise.
Result<std::string> run_self(const std::vector<std::string>& arguments);

}  // namespace freehold::app
