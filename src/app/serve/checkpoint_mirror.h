// Checkpoints in a second place: a stick, a network mount. A thread of its own looks once a second at the log's latest
// checkpoint and writes it to the folder; answers never wait for it, however slow the folder is. What cannot be written
// is said (state(), and a line when it begins and when it ends), and is tried again each second.
//
//     checkpoint               the latest
//     checkpoint-2027-01-31    the last of each day (UTC)
//
// A folder that is not there is not made: it would be the empty place where a stick is not mounted. A checkpoint of the
// same log that has more entries, or as many and others, or fewer of another past, is never overwritten: then it is the
// log that was rolled back, and may have grown since.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "audit/note.h"
#include "base/result.h"

namespace freehold::app {

// Whether the log goes on from this checkpoint. Errors: corrupt, invalid (it does not), those of reading it.
using GoesOn = std::function<Result<>(const audit::Checkpoint& from)>;

// Writes `note` there, if it is not there already. What is there is asked about with `goes_on`, unless it is `own`:
// what was written there before. Returns its entries. Errors: not_found (no such folder), corrupt (what is there is
// ahead of it, or of another past), io.
Result<std::uint64_t> mirror_checkpoint(const std::string& note, const std::filesystem::path& folder,
                                        const GoesOn& goes_on = {}, const std::string& own = {});

class CheckpointMirror {
 public:
  using Say = std::function<void(const std::string& line)>;
  // `log`: the folder of the audit log.
  CheckpointMirror(std::filesystem::path log, std::filesystem::path folder, Say say);
  ~CheckpointMirror();  // looks once more

  struct State {
    bool good = false;
    std::uint64_t entries = 0;   // of the checkpoint that is there
    std::uint64_t failures = 0;  // attempts
  };
  State state() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  void run();
  void look();

  const std::filesystem::path log_, folder_;
  const Say say_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  State state_;
  bool stop_ = false, told_ = false;
  std::string last_;  // what was mirrored; the thread's alone
  std::thread thread_;
};

}  // namespace freehold::app
