#include "base/file_mode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace freehold {

bool set_mode(const std::filesystem::path& path, unsigned mode) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  const bool set = ::fchmod(fd, mode) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  return set;
}

}  // namespace freehold
