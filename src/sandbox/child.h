// One child process from its start to its end: what it is given, what it is held to, when it is ended, and what it
// wrote.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

struct sock_filter;

namespace freehold::sandbox {

// Limits of the process itself, which the kernel keeps.
struct Limits {
  std::uint32_t cpu_seconds = 5;
  std::uint64_t memory = std::uint64_t{1} << 30;  // bytes of addresses
};

// What binds a program of a stranger, made once and used by any number of children.
struct Restrictions {
  Limits limits;
  Fd ruleset;                       // Landlock's
  std::vector<sock_filter> filter;  // of system calls
};

struct Program {
  const char* path = nullptr;                  // owner: the caller. An own filter may compare this address
  std::vector<const char*> words;              // its own name first, null last
  std::vector<const char*> environment;        // null last
  const Restrictions* restrictions = nullptr;  // owner: the caller; null: none
  std::string_view input;                      // standard input, as a file that cannot be changed
  std::string_view secret;                     // descriptor 3, to be read once; at most 4 KiB
};

struct Watch {
  std::chrono::milliseconds time{30'000};
  std::size_t most_output = std::size_t{1} << 20;  // bytes
  const std::atomic<bool>* stop = nullptr;
};

struct Ended {
  enum class By : std::uint8_t {
    itself,  // exit, or a signal of its own making
    time,    // of the clock, or of the processor
    output,
  } by = By::itself;
  int exit_code = -1;  // -1: a signal
  std::string output;  // standard output and error, in the order in which they were written
};

// Starts the program and waits for its end; it is killed at a limit. Nothing of it is left behind: a restricted one
// cannot start another process. To be called by any thread; each call holds its own. Errors: io (it cannot be started),
// cancelled.
Result<Ended> run(const Program& program, const Watch& watch);

}  // namespace freehold::sandbox
