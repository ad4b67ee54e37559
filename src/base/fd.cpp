#include "base/fd.h"

#include <unistd.h>

namespace freehold {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace freehold
