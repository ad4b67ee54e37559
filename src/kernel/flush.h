// While one of these lives, this thread's SSE and AVX arithmetic treats subnormal inputs and results as zero, as
// TDPBF16PS does.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace freehold::kernel {
namespace {

class FlushSubnormals {
 public:
#if defined(__x86_64__)
  // The empty asm keeps the compiler from moving arithmetic on memory across the switch.
  FlushSubnormals() : saved_(_mm_getcsr()) {
    _mm_setcsr(saved_ | 0x8040u);  // FTZ | DAZ
    __asm__ volatile("" ::: "memory");
  }
  ~FlushSubnormals() {
    __asm__ volatile("" ::: "memory");
    _mm_setcsr(saved_);
  }

 private:
  unsigned saved_;
#else
  FlushSubnormals() {}
  ~FlushSubnormals() {}

 public:
#endif
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;
};

}  // namespace
}  // namespace freehold::kernel
