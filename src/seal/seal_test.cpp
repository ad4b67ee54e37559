#include "seal/seal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/file_mode.h"
#include "seal/attempts/stage.h"
#include "seal/attempts/trial.h"
#include "seal/denials.h"
#include "seal/system_calls.h"

namespace freehold::seal {
namespace {

namespace fs = std::filesystem;

class SealTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kernel().filter) GTEST_SKIP() << missing(kernel());
    std::string name = (fs::temp_directory_path() / "freehold-seal-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directories(folder_ / "in");
    fs::create_directories(folder_ / "out");
  }
  void TearDown() override {
    std::error_code ec;
    if (!folder_.empty()) fs::remove_all(folder_, ec);
  }
  Policy policy(Network network = Network::none) const { return {network, {}, {folder_ / "in"}, {}}; }

  // The exit status of `what` in a process of its own; negative: the signal that ended it.
  static int in_child(const std::function<int()>& what) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(what());
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

  fs::path folder_;
};

// What the kernel would say to a call: a filter is a program of loads, comparisons and answers.
std::uint32_t answer(const std::vector<sock_filter>& code, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const sock_filter& i = code[at];
    if (i.code == (BPF_LD | BPF_W | BPF_ABS)) {
      std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
    } else if (i.code == (BPF_JMP | BPF_JEQ | BPF_K)) {
      at += a == i.k ? i.jt : i.jf;
    } else if (i.code == (BPF_JMP | BPF_JGE | BPF_K)) {
      at += a >= i.k ? i.jt : i.jf;
    } else if (i.code == (BPF_JMP | BPF_JSET | BPF_K)) {
      at += (a & i.k) != 0 ? i.jt : i.jf;
    } else if (i.code == (BPF_RET | BPF_K)) {
      return i.k;
    } else {
      ADD_FAILURE() << "an instruction that is not known: " << i.code;
      return 0;
    }
  }
  ADD_FAILURE() << "the program runs past its end";
  return 0;
}

std::uint32_t asked(Network network, long number, std::initializer_list<std::uint64_t> arguments = {}) {
  seccomp_data data = {};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return answer(make_filter(network, 4242), data);
}
std::uint32_t alone(long number, std::initializer_list<std::uint64_t> arguments = {}) {
  return asked(Network::none, number, arguments);
}

TEST(FilterTest, KnowsOneArchitecture) {
  seccomp_data data = {};
  data.nr = SYS_read;
  for (std::uint32_t arch : {std::uint32_t{AUDIT_ARCH_I386}, std::uint32_t{AUDIT_ARCH_AARCH64}, 0U}) {
    data.arch = arch;
    EXPECT_EQ(answer(make_filter(Network::accept, 1), data), SECCOMP_RET_KILL_PROCESS);
  }
  EXPECT_EQ(alone(SYS_read), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(0x40000000L + SYS_read), SECCOMP_RET_KILL_PROCESS);
}

TEST(FilterTest, HasNoSocketsWithoutOne) {
  for (long number : {SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_socketpair, SYS_sendmmsg, SYS_recvmmsg}) {
    EXPECT_EQ(asked(Network::none, number), SECCOMP_RET_TRAP) << number;
    EXPECT_EQ(asked(Network::accept, number), SECCOMP_RET_TRAP) << number;
  }
  for (long number : {SYS_accept, SYS_accept4, SYS_recvfrom, SYS_sendmsg, SYS_shutdown, SYS_getsockname}) {
    EXPECT_EQ(asked(Network::none, number), SECCOMP_RET_TRAP) << number;
    EXPECT_EQ(asked(Network::accept, number), SECCOMP_RET_ALLOW) << number;
  }
}

