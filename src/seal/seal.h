// Sealed mode: this process gives up, for good, whatever could carry data away. The kernel enforces it: a filter of
// system calls (seccomp-BPF) and rules for files (Landlock), both inherited by every thread that is started later. What
// it keeps: the files of its policy, the descriptors that are open, and, if it listens, connections that come in.
#pragma once

#include <string>

#include "base/result.h"
#include "seal/policy.h"

namespace freehold::seal {

// What this kernel offers.
struct Kernel {
  bool filter = false;    // seccomp-BPF with every action that is used, for x86-64
  int landlock = 0;       // the version of its interface; 0: it has none, or it is switched off
  bool files() const;     // rules for files, with renames between folders (version 2, Linux 5.19)
  bool truncate() const;  // also truncating (3, Linux 6.2)
  bool tcp() const;       // also TCP's bind and connect, beside the filter (4, Linux 6.7)
  bool devices() const;   // also commands to devices (5, Linux 6.10)
  bool scopes() const;    // also abstract sockets and signals, beside the filter (6, Linux 6.12)
};
Kernel kernel();

// What is in force in this process.
struct Status {
  bool sealed = false;
  Network network = Network::none;
  Kernel by;  // what of the kernel it stands on
  bool files() const { return sealed && by.files(); }
};
Status status();

// What the kernel lacks, in words for whoever relies on the seal; empty: nothing.
std::string missing(const Kernel& kernel);

// Closes what a parent has left open beyond standard input, output and error. To be called before anything is opened.
void close_inherited();

// Seals this process. There is no way back. To be called before any thread is started, which Landlock's rules would not
// bind. Also: no core dumps, no debugger of the same user, no new privileges, no capabilities but those over files.
// `offered` is for tests that pretend to an older kernel. Errors: unsupported, without the filter (nothing has changed
// then); io, if the kernel refuses a step (the process must end: it is sealed in part); internal, with more than one
// thread.
Result<> enter(const Policy& policy, const Kernel& offered = kernel());

}  // namespace freehold::seal
