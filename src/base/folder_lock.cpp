#include "base/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold {

Result<FolderLock> FolderLock::open(const std::filesystem::path& folder, Mode mode) {
  std::filesystem::path path = folder / "lock";
  const int flags = mode == Mode::exclusive ? O_RDWR | O_CREAT : O_RDONLY;
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) {
    return fail(errno == ENOENT ? Errc::not_found : Errc::io,
                fmt::format("cannot open {}: {}", printable(path.string()), std::strerror(errno)));
  }
  return FolderLock(std::move(fd), mode, std::move(path));
}

Result<bool> FolderLock::take(double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (auto pause = std::chrono::microseconds(50);; pause = std::min(pause * 2, std::chrono::microseconds(5000))) {
    if (::flock(fd_.get(), (mode_ == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return true;
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) {
      return fail(Errc::io, fmt::format("cannot lock {}: {}", printable(path_.string()), std::strerror(errno)));
    }
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(pause);
  }
}

bool FolderLock::in_place() const {
  return is_at(fd_.get(), path_);
}

void FolderLock::release() {
  ::flock(fd_.get(), LOCK_UN);
}

Result<FolderLock> taken_folder_lock(const std::filesystem::path& folder, FolderLock::Mode mode, double patience,
                                     const std::function<void()>& waiting) {
  FH_TRY_VOID(make_directories(folder));
  FH_TRY(FolderLock exclusive, FolderLock::open(folder, FolderLock::Mode::exclusive));
  std::optional<FolderLock> lock;
  if (mode == FolderLock::Mode::exclusive) {
    lock = std::move(exclusive);
  } else {
    FH_TRY(lock, FolderLock::open(folder, mode));
  }
  constexpr double kMoment = 1;
  const double first = waiting ? std::min(kMoment, patience) : patience;
  FH_TRY(bool taken, lock->take(first));
  if (!taken && first < patience) {
    waiting();
    FH_TRY(taken, lock->take(patience - first));
  }
  if (!taken) {
    return fail(Errc::io, fmt::format("{}: somebody else has it for more than {:.0f} seconds; try again",
                                      printable(lock->path().string()), patience));
  }
  return std::move(*lock);
}

}  // namespace freehold
