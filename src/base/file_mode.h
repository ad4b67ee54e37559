// Who may read, write and enter a file or folder.
#pragma once

#include <filesystem>

namespace freehold {

// chmod by a descriptor, which a sealed process may do where it may open the file (by a path it may not). False: errno
// says why not.
bool set_mode(const std::filesystem::path& path, unsigned mode);

}  // namespace freehold
