// What this build is.
#pragma once

#include <string>

namespace freehold::app {

std::string version();       // "0.1.0"
std::string commit();        // the source's commit, "unknown" outside a repository
std::string build_type();    // "Release", …
std::string compiler();      // "gcc 12.2.0"
std::string version_line();  // "freehold 0.1.0 (commit, numerics 1)"

inline constexpr int kNumericsVersion = 1;

}  // namespace freehold::app
