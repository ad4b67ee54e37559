#include "sandbox/sandbox.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "base/random_id.h"
#include "base/utf8.h"
#include "sandbox/call_table.h"
#include "sandbox/python.h"
#include "seal/landlock.h"
#include "seal/system_calls.h"

namespace freehold::sandbox {
namespace {

namespace fs = std::filesystem;

// Reads the program, runs it, and says a word that the program does not know when it has come to its end: an exit code
// can be had by exit(0). What it needs for that is taken before, since a program may change any module.
constexpr const char* kRunner = R"(
import posix, sys
def read(descriptor):
    parts = []
    while True:
        part = posix.read(descriptor, 65536)
        if not part: return b"".join(parts)
        parts.append(part)
def run(write, leave, flush):
    word = read(3)
    posix.close(3)
    exec(compile(read(0), "program.py", "exec"), {})
    try: flush()
    except BaseException: pass
    write(1, word)
    leave(0)
sys.path[:] = [folder for folder in sys.path if folder]
run(posix.write, posix._exit, sys.stdout.flush)
)";

// Nothing of the user's. The seed of hashes is fixed, so that sets have the same order each time; -I, which would keep
// Python from reading its variables, would also keep it from this one.
constexpr const char* kEnvironment[] = {"LANG=C.UTF-8",     "TZ=UTC",           "PYTHONUTF8=1",
                                        "PYTHONHASHSEED=0", "PYTHONSAFEPATH=1", nullptr};

// Beside what Python says that it needs: libraries that its modules load, and what the C library and OpenSSL look up.
constexpr const char* kSystem[] = {"/lib",
                                   "/lib64",
                                   "/usr/lib",
                                   "/usr/lib64",
                                   "/etc/ld.so.cache",
                                   "/etc/ssl/openssl.cnf",
                                   "/usr/share/zoneinfo",
                                   "/dev/urandom"};

constexpr std::string_view kPasses =
    "import collections, functools, hashlib, itertools, math, re, string, typing\n"
    "assert hashlib.md5(b'').hexdigest().startswith('d41d8cd9')\n";
constexpr std::string_view kFails = "import os\nos._exit(0)\n";
// Passes if nothing that is tried succeeds.
constexpr std::string_view kIsHeld = R"(
import os, signal
def refused(what, *words):
    try: what(*words)
    except OSError: return
    raise SystemExit
refused(os.listdir, "/")
refused(open, "/etc/passwd")
refused(open, "/tmp/freehold-sandbox", "w")
refused(os.mkdir, "/tmp/freehold-sandbox")
refused(os.kill, os.getppid(), 0)
refused(os.fork)
refused(os.execv, "/bin/sh", ["sh", "-c", "true"])
import _socket
refused(_socket.socket)
)";

// A text at an address that nobody can guess: a page anywhere in the lower half of memory, and a place in it.
class HiddenText {
 public:
  static Result<HiddenText> make(const std::string& text) {
    constexpr std::size_t kSize = 2 * std::size_t{4096};
    HiddenText out;
    for (int tries = 0; tries < 100 && text.size() < 4096; ++tries) {
      std::uint64_t draw[2] = {};
      if (::getrandom(draw, sizeof draw, 0) != sizeof draw) break;
      const std::uint64_t page =
          (std::uint64_t{1} << 32) + ((draw[0] % (std::uint64_t{1} << 46)) & ~std::uint64_t{4095});
      void* got = ::mmap(reinterpret_cast<void*>(page), kSize, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      if (got == MAP_FAILED) continue;
      out.page_ = got;
      out.size_ = kSize;
      out.text_ = static_cast<char*>(got) + draw[1] % 4096;
      std::memcpy(out.text_, text.c_str(), text.size() + 1);
      return out;
    }
    return fail(Errc::io, "memory for the name of a program");
  }
  HiddenText() = default;
  HiddenText(HiddenText&& other) noexcept { *this = std::move(other); }
  HiddenText& operator=(HiddenText&& other) noexcept {
    std::swap(page_, other.page_);
    std::swap(size_, other.size_);
    std::swap(text_, other.text_);
    return *this;
  }
  ~HiddenText() {
    if (page_ != nullptr) ::munmap(page_, size_);
  }
  const char* text() const { return text_; }

 private:
  void* page_ = nullptr;
  std::size_t size_ = 0;
  char* text_ = nullptr;
};

Result<> kernel_has(const seal::Kernel& kernel) {
  constexpr std::string_view kNotRun = "programs that models write are not run here: ";
  if (seal::status().sealed) {
    return fail(Errc::unsupported,
                fmt::format("{}this process is sealed, so it can start no other; leave out --sealed", kNotRun));
  }
  if (kernel.filter && kernel.files()) return {};
  return fail(
      Errc::unsupported,
      fmt::format("{}{}", kNotRun,
                  kernel.filter ? "this kernel has no Landlock that keeps files apart (Linux 5.19 with lsm=landlock)"
                                : "this kernel has no system-call filter (seccomp) for x86-64"));
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::time:
      return "time";
    case Verdict::output:
      break;
  }
  return "output";
}

