#include "app/bench_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include "app/interrupt.h"

namespace freehold::app {
namespace {

// In the child, between fork and what it is for: only what a signal handler might call.
void become_child(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before we asked
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void end_child(pid_t pid, int signal) {
  ::kill(pid, signal);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<BusyProcess> BusyProcess::start() {
  cpu_set_t allowed, last;
  CPU_ZERO(&allowed);
  CPU_ZERO(&last);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    return fail(Errc::io, fmt::format("read the CPUs of this process: {}", std::strerror(errno)));
  }
  for (int i = CPU_SETSIZE - 1; i >= 0; --i) {
    if (CPU_ISSET(i, &allowed)) {
      CPU_SET(i, &last);
      break;
    }
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::io, fmt::format("start a process: {}", std::strerror(errno)));
  if (pid == 0) {
    become_child(parent);
    ::sched_setaffinity(0, sizeof(last), &last);
    ::raise(SIGSTOP);
    // What a neighbour's computation looks like to the scheduler; it touches no memory.
    for (;;) asm volatile("");
  }
  // It stops by itself, once it has asked to end with this process: stopped before, it would never ask.
  int status = 0;
  while (::waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR) {
  }
  if (!WIFSTOPPED(status)) return fail(Errc::io, "the busy process ended before it began");
  BusyProcess process;
  process.pid_ = pid;
  return process;
}

BusyProcess::BusyProcess(BusyProcess&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}

BusyProcess::~BusyProcess() {
  if (pid_ > 0) end_child(pid_, SIGKILL);
}

void BusyProcess::resume() const {
  ::kill(pid_, SIGCONT);
}

void BusyProcess::pause() const {
  ::kill(pid_, SIGSTOP);
}

namespace {

// A copy of this program whose standard output is read from `out`.
struct Copy {
  pid_t pid = 0;
  int out = -1;
};

// `home`: its $FREEHOLD_HOME, unless empty.
Result<Copy> start_self(const std::vector<std::string>& arguments, const std::string& home) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::io, fmt::format("make a pipe: {}", std::strerror(errno)));
  std::vector<char*> argv, environment;
  std::string name = "freehold", variable = "FREEHOLD_HOME=" + home;
  argv.push_back(name.data());
  std::vector<std::string> words = arguments;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (home.empty() || !std::string_view(*entry).starts_with("FREEHOLD_HOME=")) environment.push_back(*entry);
  }
  if (!home.empty()) environment.push_back(variable.data());
  environment.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become_child(parent);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execve("/proc/self/exe", argv.data(), environment.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return fail(Errc::io, fmt::format("start a process: {}", std::strerror(errno)));
  }
  return Copy{pid, ends[0]};
}

// What comes until the end, or until `enough`; stops early at an interrupt.
std::string read_until(int from, const std::function<bool(std::string_view)>& enough) {
  std::string out;
  char piece[4096];
  while (!interrupted() && !enough(out)) {
    // In short waits: a signal may come between the look at the flag and the read.
    pollfd waiting = {from, POLLIN, 0};
    if (::poll(&waiting, 1, 200) <= 0) continue;
    const ssize_t n = ::read(from, piece, sizeof(piece));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(piece, static_cast<std::size_t>(n));
  }
  return out;
}

Error ended_with(int status) {
  return {Errc::internal, WIFEXITED(status)
                              ? fmt::format("a copy of this program ended with code {}", WEXITSTATUS(status))
                              : fmt::format("a copy of this program was killed by signal {}", WTERMSIG(status))};
}

}  // namespace

Result<std::string> run_self(const std::vector<std::string>& arguments) {
  FH_TRY(const Copy copy, start_self(arguments, {}));
  std::string out = read_until(copy.out, [](std::string_view) { return false; });
  ::close(copy.out);
  if (interrupted()) {
    end_child(copy.pid, SIGKILL);
    return fail(Errc::cancelled, "interrupted");
  }
  int status = 0;
  while (::waitpid(copy.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out;
  return tl::unexpected(ended_with(status));
}

Result<ServerProcess> ServerProcess::start(const std::vector<std::string>& arguments, const std::string& home) {
  std::vector<std::string> words = {"serve", "--port", "0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  FH_TRY(const Copy copy, start_self(words, home));
  ServerProcess server;
  server.pid_ = copy.pid;
  server.out_ = copy.out;
  const std::string line =
      read_until(copy.out, [](std::string_view out) { return out.find('\n') != std::string_view::npos; });
  if (interrupted()) return fail(Errc::cancelled, "interrupted");
  const std::size_t at = line.find("://127.0.0.1:");
  if (at == std::string::npos) {
    int status = 0;
    while (::waitpid(std::exchange(server.pid_, 0), &status, 0) < 0 && errno == EINTR) {
    }
    return tl::unexpected(ended_with(status));
  }
  server.port_ = static_cast<std::uint16_t>(std::strtoul(line.c_str() + at + 13, nullptr, 10));
  return server;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), out_(std::exchange(other.out_, -1)), port_(other.port_) {}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) end_child(pid_, SIGKILL);
  if (out_ >= 0) ::close(out_);
}

}  // namespace freehold::app
