// Attempts by other programs and processes: start one, look into one, have one act.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "seal/attempts/attempt.h"

namespace freehold::seal {
namespace {

char* const kNothing[] = {nullptr};

template <typename... Values>
Outcome call(long number, Values... values) {
  return judged(::syscall(number, values...));
}

Outcome open_of_parent(const Stage& stage, const char* file, int flags) {
  return judged_if_there(::open(fmt::format("/proc/{}/{}", stage.parent, file).c_str(), flags | O_CLOEXEC));
}

Outcome parent_memory(const Stage& stage, long number) {
  static char here[16];
  iovec local = {here, sizeof here}, remote = {here, sizeof here};  // a fork has its data at the same place
  return call(number, stage.parent, &local, 1, &remote, 1, 0);
}

Outcome started(pid_t child) {
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return judged(child);
}

constexpr Attempt kAttempts[] = {
    {"start a program (execve)", [](const Stage&) { return judged(::execve("/bin/true", kNothing, kNothing)); }},
    {"start a program (execveat)",
     [](const Stage&) { return call(SYS_execveat, AT_FDCWD, "/bin/true", kNothing, kNothing, 0); }},
    {"start a program from memory (memfd_create, fexecve)",
     [](const Stage&) {
       const int memory = static_cast<int>(::syscall(SYS_memfd_create, "x", 0));
       if (memory < 0) return judged(-1);
       constexpr std::string_view script = "#!/bin/true\n";
       if (::write(memory, script.data(), script.size()) < 0) return judged(-1);
       return judged(::fexecve(memory, kNothing, kNothing));
     }},
    {"start a program (posix_spawn)",
     [](const Stage&) {
       pid_t child = 0;
       errno = ::posix_spawn(&child, "/bin/true", nullptr, nullptr, kNothing, kNothing);
       if (errno != 0) return judged(-1);
       ::waitpid(child, nullptr, 0);
       return judged(0);
     }},
    {"start a shell (system)", [](const Stage&) { return judged(::system("true")); }},
    {"another process (fork)", [](const Stage&) { return started(::fork()); }},
    {"another process (the call fork)", [](const Stage&) { return started(static_cast<pid_t>(::syscall(SYS_fork))); }},
    {"another process (clone3)",
     [](const Stage&) {
       clone_args with = {};
       with.exit_signal = SIGCHLD;
       return started(static_cast<pid_t>(::syscall(SYS_clone3, &with, sizeof with)));
     }},
    {"another process with networks of its own (clone)",
     [](const Stage&) {
       return started(static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0)));
     }},
    {"trace another process (ptrace)", [](const Stage& s) { return judged(::ptrace(PTRACE_SEIZE, s.parent, 0, 0)); }},
    {"be traced (ptrace)", [](const Stage&) { return judged(::ptrace(PTRACE_TRACEME, 0, 0, 0)); }},
    {"read another process's memory", [](const Stage& s) { return parent_memory(s, SYS_process_vm_readv); }},
    {"write another process's memory", [](const Stage& s) { return parent_memory(s, SYS_process_vm_writev); }},
    {"read another process's memory (/proc)", [](const Stage& s) { return open_of_parent(s, "mem", O_RDONLY); }},
    {"write another process's memory (/proc)", [](const Stage& s) { return open_of_parent(s, "mem", O_RDWR); }},
    {"read another process's environment (/proc)",
     [](const Stage& s) { return open_of_parent(s, "environ", O_RDONLY); }},
    {"read another process's arguments (/proc)", [](const Stage& s) { return open_of_parent(s, "cmdline", O_RDONLY); }},
    {"the files of another process (/proc)",
     [](const Stage& s) { return open_of_parent(s, "root/etc/passwd", O_RDONLY); }},
    {"a handle of another process (pidfd_open)", [](const Stage& s) { return call(SYS_pidfd_open, s.parent, 0); }},
    {"a descriptor of another process (pidfd_getfd)", [](const Stage&) { return call(SYS_pidfd_getfd, 0, 0, 0); }},
    {"signal another process (kill)", [](const Stage& s) { return judged(::kill(s.parent, 0)); }},
    {"signal all processes (kill)", [](const Stage&) { return judged(::kill(-1, 0)); }},
    {"signal another process (tgkill)", [](const Stage& s) { return call(SYS_tgkill, s.parent, s.parent, 0); }},
    {"signal with a value (sigqueue)", [](const Stage& s) { return judged(::sigqueue(s.parent, 0, {})); }},
    {"have signals sent to another process (F_SETOWN)",
     [](const Stage& s) { return judged(::fcntl(0, F_SETOWN, s.parent)); }},
    {"compare with another process (kcmp)", [](const Stage& s) { return call(SYS_kcmp, s.parent, s.parent, 0, 0, 0); }},
    {"namespaces of one's own: user (unshare)", [](const Stage&) { return judged(::unshare(CLONE_NEWUSER)); }},
    {"namespaces of one's own: network (unshare)", [](const Stage&) { return judged(::unshare(CLONE_NEWNET)); }},
    {"another namespace (setns)", [](const Stage&) { return judged(::setns(0, CLONE_NEWNET)); }},
    {"shared memory (shmget)", [](const Stage&) { return call(SYS_shmget, 0, 4096, 0600); }},
    {"a message queue (msgget)", [](const Stage&) { return call(SYS_msgget, 0x46726565, 0); }},
    {"a message queue (mq_open)",
     [](const Stage&) { return call(SYS_mq_open, "freehold-seal-test", O_RDWR, 0600, nullptr); }},
    {"a semaphore (semget)", [](const Stage&) { return call(SYS_semget, 0x46726565, 1, 0); }},
};

}  // namespace

std::span<const Attempt> process_attempts() {
  return kAttempts;
}

}  // namespace freehold::seal
