// Counts the allocations of the whole test program (engine/test_support.h). The arrays' forms end here as well. In a
// file of its own: where the compiler could inline these, it would see free() paired with a new that it knows.
#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/test_support.h"

namespace {
std::atomic<std::size_t> counted{0};
}

namespace freehold::engine::testing {
std::size_t allocations() {
  return counted;
}
}  // namespace freehold::engine::testing

void* operator new(std::size_t size) {
  ++counted;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  std::abort();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
