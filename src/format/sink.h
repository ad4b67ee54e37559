// Where the bytes of a file that is being written go.
#pragma once

#include <functional>

#include "base/file.h"
#include "base/result.h"

namespace freehold::format {

// In order: [&](Bytes b) { return file.write(b); } with an AtomicFile.
using Sink = std::function<Result<>(Bytes)>;

}  // namespace freehold::format
