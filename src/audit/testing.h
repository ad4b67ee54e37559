// For tests of the log: a folder that goes away, and the log's own in it.
#pragma once

#include <filesystem>

#include "base/temporary_folder_testing.h"

namespace freehold::audit::testing {

class LogFolder : public TemporaryFolder {
 public:
  std::filesystem::path log() const { return path() / "audit"; }
};

}  // namespace freehold::audit::testing
