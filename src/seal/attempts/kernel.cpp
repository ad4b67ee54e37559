// Attempts by parts of the kernel that lead around other rules, or past the filter itself.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "seal/attempts/attempt.h"

namespace freehold::seal {
namespace {

template <typename... Values>
Outcome call(long number, Values... values) {
  return judged(::syscall(number, values...));
}

template <long number>
Outcome bare(const Stage&) {
  return call(number, 0, 0, 0, 0, 0);
}

#if defined(__x86_64__)
// socket(AF_INET, SOCK_STREAM, 0) by the entrance for 32-bit programs, where the numbers are others.
Outcome by_int80(const Stage&) {
  long result = 359;
  asm volatile("int $0x80" : "+a"(result) : "b"(2L), "c"(1L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return {Verdict::allowed, "it worked"};
  errno = static_cast<int>(-result);
  return judged(-1);
}
#endif

constexpr Attempt kAttempts[] = {
#if defined(__x86_64__)
    {"calls of 32-bit programs (int 0x80)", by_int80, false, Attempt::Ends::killed},
#endif
    {"calls of x32 programs", [](const Stage&) { return call(0x40000000 + SYS_socket, 2, 1, 0); }, false,
     Attempt::Ends::killed},
    {"a number that no call has", [](const Stage&) { return call(5000); }},
    {"programs in the kernel (bpf)", bare<SYS_bpf>},
    {"measure other processes (perf_event_open)", bare<SYS_perf_event_open>},
    {"handle one's own page faults (userfaultfd)", bare<SYS_userfaultfd>},
    {"keys in the kernel (keyctl)", bare<SYS_keyctl>},
    {"keys in the kernel (add_key)", bare<SYS_add_key>},
    {"keys in the kernel (request_key)", bare<SYS_request_key>},
    {"file systems (mount)", [](const Stage&) { return judged(::mount("none", "/", "none", MS_BIND, nullptr)); }},
    {"file systems (umount)", [](const Stage& s) { return judged(::umount2((s.outside / "empty").c_str(), 0)); }},
    {"file systems (open_tree)", bare<SYS_open_tree>},
    {"file systems (fsopen)", [](const Stage&) { return call(SYS_fsopen, "none", 0); }},
    {"file systems (move_mount)", bare<SYS_move_mount>},
    {"another root (chroot)", [](const Stage& s) { return judged(::chroot((s.outside / "empty").c_str())); }},
    {"another root (pivot_root)", bare<SYS_pivot_root>},
    {"a file by its number (name_to_handle_at)", bare<SYS_name_to_handle_at>},
    {"a file by its number (open_by_handle_at)", bare<SYS_open_by_handle_at>},
    {"watch files of others (fanotify)", bare<SYS_fanotify_init>},
    {"watch files of others (inotify)", [](const Stage&) { return call(SYS_inotify_init1, 0); }},
    {"modules (init_module)", bare<SYS_init_module>},
    {"modules (finit_module)", [](const Stage&) { return call(SYS_finit_module, -1, "", 0); }},
    {"modules (delete_module)",
     [](const Stage&) { return call(SYS_delete_module, "freehold_no_such_module", O_NONBLOCK); }},
    {"another kernel (kexec_load)", [](const Stage&) { return call(SYS_kexec_load, 0, 1000, 0, 0xFFFF0000); }},
    {"restart (reboot)", bare<SYS_reboot>},
    {"swap to a file (swapon)", [](const Stage&) { return call(SYS_swapon, "/nonexistent", 0); }},
    {"accounts of processes (acct)", [](const Stage&) { return judged(::acct("/nonexistent")); }},
    {"the kernel's messages (syslog)", [](const Stage&) { return call(SYS_syslog, 10, 0, 0); }},
    {"ports of devices (iopl)", [](const Stage&) { return call(SYS_iopl, 3); }},
    {"ports of devices (ioperm)", [](const Stage&) { return call(SYS_ioperm, 0x80, 1, 1); }},
    {"quotas (quotactl)", bare<SYS_quotactl>},
    {"the machine's name", [](const Stage&) { return call(SYS_sethostname, nullptr, -1); }},
    {"the machine's clock", [](const Stage&) { return call(SYS_clock_settime, -1, nullptr); }},
    {"another execution domain (personality)", [](const Stage&) { return call(SYS_personality, 0xFFFFFFFFU); }},
    {"segments (modify_ldt)", [](const Stage&) { return call(SYS_modify_ldt, 0, nullptr, 0); }},
    {"pages into a pipe (vmsplice)", bare<SYS_vmsplice>},
    {"from pipe to pipe (splice)", bare<SYS_splice>},
    {"old asynchronous files (io_setup)", bare<SYS_io_setup>},
    {"type into the terminal (TIOCSTI)", [](const Stage&) { return judged(::ioctl(0, TIOCSTI, "")); }, true},
    {"the console (TIOCLINUX)",
     [](const Stage&) {
       char shift_state = 6;  // pasting, which is 3, would be the leak
       return judged(::ioctl(0, TIOCLINUX, &shift_state));
     }},
};

}  // namespace

std::span<const Attempt> kernel_attempts() {
  return kAttempts;
}

}  // namespace freehold::seal
