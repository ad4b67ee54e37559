// The rows that a filter is made of: a system call and what is asked of its arguments.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace freehold::seal {

enum class Rule : std::uint8_t {
  allow,
  absent,        // "no such call": the C library has another way, whose arguments a filter can see
  own_process,   // the first argument is this process
  thread,        // clone, with the flags of a thread
  ask_limit,     // prlimit64, without a new limit
  first_of,      // the first argument is one of `values`
  second_of,     // the second is
  accepted,      // with Network::accept alone
  unaddressed,   // the same, of sendto without an address and without MSG_FASTOPEN
  unopened,      // the same, of sendmsg without MSG_FASTOPEN: whom a message names, a filter does not see
  options,       // the same, of setsockopt: TCP_NODELAY, and `values` of SOL_SOCKET
  reads_second,  // open: flags that change nothing, in the second argument
  reads_third,   // openat: in the third
  program,       // execve, of FilterOptions::program
};

struct Row {
  unsigned number = 0;
  Rule rule = Rule::allow;
  std::span<const std::uint32_t> values = {};
};
// Of a sealed process.
std::span<const Row> call_table();

// Of clone, as glibc and musl start threads.
extern const std::uint32_t kThreadFlags;

// Calls that are not allowed, or not always, by name: for what is said of a refusal.
struct Name {
  unsigned number = 0;
  std::string_view text;
};
std::span<const Name> refused_names();

}  // namespace freehold::seal
