#include "base/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/utf8.h"

namespace freehold {
namespace {

Unexpected refused(const std::filesystem::path& path, std::string_view what, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Errc::exhausted
                    : error == ENOENT                                    ? Errc::not_found
                                                                         : Errc::io;
  return fail(code, fmt::format("cannot {} {}: {}", what, printable(path.string()), std::strerror(error)));
}

}  // namespace

Result<AppendFile> AppendFile::open(const std::filesystem::path& path, std::uint64_t keep, FileAccess access) {
  AppendFile file;
  file.path_ = path;
  if (const int error = disk_fault_for_tests("open")) return refused(path, "open", error);
  // O_NONBLOCK: a pipe without a reader must not hang us before it is refused.
  file.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK,
                    access == FileAccess::owner ? 0600 : 0644);
  const auto no_file = [&] {
    return fail(Errc::invalid, fmt::format("{} is not a regular file", printable(path.string())));
  };
  if (file.fd_ < 0 && errno == ENXIO) return no_file();  // that pipe
  if (file.fd_ < 0) return refused(path, "open", errno);
  struct stat about {};
  if (::fstat(file.fd_, &about) != 0) return refused(path, "look at", errno);
  if (!S_ISREG(about.st_mode)) return no_file();
  if (::flock(file.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return fail(Errc::io, fmt::format("another process is writing to {}", printable(path.string())));
  }
  const auto size = static_cast<std::uint64_t>(about.st_size);
  if (size < keep) {
    return fail(Errc::corrupt,
                fmt::format("{} has {} bytes, and {} had been written to it", printable(path.string()), size, keep));
  }
  if (size > keep && ::ftruncate(file.fd_, static_cast<off_t>(keep)) != 0) return refused(path, "cut", errno);
  file.size_ = keep;
  if (keep == 0) FH_TRY_VOID(sync_folder(path.has_parent_path() ? path.parent_path() : "."));
  return file;
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<> AppendFile::append(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const int injected = disk_fault_for_tests("write");
    const ssize_t n = injected != 0 ? -1 : ::write(fd_, rest.data(), rest.size());
    const int error = injected != 0 ? injected : errno;
    if (n < 0 && error == EINTR) continue;
    if (n < 0) {
      (void)!::ftruncate(fd_, static_cast<off_t>(size_));
      return refused(path_, "write to", error);
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  size_ += text.size();
  return {};
}

Result<> AppendFile::sync() {
  if (const int error = disk_fault_for_tests("fsync")) return refused(path_, "sync", error);
  if (::fdatasync(fd_) != 0) return refused(path_, "sync", errno);
  return {};
}

}  // namespace freehold
