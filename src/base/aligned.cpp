#include "base/aligned.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace freehold {
namespace {

constexpr std::size_t kMapped = std::size_t{1} << 20;

}  // namespace

void* allocate_zeroed(std::size_t bytes) {
  if (bytes < kMapped) {
    void* p = ::operator new (bytes, std::align_val_t{kAlignment});
    std::memset(p, 0, bytes);
    return p;
  }
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  ::madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void release(void* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  if (bytes < kMapped) {
    ::operator delete (memory, std::align_val_t{kAlignment});
  } else {
    ::munmap(memory, bytes);
  }
}

}  // namespace freehold
