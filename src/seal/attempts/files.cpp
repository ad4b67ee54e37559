// Attempts by files: read what is nobody's business here, leave something where others find it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "seal/attempts/attempt.h"

namespace freehold::seal {
namespace {

namespace fs = std::filesystem;

Outcome opened(const fs::path& path, int flags) {
  return judged_if_there(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
}

Outcome at_home(const char* name, int flags) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {Verdict::absent, "HOME is not set"};
  return opened(fs::path(home) / name, flags);
}

std::string secret(const Stage& s) {
  return (s.outside / "secret").string();
}
std::string fresh(const Stage& s, const char* name) {
  return (s.outside / name).string();
}
std::string own(const Stage& s) {
  return (s.inside / "own").string();
}
// A name inside for this process alone.
std::string inside(const Stage& s, const char* name) {
  return (s.inside / fmt::format("{}-{}", name, ::getpid())).string();
}

constexpr Attempt kAttempts[] = {
    {"read a file outside", [](const Stage& s) { return opened(secret(s), O_RDONLY); }},
    {"read a file outside (/proc/self/root)",
     [](const Stage& s) { return opened("/proc/self/root" + secret(s), O_RDONLY); }},
    {"read a file outside (from a folder's handle)",
     [](const Stage& s) {
       const int folder = ::open(s.outside.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
       return judged(::openat(folder, "secret", O_RDONLY | O_CLOEXEC));
     }},
    {"read a file outside (by its own handle)",
     [](const Stage& s) {
       const int handle = ::open(secret(s).c_str(), O_PATH | O_CLOEXEC);
       return judged(::open(fmt::format("/proc/self/fd/{}", handle).c_str(), O_RDONLY | O_CLOEXEC));
     }},
    {"read a file outside (by a symbolic link inside)",
     [](const Stage& s) {
       const std::string link = inside(s, "symbolic");
       if (::symlink(secret(s).c_str(), link.c_str()) != 0) return judged(-1);
       const Outcome outcome = judged(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
       ::unlink(link.c_str());
       return outcome;
     }},
    {"read a file outside (by a hard link inside)",
     [](const Stage& s) {
       const std::string link = inside(s, "hard");
       if (::link(secret(s).c_str(), link.c_str()) != 0) return judged(-1);
       const Outcome outcome = judged(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
       ::unlink(link.c_str());
       return outcome;
     }},
    {"move a file outside inside",
     [](const Stage& s) { return judged(::rename(fresh(s, "victim").c_str(), inside(s, "moved").c_str())); }},
    {"list a folder outside", [](const Stage& s) { return opened(s.outside, O_RDONLY | O_DIRECTORY); }},
    {"read the list of users (/etc/passwd)", [](const Stage&) { return opened("/etc/passwd", O_RDONLY); }},
    {"read the machine's names (/etc/hosts)", [](const Stage&) { return opened("/etc/hosts", O_RDONLY); }},
    {"list the user's folder", [](const Stage&) { return at_home("", O_RDONLY | O_DIRECTORY); }},
    {"list the user's keys (~/.ssh)", [](const Stage&) { return at_home(".ssh", O_RDONLY | O_DIRECTORY); }},
    {"append to the shell's start (~/.bashrc)", [](const Stage&) { return at_home(".bashrc", O_WRONLY | O_APPEND); }},
    {"read the machine's memory (/dev/mem)", [](const Stage&) { return opened("/dev/mem", O_RDONLY); }},
    {"read the machine's memory (/proc/kcore)", [](const Stage&) { return opened("/proc/kcore", O_RDONLY); }},
    {"read the kernel's messages (/dev/kmsg)", [](const Stage&) { return opened("/dev/kmsg", O_RDONLY); }},
    {"write to the kernel's messages (/dev/kmsg)", [](const Stage&) { return opened("/dev/kmsg", O_WRONLY); }},
    {"the terminal (/dev/tty)",
     [](const Stage&) {
       const Outcome outcome = opened("/dev/tty", O_RDWR);
       return outcome.verdict == Verdict::allowed && errno == ENXIO ? Outcome{Verdict::absent, "there is no terminal"}
                                                                    : outcome;
     }},
    {"a terminal of one's own (/dev/ptmx)", [](const Stage&) { return opened("/dev/ptmx", O_RDWR); }},
    {"a virtual machine (/dev/kvm)", [](const Stage&) { return opened("/dev/kvm", O_RDWR); }},
    {"a network device (/dev/net/tun)", [](const Stage&) { return opened("/dev/net/tun", O_RDWR); }},
    {"a file in user space (/dev/fuse)", [](const Stage&) { return opened("/dev/fuse", O_RDWR); }},
    {"kernel settings (/proc/sys)", [](const Stage&) { return opened("/proc/sys/kernel/core_pattern", O_WRONLY); }},
    {"processes of others (/proc)", [](const Stage&) { return opened("/proc", O_RDONLY | O_DIRECTORY); }},
    {"network tables (/proc/net)", [](const Stage&) { return opened("/proc/self/net/tcp", O_RDONLY); }},
    {"make a file outside", [](const Stage& s) { return judged(::creat(fresh(s, "made").c_str(), 0600)); }},
    {"make a file in /tmp",
     [](const Stage&) {
       const std::string path = fmt::format("/tmp/freehold-seal-test-{}", ::getpid());
       const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
       const Outcome outcome = judged(fd);
       if (fd >= 0) ::unlink(path.c_str());
       return outcome;
     }},
    {"make shared memory (/dev/shm)",
     [](const Stage&) {
       const std::string name = fmt::format("/freehold-seal-test-{}", ::getpid());
       const int fd = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
       const Outcome outcome = judged(fd);
       if (fd >= 0) ::shm_unlink(name.c_str());
       return outcome;
     }},
    {"make a file without a name outside",
     [](const Stage& s) { return judged(::open(s.outside.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)); }},
    {"make a folder outside", [](const Stage& s) { return judged(::mkdir(fresh(s, "folder").c_str(), 0700)); }},
    {"make a symbolic link outside",
     [](const Stage& s) { return judged(::symlink("what is to be told", fresh(s, "symbolic").c_str())); }},
    {"make a hard link outside",
     [](const Stage& s) { return judged(::link(own(s).c_str(), fresh(s, "hard").c_str())); }},
    {"move a file out",
     [](const Stage& s) {
       const std::string mine = inside(s, "mine");
       const int fd = ::open(mine.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
       if (fd < 0) return Outcome{Verdict::unclear, "no file could be made inside"};
       ::close(fd);
       const Outcome outcome = judged(::rename(mine.c_str(), fresh(s, "moved").c_str()));
       ::unlink(mine.c_str());
       return outcome;
     }},
    {"make a pipe outside", [](const Stage& s) { return judged(::mkfifo(fresh(s, "pipe").c_str(), 0600)); }},
    {"make a pipe inside", [](const Stage& s) { return judged(::mkfifo(inside(s, "pipe").c_str(), 0600)); }},
    {"make a device inside",
     [](const Stage& s) { return judged(::mknod(inside(s, "device").c_str(), S_IFCHR | 0600, 0x103)); }},
    {"write to a file outside", [](const Stage& s) { return opened(fresh(s, "victim"), O_WRONLY); }},
    {"cut a file outside (O_TRUNC)", [](const Stage& s) { return opened(fresh(s, "victim"), O_RDONLY | O_TRUNC); }},
    {"cut a file outside (truncate)", [](const Stage& s) { return judged(::truncate(fresh(s, "victim").c_str(), 0)); }},
    {"delete a file outside", [](const Stage& s) { return judged(::unlink(fresh(s, "victim").c_str())); }},
    {"delete a folder outside", [](const Stage& s) { return judged(::rmdir(fresh(s, "empty").c_str())); }},
    {"rename a file outside",
     [](const Stage& s) { return judged(::rename(fresh(s, "victim").c_str(), fresh(s, "told").c_str())); }},
    {"rights of a file outside (chmod)",
     [](const Stage& s) { return judged(::chmod(fresh(s, "victim").c_str(), 0604)); }},
    {"rights of a file outside (fchmodat)",
     [](const Stage& s) { return judged(::fchmodat(AT_FDCWD, fresh(s, "victim").c_str(), 0604, 0)); }},
    {"rights of a file outside (a new call)",
     [](const Stage& s) { return judged(::syscall(452, AT_FDCWD, fresh(s, "victim").c_str(), 0604, 0)); }},
    {"owner of a file outside",
     [](const Stage& s) { return judged(::chown(fresh(s, "victim").c_str(), ::getuid(), ::getgid())); }},
    {"times of a file outside",
     [](const Stage& s) {
       const timespec times[2] = {{1, 0}, {1, 0}};
       return judged(::utimensat(AT_FDCWD, fresh(s, "victim").c_str(), times, 0));
     }},
    {"attributes of a file outside",
     [](const Stage& s) { return judged(::setxattr(fresh(s, "victim").c_str(), "user.told", "x", 1, 0)); }},
    {"work from a folder outside", [](const Stage& s) { return judged(::chdir(s.outside.c_str())); }},
    {"write to what a parent had opened",
     [](const Stage& s) {
       const long n = ::write(s.inherited, "x", 1);
       return n < 0 && errno == EBADF ? Outcome{Verdict::denied, "it is closed"} : judged(n);
     }},
    {"open again what a parent had opened",
     [](const Stage& s) {
       const int fd = ::open(fmt::format("/proc/self/fd/{}", s.inherited).c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
       return fd < 0 && errno == ENOENT ? Outcome{Verdict::denied, "it is closed"} : judged(fd);
     }},
};

}  // namespace

std::span<const Attempt> file_attempts() {
  return kAttempts;
}

}  // namespace freehold::seal
