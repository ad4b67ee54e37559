// An open file descriptor, closed when it goes.
#pragma once

#include <filesystem>
#include <utility>

namespace freehold {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // From here on it stays open.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Whether a path still leads to this open file: it may have been removed or replaced since.
bool is_at(int fd, const std::filesystem::path& path);

}  // namespace freehold
