#include "app/machine.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/thread_pool.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// Files of /proc and /sys have no size, so they are read as streams. Empty if there is none.
std::string slurp(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string first_line(const fs::path& path) {
  std::string text = slurp(path);
  return text.substr(0, text.find('\n'));
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::size_t start = text.find_first_of("0123456789");
  if (start == std::string_view::npos) return std::nullopt;
  std::uint64_t n = 0;
  auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), n);
  return error == std::errc() ? std::optional(n) : std::nullopt;
}

// The number after "key" at the beginning of a line.
std::uint64_t field(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return number_at(std::string_view(line).substr(key.size())).value_or(0);
  }
  return 0;
}

std::string text_field(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    std::string value = line.substr(key.size());
    std::size_t start = value.find_first_not_of(" \t:=\"");
    if (start == std::string::npos) return "";
    value = value.substr(start);
    while (!value.empty() && value.back() == '"') value.pop_back();
    return value;
  }
  return "";
}

// What is left of the tightest limit between our control group and the root (version 2).
std::uint64_t left_in_control_group() {
  std::string own = slurp("/proc/self/cgroup");
  std::size_t at = own.find("0::");
  if (at == std::string::npos) return kNoLimit;
  fs::path root = "/sys/fs/cgroup";
  fs::path group = root / fs::path(own.substr(at + 3, own.find('\n', at) - at - 3)).relative_path();
  std::uint64_t left = kNoLimit;
  for (int depth = 0; depth < 32; ++depth) {
    auto most = number_at(first_line(group / "memory.max"));
    if (most) {
      std::uint64_t used = number_at(first_line(group / "memory.current")).value_or(0);
      std::uint64_t cached = field(slurp(group / "memory.stat"), "inactive_file ");  // the kernel drops these first
      used -= std::min(used, cached);
      left = std::min(left, *most - std::min(*most, used));
    }
    if (group == root || !group.has_relative_path()) break;
    group = group.parent_path();
  }
  return left;
}

double control_group_cpus() {
  std::string text = first_line("/sys/fs/cgroup/cpu.max");
  auto quota = number_at(text);
  std::size_t space = text.find(' ');
  if (text.starts_with("max") || !quota || space == std::string::npos) return 0;
  auto period = number_at(std::string_view(text).substr(space));
  return period && *period > 0 ? static_cast<double>(*quota) / static_cast<double>(*period) : 0;
}

std::uint64_t left_of_address_space() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  std::uint64_t pages = number_at(first_line("/proc/self/statm")).value_or(0);
  std::uint64_t used = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return limit.rlim_cur - std::min<std::uint64_t>(limit.rlim_cur, used);
}

std::uint64_t kernel_available() {
  return field(slurp("/proc/meminfo"), "MemAvailable:") * 1024;
}

std::uint64_t cache_size(int index) {
  std::string text = first_line(fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/size", index));
  auto n = number_at(text);
  if (!n) return 0;
  return *n * (text.ends_with('M') ? 1024 * 1024 : text.ends_with('K') ? 1024 : 1);
}

std::string huge_page_mode() {
  std::string text = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
  std::size_t open = text.find('['), close = text.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "unknown";
  return text.substr(open + 1, close - open - 1);
}

}  // namespace

std::uint64_t available_memory() {
  std::uint64_t kernel = kernel_available();
  if (kernel == 0) kernel = kNoLimit;  // a system that does not say
  return std::min({kernel, left_in_control_group(), left_of_address_space()});
}

Machine read_machine() {
  Machine m;
  std::string cpuinfo = slurp("/proc/cpuinfo");
  m.cpu = text_field(cpuinfo, "model name");
  if (m.cpu.empty()) m.cpu = "unknown";
  m.cpus_online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  m.cpus_available = available_cpus();
  m.cpu_quota = control_group_cpus();
  m.l2_bytes = cache_size(2);
  m.l3_bytes = cache_size(3);
  std::string memory = slurp("/proc/meminfo");
  m.memory_total = field(memory, "MemTotal:") * 1024;
  m.swap_total = field(memory, "SwapTotal:") * 1024;
  m.memory_available = available_memory();
  m.memory_limited = std::min(left_in_control_group(), left_of_address_space()) < kernel_available();
  m.huge_pages = huge_page_mode();
  utsname name = {};
  if (::uname(&name) == 0) m.system = fmt::format("{} {} {}", name.sysname, name.release, name.machine);
  m.distribution = text_field(slurp("/etc/os-release"), "PRETTY_NAME");
  return m;
}

std::optional<DiskSpace> disk_space(fs::path path) {
  struct statvfs info = {};
  for (int depth = 0; depth < 64; ++depth) {
    if (::statvfs(path.c_str(), &info) == 0) {
      return DiskSpace{std::uint64_t{info.f_blocks} * info.f_frsize, std::uint64_t{info.f_bavail} * info.f_frsize};
    }
    if (!path.has_relative_path()) break;
    path = path.parent_path();
  }
  return std::nullopt;
}

}  // namespace freehold::app
