// Programs that try to get out, to stay, or to take more than they may: each ends as failed within its limit, and
// nothing of it is left.
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "sandbox/call_table.h"
#include "sandbox/python.h"

namespace freehold::sandbox {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// "S 4242 …": the state of a process and its parent; empty if there is none.
std::string state_of(const std::string& process) {
  std::ifstream stat("/proc/" + process + "/stat");
  const std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  const std::size_t end = text.rfind(") ");
  return end == std::string::npos ? "" : text.substr(end + 2);
}

// Processes that this one has started and not waited for.
std::vector<std::string> children_of(pid_t parent) {
  std::vector<std::string> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/proc", ec)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string state = state_of(name);
    if (state.size() > 2 && std::atoi(state.c_str() + 2) == parent) out.push_back(name);
  }
  return out;
}

std::size_t open_descriptors() {
  std::size_t n = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) n += entry.exists() ? 1 : 0;
  return n;
}

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer lets no page lie at an address of our choice";
#endif
    const seal::Kernel kernel = seal::kernel();
    if (!kernel.filter || !kernel.files()) GTEST_SKIP() << seal::missing(kernel);
    if (auto python = find_python(); !python && python.error().code == Errc::not_found)
      GTEST_SKIP() << python.error().what;
    ::setenv("FREEHOLD_SANDBOX_TEST", "secret", 1);
    auto opened = Sandbox::open({.limits = {.cpu_seconds = 60}, .time = 200s});
    ASSERT_TRUE(opened) << opened.error().what;
    sandbox_.emplace(std::move(*opened));
    ASSERT_TRUE(write_file_atomically(folder_.path() / "file", "untouched"));
    descriptors_ = open_descriptors();
  }
  void TearDown() override {
    if (!sandbox_) return;
    EXPECT_TRUE(children_of(::getpid()).empty());
    EXPECT_EQ(open_descriptors(), descriptors_);
    EXPECT_EQ(read_file(folder_.path() / "file").value_or("gone"), "untouched");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
  }
  Verdict run(std::string_view program) const {
    return run_in(*sandbox_, program);
  }
  static Verdict run_in(const Sandbox& sandbox, std::string_view program) {
    const auto verdict = sandbox.run(program);
    EXPECT_TRUE(verdict) << verdict.error().what;
    return verdict.value_or(Verdict::output);
  }
  // `rest` behind definitions: refused(…) raises nothing if the call fails with PermissionError, and else ends the
  // program.
  Verdict refused(std::string_view rest) const {
    return run(R"(
import errno, os, sys
def refused(what, *words, **more):
    try: what(*words, **more)
    except OSError as e:
        if e.errno == errno.EPERM or e.errno == errno.EACCES: return
        print(what, words, e)
    raise AssertionError((what, words))
)" + std::string(rest));
  }
  std::string path() const {
    return folder_.path().string();
  }

  TemporaryFolder folder_;
  std::optional<Sandbox> sandbox_;
  std::size_t descriptors_ = 0;
};

TEST_F(SandboxTest, WhatRunsToItsEndPassesAndNothingElse) {
  for (const char* right : {"", "print('x')", "assert 1 + 1 == 2", "import sys\nsys.stdout = None",
                            "import os\nos.write = os._exit = None\nclass int: pass",
                            "import dataclasses, random, datetime, decimal, fractions, heapq, json, statistics",
                            "class A: pass\nassert __name__ != '__main__'"}) {
    EXPECT_EQ(run(right), Verdict::passed) << right;
  }
  for (const char* wrong :
       {"assert False", "1 / 0", "def f(:", "\x01", "exit(0)", "import sys\nsys.exit()", "import os\nos._exit(0)",
        "raise SystemExit", "raise KeyboardInterrupt", "input()", "import os\nos.close(1)",
        "import numpy_that_is_not_there", "import os\nos.abort()", "import ctypes\nctypes.string_at(0)"}) {
    EXPECT_NE(run(wrong), Verdict::passed) << wrong;
  }
  EXPECT_EQ(run(std::string_view("x = 1\0", 6)), Verdict::failed);
  EXPECT_EQ(run("x = '" + std::string(3 << 20, 'x') + "'\nassert len(x) == 3 << 20"), Verdict::passed);
}

