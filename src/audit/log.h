// The log as many threads use it: entries are appended and called back when they are on the disk. One thread takes all
// that waits, up to kLargestGroup, and commits it as one group: with one request at a time each entry is a group of its
// own, with many the sync of the disk and the signature are shared.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "audit/writer.h"
#include "base/result.h"

namespace freehold::audit {

// Called once with true when the entry survives kill -9 and a loss of power, with false when it was not stored. On the
// log's own thread (or on append's caller, when the entry is refused at once), with no lock held: it must not block.
using Stored = std::function<void(bool durable)>;

struct LogCounts {
  std::uint64_t entries = 0;  // acknowledged
  std::uint64_t groups = 0;   // committed
  std::uint64_t refused = 0;  // not stored
};

// Thread-safe. Several processes may write to one log.
class Log {
 public:
  // Errors: Writer::open.
  static Result<Log> open(const std::filesystem::path& folder, WriterOptions options = {});
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  ~Log();  // writes what waits, calls back, ends the thread

  // `entry`: of entry.h. Never blocks for the disk.
  void append(std::string entry, Stored stored);
  // Returns when everything appended before has been called back.
  void flush();
  // Why nothing is acknowledged any more; nothing as long as all is well.
  std::optional<Error> failure() const;
  LogCounts counts() const;

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One entry by somebody who has no log open: a command. Returns when it is durable.
Result<> append_one(const std::filesystem::path& folder, std::string_view entry);

}  // namespace freehold::audit