std::optional<Verdict> verdict_from_name(std::string_view name) {
  for (const Verdict verdict : {Verdict::passed, Verdict::failed, Verdict::time, Verdict::output}) {
    if (name == name_of(verdict)) return verdict;
  }
  return std::nullopt;
}

struct Sandbox::State {
  Settings settings;
  Python python;
  HiddenText path;
  Restrictions restrictions;

  Result<> prove() const;
  Result<Ended> start(std::string_view program, std::string_view word, const std::atomic<bool>* stop) const;
};

Sandbox::Sandbox(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sandbox::~Sandbox() = default;
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;

const std::string& Sandbox::version() const {
  return state_->python.version;
}

Result<Ended> Sandbox::State::start(std::string_view program, std::string_view word,
                                    const std::atomic<bool>* stop) const {
  Program of{.path = path.text(),
             .words = {python.program.c_str(), "-s", "-S", "-B", "-c", kRunner, nullptr},
             .environment = {std::begin(kEnvironment), std::end(kEnvironment)},
             .restrictions = &restrictions,
             .input = program,
             .secret = word};
  return sandbox::run(of, {settings.time, settings.most_output, stop});
}

Result<Verdict> Sandbox::run(std::string_view program, const std::atomic<bool>* stop) const {
  const std::string word = random_id();
  FH_TRY(const Ended ended, state_->start(program, word, stop));
  if (ended.by == Ended::By::time) return Verdict::time;
  if (ended.by == Ended::By::output) return Verdict::output;
  return ended.exit_code == 0 && ended.output.ends_with(word) ? Verdict::passed : Verdict::failed;
}

// Before anything of a stranger is run: that what is right passes here, that what is wrong does not, and that it holds.
Result<> Sandbox::State::prove() const {
  const std::string word = random_id();
  const auto passes = [&](std::string_view program) -> Result<bool> {
    FH_TRY(const Ended ended, start(program, word, nullptr));
    if (ended.output.ends_with(word)) return true;
    return ended.exit_code == 1 || ended.exit_code == 0
               ? Result<bool>(false)
               : fail(Errc::unsupported, fmt::format("it does not start there: {}", printable(ended.output, 400)));
  };
  const auto said = [&](Error error) {
    return in_context(std::move(error), fmt::format("{} in the sandbox", printable(python.program)));
  };
  auto right = passes(kPasses);
  if (!right) return said(std::move(right).error());
  if (!*right) return said({Errc::unsupported, "its own library cannot be read there"});
  auto wrong = passes(kFails);
  if (!wrong) return said(std::move(wrong).error());
  auto held = passes(kIsHeld);
  if (!held) return said(std::move(held).error());
  if (*wrong || !*held) return said({Errc::unsupported, "it can do what it must not, so nothing is run there"});
  return {};
}

Result<Sandbox> Sandbox::open(const Settings& settings, const seal::Kernel& offered) {
  FH_TRY_VOID(kernel_has(offered));
  auto state = std::make_unique<State>();
  state->settings = settings;
  FH_TRY(state->python, find_python());
  FH_TRY(state->path, HiddenText::make(state->python.program));
  seal::Policy files;
  files.read.assign(std::begin(kSystem), std::end(kSystem));
  files.read.insert(files.read.end(), state->python.reads.begin(), state->python.reads.end());
  files.run = state->python.runs;
  state->restrictions.limits = settings.limits;
  FH_TRY(state->restrictions.ruleset, seal::make_ruleset(files, offered.landlock));
  state->restrictions.filter = seal::make_filter(call_table(), {.counted = false, .program = state->path.text()});
  FH_TRY_VOID(state->prove());
  return Sandbox(std::move(state));
}

}  // namespace freehold::sandbox
