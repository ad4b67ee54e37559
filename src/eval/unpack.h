// Files of benchmark data as they are published: plain, gzip (.gz) or bzip2 (.bz2), told apart by their names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::eval {

inline constexpr std::uint64_t kMostDataBytes = std::uint64_t{1} << 30;  // of one file, unpacked

// Errors: corrupt (damaged, or more behind its end), exhausted (more than kMostDataBytes come out).
Result<std::string> unpack(std::string_view name, std::string packed);

}  // namespace freehold::eval
