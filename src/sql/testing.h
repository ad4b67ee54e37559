// For tests of what is kept in databases: a folder that goes away.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace freehold::sql::testing {

class TemporaryFolder {
 public:
  // In memory where that is possible: hundreds of fsyncs take long on a busy disk.
  TemporaryFolder() {
    std::error_code ec;
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    const auto root = memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path(ec);
    std::string pattern = (root / "freehold-sql-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace freehold::sql::testing
