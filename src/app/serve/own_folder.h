// That one server alone works in a folder, and that servers work in a home at all.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/folder_lock.h"

namespace freehold::app {

// The folder's lock, held. Does not wait. `what` says for the message what the folder holds: "the files and batches".
// Errors: io.
Result<FolderLock> own_folder(const std::filesystem::path& folder, std::string_view what);

// Held by every server of a home, together, as long as it runs. Errors: io.
Result<FolderLock> serve_from(const std::filesystem::path& home);
// Whether one does. Errors: io.
Result<bool> is_served(const std::filesystem::path& home);

}  // namespace freehold::app
