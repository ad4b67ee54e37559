#!/usr/bin/env python3
"""`./dev test`: every check and test, one line each as it goes, and at the end the sums.

usage: ./dev test [--list] [CHECK...]
The logs are kept under build/logs; the tail of what failed is shown. A check that ran counts as one; ctest's tests count one each, and
so do those of a program that ends with sums of its own.
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
JOBS = str(len(os.sched_getaffinity(0)))
TAIL = 60
SKIPPED = 77  # the exit code that says so


@dataclasses.dataclass
class Check:
    name: str
    command: list
    junit: bool = False  # the command is a ctest that writes build/logs/NAME.xml
    sums: bool = False  # the command ends with a line of sums, after lines "failed: NAME" and "skipped: NAME (REASON)"
    beside: str = ""  # the check beside which it begins already, with what that leaves of the processors


def configure(preset):
    return Check(f"configure-{preset}", ["cmake", "--preset", preset])


def build(preset, *targets, beside=""):
    command = ["cmake", "--build", f"build/{preset}", "-j", JOBS, "--", "-k", "0"]
    return Check(f"build-{preset}", command + list(targets), beside=beside)


def ctest(name, preset, labels):
    report = str(LOGS / f"{name}.xml")
    # One more than there are processors, since those of servers and of kill -9 wait a good part of their time.
    return Check(name, ["ctest", "--test-dir", f"build/{preset}", "-j", str(int(JOBS) + 1), "-L", labels, "--output-on-failure",
                        "--no-tests=error", "--output-junit", report], junit=True)


# From the cheapest to the dearest, so that what is wrong shows early.
CHECKS = [
    Check("files", ["tools/check_files.py"]),
    Check("docs", ["tools/check_docs.py"]),
    Check("format", ["tools/check_format.sh"]),
    Check("layers", ["tools/check_layers.py"]),
    Check("self-test", ["tools/checks_test.py"]),
    Check("isa-self-test", ["tools/check_isa_test.sh"]),
    configure("release"),
    configure("dev"),
    configure("tidy"),
    Check("isa", ["tools/check_isa.sh"]),
    build("release", "freehold", "numeric_tests", "golden_tests", "matrix_tests"),
    ctest("test-release", "release", "numeric|golden|matrix|e2e|bench"),
    Check("clients", ["tests/clients/run.py"], sums=True),
    build("dev", "freehold", "unit_tests", beside="test-release"),
    ctest("test-dev", "dev", "unit|e2e"),
    Check("tidy", ["tools/run_tidy.py"], beside="test-dev"),
]


@dataclasses.dataclass
class Sums:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def gtest_sums(text):
    """What GoogleTest said at its end: how many passed, and the names of those that failed and that were skipped."""
    passed = re.search(r"^\[  PASSED  \] (\d+) tests?\.", text, re.M)
    named = {word: dict.fromkeys(re.findall(rf"^\[  {word} \] (\w[\w/]*\.[\w/]+)", text, re.M)) for word in ("FAILED ", "SKIPPED")}
    return int(passed[1]) if passed else 0, list(named["FAILED "]), list(named["SKIPPED"])


def read_junit(path):
    """ctest's report: the sums, the names of what failed and of what was skipped. A suite of GoogleTest counts with each of its tests."""
    sums, failed, skipped = Sums(), [], []
    for case in xml.parse(path).getroot().iter("testcase"):
        name, status, skip = case.get("name"), case.get("status"), case.find("skipped")
        good, bad, left_out = gtest_sums(case.findtext("system-out") or "")
        ended = {"run": not bad and good, "fail": bad, "notrun": left_out and not good and not bad}
        if ended.get(status):  # otherwise it crashed, or what it says does not fit its exit code
            folder = name.split(".")[0]
            sums.add(Sums(good, len(bad), len(left_out)))
            failed += [f"{folder}.{test}" for test in bad]
            skipped += [f"{folder}.{test}" for test in left_out]
            continue
        # A program that could not be started is "skipped" to ctest too; only these two messages are real skips.
        if status == "disabled" or (skip is not None and skip.get("message", "").startswith("SKIP_R")):
            sums.skipped += 1
            skipped.append(name)
        elif status == "run":
            sums.passed += 1
        else:
            sums.failed += 1
            failed.append(name)
    return sums, failed, skipped