// A call that has no row is tried with nothing in its arguments: what refuses it comes before what it does.
TEST_F(SandboxTest, RefusesEveryCallThatIsNotInTheTable) {
  std::string numbers = "335, 336, ";  // of the kernel's own probes: SIGILL for everybody else, before any filter
  for (const seal::Row& row : call_table()) numbers += fmt::format("{},", row.number);
  EXPECT_EQ(run(fmt::format(R"(
import ctypes
call = ctypes.CDLL(None, use_errno=True).syscall
for number in set(range(512)) - {{{}}}:
    ctypes.set_errno(0)
    assert call(ctypes.c_long(number), 0, 0, 0, 0, 0, 0) == -1, number
    assert ctypes.get_errno() in (1, 38), (number, ctypes.get_errno())
)",
                            numbers)),
            Verdict::passed);
}

TEST_F(SandboxTest, LooksAtArguments) {
  EXPECT_EQ(run(R"(
import ctypes
call = ctypes.CDLL(None, use_errno=True).syscall
def refused(*words):
    ctypes.set_errno(0)
    assert call(*[w if isinstance(w, bytes) else ctypes.c_long(w) for w in words]) == -1, words
    assert ctypes.get_errno() in (1, 38), (words, ctypes.get_errno())
refused(56, 17, 0, 0, 0, 0)           # clone of a process
refused(56, 0x3d0f00, 0, 0, 0, 0)     # of a thread
refused(435, 0, 0)                    # clone3
refused(59, b"/bin/sh", 0, 0)         # execve
refused(59, 0, 0, 0)
refused(257, -100, b"/dev/null", 1)   # openat for writing
refused(257, -100, b"/dev/null", 2)
refused(257, -100, b"/dev/null", 0o100)
refused(257, -100, b"/dev/null", 0o1000)
refused(257, -100, b"/tmp", 0o20200000)  # O_TMPFILE
refused(2, b"/dev/null", 1)           # open
refused(437, -100, b"/dev/null", 0, 0)  # openat2
refused(72, 0, 8, 1)                  # F_SETOWN: signals to somebody
refused(72, 1, 1031, 1 << 20)         # F_SETPIPE_SZ
refused(16, 0, 0x5412, b"x")          # TIOCSTI
refused(302, 0, 7, b"x" * 16, 0)      # a new limit
refused(158, 0x1003, 0)               # arch_prctl, not ARCH_SET_FS
)"),
            Verdict::passed);
}

TEST_F(SandboxTest, HasNoSocketOfAnyFamily) {
  EXPECT_EQ(refused("import _socket\nfor family in range(48):\n  for kind in range(1, 11):\n"
                    "    refused(_socket.socket, family, kind)\nrefused(_socket.socketpair)\n"),
            Verdict::passed);
  EXPECT_EQ(run("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1')"), Verdict::failed);
}

TEST_F(SandboxTest, ReadsNothingOfTheUsers) {
  const std::string home = std::getenv("HOME") == nullptr ? "/root" : std::getenv("HOME");
  EXPECT_EQ(refused(fmt::format(
                "import glob\nfor file in ('/etc/passwd', '{0}/file', '/proc/self/environ', '/proc/self/maps', "
                "f'/proc/{{os.getppid()}}/mem', f'/proc/{{os.getppid()}}/environ', '/proc/self/status'):\n"
                "  refused(open, file)\n"
                "for folder in ('/', '/home', '/etc', '/proc', '/tmp', '{0}', '{1}', '.'):\n"
                "  refused(os.listdir, folder)\nassert not glob.glob('/*') and not glob.glob('{0}/*')\n",
                path(), home)),
            Verdict::passed);
  EXPECT_EQ(
      run("import os\nassert sorted(os.environ) == ['LANG', 'PYTHONHASHSEED', 'PYTHONSAFEPATH', 'PYTHONUTF8', 'TZ'], "
          "os.environ"),
      Verdict::passed);
}

TEST_F(SandboxTest, WritesAndMakesNothing) {
  EXPECT_EQ(refused(fmt::format(
                "folder = '{}'\nfile = folder + '/file'\n"
                "refused(open, file, 'w'), refused(open, file, 'a'), refused(open, folder + '/new', 'x')\n"
                "refused(os.open, file, os.O_RDONLY | os.O_TRUNC), refused(os.open, folder, os.O_TMPFILE | 2)\n"
                "refused(os.unlink, file), refused(os.rename, file, file + '2'), refused(os.mkdir, file + 'd')\n"
                "refused(os.link, file, file + '2'), refused(os.symlink, file, file + '2')\n"
                "refused(os.chmod, file, 0), refused(os.utime, file), refused(os.truncate, file, 0)\n"
                "refused(os.mkfifo, file + 'p'), refused(os.chdir, folder), refused(os.chroot, folder)\n",
                path())),
            Verdict::passed);
  EXPECT_EQ(run("with open('/tmp/freehold-large', 'wb') as f:\n  for i in range(10 << 10): f.write(bytes(1 << 20))"),
            Verdict::failed);
  EXPECT_FALSE(fs::exists("/tmp/freehold-large"));
  // The text of the program lies in a file, too.
  EXPECT_EQ(run("import os\ntry: os.write(0, b'x')\nexcept OSError: pass\nelse: raise SystemExit\n"
                "try: os.open('/proc/self/fd/0', os.O_RDWR)\nexcept OSError: pass\nelse: raise SystemExit"),
            Verdict::passed);
}

