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
#include <cstring>
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
    // What a neighbour's computation looks like to the scheduler; it touches no memory.
    for (;;) asm volatile("");
  }
  BusyProcess process;
  process.pid_ = pid;
  process.pause();
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

Result<std::string> run_self(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::io, fmt::format("make a pipe: {}", std::strerror(errno)));
  std::vector<char*> argv;
  std::string name = "freehold";
  argv.push_back(name.data());
  std::vector<std::string> words = arguments;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become_child(parent);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return fail(Errc::io, fmt::format("start a process: {}", std::strerror(errno)));
  }
  std::string out;
  char piece[4096];
  while (!interrupted()) {
    // In short waits: a signal may come between the look at the flag and the read.
    pollfd waiting = {ends[0], POLLIN, 0};
    if (::poll(&waiting, 1, 200) <= 0) continue;
    const ssize_t n = ::read(ends[0], piece, sizeof(piece));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(piece, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  if (interrupted()) {
    end_child(pid, SIGKILL);
    return fail(Errc::cancelled, "interrupted");
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out;
  return fail(Errc::internal, WIFEXITED(status)
                                  ? fmt::format("a copy of this program ended with code {}", WEXITSTATUS(status))
                                  : fmt::format("a copy of this program was killed by signal {}", WTERMSIG(status)));
}

}  // namespace freehold::app
