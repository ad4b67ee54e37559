// The file models/starter.gguf as a part of the program. CMake says where it lies, and that this object depends on it.
#include "app/starter.h"

#ifdef FREEHOLD_STARTER
// At the beginning of a page: a GGUF's tensors are aligned in the file, and so they are in memory.
asm(".section .rodata\n"
    ".balign 4096\n"
    ".global freehold_starter_begin\n"
    ".global freehold_starter_end\n"
    "freehold_starter_begin:\n"
    ".incbin \"" FREEHOLD_STARTER
    "\"\n"
    "freehold_starter_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const std::byte freehold_starter_begin[];
extern const std::byte freehold_starter_end[];
}
#endif

namespace freehold::app {

Bytes starter_bytes() {
#ifdef FREEHOLD_STARTER
  return {freehold_starter_begin, freehold_starter_end};
#else
  return {};
#endif
}

}  // namespace freehold::app
