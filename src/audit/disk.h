// The few calls to the disk that the log is made of, each with the seam at which tests let it fail, and the lock that
// keeps its writers apart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace freehold::audit {

// An open file, closed when it goes.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept;
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A regular file for reading and writing, mode 0600 if it is made. Errors: io, exhausted, not_found.
enum class Make : std::uint8_t { never, if_missing };
Result<Fd> open_file(const std::filesystem::path& path, Make make);
// All of it at this position, or an error after which nobody knows what is there.
Result<> write_at(const Fd& fd, std::uint64_t position, std::string_view bytes, const std::filesystem::path& path);
// What was written survives a loss of power once this returns. An error is final: the system may have thrown away what
// it could not write, and says so once only.
Result<> sync_data(const Fd& fd, const std::filesystem::path& path);
Result<> cut_file(const Fd& fd, std::uint64_t size, const std::filesystem::path& path);
Result<std::uint64_t> size_of(const Fd& fd, const std::filesystem::path& path);

// Seconds for which whoever reads waits for a writer to end its group.
inline constexpr double kLockPatience = 30;

// The lock of a folder of the log: held by one who writes, or by several who read.
class FolderLock {
 public:
  enum class Mode : std::uint8_t { shared, exclusive };
  // Opens (for exclusive: makes) the file "lock" in the folder. Errors: not_found, io.
  static Result<FolderLock> open(const std::filesystem::path& folder, Mode mode);
  // Waits for the others, at most `seconds`. Error: io.
  Result<> take(double seconds);
  void release();

 private:
  FolderLock(Fd fd, Mode mode, std::filesystem::path path) : fd_(std::move(fd)), mode_(mode), path_(std::move(path)) {}
  Fd fd_;
  Mode mode_;
  std::filesystem::path path_;
};

}  // namespace freehold::audit
