#include "seal/attempts/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "seal/attempts/stage.h"

namespace freehold::seal {
namespace {

constexpr std::chrono::seconds kLongest{20};

struct Group {
  std::string_view name;
  std::span<const Attempt> (*attempts)();
};
constexpr Group kGroups[] = {{"network", network_attempts},
                             {"processes", process_attempts},
                             {"kernel", kernel_attempts},
                             {"files", file_attempts},
                             {"seal", lifting_attempts}};

// In the child. What it says comes through its standard output, since everything else is closed.
[[noreturn]] void act(const Attempt& attempt, const TrialOptions& options, Stage stage, int out) {
  ::dup2(out, STDOUT_FILENO);
  if (options.sealed) {
    close_inherited();
    if (options.policy.network == Network::accept) stage.listener = listen_on_loopback();
    if (auto sealed = enter(options.policy, options.offered); !sealed) {
      const std::string why = "?the seal: " + sealed.error().what;
      (void)!::write(STDOUT_FILENO, why.data(), why.size());
      ::_exit(1);
    }
  }
  const Outcome outcome = attempt.run(stage);
  constexpr std::string_view kMarks = "-+.?";
  const std::string said = kMarks[static_cast<std::size_t>(outcome.verdict)] + outcome.how;
  (void)!::write(STDOUT_FILENO, said.data(), said.size());
  ::_exit(0);
}

// What the child says, until it ends or has taken too long, which ends it.
std::string listen_to(int in, pid_t child) {
  std::string said;
  const auto until = std::chrono::steady_clock::now() + kLongest;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting = {in, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&waiting, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      ::kill(child, SIGKILL);
      return said;
    }
    char part[256];
    const ssize_t n = ::read(in, part, sizeof part);
    if (n <= 0) return said;
    said.append(part, static_cast<std::size_t>(n));
  }
}

Outcome judge(const Attempt& attempt, int status, const std::string& said) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (attempt.ends == Attempt::Ends::dumped) {
      return WCOREDUMP(status) ? Outcome{Verdict::allowed, "a core dump was written"}
                               : Outcome{Verdict::denied, "it died without a core dump"};
    }
    if (signal == SIGSYS) return {Verdict::denied, "the process was killed (filter)"};
    if (attempt.ends == Attempt::Ends::killed && signal == SIGSEGV)
      return {Verdict::absent, "this machine has no such entrance"};
    return {Verdict::unclear, fmt::format("the process died: {}", ::strsignal(signal))};
  }
  if (said.empty()) return {Verdict::unclear, "it did not come to an end"};
  constexpr std::string_view kMarks = "-+.?";
  const std::size_t mark = kMarks.find(said[0]);
  return {mark < kMarks.size() ? static_cast<Verdict>(mark) : Verdict::unclear, said.substr(1)};
}

Result<Outcome> try_one(const Attempt& attempt, const TrialOptions& options, const Stage& stage) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::io, fmt::format("make a pipe: {}", std::strerror(errno)));
  const pid_t child = ::fork();
  if (child < 0) {
    const int error = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return fail(Errc::io, fmt::format("start a process: {}", std::strerror(error)));
  }
  if (child == 0) act(attempt, options, stage, ends[1]);
  ::close(ends[1]);
  const std::string said = listen_to(ends[0], child);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return judge(attempt, status, said);
}

}  // namespace

Result<std::vector<Trial>> run_trials(const TrialOptions& options) {
  FH_TRY(StageKeeper keeper, StageKeeper::make(options.temporary, options.policy.write.at(0)));
  std::vector<Trial> trials;
  const auto add = [&](Trial trial) {
    if (options.report) options.report(trial);
    trials.push_back(std::move(trial));
  };
  for (const Group& group : kGroups) {
    for (const Attempt& attempt : group.attempts()) {
      if (!options.sealed) {
        if (attempt.sends) continue;
        FH_TRY_VOID(keeper.restore());
      }
      FH_TRY(Outcome outcome, try_one(attempt, options, keeper.stage()));
      add({group.name, std::string(attempt.name), outcome.verdict, std::move(outcome.how)});
    }
  }
  std::string reached = keeper.reached();
  add({"outside", "what stood outside, afterwards", reached.empty() ? Verdict::denied : Verdict::allowed,
       reached.empty() ? "nothing was reached or changed" : std::move(reached)});
  return trials;
}

}  // namespace freehold::seal