TEST_F(SandboxTest, StartsNoProcessAndNoThread) {
  // posix_spawn is another call here: the C library asks for clone3, then for vfork's flags.
  EXPECT_EQ(
      refused(
          "refused(os.fork), refused(os.execv, '/bin/sh', ['sh']), refused(os.posix_spawn, '/bin/true', ['true'], {})\n"
          "refused(os.execv, sys.executable, [sys.executable])\n"
          "import subprocess\nrefused(subprocess.run, ['true'])\n"
          "import pty\ntry: pty.fork()\nexcept OSError: pass\nelse: raise SystemExit\n"),
      Verdict::passed);
  for (const std::string& program :
       {std::string("import os\nwhile True: os.fork()"),
        fmt::format("import os\nif os.system('touch {}/new') != 0: raise SystemExit", path()),
        std::string("import threading\nthreading.Thread(target=print).start()"),
        std::string(
            "import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    while True: pass\nos._exit(0)")}) {
    EXPECT_EQ(run(program), Verdict::failed) << program;
  }
}

TEST_F(SandboxTest, ReachesNoOtherProcess) {
  EXPECT_EQ(
      refused("import signal\nparent = os.getppid()\n"
              "for other in (parent, -1, 0, 1, -parent):\n  refused(os.kill, other, signal.SIGKILL)\n"
              "refused(os.killpg, 0, 9), refused(os.setsid), refused(os.setpgid, 0, parent), refused(os.setuid, 0)\n"
              "refused(os.setpriority, os.PRIO_PROCESS, parent, 0), refused(os.sched_setaffinity, parent, {0})\n"
              "refused(os.pidfd_open, parent), refused(os.getsid, parent)\n"),
      Verdict::passed);
}

TEST_F(SandboxTest, InheritsNoDescriptor) {
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);  // as a careless library opens them
  EXPECT_EQ(
      run("import os\nfor d in range(3, 4096):\n  try: os.fstat(d)\n  except OSError: continue\n  raise SystemExit"),
      Verdict::passed);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(SandboxTest, EndsAtTheProcessorsTime) {
  auto brief = Sandbox::open({.limits = {.cpu_seconds = 1}, .time = 200s});
  ASSERT_TRUE(brief) << brief.error().what;
  EXPECT_EQ(run_in(*brief, "while True: pass"), Verdict::time);
  EXPECT_EQ(run_in(*brief,
                   "import signal\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, "
                   "ValueError): pass\n"
                   "while True: pass"),
            Verdict::time);
  EXPECT_EQ(run_in(*brief,
                   "import resource\nassert resource.getrlimit(resource.RLIMIT_CPU)[1] <= 3\n"
                   "resource.setrlimit(resource.RLIMIT_CPU, (1 << 30, 1 << 30))"),
            Verdict::failed);
  EXPECT_EQ(run_in(*brief, "9 ** 9 ** 9"), Verdict::time);
  EXPECT_NE(run_in(*brief, "import sys\nsys.setrecursionlimit(1 << 30)\ndef f(x): return [f(x)]\nf(0)"),
            Verdict::passed);
}

TEST_F(SandboxTest, EndsAtTheClock) {
  auto impatient = Sandbox::open({.limits = {.cpu_seconds = 60}, .time = 1500ms});
  ASSERT_TRUE(impatient) << impatient.error().what;
  EXPECT_EQ(run_in(*impatient, "import time\ntime.sleep(1000)"), Verdict::time);
  EXPECT_EQ(run_in(*impatient, "import os, time\nos.close(0), os.close(1), os.close(2)\ntime.sleep(1000)"),
            Verdict::time);
  EXPECT_EQ(run("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.sigwait([signal.SIGTERM])"),
            Verdict::failed);  // a call that is not there
}

