// Counts every operator new of a test program; the arrays' forms end here as well. To be included by exactly one of its
// files. Not inlined, because the compiler would then see free() paired with a new that it knows, and warn.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#include "engine/allocations_testing.h"

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++freehold::engine::testing::allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  std::abort();
}
// What std::stable_sort asks for; AddressSanitizer's own form would not match our delete.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++freehold::engine::testing::allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
