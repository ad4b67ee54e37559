// Whether a disk has room, asked before hours of work rather than found out after them.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace freehold {

// That `bytes` more can be written at `path`, which need not exist yet (then where its nearest folder is). Errors:
// exhausted, with both numbers; no error where the system cannot tell. `what` begins the message: "the model has".
Result<> expect_space(const std::filesystem::path& path, std::uint64_t bytes, std::string_view what);

}  // namespace freehold
