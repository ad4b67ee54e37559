#include "seal/seal.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "seal/denials.h"
#include "seal/landlock.h"
#include "seal/system_calls.h"

namespace freehold::seal {
namespace {

std::atomic<bool> sealed{false};
Status in_force;  // written before `sealed`, and then never again

Unexpected refused(std::string_view what) {
  return fail(Errc::io, fmt::format("{}: {}", what, std::strerror(errno)));
}

int threads() {
  int n = 0;
  std::error_code ec;
  for (std::filesystem::directory_iterator it("/proc/self/task", ec), end; !ec && it != end; it.increment(ec)) ++n;
  return n;
}

// A thread that has been joined may be listed for a moment longer.
bool has_more_threads(int than) {
  for (int tries = 0; threads() > than; ++tries) {
    if (tries == 200) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// ThreadSanitizer has a thread of its own, which no rule need bind.
#if defined(__SANITIZE_THREAD__)
constexpr int kThreads = 2;
#else
constexpr int kThreads = 1;
#endif

// A memory dump would hold everything; a process that cannot be dumped cannot be traced by its user's others either.
Result<> forbid_dumps() {
  const rlimit none = {0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return refused("limit core dumps");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("forbid dumps");
  return {};
}

// Of what root has (or a container gives), only what opens and keeps files.
Result<> drop_capabilities() {
  constexpr std::uint32_t kKept = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH |
                                  1U << CAP_FOWNER | 1U << CAP_FSETID | 1U << CAP_IPC_LOCK;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return refused("read capabilities");
  data[0].effective &= kKept;
  data[0].permitted &= kKept;
  data[0].inheritable = 0;
  data[1] = {};
  if (::syscall(SYS_capset, &header, data) != 0) return refused("drop capabilities");
  return {};
}

bool has_action(std::uint32_t action) {
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

Result<> install_filter(Network network) {
  std::vector<sock_filter> code = make_filter(network, ::getpid());
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  // SPEC_ALLOW: older kernels would slow the process down on the assumption that it runs code of strangers.
  constexpr unsigned long kFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &program) != 0) return refused("system-call filter");
  return {};
}

}  // namespace

bool Kernel::files() const {
  return landlock >= 2;
}
bool Kernel::truncate() const {
  return landlock >= 3;
}
bool Kernel::tcp() const {
  return landlock >= 4;
}
bool Kernel::devices() const {
  return landlock >= 5;
}
bool Kernel::scopes() const {
  return landlock >= 6;
}

Kernel kernel() {
  if (sealed.load(std::memory_order_acquire)) return in_force.by;  // which may not be asked any more
  Kernel k;
#if defined(__x86_64__)
  k.filter = has_action(SECCOMP_RET_KILL_PROCESS) && has_action(SECCOMP_RET_TRAP) && has_action(SECCOMP_RET_ERRNO);
#endif
  k.landlock = landlock_version();
  return k;
}

Status status() {
  return sealed.load(std::memory_order_acquire) ? in_force : Status{};
}

std::string missing(const Kernel& k) {
  if (!k.filter) return "no system-call filter (seccomp): nothing can be sealed";
  if (k.landlock == 0) {
    return "no Landlock (Linux 5.19 with lsm=landlock): files are not kept apart, so this program could read and "
           "write whatever its user can";
  }
  if (!k.files()) {
    return fmt::format(
        "Landlock of version {} cannot let files move between folders, so it is not used (Linux 5.19 can): files are "
        "not kept apart, so this program could read and write whatever its user can",
        k.landlock);
  }
  if (!k.truncate())
    return "Landlock of version 2 does not keep files that may be read from being cut (Linux 6.2 does)";
  return {};
}

void close_inherited() {
  if (::syscall(SYS_close_range, 3U, ~0U, 0U) == 0) return;
  const long most = std::clamp(::sysconf(_SC_OPEN_MAX), 1024L, 65536L);  // Linux before 5.9
  for (int fd = 3; fd < most; ++fd) ::close(fd);
}

Result<> enter(const Policy& policy, const Kernel& offered) {
  if (sealed.load()) return fail(Errc::internal, "this process is sealed already");
  if (!offered.filter) return fail(Errc::unsupported, "this kernel has no system-call filter (seccomp) to seal with");
  if (has_more_threads(kThreads)) return fail(Errc::internal, "sealed after threads were started");
  FH_TRY_VOID(forbid_dumps());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("give up new privileges");
  FH_TRY_VOID(drop_capabilities());
  if (offered.files()) FH_TRY_VOID(restrict_with_landlock(policy, offered.landlock));
  count_denials();
  FH_TRY_VOID(install_filter(policy.network));
  if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
    return fail(Errc::internal, "the system-call filter is not in force");
  in_force = {true, policy.network, offered};
  sealed.store(true, std::memory_order_release);
  return {};
}

}  // namespace freehold::seal
