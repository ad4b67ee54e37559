// The machine's own python3: where it is, and which files it needs to run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::sandbox {

struct Python {
  std::string program;                       // the file that is executed, behind all links and wrappers
  std::string version;                       // "cpython 3.11.2"
  std::vector<std::filesystem::path> reads;  // its library's folders, and the files that it loads
  std::vector<std::filesystem::path> runs;   // itself, and the loader of programs
};

// Starts what PATH has as python3 and asks it. Errors: not_found (with what to do), unsupported (it does not answer).
Result<Python> find_python();

}  // namespace freehold::sandbox
