// Attempts to lift the seal from inside.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "seal/attempts/attempt.h"

namespace freehold::seal {
namespace {

template <typename... Values>
Outcome call(long number, Values... values) {
  return judged(::syscall(number, values...));
}

Outcome raised(int which) {
  rlimit limit = {};
  ::getrlimit(static_cast<__rlimit_resource_t>(which), &limit);
  limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
  return judged(::setrlimit(static_cast<__rlimit_resource_t>(which), &limit));
}

// More rules could only take more away; but who may add them could have other calls lie about what they do.
Outcome permissive_filter(const Stage&) {
  sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program = {1, code};
  return call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

constexpr Attempt kAttempts[] = {
    {"allow core dumps again (PR_SET_DUMPABLE)",
     [](const Stage&) { return judged(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }},
    {"raise the size of core dumps (setrlimit)", [](const Stage&) { return raised(RLIMIT_CORE); }},
    {"raise the size of core dumps (prlimit)",
     [](const Stage&) {
       const rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
       return call(SYS_prlimit64, 0, RLIMIT_CORE, &more, nullptr);
     }},
    {"raise the number of files", [](const Stage&) { return raised(RLIMIT_NOFILE); }},
    {"leave a core dump",
     [](const Stage&) -> Outcome {
       std::signal(SIGABRT, SIG_DFL);
       std::abort();
     },
     false, Attempt::Ends::dumped},
    {"another tracer (PR_SET_PTRACER)", [](const Stage& s) { return judged(::prctl(0x59616d61, s.parent, 0, 0, 0)); }},
    {"new privileges again", [](const Stage&) { return judged(::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)); }},
    {"another filter (seccomp)", permissive_filter},
    {"another filter (prctl)",
     [](const Stage&) { return judged(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)); }},
    {"other file rules (Landlock)", [](const Stage&) { return call(SYS_landlock_create_ruleset, nullptr, 0, 1); }},
    {"other file rules (Landlock, restrict)", [](const Stage&) { return call(SYS_landlock_restrict_self, 0, 0); }},
    {"another memory layout (PR_SET_MM)", [](const Stage&) { return judged(::prctl(PR_SET_MM, 0, 0, 0, 0)); }},
    {"other system calls by a dispatcher (prctl)", [](const Stage&) { return judged(::prctl(59, 0, 0, 0, 0)); }},
    {"more capabilities (capset)",
     [](const Stage&) {
       __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
       __user_cap_data_struct data[2] = {{~0U, ~0U, 0}, {~0U, ~0U, 0}};
       return call(SYS_capset, &header, data);
     }},
    {"ambient capabilities (prctl)",
     [](const Stage&) { return judged(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0)); }},
    {"another user (setuid)", [](const Stage&) { return call(SYS_setuid, 0); }},
    {"another user (setresuid)", [](const Stage&) { return call(SYS_setresuid, 0, 0, 0); }},
    {"other groups (setgroups)", [](const Stage&) { return call(SYS_setgroups, 0, nullptr); }},
    {"ignore what the filter says (SIGSYS)",
     [](const Stage&) {
       std::signal(SIGSYS, SIG_IGN);
       return judged(::socket(AF_INET, SOCK_STREAM, 0));
     },
     false, Attempt::Ends::killed},
    {"answer what the filter says oneself (SIGSYS)",
     [](const Stage&) {
       std::signal(SIGSYS, [](int) {});
       // The number of the call is what stays in the register: it must not be taken for a descriptor.
       const int s = ::socket(AF_INET, SOCK_STREAM, 0);
       if (s >= 0 && ::fcntl(s, F_GETFD) >= 0) return judged(s);
       return Outcome{Verdict::denied, "no socket comes of it (filter)"};
     }},
    {"block what the filter says (SIGSYS)",
     [](const Stage&) {
       sigset_t set;
       ::sigemptyset(&set);
       ::sigaddset(&set, SIGSYS);
       ::sigprocmask(SIG_BLOCK, &set, nullptr);
       return judged(::socket(AF_INET, SOCK_STREAM, 0));
     },
     false, Attempt::Ends::killed},
};

}  // namespace

std::span<const Attempt> lifting_attempts() {
  return kAttempts;
}

}  // namespace freehold::seal
