// Programs that a model wrote, run where they can do no harm: a process that can compute, read Python's own library and
// write to one pipe. The kernel enforces it: a filter of system calls (seccomp-BPF), rules for files (Landlock), limits
// (docs/sandbox.md). Where it does not, nothing is run.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/child.h"
#include "seal/seal.h"

namespace freehold::sandbox {

enum class Verdict : std::uint8_t {
  passed,  // it ran to its end without an exception
  failed,  // an exception, exit(), a signal, a call that is refused
  time,    // it was still running at a limit, of the processor's time or of the clock
  output,  // it wrote more than Settings::most_output
};
// "passed", "failed", "time", "output".
std::string_view name_of(Verdict verdict);
std::optional<Verdict> verdict_from_name(std::string_view name);

struct Settings {
  Limits limits;
  // The processor's time decides, which does not hang on what else the machine does; this is for those that wait.
  std::chrono::milliseconds time{30'000};
  std::size_t most_output = std::size_t{1} << 20;
};

// May be used by several threads at once.
class Sandbox {
 public:
  // Finds python3, puts the restrictions together, and tries them: three programs that must pass, fail, and be refused
  // everything. Errors: unsupported (this kernel lacks what it takes, or this process is sealed; python3 does not run
  // in there), not_found (there is no python3). `offered` is for tests that pretend to an older kernel.
  static Result<Sandbox> open(const Settings& settings = {}, const seal::Kernel& offered = seal::kernel());
  ~Sandbox();
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;

  // Python's text. Nothing of the program is left when this returns. Errors: io (it cannot be started), cancelled.
  Result<Verdict> run(std::string_view program, const std::atomic<bool>* stop = nullptr) const;
  // "cpython 3.11.2": a verdict may hang on it.
  const std::string& version() const;

 private:
  struct State;
  explicit Sandbox(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::sandbox
