#include "app/serve/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace freehold::app {

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder, std::string_view what) {
  const std::filesystem::path path = folder / "lock";
  FolderLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.fd_ < 0) {
    return fail(Errc::io, fmt::format("cannot open {}: {}", printable(path.string()), std::strerror(errno)));
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return fail(Errc::io, fmt::format("another freehold serve holds {} in {}", what, printable(folder.string())));
  }
  return fail(Errc::io, fmt::format("cannot lock {}: {}", printable(path.string()), std::strerror(errno)));
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace freehold::app
