#include "base/scrub.h"

#include <malloc.h>
#include <string.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(FREEHOLD_FUZZ)
namespace freehold {
void scrub_freed_memory() {}
void scrub_stack() {}
}  // namespace freehold
#else

namespace freehold {
namespace {

std::atomic<bool> scrubbing{false};

void give_back(void* memory) noexcept {
  // The C library says how much there is; explicit_bzero is not optimised away before a free (glibc, bzero(3)).
  if (memory != nullptr && scrubbing.load(std::memory_order_relaxed)) {
    ::explicit_bzero(memory, ::malloc_usable_size(memory));
  }
  std::free(memory);
}

void* take(std::size_t size) {
  while (true) {
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void* take(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  while (true) {
    if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

void scrub_freed_memory() {
  scrubbing.store(true, std::memory_order_relaxed);
}

namespace {

[[gnu::noinline]] void clear_below() {
  std::array<char, 128 * 1024> below;
  ::explicit_bzero(below.data(), below.size());
}

}  // namespace

void scrub_stack() {
  if (scrubbing.load(std::memory_order_relaxed)) clear_below();
}

}  // namespace freehold

// The replaceable functions of [new.delete]; the others call these.
void* operator new(std::size_t size) {
  return freehold::take(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return freehold::take(size, alignment);
}
void operator delete(void* memory) noexcept {
  freehold::give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  freehold::give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  freehold::give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  freehold::give_back(memory);
}
#endif
