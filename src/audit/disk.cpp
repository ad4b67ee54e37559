#include "audit/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

constexpr std::uint64_t kNoiseBytes = 65'536;  // written at once

Unexpected refused(const std::filesystem::path& path, std::string_view what, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Errc::exhausted
                    : error == ENOENT                                    ? Errc::not_found
                                                                         : Errc::io;
  return fail(code, fmt::format("cannot {} {}: {}", what, printable(path.string()), std::strerror(error)));
}

}  // namespace

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

Result<> overwrite_and_remove(const std::filesystem::path& named) {
  // Under another name first: who meets it half overwritten is not to take it for what it was.
  std::filesystem::path path = named;
  if (named.extension() != kLeavingSuffix) {
    path += kLeavingSuffix;
    std::error_code ec;
    if (!std::filesystem::exists(named, ec)) return {};
    if (::rename(named.c_str(), path.c_str()) != 0) return refused(named, "rename", errno);
    FH_TRY_VOID(sync_folder(path.parent_path()));
  }
  auto opened = open_file(path, Make::never);
  if (!opened && opened.error().code == Errc::not_found) return {};
  FH_TRY(const Fd fd, std::move(opened));
  FH_TRY(const std::uint64_t size, size_of(fd, path));
  std::string noise(static_cast<std::size_t>(std::min<std::uint64_t>(size, kNoiseBytes)), '\0');
  for (std::uint64_t done = 0; done < size; done += noise.size()) {
    randombytes_buf(noise.data(), noise.size());
    const auto piece = std::min<std::uint64_t>(noise.size(), size - done);
    FH_TRY_VOID(write_at(fd, done, std::string_view(noise).substr(0, static_cast<std::size_t>(piece)), path));
  }
  FH_TRY_VOID(sync_data(fd, path));
  return remove_file(path);
}

Result<> take(FolderLock& lock, double seconds) {
  FH_TRY(const bool taken, lock.take(seconds));
  if (taken) return {};
  return fail(Errc::io,
              fmt::format("another process holds {} for more than {} s", printable(lock.path().string()), seconds));
}

}  // namespace freehold::audit
