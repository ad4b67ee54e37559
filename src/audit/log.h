// The log as many threads use it: entries are appended and called back when they are on the disk. They are committed in
// groups (base/group_commit.h) of at most kLargestGroup, which share the sync of the disk and the signature.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "audit/writer.h"
#include "base/group_commit.h"
#include "base/result.h"

namespace freehold::audit {

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
  GroupCommitCounts counts() const;

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One entry by somebody who has no log open: a command. Returns when it is durable.
Result<> append_one(const std::filesystem::path& folder, std::string_view entry);

}  // namespace freehold::audit