TEST_F(SandboxTest, EndsWhenAsked) {
  std::atomic<bool> stop{false};
  std::thread later([&] {
    std::this_thread::sleep_for(200ms);
    stop = true;
  });
  const auto verdict = sandbox_->run("import time\ntime.sleep(1000)", &stop);
  later.join();
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, Errc::cancelled);
}

TEST_F(SandboxTest, HasAGibibyteOfMemory) {
  EXPECT_EQ(run("x = bytearray(1 << 28)"), Verdict::passed);
  EXPECT_EQ(run("x = bytearray(10 << 30)"), Verdict::failed);
  EXPECT_EQ(run("import mmap\nmmap.mmap(-1, 10 << 30)"), Verdict::failed);
  EXPECT_EQ(run("x = []\nwhile True: x.append(bytearray(1 << 24))"), Verdict::failed);
}

TEST_F(SandboxTest, EndsWhenItWritesTooMuch) {
  EXPECT_EQ(run("print('x' * 1000)"), Verdict::passed);
  EXPECT_EQ(run("import os\nfor i in range(1 << 14): os.write(1 + i % 2, bytes(1 << 16))"), Verdict::output);
}

// What is asked of hashes and addresses gives the same answer each time.
TEST_F(SandboxTest, JudgesTheSameEachTime) {
  for (int bit = 0; bit < 6; ++bit) {
    const std::string program = fmt::format("assert (hash('freehold') ^ id(object()) >> 12) >> {} & 1", bit);
    EXPECT_EQ(run(program), run(program)) << bit;
  }
}

TEST_F(SandboxTest, RunsManyAtATime) {
  std::vector<std::thread> threads;
  std::array<Verdict, 24> verdicts{};
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < verdicts.size(); i += 4)
        verdicts[i] = run(i % 3 == 0   ? "import math\nassert math.gcd(12, 18) == 6"
                          : i % 3 == 1 ? "assert False"
                                       : "exit(0)");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    EXPECT_EQ(verdicts[i], i % 3 == 0 ? Verdict::passed : Verdict::failed) << i;
}

TEST_F(SandboxTest, DiesWithItsParent) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    (void)sandbox_->run("import time\ntime.sleep(1000)");
    ::_exit(0);
  }
  std::vector<std::string> programs;
  for (int tries = 0; tries < 1000 && programs.empty(); ++tries) {
    std::this_thread::sleep_for(10ms);
    programs = children_of(parent);
  }
  ASSERT_EQ(programs.size(), 1u);
  std::this_thread::sleep_for(100ms);  // it has become Python
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  bool gone = false;
  for (int tries = 0; tries < 1000 && !gone; ++tries) {
    std::this_thread::sleep_for(10ms);
    const std::string state = state_of(programs[0]);
    gone = state.empty() || state[0] == 'Z' || state[0] == 'X';  // whoever inherits it has not looked yet
  }
  EXPECT_TRUE(gone);
}

TEST_F(SandboxTest, RunsNothingWhereTheKernelCannotHoldIt) {
  for (const seal::Kernel& lacking :
       {seal::Kernel{.filter = false, .landlock = 7}, seal::Kernel{.filter = true, .landlock = 0},
        seal::Kernel{.filter = true, .landlock = 1}}) {
    const auto opened = Sandbox::open({}, lacking);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unsupported);
    EXPECT_NE(opened.error().what.find("are not run here"), std::string::npos) << opened.error().what;
  }
  for (int version = 2; version <= seal::kernel().landlock; ++version)
    EXPECT_TRUE(Sandbox::open({}, {.filter = true, .landlock = version})) << version;
}

TEST_F(SandboxTest, SaysWhatIsWrongWithPython) {
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", path().c_str(), 1);
  const auto none = find_python();
  const fs::path fake = folder_.path() / "python3";
  ASSERT_TRUE(write_file_atomically(fake, "#!/bin/sh\nexit 1\n"));
  ASSERT_EQ(::chmod(fake.c_str(), 0755), 0);
  const auto broken = find_python();
  ASSERT_TRUE(write_file_atomically(fake, "#!/bin/sh\necho 3.11\n"));
  ASSERT_EQ(::chmod(fake.c_str(), 0755), 0);
  const auto other = find_python();
  ::setenv("PATH", before.c_str(), 1);
  fs::remove(fake);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_NE(none.error().what.find("python3"), std::string::npos);
  for (const auto* refused : {&broken, &other}) {
    ASSERT_FALSE(*refused);
    EXPECT_EQ(refused->error().code, Errc::unsupported) << refused->error().what;
    EXPECT_NE(refused->error().what.find(fake.string()), std::string::npos);
  }
}

}  // namespace
}  // namespace freehold::sandbox
