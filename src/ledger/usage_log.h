// The writing side of $FREEHOLD_HOME/usage.db: one event a finished request, durable before its answer is released.
// The idea: one thread takes all that waits, writes it in one transaction, and says so. While it commits, more arrives:
// with one request at a time every event is committed at once, with many the sync of the disk is shared. The rule of
// failures is PostgreSQL's after its "fsyncgate": what a failed write left on the disk is unknown, so it is never tried
// again; from then on nothing is acknowledged, until the program is restarted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "ledger/event.h"

namespace freehold::ledger {

std::filesystem::path usage_path(const std::filesystem::path& home);

// Called once with true when the event survives kill -9 and a loss of power, with false when it was not stored. On the
// log's own thread (or on append's caller, when the event is refused at once), with no lock held: it must not block.
using Stored = std::function<void(bool durable)>;

struct UsageLogOptions {
  std::size_t most_at_once = 4096;    // events in one transaction
  std::size_t most_waiting = 65'536;  // events; more are refused
};

struct UsageLogCounts {
  std::uint64_t events = 0;   // acknowledged as durable
  std::uint64_t commits = 0;  // transactions
  std::uint64_t refused = 0;  // acknowledged as not stored
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
  UsageLogCounts counts() const;

 private:
  struct State;
  explicit UsageLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::ledger
