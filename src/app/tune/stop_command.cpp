// `tune stop`: asks the process that runs to write a checkpoint and end. It is known by the lock that it holds, and is
// spoken to through a file descriptor, so that no other process that got its number meanwhile is meant.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "app/interrupt.h"
#include "app/tune/prepare.h"
#include "app/tune/tune_commands.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

class ProcessHandle {
 public:
  // The C library's header of 2.36 declares these without C linkage, so C++ asks the kernel itself.
  explicit ProcessHandle(int pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~ProcessHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;
  bool good() const { return fd_ >= 0; }
  bool terminate() const { return ::syscall(SYS_pidfd_send_signal, fd_, SIGTERM, nullptr, 0) == 0; }
  bool ended(int milliseconds) const {
    struct pollfd p = {fd_, POLLIN, 0};
    return ::poll(&p, 1, milliseconds) > 0;
  }

 private:
  int fd_;
};

Result<> run_stop(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(const train::RunFolder folder, run_folder_of(arguments, console));
  const std::string where = printable(folder.path().string());
  FH_TRY(const auto state, folder.state());
  if (!state) return fail(Errc::not_found, fmt::format("there is no run in {}", where));
  const auto pid = train::RunLock::holder(folder.path());
  if (!pid) {
    console.note(fmt::format("nobody runs {}: it is {}", where,
                             state->status == train::RunStatus::running ? "killed" : name_of(state->status)));
    return {};
  }
  if (*pid == 0) {
    return fail(Errc::invalid, fmt::format("{} is run by a process that cannot be seen from here (of another user, or "
                                           "in another container): stop it where it runs",
                                           where));
  }
  const ProcessHandle process(*pid);
  // Asked again with the handle in hand: now the number cannot be given to another.
  if (process.good() && train::RunLock::holder(folder.path()) == pid) {
    if (!process.terminate()) {
      return fail(Errc::io, fmt::format("cannot stop process {}: {}", *pid, std::strerror(errno)));
    }
    console.note(fmt::format("process {} writes a checkpoint and ends", *pid));
    constexpr int kLook = 200;
    while (!process.ended(kLook)) {
      if (interrupted()) return fail(Errc::cancelled, "interrupted: the process has been asked to stop, and will");
    }
  }
  FH_TRY(const auto after, folder.state());
  if (!after) return fail(Errc::not_found, fmt::format("there is no run in {} any more", where));
  console.write(fmt::format("{}: {} after step {} of {}\n", where, name_of(after->status), after->step, after->steps));
  return {};
}

}  // namespace

Command tune_stop_command() {
  return {
      .name = "tune stop",
      .summary = "Let a run write a checkpoint and end.",
      .details =
          "Asks the process that runs it, on this machine, and waits until it has ended. freehold tune resume goes on.",
      .positionals = {recipe_positional()},
      .examples = {{"freehold tune stop recipe.yaml", "To use the machine for something else:"}},
      .run = run_stop,
  };
}

}  // namespace freehold::app
