// Copies of files with the digests of what was written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>

#include "base/hash.h"
#include "base/result.h"

namespace freehold::app {

struct CopiedFile {
  std::uint64_t size = 0;
  Digest digest;
};
// Told the bytes since the last time; may end the work with an error.
using CopyProgress = std::function<Result<>(std::uint64_t bytes)>;

// At most the first `limit` bytes, mode 0600, synced. The blocks are shared where the file system can. Errors:
// not_found, io, exhausted; of `progress`.
Result<CopiedFile> copy_file_hashed(const std::filesystem::path& from, const std::filesystem::path& to,
                                    const CopyProgress& progress = {},
                                    std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());
Result<CopiedFile> hash_of_file(const std::filesystem::path& path, const CopyProgress& progress = {});

}  // namespace freehold::app
