// Between vfork and execve the child has this process's memory: there it makes system calls, and nothing else. (fork
// would copy the page tables of a model.)
#include "sandbox/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace freehold::sandbox {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int kSecret = 3;     // the descriptor
constexpr int kAbove = 10;     // ours are above those of the child
constexpr auto kLook = 100ms;  // how often somebody's wish to stop is looked at

Unexpected refused(std::string_view what) {
  return fail(Errc::io, fmt::format("{}: {}", what, std::strerror(errno)));
}

// Everything that the child needs, ready before it is there.
struct Start {
  const Program* program = nullptr;
  int input = -1, output = -1, secret = -1, errors = -1, ruleset = -1;  // none of them is one of the child's
  pid_t parent = 0;
  sock_fprog filter = {};
};

struct Failure {
  int step = 0;
  int error = 0;
};
constexpr const char* kSteps[] = {"standard input and output", "end with its parent", "limits", "privileges", "signals",
                                  "rules for files",           "system-call filter",  "start"};
enum Step : int { kDescriptors, kParent, kLimits, kPrivileges, kSignals, kFiles, kFilter, kExec };

// Fails a step that has returned something other than 0 or a descriptor.
void must(long result, Step step, const Start& s) {
  if (result >= 0) return;
  const Failure failure = {step, errno};
  if (::write(s.errors, &failure, sizeof failure) < 0) ::_exit(126);
  ::_exit(127);
}

void give_up_privileges(const Start& s) {
  // root would be offered all capabilities by execve; that they are not taken is not enough, since the offer alone
  // gives the program random addresses again. Whoever may not say this is not root, or not in a way that matters.
  (void)::prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), kPrivileges, s);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  must(::syscall(SYS_capset, &header, none), kPrivileges, s);
}

void set_limits(const Limits& limits, const Start& s) {
  // Whoever started us may have less.
  const auto limit = [&](int what, rlim_t most, rlim_t hard_above = 0) {
    rlimit now = {};
    must(::getrlimit(static_cast<__rlimit_resource>(what), &now), kLimits, s);
    const rlimit both = {std::min(most, now.rlim_max), std::min(most + hard_above, now.rlim_max)};
    must(::setrlimit(static_cast<__rlimit_resource>(what), &both), kLimits, s);
  };
  limit(RLIMIT_CPU, limits.cpu_seconds, 1);  // SIGXCPU may be caught; a second later it is over
  limit(RLIMIT_AS, limits.memory);
  limit(RLIMIT_STACK, 16 << 20);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, 64);
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_MSGQUEUE, 0);
  limit(RLIMIT_CORE, 1);  // of 0, a program that collects core dumps would be given one all the same
}

// Handlers would run in memory that is not the child's.
void reset_signals(const Start& s) {
  struct sigaction usual = {};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < 32; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) must(::sigaction(signal, &usual, nullptr), kSignals, s);
  }
  const std::uint64_t none = 0;
  must(::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none), kSignals, s);
}

[[noreturn]] void become(const Start& s) {
  must(::dup2(s.input, STDIN_FILENO), kDescriptors, s);
  must(::dup2(s.output, STDOUT_FILENO), kDescriptors, s);
  must(::dup2(s.output, STDERR_FILENO), kDescriptors, s);
  if (s.secret >= 0) must(::dup2(s.secret, kSecret), kDescriptors, s);
  // What others have left open goes with execve.
  must(::syscall(SYS_close_range, s.secret >= 0 ? kSecret + 1 : kSecret, ~0U, CLOSE_RANGE_CLOEXEC), kDescriptors, s);
  must(::setsid(), kParent, s);
  must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), kParent, s);
  if (::getppid() != s.parent) ::_exit(127);  // it has died before that
  must(::chdir("/"), kParent, s);
  if (const Restrictions* r = s.program->restrictions) {
    // The same addresses each time: what hangs on them (the order of a set of objects) is the same, too.
    must(::personality(ADDR_NO_RANDOMIZE), kPrivileges, s);
    set_limits(r->limits, s);
    give_up_privileges(s);
    reset_signals(s);
    must(::syscall(SYS_landlock_restrict_self, s.ruleset, 0), kFiles, s);
    must(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &s.filter), kFilter, s);
  } else {
    reset_signals(s);
  }
  ::execve(s.program->path, const_cast<char* const*>(s.program->words.data()),
           const_cast<char* const*>(s.program->environment.data()));
  must(-1, kExec, s);
  ::_exit(127);
}

// The child's number, or -1. In a function of its own: the child uses this frame.
[[gnu::noinline]] pid_t start(const Start& s) {
  const pid_t child = ::vfork();
  if (child == 0) become(s);
  return child;
}

Result<Fd> copy_above(int fd) {
  Fd high(::fcntl(fd, F_DUPFD_CLOEXEC, kAbove));
  if (!high) return refused("duplicate a descriptor");
  return high;
}
Result<Fd> above(int fd) {
  const Fd low(fd);
  return copy_above(fd);
}

