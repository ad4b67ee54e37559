#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace freehold {

void check_failed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "freehold: internal error at %s:%d: %s (%s). Please report this.\n", file, line, condition, why);
  std::abort();
}

}  // namespace freehold
