// What a sealed process has tried and was refused by the filter of system calls. Landlock's refusals are errors of the
// call alone, and are not seen here; the kernel's own audit has them (Linux 6.15).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace freehold::seal {

struct Denial {
  std::string call;  // "connect", or "system call 999"
  std::uint64_t times = 0;
};

// Those since the last call of this; whoever keeps a record asks now and then. Any thread.
std::vector<Denial> take_denials();
// All since the process was sealed. Any thread.
std::uint64_t denials();

// For enter(): makes refused calls fail with EPERM, and counts them.
void count_denials();

}  // namespace freehold::seal
