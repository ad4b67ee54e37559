#include "app/version.h"

#include <fmt/format.h>

#include "build_info.h"

namespace freehold::app {

std::string version() {
  return FREEHOLD_VERSION;
}

std::string commit() {
  return FREEHOLD_COMMIT;
}

std::string build_type() {
  return FREEHOLD_BUILD_TYPE;
}

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string version_line() {
  return fmt::format("freehold {} (commit {}, numerics {})", version(), commit(), kNumericsVersion);
}

}  // namespace freehold::app
