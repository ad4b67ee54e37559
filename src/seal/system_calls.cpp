// The filter, put together from a table of calls: a chain of comparisons, one or a few for each call. The kernel keeps
// in mind which calls are always allowed, so its length costs nothing for those.
#include "seal/system_calls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>

#include "seal/call_table.h"

namespace freehold::seal {
namespace {

constexpr std::uint32_t kX32 = 0x40000000;
// Flags of open by which something is made, changed or cut; the last is O_TMPFILE without O_DIRECTORY.
constexpr std::uint32_t kChanges = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | 020000000;

// MSG_FASTOPEN (tcp(7)): connects an unconnected socket while it sends, which is no call of connect. A listener that
// was shut down is such a socket.
constexpr std::uint32_t kFastOpen = 0x20000000;

class Program {
 public:
  explicit Program(const FilterOptions& options)
      : network_(options.network),
        process_(static_cast<std::uint32_t>(options.process)),
        refused_(options.counted ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO | EPERM),
        program_(reinterpret_cast<std::uintptr_t>(options.program)) {}

  std::vector<sock_filter> make(std::span<const Row> rows) {
    load(offsetof(seccomp_data, arch));
    unless(AUDIT_ARCH_X86_64, SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1));
    answer(SECCOMP_RET_KILL_PROCESS);
    for (const Row& row : rows) add(row);
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kCalls, 0, 1));
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    answer(refused_);
    return std::move(code_);
  }

 private:
  void load(std::uint32_t offset) { code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
  // An argument's lower half; the upper one of an int means nothing to the kernel.
  void load_low(int argument) { load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument)); }
  void load_high(int argument) { load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument + 4)); }
  void answer(std::uint32_t with) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, with)); }
  void when(std::uint32_t value, std::uint32_t with) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    answer(with);
  }
  void unless(std::uint32_t value, std::uint32_t with) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    answer(with);
  }

  // Allowed if the argument has none of these flags.
  void without(int argument, std::uint32_t flags) {
    load_low(argument);
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 1, 0));
    answer(SECCOMP_RET_ALLOW);
  }

  void add(const Row& row) {
    if (row.rule == Rule::absent) return when(row.number, SECCOMP_RET_ERRNO | ENOSYS);
    if (row.rule == Rule::allow) return when(row.number, SECCOMP_RET_ALLOW);
    const bool socket = row.rule == Rule::accepted || row.rule == Rule::unaddressed || row.rule == Rule::unopened ||
                        row.rule == Rule::options;
    if (socket && network_ == Network::none) return;
    // What follows ends with an answer, so the number is still loaded for the next row.
    const std::size_t jump = code_.size();
    code_.push_back({});
    checks(row);
    const auto skipped = static_cast<std::uint8_t>(code_.size() - jump - 1);
    code_[jump] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, row.number, 0, skipped);
  }

  void checks(const Row& row) {
    switch (row.rule) {
      case Rule::own_process:
        load_low(0);
        when(process_, SECCOMP_RET_ALLOW);
        break;
      case Rule::thread:
        load_low(0);
        when(kThreadFlags, SECCOMP_RET_ALLOW);
        break;
      case Rule::ask_limit:  // prlimit64(process, which, new, old): nothing new
        load_low(0);
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0));
        unless(process_, refused_);
        load_low(2);
        unless(0, refused_);
        load_high(2);
        when(0, SECCOMP_RET_ALLOW);
        break;
      case Rule::first_of:
        load_low(0);
        for (std::uint32_t value : row.values) when(value, SECCOMP_RET_ALLOW);
        break;
      case Rule::second_of:
        load_low(1);
        for (std::uint32_t value : row.values) when(value, SECCOMP_RET_ALLOW);
        break;
      case Rule::accepted:
        answer(SECCOMP_RET_ALLOW);
        return;
      case Rule::unaddressed:  // sendto(socket, data, length, flags, address, …): none
        load_low(4);
        unless(0, refused_);
        load_high(4);
        unless(0, refused_);
        without(3, kFastOpen);
        break;
      case Rule::unopened:  // sendmsg(socket, message, flags)
        without(2, kFastOpen);
        break;
      case Rule::options: {  // setsockopt(socket, level, name, …)
        constexpr std::uint32_t kTcp = 6, kNoDelay = 1, kSocket = 1;
        load_low(1);
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kTcp, 0, 3));
        load_low(2);
        when(kNoDelay, SECCOMP_RET_ALLOW);
        load_low(1);
        unless(kSocket, refused_);
        load_low(2);
        for (std::uint32_t value : row.values) when(value, SECCOMP_RET_ALLOW);
        break;
      }
      case Rule::reads_second:
      case Rule::reads_third:
        without(row.rule == Rule::reads_second ? 1 : 2, kChanges);
        break;
      case Rule::program:
        if (program_ == 0) break;
        load_low(0);
        unless(static_cast<std::uint32_t>(program_), refused_);
        load_high(0);
        when(static_cast<std::uint32_t>(program_ >> 32), SECCOMP_RET_ALLOW);
        break;
      case Rule::allow:
      case Rule::absent:
        return;
    }
    answer(refused_);
  }

  Network network_;
  std::uint32_t process_;
  std::uint32_t refused_;  // the answer
  std::uint64_t program_;  // an address
  std::vector<sock_filter> code_;
};

}  // namespace

std::string call_name(unsigned number) {
  for (const Name& name : refused_names()) {
    if (name.number == number) return std::string(name.text);
  }
  return fmt::format("system call {}", number);
}

std::vector<sock_filter> make_filter(std::span<const Row> rows, const FilterOptions& options) {
  return Program(options).make(rows);
}

std::vector<sock_filter> make_filter(Network network, int process) {
  return make_filter(call_table(), {.network = network, .process = process});
}

}  // namespace freehold::seal
