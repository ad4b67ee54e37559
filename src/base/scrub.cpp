#include "base/scrub.h"

#include <malloc.h>
#include <string.h>

#include <array>
#include <atomic>
#include <cstdlib>

namespace freehold {
namespace {

std::atomic<bool> scrubbing{false};

[[gnu::noinline]] void clear_below() {
  std::array<char, 128 * 1024> below;
  ::explicit_bzero(below.data(), below.size());
}

}  // namespace

void scrub_freed_memory() {
  scrubbing.store(true, std::memory_order_relaxed);
}

void scrub_stack() {
  if (scrubbing.load(std::memory_order_relaxed)) clear_below();
}

void scrub_and_free(void* memory) noexcept {
  // The C library says how much there is; explicit_bzero is not optimised away before a free (glibc, bzero(3)).
  if (memory != nullptr && scrubbing.load(std::memory_order_relaxed)) {
    ::explicit_bzero(memory, ::malloc_usable_size(memory));
  }
  std::free(memory);
}

}  // namespace freehold
