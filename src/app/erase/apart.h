// Nobody is erased while a backup is being made: it would have what was copied before, and be made later.
#pragma once

#include <filesystem>
#include <functional>

#include "base/folder_lock.h"

namespace freehold::app {

// As long as it lives no backup is made of this home, and nobody else is erased. Waits for what is under way, at most
// ten minutes; `waiting` is called when that takes a moment. Errors: io.
Result<FolderLock> no_backup(const std::filesystem::path& home, const std::function<void()>& waiting = {});
// As long as it lives nobody is erased: for backups, several at once. Errors: io.
Result<FolderLock> no_erasure(const std::filesystem::path& home, const std::function<void()>& waiting = {});

}  // namespace freehold::app
