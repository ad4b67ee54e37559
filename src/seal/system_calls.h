// Which system calls a sealed process may make, as a table, and the filter program that is made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "seal/policy.h"

struct sock_filter;

namespace freehold::seal {

// Numbers of x86-64 from 0, as Linux 6.1 has them. What comes later is answered "no such call", as an older kernel
// would, so that the C library falls back; what is not in the table is refused and counted (denials.h).
inline constexpr std::size_t kCalls = 451;

// "socket"; "system call 999" for those without a name here.
std::string call_name(unsigned number);

// The program for this process, whose id it holds: signals may go to itself alone. Foreign and x32 calls kill.
std::vector<sock_filter> make_filter(Network network, int process);

}  // namespace freehold::seal