TEST(FilterTest, LooksAtArguments) {
  const auto accepting = [](long number, std::initializer_list<std::uint64_t> arguments) {
    return asked(Network::accept, number, arguments);
  };
  EXPECT_EQ(accepting(SYS_sendto, {3, 1, 1, 0, 0, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(accepting(SYS_sendto, {3, 1, 1, MSG_NOSIGNAL, 0, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(accepting(SYS_sendto, {3, 1, 1, MSG_NOSIGNAL | MSG_FASTOPEN, 0, 0}), SECCOMP_RET_TRAP);
  EXPECT_EQ(accepting(SYS_sendmsg, {3, 0x1000, MSG_NOSIGNAL, 0, 0, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(accepting(SYS_sendmsg, {3, 0x1000, MSG_FASTOPEN, 0, 0, 0}), SECCOMP_RET_TRAP);
  EXPECT_EQ(accepting(SYS_sendmsg, {3, 0x1000, MSG_NOSIGNAL | MSG_FASTOPEN, 0, 0, 0}), SECCOMP_RET_TRAP);
  EXPECT_EQ(accepting(SYS_sendto, {3, 1, 1, 0, 0x1000, 16}), SECCOMP_RET_TRAP);
  EXPECT_EQ(accepting(SYS_sendto, {3, 1, 1, 0, 0x700000000000, 16}), SECCOMP_RET_TRAP);  // a zero lower half
  EXPECT_EQ(accepting(SYS_setsockopt, {3, 6, 1}), SECCOMP_RET_ALLOW);                    // TCP_NODELAY
  EXPECT_EQ(accepting(SYS_setsockopt, {3, 6, 31}), SECCOMP_RET_TRAP);                    // TCP_ULP
  EXPECT_EQ(accepting(SYS_setsockopt, {3, SOL_SOCKET, SO_KEEPALIVE}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(accepting(SYS_setsockopt, {3, SOL_SOCKET, SO_BINDTODEVICE}), SECCOMP_RET_TRAP);
  EXPECT_EQ(accepting(SYS_setsockopt, {3, 0, 1}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_setsockopt, {3, 6, 1}), SECCOMP_RET_TRAP);

  EXPECT_EQ(alone(SYS_kill, {4242, SIGTERM}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_kill, {1, SIGTERM}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_kill, {0, SIGTERM}), SECCOMP_RET_TRAP);  // a group of processes
  EXPECT_EQ(alone(SYS_tgkill, {4242, 4243, SIGTERM}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_prlimit64, {0, 4, 0, 0x1000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_prlimit64, {4242, 4, 0, 0x1000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_prlimit64, {1, 4, 0, 0x1000}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_prlimit64, {0, 4, 0x1000, 0}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_prlimit64, {0, 4, 0x700000000000, 0}), SECCOMP_RET_TRAP);
  constexpr std::uint64_t kThread = 0x3d0f00;
  EXPECT_EQ(alone(SYS_clone, {kThread}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_clone, {SIGCHLD}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_clone, {kThread | 0x10000000}), SECCOMP_RET_TRAP);  // with users of its own
  EXPECT_EQ(alone(SYS_clone3), SECCOMP_RET_ERRNO | ENOSYS);
  EXPECT_EQ(alone(SYS_ioctl, {0, 0x5401}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_ioctl, {0, 0x5412}), SECCOMP_RET_TRAP);  // TIOCSTI
  EXPECT_EQ(alone(SYS_ioctl, {0, 0x500005412}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_fcntl, {0, F_SETLK}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(alone(SYS_fcntl, {0, F_SETOWN}), SECCOMP_RET_TRAP);
  EXPECT_EQ(alone(SYS_prctl, {4, 1}), SECCOMP_RET_TRAP);  // PR_SET_DUMPABLE
}

// What no table row names must not come through, whatever its number.
TEST(FilterTest, RefusesWhatItDoesNotKnow) {
  std::size_t allowed = 0;
  for (long number = 0; number < 1200; ++number) {
    const std::uint32_t said = alone(number, {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL});
    if (number >= static_cast<long>(kCalls)) {
      EXPECT_EQ(said, SECCOMP_RET_ERRNO | ENOSYS) << number;
    }
    allowed += said == SECCOMP_RET_ALLOW ? 1 : 0;
  }
  EXPECT_LT(allowed, 130U);
  EXPECT_EQ(alone(-1), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(call_name(SYS_socket), "socket");
  EXPECT_EQ(call_name(1), "system call 1");
}

TEST_F(SealTest, EveryAttemptIsDenied) {
  if (!kernel().files()) GTEST_SKIP() << missing(kernel());
  for (Network network : {Network::none, Network::accept}) {
    TrialOptions options;
    options.policy = policy(network);
    options.temporary = folder_ / "out";
    const auto trials = run_trials(options);
    ASSERT_TRUE(trials) << trials.error().what;
    EXPECT_GT(trials->size(), 120U);
    for (const Trial& t : *trials)
      EXPECT_TRUE(t.verdict == Verdict::denied || t.verdict == Verdict::absent)
          << t.group << ", " << t.name << ": " << t.how;
  }
  EXPECT_TRUE(fs::is_empty(folder_ / "out"));
  EXPECT_TRUE(fs::is_empty(folder_ / "in"));
}

// The attempts are real: without the seal those that need no special right get through.
TEST_F(SealTest, TheAttemptsWorkWithoutTheSeal) {
  TrialOptions options;
  options.policy = policy();
  options.temporary = folder_ / "out";
  options.sealed = false;
  const auto trials = run_trials(options);
  ASSERT_TRUE(trials) << trials.error().what;
  std::map<std::string, Verdict> of;
  for (const Trial& t : *trials) of[t.name] = t.verdict;
  for (const char* name : {"socket: IPv4, TCP",
                           "socket: IPv4, UDP",
                           "socket: local (AF_UNIX)",
                           "socket: a connected pair",
                           "socket: from a thread",
                           "connect: another port of this machine",
                           "connect: an abstract local socket",
                           "listen: on a port of one's own",
                           "start a program (execve)",
                           "start a program from memory (memfd_create, fexecve)",
                           "another process (fork)",
                           "signal another process (kill)",
                           "read another process's arguments (/proc)",
                           "a handle of another process (pidfd_open)",
                           "shared memory (shmget)",
                           "watch files of others (inotify)",
                           "read a file outside",
                           "read a file outside (by its own handle)",
                           "read a file outside (by a symbolic link inside)",
                           "read a file outside (by a hard link inside)",
                           "move a file outside inside",
                           "list a folder outside",
                           "make a file outside",
                           "make a file in /tmp",
                           "make a folder outside",
                           "make a hard link outside",
                           "move a file out",
                           "write to a file outside",
                           "cut a file outside (truncate)",
                           "delete a file outside",
                           "delete a folder outside",
                           "rights of a file outside (chmod)",
                           "times of a file outside",
                           "work from a folder outside",
                           "write to what a parent had opened",
                           "open again what a parent had opened",
                           "read the list of users (/etc/passwd)",
                           "another filter (prctl)",
                           "what stood outside, afterwards"}) {
    ASSERT_TRUE(of.contains(name)) << name;
    if (std::string_view(name) == "start a program (execve)" ||
        std::string_view(name) == "start a program from memory (memfd_create, fexecve)" ||
        std::string_view(name) == "another filter (prctl)") {
      EXPECT_EQ(of[name], Verdict::unclear) << name;  // what says so is another program, or is killed, when it works
    } else {
      EXPECT_EQ(of[name], Verdict::allowed) << name;
    }
  }
}

TEST_F(SealTest, WorksInside) {
  ASSERT_TRUE(write_file_atomically(folder_ / "out" / "model", "weights"));
  const int code = in_child([&] {
    Policy p = policy();
    p.read = {folder_ / "out" / "model"};
    p.deposit = {folder_ / "out"};
    if (!enter(p)) return 1;
    if (!status().sealed || status().network != Network::none) return 2;
    if (read_file(folder_ / "out" / "model").value_or("") != "weights") return 3;
    if (!write_file_atomically(folder_ / "in" / "a", "x") || read_file(folder_ / "in" / "a").value_or("") != "x")
      return 4;
    if (!make_directories(folder_ / "in" / "b")) return 5;
    std::error_code ec;
    fs::rename(folder_ / "in" / "a", folder_ / "in" / "b" / "a", ec);
    if (ec) return 6;
    fs::create_hard_link(folder_ / "in" / "b" / "a", folder_ / "in" / "c", ec);
    if (ec) return 7;
    if (!write_file_atomically(folder_ / "out" / "result", "y")) return 8;
    if (kernel().files() && read_file(folder_ / "out" / "result")) return 9;  // left, not read
    if (!set_mode(folder_ / "in" / "c", 0600)) return 10;
    if (std::async(std::launch::async, [] { return 42; }).get() != 42) return 11;
    if (::eventfd(0, EFD_CLOEXEC) < 0 || ::epoll_create1(EPOLL_CLOEXEC) < 0 ||
        ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) < 0)
      return 12;
    for (const Denial& d : take_denials()) ADD_FAILURE() << d.call;
    if (denials() != 0) return 13;
    if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM) return 14;
    std::thread([] { (void)!::socket(AF_INET, SOCK_STREAM, 0); }).join();
    const auto denied = take_denials();
    if (denied.size() != 1 || denied[0].call != "socket" || denied[0].times != 2 || denials() != 2) return 15;
    if (!take_denials().empty()) return 16;
    if (enter(p)) return 17;  // once is enough
    return 0;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(SealTest, AServerAnswers) {
  const int listener = listen_on_loopback();
  ASSERT_GE(listener, 0);
  sockaddr_in at = {};
  socklen_t size = sizeof at;
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::fcntl(listener, F_SETFL, 0);
    if (!enter(policy(Network::accept))) ::_exit(1);
    const int s = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    char byte = 0;
    if (s < 0 || ::recv(s, &byte, 1, 0) != 1 || ::send(s, &byte, 1, MSG_NOSIGNAL) != 1) ::_exit(2);
    ::shutdown(s, SHUT_WR);
    ::_exit(0);
  }
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(s, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  char byte = 'q';
  EXPECT_EQ(::send(s, &byte, 1, MSG_NOSIGNAL), 1);
  byte = 0;
  EXPECT_EQ(::recv(s, &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'q');
  ::close(s);
  ::close(listener);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(SealTest, ClosesWhatAParentLeftOpen) {
  const int fd = ::dup(2);
  EXPECT_EQ(in_child([&] {
              close_inherited();
              return ::fcntl(fd, F_GETFD) == -1 && ::fcntl(2, F_GETFD) != -1 ? 0 : 1;
            }),
            0);
  ::close(fd);
}

TEST_F(SealTest, RefusesToSealThreads) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer does not let a fork start threads";
#endif
  EXPECT_EQ(in_child([&] {
              std::promise<void> done;
              std::thread other([&] { done.get_future().wait(); });
              const auto sealed = enter(policy());
              done.set_value();
              other.join();
              return !sealed && sealed.error().code == Errc::internal ? 0 : 1;
            }),
            0);
}

TEST_F(SealTest, SaysWhatAKernelLacks) {
  EXPECT_EQ(missing({.filter = true, .landlock = 3}), "");
  EXPECT_NE(missing({.filter = true, .landlock = 2}).find("being cut"), std::string::npos);
  EXPECT_NE(missing({.filter = true, .landlock = 1}).find("files are not kept apart"), std::string::npos);
  EXPECT_NE(missing({.filter = true, .landlock = 0}).find("files are not kept apart"), std::string::npos);
  EXPECT_NE(missing({}).find("nothing can be sealed"), std::string::npos);
  EXPECT_EQ(in_child([&] {
              const auto sealed = enter(policy(), {.filter = false, .landlock = 5});
              return !sealed && sealed.error().code == Errc::unsupported && !status().sealed ? 0 : 1;
            }),
            0);
}

// Without Landlock the filter alone holds: no sockets, no programs; files are open, and the status says it.
TEST_F(SealTest, HoldsTheRestWithoutLandlock) {
  ASSERT_TRUE(write_file_atomically(folder_ / "out" / "secret", "x"));
  EXPECT_EQ(in_child([&] {
              if (!enter(policy(), {.filter = true, .landlock = 0})) return 1;
              if (!status().sealed || status().files()) return 2;
              if (!read_file(folder_ / "out" / "secret")) return 3;
              if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || ::fork() >= 0) return 4;
              return 0;
            }),
            0);
  TrialOptions options;
  options.policy = policy();
  options.temporary = folder_ / "out";
  options.offered = {.filter = true, .landlock = 0};
  const auto trials = run_trials(options);
  ASSERT_TRUE(trials) << trials.error().what;
  std::size_t files = 0;
  for (const Trial& t : *trials) {
    // This machine's own name is in a file.
    if ((t.group == "network" && t.name != "name: of this machine") || t.group == "kernel") {
      EXPECT_NE(t.verdict, Verdict::allowed) << t.name;
    }
    files += t.group == "files" && t.verdict == Verdict::allowed ? 1 : 0;
  }
  EXPECT_GT(files, 10U);
}

// Each version of Landlock's interface that this kernel has can be asked for by itself, as an older kernel would offer
// it.
TEST_F(SealTest, WorksWithEveryVersionOfLandlock) {
  ASSERT_TRUE(write_file_atomically(folder_ / "out" / "secret", "x"));
  for (int version = 2; version <= kernel().landlock; ++version) {
    EXPECT_EQ(in_child([&] {
                if (!enter(policy(), {.filter = true, .landlock = version})) return 1;
                if (read_file(folder_ / "out" / "secret")) return 2;
                return write_file_atomically(folder_ / "in" / "a", "x") ? 0 : 3;
              }),
              0)
        << version;
  }
}

}  // namespace
}  // namespace freehold::seal
