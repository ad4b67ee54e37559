// What a program of a stranger may ask of the kernel: to compute, to read files (Landlock says which), and to write to
// what is open already.
#pragma once

#include <span>

#include "seal/call_table.h"

namespace freehold::sandbox {

// For seal::make_filter. There is nothing in it that starts a process or a thread, opens a file for writing, makes,
// changes or removes one, knows of sockets, signals to others, or changes what this process may do.
std::span<const seal::Row> call_table();

}  // namespace freehold::sandbox
