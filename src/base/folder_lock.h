// A lock on the file "lock" of a folder, held by one process or shared by several that only read, until it is let go or
// the process ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/fd.h"
#include "base/result.h"

namespace freehold {

class FolderLock {
 public:
  enum class Mode : std::uint8_t { shared, exclusive };
  // Opens the file (for exclusive: makes it); nothing is held yet. Errors: not_found, io.
  static Result<FolderLock> open(const std::filesystem::path& folder, Mode mode);
  // Waits for the others, at most `seconds`; false if one of them still holds it then. Errors: io.
  Result<bool> take(double seconds);
  void release();
  // Whether its file is still the one of the folder: if somebody has removed it, others lock another one.
  bool in_place() const;
  const std::filesystem::path& path() const { return path_; }

 private:
  FolderLock(Fd fd, Mode mode, std::filesystem::path path) : fd_(std::move(fd)), mode_(mode), path_(std::move(path)) {}
  Fd fd_;
  Mode mode_;
  std::filesystem::path path_;
};

// A lock of this folder, taken; folder and file are made if they are not there. `waiting` is called when somebody else
// has had it for a moment. Errors: io, also if somebody else has it for `patience` seconds.
Result<FolderLock> taken_folder_lock(const std::filesystem::path& folder, FolderLock::Mode mode, double patience,
                                     const std::function<void()>& waiting = {});

}  // namespace freehold
