// Ways to carry data out of a sealed process, or to lift its seal: one row each. All of them must be refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace freehold::seal {

// What stands ready outside the seal for somebody who gets through.
struct Stage {
  std::filesystem::path outside;  // a folder that no rule names, with a file "secret", "victim" and a folder "empty"
  std::filesystem::path inside;   // a folder that may be written to, with a file "own"
  std::uint16_t port = 0;         // of this machine's loopback, where somebody listens
  std::string abstract;           // the abstract name of a socket where somebody listens; without the leading zero byte
  int inherited = -1;             // a descriptor that was open before: the writing end of a pipe
  int parent = 0;                 // a process of the same user
  int listener = -1;              // with Network::accept: the sealed process's own listening socket
};

enum class Verdict : std::uint8_t {
  denied,
  allowed,
  absent,   // this machine has no such thing to try
  unclear,  // it neither worked nor was it refused
};

struct Outcome {
  Verdict verdict = Verdict::unclear;
  std::string how;
};

struct Attempt {
  std::string_view name;
  Outcome (*run)(const Stage&) = nullptr;
  // Never to be tried without the seal: it would send something.
  bool sends = false;
  // The kernel answers by killing, or dumping: the process that waits for it judges.
  enum class Ends : std::uint8_t { returns, killed, dumped } ends = Ends::returns;
};

std::span<const Attempt> network_attempts();
std::span<const Attempt> process_attempts();
std::span<const Attempt> kernel_attempts();
std::span<const Attempt> file_attempts();
std::span<const Attempt> lifting_attempts();

// What a call that returned `result` (or set errno) says: EPERM, EACCES, EXDEV and ENOSYS are refusals, any other error
// means that the kernel had begun with it.
Outcome judged(long result);
// The same of a call that must be there to be tried: ENOENT is "absent".
Outcome judged_if_there(long result);

}  // namespace freehold::seal
