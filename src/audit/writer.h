// Who writes the log, one group of entries after the other, on one thread. The rules:
//
// 1. A group is its entries and then a signed checkpoint over all entries so far, written and synced in one go. It
// counts
//    if and only if its checkpoint is there, so there is no entry without a signature, and what a crash has left of a
//    group that was not acknowledged is cut off as a whole.
// 2. A write or a sync that fails is final: what is on the disk then is unknown, so nothing is acknowledged any more
//    until the log is opened anew (PostgreSQL's rule after its "fsyncgate").
// 3. What another process has written is taken over before anything is added: it is read, checked, and its last group
//    written and synced once more, since that process may have been told that its sync had failed.
// 4. Damage is not repaired: a log whose acknowledged part does not fit together is not opened (Errc::corrupt). Of the
//    segments before the last one their ends are looked at: that none is missing, or ends elsewhere than the next says.
// 5. What was removed or replaced under the writer is written to by nobody: nothing is acknowledged any more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "audit/folder.h"
#include "audit/note.h"
#include "base/result.h"

namespace freehold::audit {

inline constexpr std::size_t kLargestGroup = 256;  // entries

struct WriterOptions {
  std::uint64_t segment_bytes = std::uint64_t{8} << 20;  // a file that has so many is followed by another
  double lock_seconds = 30;                              // how long others may hold the lock
  std::function<std::int64_t()> now;                     // seconds since 1970; by default the system's clock
};

class Writer {
 public:
  // Makes the folder and the key if there is no log; otherwise reads the last segment, and cuts off what is not whole.
  // Errors: corrupt (damaged, or rolled back behind the file `checkpoint`), not_found (entries, but no key), io,
  // exhausted.
  static Result<Writer> open(const std::filesystem::path& folder, WriterOptions options = {});
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  // Adds 1 … kLargestGroup entries of at most kLongestPayload bytes; they are durable when this returns without an
  // error. After an error nothing more is added (failed()), unless it was that others held the lock.
  Result<> commit(std::span<const std::string_view> entries);
  bool failed() const;
  std::uint64_t size() const;       // entries, as far as this writer knows
  const std::string& note() const;  // the latest checkpoint, signed; empty if there are no entries
  // Brings the file `checkpoint` up to date, if it is not.
  Result<> publish();
  bool published() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::audit
