"""What the end-to-end tests share: running the program as its users do. (corpus/measure.py measures memory.)

Only Python's standard library is used. $FREEHOLD names the binary, $FREEHOLD_SHARED the reference data (may be absent).
"""

import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FREEHOLD = os.environ.get("FREEHOLD", str(SOURCE / "build" / "release" / "freehold"))
SHARED = pathlib.Path(os.environ.get("FREEHOLD_SHARED", SOURCE.parent / "shared"))
SANITIZED = pathlib.Path(FREEHOLD).is_file() and any(mark in pathlib.Path(FREEHOLD).read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
# What a sealed process needs under sanitizers: LeakSanitizer looks at it from another one that it forks, which the seal forbids.
SEALED = {"ASAN_OPTIONS": "detect_leaks=0"} if SANITIZED else {}
SKIPPED = 77

# Exit codes, as README.md documents them.
OK, INTERNAL, USAGE, NOT_FOUND, CORRUPT, UNSUPPORTED, EXHAUSTED, IO, FOUND = range(9)


@dataclasses.dataclass
class Ended:
    code: int  # negative: killed by that signal
    out: bytes
    err: bytes
    seconds: float

    @property
    def text(self):
        return self.out.decode("utf-8")

    @property
    def message(self):
        return self.err.decode("utf-8", "replace")


def start(*arguments, home=None, env=None, stdin=subprocess.DEVNULL, **more):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FREEHOLD")}
    environment["FREEHOLD_HOME"] = str(home or "/nonexistent/freehold-home")
    environment.update(env or {})
    return subprocess.Popen([FREEHOLD, *map(str, arguments)], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment, **more)


def run(*arguments, stdin=b"", timeout=120, **more):
    """Runs to the end. Past `timeout` seconds the program is killed, which shows as code -9."""
    begin = time.monotonic()
    process = start(*arguments, stdin=subprocess.PIPE, **more)
    parts = {}
    readers = [threading.Thread(target=lambda n=n, f=f: parts.update({n: f.read()}))
               for n, f in (("out", process.stdout), ("err", process.stderr))]
    for reader in readers:
        reader.start()
    killer = threading.Timer(timeout, process.kill)
    killer.start()
    try:
        process.stdin.write(stdin)
        process.stdin.close()
    except BrokenPipeError:
        pass
    for reader in readers:
        reader.join()
    _, status = os.waitpid(process.pid, 0)
    killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    return Ended(process.returncode, parts["out"], parts["err"], time.monotonic() - begin)


class Case(unittest.TestCase):
    """A test with a folder and a $FREEHOLD_HOME of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="freehold-e2e-")
        self.addCleanup(folder.cleanup)  # after what tests clean up: servers that still write into it
        self.folder = pathlib.Path(folder.name)
        self.home = self.folder / "home"

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_freehold(self, *arguments, **more):
        more.setdefault("home", self.home)
        return run(*arguments, **more)

    def succeeds(self, *arguments, **more):
        ended = self.run_freehold(*arguments, **more)
        self.assertEqual(ended.code, OK, f"{arguments}: {ended.message}")
        return ended

    def fails(self, code, *arguments, names="", **more):
        """Fails with this code and one clear message on standard error that names something; nothing raw in it."""
        ended = self.run_freehold(*arguments, **more)
        self.assertEqual(ended.code, code, f"{arguments}: {ended.message}")
        self.check_message(ended, arguments)
        self.assertIn(names, ended.message)
        return ended

    def check_message(self, ended, what):
        lines = ended.message.splitlines()
        self.assertTrue(lines, f"{what}: failed without a message")
        self.assertLessEqual(len(lines), 4, f"{what}: one line and a hint, not {ended.message}")
        for byte in ended.err:
            self.assertTrue(byte >= 0x20 or byte == 0x0A, f"{what}: raw control character {byte:#x} in {ended.err!r}")
        for word in (b"AddressSanitizer", b"runtime error", b"terminate called", b"internal error"):
            self.assertNotIn(word, ended.err, what)


def needs(path):
    """Ends the whole test as skipped when the reference data are not there."""
    if not path.exists():
        print(f"skipped: no {path}")
        sys.exit(SKIPPED)
    return path


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    unittest.main(module="__main__", verbosity=2)
