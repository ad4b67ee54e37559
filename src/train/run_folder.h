// The folder of a run (`output_dir`): who is running it, what state it is in, its checkpoints.
//
//   run.json             what was started and how it ended (RunState)
//   run.lock             held by the process that runs; the kernel lets go of it when that dies, however it dies
//   recipe.yaml          the recipe as it was started with
//   metrics.jsonl        a line a step or an evaluation (metrics.h)
//   checkpoints/step-00000012.state      (checkpoint_file.h)
//   provenance.json, provenance.md       (provenance.h), and the result
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::train {

enum class RunStatus : std::uint8_t {
  running,   // started, and not ended by itself: being run, or killed, which the lock tells apart
  finished,  // the result is there
  stopped,   // by its owner; it can go on
  diverged,  // the loss or a gradient was not finite, or the loss stayed too high; it would be again
  failed,    // an error of the disk or memory; it can go on
};
std::string_view name_of(RunStatus status);

struct RunState {
  RunStatus status = RunStatus::running;
  std::string run;  // identifies recipe, data and base model (provenance.h)
  std::string recipe_sha256, base_model, method, program;
  std::string started, updated;  // UTC, "2025-01-31T12:00:00Z"
  std::uint64_t steps = 0, steps_per_epoch = 0;
  std::uint64_t step = 0;  // when it ended, or was last written
  std::string label;       // of what is learned from; empty: the lowest
  std::string why;         // of diverged, failed and of an early stop
};

// Held for as long as a run is at work. Any thread.
class RunLock {
 public:
  // Errors: Errc::invalid, naming the process, if it is held.
  static Result<RunLock> take(const std::filesystem::path& folder);
  // The process that holds it, verified to have this very file open; 0 if it is held by one that cannot be found (in
  // another container); nothing if nobody holds it.
  static std::optional<int> holder(const std::filesystem::path& folder);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  ~RunLock();

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  std::filesystem::path checkpoint(std::uint64_t step) const;

  // Makes what is missing of the folders, and clears away what a killed process left half written. With the lock only.
  Result<> make() const;
  // Nothing if no run was ever started here. Errors: Errc::corrupt.
  Result<std::optional<RunState>> state() const;
  Result<> write_state(const RunState& state) const;  // atomically; sets nothing by itself

  // The steps of the checkpoints that are there, in increasing order.
  std::vector<std::uint64_t> checkpoints() const;
  Result<> remove_checkpoint(std::uint64_t step) const;

 private:
  std::filesystem::path path_;
};

// The time now as RunState has it.
std::string utc_now();

}  // namespace freehold::train
