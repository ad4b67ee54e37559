// Processes that `freehold bench` starts: one that keeps a CPU busy, and further copies of this program. None outlives
// this process, whatever ends it: the kernel is asked to kill them with their parent.
#pragma once

#include <cstdint>
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

// `freehold serve` of this very program, ended with this object. Its standard error is ours.
class ServerProcess {
 public:
  // Returns when it listens. `arguments`: what follows "serve", without a port; `home` becomes its $FREEHOLD_HOME.
  // Errors: as run_self.
  static Result<ServerProcess> start(const std::vector<std::string>& arguments, const std::string& home);
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;
  ~ServerProcess();
  std::uint16_t port() const { return port_; }  // of 127.0.0.1

 private:
  ServerProcess() = default;
  int pid_ = 0;
  int out_ = -1;  // its standard output
  std::uint16_t port_ = 0;
};

// Runs this very program with these arguments and returns what it wrote to standard output; its standard error is ours.
// Errors: Errc::cancelled after Ctrl-C (the child has been ended), Errc::io if it cannot be started, Errc::internal
// naming its exit code otherwise.
Result<std::string> run_self(const std::vector<std::string>& arguments);

}  // namespace freehold::app
