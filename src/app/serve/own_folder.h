// That one server alone works in a folder.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/folder_lock.h"

namespace freehold::app {

// The folder's lock, held. Does not wait. `what` says for the message what the folder holds: "the files and batches".
// Errors: io.
Result<FolderLock> own_folder(const std::filesystem::path& folder, std::string_view what);

}  // namespace freehold::app
