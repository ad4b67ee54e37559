// The filter program that is made of a table of system calls: of a sealed process's, or of another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "seal/policy.h"

struct sock_filter;

namespace freehold::seal {

struct Row;

// Numbers of x86-64 from 0, as Linux 6.1 has them. What comes later is answered "no such call", as an older kernel
// would, so that the C library falls back; what is not in the table is refused and counted (denials.h).
inline constexpr std::size_t kCalls = 451;

// "socket"; "system call 999" for those without a name here.
std::string call_name(unsigned number);

struct FilterOptions {
  Network network = Network::none;
  int process = 0;  // to which alone signals may go
  // What happens to a call that is refused: it fails with EPERM, after a signal by which denials.h counts it, or
  // silently.
  bool counted = true;
  // The text, at this very address, that execve may name; null: it may not. A program that is started so has another
  // memory, in which it would have to guess the address.
  const char* program = nullptr;
};
// Calls that have no row are refused. Foreign and x32 calls kill.
std::vector<sock_filter> make_filter(std::span<const Row> rows, const FilterOptions& options);
// Of a sealed process.
std::vector<sock_filter> make_filter(Network network, int process);

}  // namespace freehold::seal
