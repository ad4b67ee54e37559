// A file that grows record by record and survives kill -9: what has been synced stays, and what was written behind it
// is cut off when the file is opened again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace freehold {

class AppendFile {
 public:
  // Makes the file if it is not there, and cuts it to `keep` bytes. Errors: corrupt (it is shorter than that), invalid
  // (a device or a pipe), io (another process has it open here), exhausted.
  static Result<AppendFile> open(const std::filesystem::path& path, std::uint64_t keep,
                                 FileAccess access = FileAccess::everyone);
  AppendFile() = default;
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  // All of it, or an error after which the file is as it was (as far as the disk lets us).
  Result<> append(std::string_view text);
  // What has been appended survives a loss of power once this returns.
  Result<> sync();
  std::uint64_t size() const { return size_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace freehold
