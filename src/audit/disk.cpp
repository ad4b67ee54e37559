#include "audit/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

Unexpected refused(const std::filesystem::path& path, std::string_view what, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Errc::exhausted
                    : error == ENOENT                                    ? Errc::not_found
                                                                         : Errc::io;
  return fail(code, fmt::format("cannot {} {}: {}", what, printable(path.string()), std::strerror(error)));
}

}  // namespace

Fd::Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Fd> open_file(const std::filesystem::path& path, Make make) {
  if (const int error = disk_fault_for_tests("open")) return refused(path, "open", error);
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (make == Make::if_missing ? O_CREAT : 0);
  Fd fd(::open(path.c_str(), flags, 0600));
  if (!fd) return refused(path, "open", errno);
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return refused(path, "look at", errno);
  if (!S_ISREG(about.st_mode)) {
    return fail(Errc::io, fmt::format("{} is not a regular file", printable(path.string())));
  }
  return fd;
}

Result<> write_at(const Fd& fd, std::uint64_t position, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    if (const int error = disk_fault_for_tests("write")) return refused(path, "write to", error);
    const ssize_t n = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refused(path, "write to", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    position += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<> sync_data(const Fd& fd, const std::filesystem::path& path) {
  if (const int error = disk_fault_for_tests("fsync")) return refused(path, "sync", error);
  if (::fdatasync(fd.get()) != 0) return refused(path, "sync", errno);
  return {};
}

Result<> cut_file(const Fd& fd, std::uint64_t size, const std::filesystem::path& path) {
  if (const int error = disk_fault_for_tests("truncate")) return refused(path, "cut", error);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return refused(path, "cut", errno);
  return {};
}

Result<std::uint64_t> size_of(const Fd& fd, const std::filesystem::path& path) {
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return refused(path, "look at", errno);
  return static_cast<std::uint64_t>(about.st_size);
}

Result<FolderLock> FolderLock::open(const std::filesystem::path& folder, Mode mode) {
  const std::filesystem::path path = folder / "lock";
  const int flags = mode == Mode::exclusive ? O_RDWR | O_CREAT : O_RDONLY;
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) return refused(path, "open", errno);
  return FolderLock(std::move(fd), mode, path);
}

Result<> FolderLock::take(double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (auto pause = std::chrono::microseconds(50);; pause = std::min(pause * 2, std::chrono::microseconds(5000))) {
    if (::flock(fd_.get(), (mode_ == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return {};
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return refused(path_, "lock", errno);
    if (std::chrono::steady_clock::now() >= until) {
      return fail(Errc::io,
                  fmt::format("another process holds {} for more than {} s", printable(path_.string()), seconds));
    }
    std::this_thread::sleep_for(pause);
  }
}

void FolderLock::release() {
  ::flock(fd_.get(), LOCK_UN);
}

}  // namespace freehold::audit
