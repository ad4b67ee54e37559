#include "app/interrupt.h"

#include <csignal>

namespace freehold::app {
namespace {

std::atomic<bool> flag{false};
std::atomic<bool> asked_to_end{false};
std::atomic<bool> hangup{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int signal) {
  if (signal == SIGTERM) asked_to_end.store(true);
  if (flag.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: a read that waits for the user must return
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void catch_hangups() {
  struct sigaction action = {};
  action.sa_handler = [](int) { hangup.store(true); };
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGHUP, &action, nullptr);
}

bool take_hangup() {
  return hangup.exchange(false);
}

bool interrupted() {
  return flag.load(std::memory_order_relaxed);
}

bool terminated() {
  return asked_to_end.load(std::memory_order_relaxed);
}

void clear_interrupt() {
  flag.store(false);
}

const std::atomic<bool>& interrupt_flag() {
  return flag;
}

}  // namespace freehold::app
