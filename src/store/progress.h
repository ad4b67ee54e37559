// How long work of the store reports where it is, and is told to stop.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace freehold::store {

// Called now and then from the thread that does the work: what is being done ("copy", "quantise"), bytes done, bytes in
// all. Returning false cancels (Errc::cancelled); nothing is left behind.
using Progress = std::function<bool(std::string_view step, std::uint64_t done, std::uint64_t total)>;

// Called once, before the first byte is written, with how many there will be. An error ends the work with it.
using Expect = std::function<Result<>(std::uint64_t bytes)>;

inline Result<> report(const Progress& progress, std::string_view step, std::uint64_t done, std::uint64_t total) {
  if (progress && !progress(step, done, total)) return fail(Errc::cancelled, "cancelled");
  return {};
}

}  // namespace freehold::store
