#include "pull/part_file.h"

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
#include <vector>

#include "base/fd.h"
#include "base/utf8.h"

namespace freehold::pull {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBuffer = std::size_t{1} << 20;

Unexpected refused(std::string_view what, const fs::path& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return fail(full ? Errc::exhausted : Errc::io,
              fmt::format("{} {}: {}", what, printable(path.string()), std::strerror(error)));
}

}  // namespace

Result<PartFile> PartFile::open(const fs::path& folder, const Digest& digest, const std::function<bool()>& waiting) {
  FH_TRY_VOID(make_directories(folder));
  const fs::path path = folder / (digest.hex() + ".part");
  while (true) {
    int error = disk_fault_for_tests("open");
    const int fd = error != 0 ? -1 : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return refused("open", path, error != 0 ? error : errno);
    PartFile file(path, fd);
    struct stat about = {};
    if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
      return fail(Errc::invalid, fmt::format("{} is not a regular file", printable(path.string())));
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return refused("lock", path, errno);
      if (waiting && !waiting()) return fail(Errc::cancelled, "cancelled");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    if (!is_at(fd, path)) continue;  // its last holder has deleted it while we waited
    file.size_ = static_cast<std::uint64_t>(about.st_size);
    return file;
  }
}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      hash_(std::move(other.hash_)),
      checks_(std::move(other.checks_)) {}

PartFile::~PartFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<> PartFile::resume(std::uint64_t most, const std::function<Result<>(std::uint64_t)>& done) {
  struct stat about = {};
  if (::fstat(fd_, &about) != 0) return refused("look at", path_, errno);
  const std::uint64_t keep = std::min(static_cast<std::uint64_t>(about.st_size), most);
  hash_ = Sha256();
  checks_ = store::PieceChecker();
  size_ = 0;
  std::vector<std::byte> buffer(kBuffer);
  while (size_ < keep) {
    const ssize_t n =
        ::pread(fd_, buffer.data(), std::min<std::uint64_t>(buffer.size(), keep - size_), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refused("read", path_, errno);
    if (n == 0) break;
    const Bytes got = Bytes(buffer).first(static_cast<std::size_t>(n));
    hash_.update(got);
    checks_.update(got);
    size_ += got.size();
    FH_TRY_VOID(done(size_));
  }
  if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return refused("cut", path_, errno);
  return {};
}

Result<> PartFile::append(Bytes bytes) {
  std::uint64_t at = size_;
  for (Bytes rest = bytes; !rest.empty();) {
    const int injected = disk_fault_for_tests("write");
    const ssize_t n = injected != 0 ? -1 : ::pwrite(fd_, rest.data(), rest.size(), static_cast<off_t>(at));
    const int error = injected != 0 ? injected : errno;
    if (n < 0 && error == EINTR) continue;
    if (n < 0) {
      (void)!::ftruncate(fd_, static_cast<off_t>(size_));
      return refused("write to", path_, error);
    }
    at += static_cast<std::uint64_t>(n);
    rest = rest.subspan(static_cast<std::size_t>(n));
  }
  hash_.update(bytes);
  checks_.update(bytes);
  size_ = at;
  return {};
}

Result<> PartFile::restart() {
  if (::ftruncate(fd_, 0) != 0) return refused("cut", path_, errno);
  size_ = 0;
  hash_ = Sha256();
  checks_ = store::PieceChecker();
  return {};
}

fs::path PartFile::description() const {
  fs::path path = path_;
  return path.replace_extension(".json");
}

Result<> PartFile::describe(std::string_view json) const {
  return write_file_atomically(description(), json, FileAccess::owner);
}

Result<PartFile::Whole> PartFile::finish() {
  if (const int error = disk_fault_for_tests("fsync")) return refused("sync", path_, error);
  if (::fsync(fd_) != 0) return refused("sync", path_, errno);
  ::fchmod(fd_, 0644);  // as the store's other files
  return Whole{hash_.finish(), checks_.finish()};
}

void PartFile::remove() {
  std::error_code ignored;
  fs::remove(description(), ignored);
  fs::remove(path_, ignored);
}

void forget_old_parts(const fs::path& folder, int days) {
  const auto limit = fs::file_time_type::clock::now() - std::chrono::hours(24 * days);
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string ending = it->path().extension().string();
    std::error_code ignored;
    const bool half = it->path().filename().string().starts_with(".tmp-");  // a description whose writer was killed
    if ((ending != ".part" && ending != ".json" && !half) || it->last_write_time(ignored) > limit || ignored) continue;
    const int fd = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) fs::remove(it->path(), ignored);
    if (fd >= 0) ::close(fd);
  }
}

}  // namespace freehold::pull
