// A copy of a SQLite file that others go on writing to.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace freehold::sql {

// Whether it begins as SQLite's files do (https://www.sqlite.org/fileformat.html, 1.3).
bool is_database(const std::filesystem::path& path);

// Writes the file's content as of one moment to `to`, a file that must not be there yet: mode 0600, synced, without a
// log beside it. What had been deleted from `from` is not in it (VACUUM INTO writes no free pages). Errors: not_found,
// corrupt, io, exhausted; then `to` is gone.
Result<> copy_database(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace freehold::sql
