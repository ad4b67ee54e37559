#include "seal/denials.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "seal/system_calls.h"

namespace freehold::seal {
namespace {

constexpr int kBySeccomp = 1;  // SYS_SECCOMP, which is not in every glibc
// The handler may run at any instant in any thread, so it only counts.
std::array<std::atomic<std::uint32_t>, kCalls> counts{};
std::atomic<std::uint64_t> all_counts{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

#if defined(__x86_64__)
void on_refused(int, siginfo_t* info, void* context) {
  if (info->si_code != kBySeccomp) return;
  const auto number = static_cast<std::size_t>(info->si_syscall);
  counts[std::min<std::size_t>(number, kCalls - 1)].fetch_add(1, std::memory_order_relaxed);
  all_counts.fetch_add(1, std::memory_order_relaxed);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
}
#endif

}  // namespace

std::vector<Denial> take_denials() {
  std::vector<Denial> out;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::uint32_t times = counts[i].exchange(0, std::memory_order_relaxed);
    if (times != 0) out.push_back({call_name(static_cast<unsigned>(i)), times});
  }
  return out;
}

std::uint64_t denials() {
  return all_counts.load(std::memory_order_relaxed);
}

void count_denials() {
#if defined(__x86_64__)
  struct sigaction action = {};
  action.sa_sigaction = on_refused;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
  ::sigaction(SIGSYS, &action, nullptr);
#endif
}

}  // namespace freehold::seal