struct Pipe {
  Fd read, write;
};
Result<Pipe> make_pipe(int flags) {
  int ends[2] = {};
  if (::pipe2(ends, O_CLOEXEC | flags) != 0) return refused("pipe");
  Fd second(ends[1]);
  Pipe pipe;
  FH_TRY(pipe.read, above(ends[0]));
  FH_TRY(pipe.write, above(second.release()));
  return pipe;
}

// The input as a file in memory that nobody can change, so that nobody waits for a reader.
Result<Fd> as_file(std::string_view text) {
  const int made = ::memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (made < 0) return refused("memory for the program");
  FH_TRY(Fd file, above(made));
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(file.get(), text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) return refused("memory for the program");
    at += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0 ||
      ::lseek(file.get(), 0, SEEK_SET) != 0)
    return refused("memory for the program");
  return file;
}

// A child that is running: ended and waited for, whatever happens.
class Running {
 public:
  explicit Running(pid_t child) : child_(child) {}
  ~Running() { wait(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void kill() const {
    if (child_ <= 0) return;
    ::kill(-child_, SIGKILL);  // its group, of which it is the only one
    ::kill(child_, SIGKILL);
  }
  // Kills what has not ended by itself.
  std::pair<int, rusage> wait() {
    if (child_ <= 0) return {};
    if (!ended_) kill();
    int status = 0;
    rusage used = {};
    while (::wait4(child_, &status, __WALL, &used) < 0 && errno == EINTR) {
    }
    child_ = -1;
    return {status, used};
  }
  void ended() { ended_ = true; }

 private:
  pid_t child_;
  bool ended_ = false;
};

// Whether more may come.
bool take(int from, std::string& into, std::size_t most) {
  std::array<char, 16384> some;
  while (into.size() <= most) {
    const ssize_t n = ::read(from, some.data(), some.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    into.append(some.data(), static_cast<std::size_t>(n));
  }
  return true;
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

// Until the child has ended or has to be.
Result<Ended::By> watch_over(int process, int output, const Watch& watch, std::string& text) {
  const auto deadline = Clock::now() + watch.time;
  bool open = true;
  while (true) {
    if (watch.stop != nullptr && *watch.stop) return fail(Errc::cancelled, "interrupted");
    const auto now = Clock::now();
    if (now >= deadline) return Ended::By::time;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    if (watch.stop != nullptr) left = std::min<std::chrono::milliseconds>(left, kLook);
    pollfd of[2] = {{process, POLLIN, 0}, {open ? output : -1, POLLIN, 0}};
    if (::poll(of, 2, static_cast<int>(left.count())) < 0 && errno != EINTR) return refused("wait for a program");
    if (of[1].revents != 0) open = take(output, text, watch.most_output);
    if (text.size() > watch.most_output) return Ended::By::output;
    if (of[0].revents == 0) continue;
    take(output, text, watch.most_output);
    return text.size() > watch.most_output ? Ended::By::output : Ended::By::itself;
  }
}

}  // namespace

Result<Ended> run(const Program& program, const Watch& watch) {
  FH_TRY(const Fd input, as_file(program.input));
  FH_TRY(Pipe output, make_pipe(0));
  FH_TRY(Pipe errors, make_pipe(0));
  Pipe secret;
  if (!program.secret.empty()) {
    FH_TRY(secret, make_pipe(0));
    if (::write(secret.write.get(), program.secret.data(), program.secret.size()) < 0) return refused("pipe");
    secret.write = Fd();
  }
  if (::fcntl(output.read.get(), F_SETFL, O_NONBLOCK) != 0) return refused("pipe");

  Start s{.program = &program,
          .input = input.get(),
          .output = output.write.get(),
          .secret = secret.read.get(),
          .errors = errors.write.get(),
          .parent = ::getpid()};
  Fd ruleset;
  if (program.restrictions != nullptr) {
    FH_TRY(ruleset, copy_above(program.restrictions->ruleset.get()));
    s.ruleset = ruleset.get();
    const auto& filter = program.restrictions->filter;
    s.filter = {static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  }
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = start(s);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) {
    errno = error;
    return refused("another process");
  }
  Running running(child);
  output.write = Fd();
  errors.write = Fd();
  Failure failure;
  if (::read(errors.read.get(), &failure, sizeof failure) == sizeof failure) {
    return fail(Errc::io, fmt::format("{}: {}: {}", program.path, kSteps[failure.step], std::strerror(failure.error)));
  }
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!process) return refused("watch a program");

  Ended ended;
  FH_TRY(ended.by, watch_over(process.get(), output.read.get(), watch, ended.output));
  if (ended.by == Ended::By::itself) running.ended();
  const auto [status, used] = running.wait();
  if (ended.by != Ended::By::itself) return ended;
  if (WIFEXITED(status)) {
    ended.exit_code = WEXITSTATUS(status);
    return ended;
  }
  // SIGXCPU at the limit, SIGKILL a second later where that is ignored.
  const double spent = seconds(used.ru_utime) + seconds(used.ru_stime);
  const bool killed = WTERMSIG(status) == SIGKILL && program.restrictions != nullptr &&
                      spent >= program.restrictions->limits.cpu_seconds;
  if (WTERMSIG(status) == SIGXCPU || killed) ended.by = Ended::By::time;
  return ended;
}

}  // namespace freehold::sandbox
