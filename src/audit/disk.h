// The few calls to the disk that the log is made of, each with the seam at which tests let it fail, and how its writers
// and readers are kept apart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/fd.h"
#include "base/folder_lock.h"
#include "base/result.h"

namespace freehold::audit {

// A regular file for reading and writing, mode 0600 if it is made. Errors: io, exhausted, not_found.
enum class Make : std::uint8_t { never, if_missing };
Result<Fd> open_file(const std::filesystem::path& path, Make make);
// All of it at this position, or an error after which nobody knows what is there.
Result<> write_at(const Fd& fd, std::uint64_t position, std::string_view bytes, const std::filesystem::path& path);
// What was written survives a loss of power once this returns. An error is final: the system may have thrown away what
// it could not write, and says so once only.
Result<> sync_data(const Fd& fd, const std::filesystem::path& path);
Result<> cut_file(const Fd& fd, std::uint64_t size, const std::filesystem::path& path);
Result<std::uint64_t> size_of(const Fd& fd, const std::filesystem::path& path);
// Overwrites a file with random bytes, syncs, removes it, syncs its folder. One that is not there is no error.
Result<> overwrite_and_remove(const std::filesystem::path& path);
// What a file is called from then on until it is gone.
inline constexpr std::string_view kLeavingSuffix = ".leaving";

// Seconds for which whoever reads waits for a writer to end its group.
inline constexpr double kLockPatience = 30;
// Waits for the lock of the log's folder. Errors: io, also after that time.
Result<> take(FolderLock& lock, double seconds);

}  // namespace freehold::audit
