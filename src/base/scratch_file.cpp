#include "base/scratch_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace freehold {

Result<ScratchFile> ScratchFile::create(std::size_t bytes) {
  const char* wish = std::getenv("TMPDIR");
  std::string path = std::string(wish != nullptr && *wish != '\0' ? wish : "/var/tmp") + "/freehold-scratch-XXXXXX";
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return fail(Errc::io, fmt::format("make a file like {}: {}", path, std::strerror(errno)));
  ::unlink(path.c_str());
  // Without the space, writing to the map would be a signal instead of an error.
  const int full = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  void* p = full == 0 ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int mapped = errno;
  ::close(fd);
  if (full != 0) {
    return fail(full == ENOSPC || full == EDQUOT || full == EFBIG ? Errc::exhausted : Errc::io,
                fmt::format("reserve {} bytes for a temporary file: {}", bytes, std::strerror(full)));
  }
  if (p == MAP_FAILED) return fail(Errc::io, fmt::format("map a temporary file: {}", std::strerror(mapped)));
  ScratchFile file;
  file.data_ = static_cast<std::byte*>(p);
  file.size_ = bytes;
  return file;
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

ScratchFile::~ScratchFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void ScratchFile::forget(Bytes part) const {
  if (data_ == nullptr || part.data() < data_ || part.data() + part.size() > data_ + size_) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (static_cast<std::size_t>(part.data() - data_) + page - 1) / page * page;
  const bool whole = part.data() + part.size() == data_ + size_;
  const auto end = whole ? size_ : static_cast<std::size_t>(part.data() + part.size() - data_) / page * page;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace freehold
