// The replaceable functions of [new.delete] of the program `freehold`, over malloc: what is deleted is overwritten
// where that is wanted (base/scrub.h). The others of the standard library call these. Not in a build with a sanitizer,
// which brings its own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <cstdlib>
#include <new>

#include "base/scrub.h"

namespace {

// `get` again and again, as long as there is a handler that may make room.
template <typename Get>
void* take(const Get& get) {
  while (true) {
    if (void* memory = get()) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

void* operator new(std::size_t size) {
  return take([size] { return std::malloc(size == 0 ? 1 : size); });
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return take([=] { return std::aligned_alloc(align, (size + align - 1) / align * align); });
}
void operator delete(void* memory) noexcept {
  freehold::scrub_and_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  freehold::scrub_and_free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  freehold::scrub_and_free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  freehold::scrub_and_free(memory);
}
#endif
