// That one process alone works in a folder: an exclusive lock on its file "lock", until this goes or the process does.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace freehold::app {

class FolderLock {
 public:
  // Does not wait. `what` says for the message what the folder holds: "the files and batches". Errors: io.
  static Result<FolderLock> take(const std::filesystem::path& folder, std::string_view what);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace freehold::app
