// A folder that appears under its name only when it is complete. Until then it is a neighbour, ".NAME.unfinished-X":
// killed at any instant, what was there before stays, and the next one that is made in its place clears away what is
// left of one whose process is gone.
#pragma once

#include <filesystem>
#include <string>

#include "base/folder_lock.h"
#include "base/result.h"

namespace freehold::app {

class StagingFolder {
 public:
  // Mode 0700. Makes the folders above it. Errors: io, exhausted.
  static Result<StagingFolder> create(const std::filesystem::path& final_path);
  StagingFolder(StagingFolder&& other) noexcept;
  StagingFolder& operator=(StagingFolder&&) = delete;
  ~StagingFolder();  // gone, unless it was published

  const std::filesystem::path& path() const { return path_; }
  // Gives it its name, which nothing has, or an empty folder. Errors: invalid (something is there), io.
  Result<> publish();
  // Gives it its name and, in the same instant, what had it a new one beside it: that is returned. Errors: unsupported
  // (the file system cannot), io.
  Result<std::filesystem::path> publish_in_place_of_old();

 private:
  StagingFolder(std::filesystem::path path, std::filesystem::path final_path, FolderLock lock);
  Result<> complete();
  std::filesystem::path path_, final_path_;
  FolderLock lock_;  // of "lock" in it, which in a home is the store's
};

// Whether nothing is there, or a folder without anything in it.
bool nothing_at(const std::filesystem::path& path);

}  // namespace freehold::app
