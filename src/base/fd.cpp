#include "base/fd.h"

#include <sys/stat.h>
#include <unistd.h>

namespace freehold {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

bool is_at(int fd, const std::filesystem::path& path) {
  struct stat open {
  }, named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

}  // namespace freehold
