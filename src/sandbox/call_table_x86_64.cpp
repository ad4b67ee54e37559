#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "sandbox/call_table.h"

namespace freehold::sandbox {
namespace {

using seal::Row;
using seal::Rule;

constexpr std::uint32_t kDescriptorCommands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL};
constexpr std::uint32_t kDeviceCommands[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIOCLEX, FIONCLEX};
constexpr std::uint32_t kProcessorOptions[] = {0x1002};  // ARCH_SET_FS: where a thread's own variables are

constexpr Row kRows[] = {
    // files that are open, or may be read
    {SYS_read},
    {SYS_write},
    {SYS_readv},
    {SYS_writev},
    {SYS_pread64},
    {SYS_lseek},
    {SYS_close},
    {SYS_open, Rule::reads_second},
    {SYS_openat, Rule::reads_third},
    {SYS_openat2, Rule::absent},
    {SYS_fstat},
    {SYS_newfstatat},
    {SYS_stat},
    {SYS_lstat},
    {SYS_statx},
    {SYS_statfs},
    {SYS_fstatfs},
    {SYS_access},
    {SYS_faccessat},
    {SYS_faccessat2},
    {SYS_readlink},
    {SYS_readlinkat},
    {SYS_getdents64},
    {SYS_getcwd},
    {SYS_fadvise64},
    {SYS_dup},
    {SYS_dup2},
    {SYS_dup3},
    {SYS_fcntl, Rule::second_of, kDescriptorCommands},
    {SYS_ioctl, Rule::second_of, kDeviceCommands},
    {SYS_poll},
    {SYS_ppoll},
    {SYS_select},
    {SYS_pselect6},
    // memory
    {SYS_mmap},
    {SYS_munmap},
    {SYS_mprotect},
    {SYS_mremap},
    {SYS_madvise},
    {SYS_brk},
    // time
    {SYS_clock_gettime},
    {SYS_clock_getres},
    {SYS_clock_nanosleep},
    {SYS_nanosleep},
    {SYS_gettimeofday},
    {SYS_time},
    {SYS_times},
    {SYS_setitimer},
    {SYS_alarm},
    // this process
    {SYS_execve, Rule::program},
    {SYS_exit},
    {SYS_exit_group},
    {SYS_clone3, Rule::absent},
    {SYS_arch_prctl, Rule::first_of, kProcessorOptions},
    {SYS_set_tid_address},
    {SYS_set_robust_list},
    {SYS_rseq},
    {SYS_futex},
    {SYS_sched_yield},
    {SYS_sched_getaffinity},
    {SYS_getcpu},
    {SYS_rt_sigaction},
    {SYS_rt_sigprocmask},
    {SYS_rt_sigreturn},
    {SYS_rt_sigpending},
    {SYS_sigaltstack},
    {SYS_restart_syscall},
    {SYS_getpid},
    {SYS_gettid},
    {SYS_getppid},
    {SYS_getpgrp},
    {SYS_getuid},
    {SYS_geteuid},
    {SYS_getgid},
    {SYS_getegid},
    {SYS_uname},
    {SYS_sysinfo},
    {SYS_getrusage},
    {SYS_getrlimit},
    {SYS_prlimit64, Rule::ask_limit},
    {SYS_getrandom},
};

}  // namespace

std::span<const Row> call_table() {
  return kRows;
}

}  // namespace freehold::sandbox
