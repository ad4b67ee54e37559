#include "store/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace freehold::store {
namespace {

int holder_of(int fd) {
  std::array<char, 16> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  int pid = 0;
  if (n > 0) std::from_chars(text.data(), text.data() + n, pid);
  return pid;
}

}  // namespace

Result<Lock> Lock::take(const std::filesystem::path& home, const std::function<void(int)>& waiting) {
  const std::filesystem::path path = home / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  auto refused = [&](const char* what) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return fail(Errc::io, fmt::format("{} {}: {}", what, printable(path.string()), std::strerror(error)));
  };
  if (fd < 0) return refused("open");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refused("lock");
    if (waiting) waiting(holder_of(fd));
    while (::flock(fd, LOCK_EX) != 0) {
      if (errno != EINTR) return refused("lock");
    }
  }
  // For the message of those who wait; nobody relies on it.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, pid.data(), pid.size(), 0);
  return Lock(fd);
}

Lock::Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Lock& Lock::operator=(Lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace freehold::store
