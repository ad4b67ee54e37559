// For tests of the log: a folder that goes away, in memory where that is possible, since hundreds of syncs take long on
// a busy disk.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace freehold::audit::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code ec;
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    const auto root = memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path(ec);
    std::string pattern = (root / "freehold-audit-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log() const { return path_ / "audit"; }

 private:
  std::filesystem::path path_;
};

}  // namespace freehold::audit::testing
