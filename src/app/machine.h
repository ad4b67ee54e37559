// What this machine is and how much of it this process may use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace freehold::app {

struct Machine {
  std::string cpu;             // "AMD EPYC 9354 32-Core Processor"; "unknown" if the system does not say
  int cpus_online = 0;         // of the machine
  int cpus_available = 0;      // by the affinity mask
  double cpu_quota = 0;        // CPUs that the control group allows; 0 = no limit
  std::uint64_t l2_bytes = 0;  // of one core; 0 = unknown
  std::uint64_t l3_bytes = 0;  // the largest one
  std::uint64_t memory_total = 0;
  std::uint64_t memory_available = 0;  // see available_memory()
  std::uint64_t swap_total = 0;
  bool memory_limited = false;  // a control group or ulimit allows less than the machine has
  std::string huge_pages;       // "always", "madvise", "never", "unknown"
  std::string system;           // "Linux 6.1.0 x86_64"
  std::string distribution;     // "Debian GNU/Linux 12 (bookworm)"
};

Machine read_machine();

// Bytes that can be allocated without swapping: what the kernel calls available, or what is left of a smaller limit
// (control group, ulimit -v).
std::uint64_t available_memory();

// Free bytes for this user where `path` is, or would be created; nothing if that cannot be found out.
struct DiskSpace {
  std::uint64_t total = 0;
  std::uint64_t available = 0;
};
std::optional<DiskSpace> disk_space(std::filesystem::path path);

}  // namespace freehold::app
