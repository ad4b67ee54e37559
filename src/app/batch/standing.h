// How far a file of answers has come, whoever wrote it and however that ended.
#pragma once

#include <cstdint>
#include <filesystem>

#include "app/batch/line.h"
#include "base/result.h"

namespace freehold::app {

// What an output that is there holds of the input's answers, and how much there is to do.
struct Standing {
  std::uint64_t lines = 0;   // of the input, blank ones left out
  std::uint64_t done = 0;    // of these, answered
  std::uint64_t failed = 0;  // of these
  std::uint64_t keep = 0;    // bytes of the output
};

// Errors: of reading; invalid, if the output's lines are no answers to the input's with these options.
Result<Standing> compare(const std::filesystem::path& in, const std::filesystem::path& out,
                         const BatchOptions& options);

}  // namespace freehold::app