def read_sums(text, status):
    """A program's own sums, the names of what failed and the reasons of what was skipped, each with its count."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.M)
    sums = Sums(*(int(n or 0) for n in found[-1])) if found else Sums(failed=1)
    if status not in (0, SKIPPED) and sums.failed == 0:
        sums.failed = 1
    failed = re.findall(r"^failed: (.*)$", text, re.M)
    reasons = collections.Counter()
    for line in re.findall(r"^skipped: (.*)$", text, re.M):
        reason = re.search(r"\((.*)\)$", line)
        reasons[reason[1] if reason else line] += 1
    return sums, failed, [f"{count} tests: {reason}" if count > 1 else reason for reason, count in sorted(reasons.items())]


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def be_idle():
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Running:
    """A check's command. One that begins beside another check runs when the processors have nothing else to do, until it is waited for:
    tests leave a fifth of them unused, because servers and kill -9 are waited for."""

    def __init__(self, check, environment, idle=False):
        self.idle = idle
        with (LOGS / f"{check.name}.log").open("wb") as out:
            self.process = subprocess.Popen(check.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, start_new_session=idle, preexec_fn=be_idle if idle else None)

    def members(self):
        """The processes of its session."""
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if os.getsid(int(entry.name)) == self.process.pid:
                        yield int(entry.name)

    def schedule(self, policy):
        for pid in self.members():
            with contextlib.suppress(OSError):  # ended, or not allowed: then it stays as it is
                os.sched_setscheduler(pid, policy, os.sched_param(0))

    def wait(self):
        if self.idle:
            for _ in range(2):  # what was being started meanwhile, too
                self.schedule(os.SCHED_OTHER)
        return self.process.wait()

    def end(self):
        if self.idle and self.process.poll() is None:
            for pid in list(self.members()):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGTERM)
            self.process.wait()


def run(check, environment, running=None):
    """The sums of a check, waited for if it is `running` already."""
    if running is None:
        (LOGS / f"{check.name}.xml").unlink(missing_ok=True)
        running = Running(check, environment)
    log = LOGS / f"{check.name}.log"
    report = LOGS / f"{check.name}.xml"
    start, cpu = time.monotonic(), cpu_seconds()
    status = running.wait()
    seconds = time.monotonic() - start
    details = f" (CPU {cpu_seconds() - cpu:.0f} s)" if seconds > 10 else ""
    sums, failed, skipped = Sums(), [], []
    if check.junit and report.exists():
        sums, failed, skipped = read_junit(report)
        details += f"  {sums}"
        if status != 0 and sums.failed == 0:
            sums.failed = 1  # ctest itself found something wrong
    elif check.sums:
        sums, failed, skipped = read_sums(log.read_text(errors="replace"), status)
        details += f"  {sums}"
    else:
        sums.add(Sums(passed=1) if status == 0 else Sums(failed=1))
    verdict = "FAILED" if sums.failed else "ok" if sums.passed else "skipped"
    print(f"{check.name:<18} {verdict:<7}{seconds:7.1f} s{details}", flush=True)
    for name in skipped:
        print(f"    skipped: {name}", flush=True)
    if sums.failed:
        for name in failed:
            print(f"    failed: {name}", flush=True)
        lines = log.read_text(errors="replace").splitlines()
        shown = [line for line in lines if re.search(r"\b(error|warning):|FAILED|Failure|ERROR:", line)] if len(lines) > TAIL else []
        print(f"    {log.relative_to(ROOT)}:")
        for line in shown[:TAIL] + ["…"] * bool(shown) + lines[-TAIL:]:
            print("    | " + line)
        sys.stdout.flush()
    else:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("warning:"):
                print("    " + line, flush=True)
    return sums


def main():
    names = sys.argv[1:]
    known = [c.name for c in CHECKS]
    if names == ["--list"]:
        print("\n".join(known))
        return 0
    for name in names:
        if name not in known:
            print(f"dev test: no check '{name}'; there are {', '.join(known)}", file=sys.stderr)
            return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    shared = pathlib.Path(os.environ.get("FREEHOLD_SHARED", ROOT / ".." / "shared")).resolve()
    environment = dict(os.environ, FREEHOLD_SHARED=str(shared), ASAN_OPTIONS="detect_stack_use_after_return=1",
                       UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1", CTEST_OUTPUT_ON_FAILURE="1", TERM="dumb")
    if not shared.is_dir():
        print(f"no reference data at {shared} ($FREEHOLD_SHARED): the tests that need it will say skipped", flush=True)
    total, start = Sums(), time.monotonic()
    checks = [c for c in CHECKS if not names or c.name in names]
    early = {}
    try:
        for check in checks:
            for other in checks:
                if other.beside == check.name:
                    early[other.name] = Running(other, environment, idle=True)
            total.add(run(check, environment, early.pop(check.name, None)))
    finally:
        for running in early.values():
            running.end()
    print(f"{time.monotonic() - start:.0f} s in all", flush=True)
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
