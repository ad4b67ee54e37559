// The writing side of $FREEHOLD_HOME/usage.db: one event a finished request, durable before its answer is released.
// Events are committed in groups (base/group_commit.h), each one transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/group_commit.h"
#include "base/result.h"
#include "ledger/event.h"

namespace freehold::ledger {

std::filesystem::path usage_path(const std::filesystem::path& home);

struct UsageLogOptions {
  std::size_t most_at_once = 4096;    // events in one transaction
  std::size_t most_waiting = 65'536;  // events; more are refused
};

// Thread-safe. Several processes may write to one home.
class UsageLog {
 public:
  // Errors: sql/database.h.
  static Result<UsageLog> open(const std::filesystem::path& home, UsageLogOptions options = {});
  UsageLog(UsageLog&&) noexcept;
  UsageLog& operator=(UsageLog&&) noexcept;
  ~UsageLog();  // writes what waits, calls back, ends the thread

  // Never blocks for the disk.
  void append(Event event, Stored stored);
  // Returns when everything appended before has been called back.
  void flush();
  // Why nothing is acknowledged any more; nothing as long as all is well.
  std::optional<Error> failure() const;
  GroupCommitCounts counts() const;

 private:
  struct State;
  explicit UsageLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::ledger
