#!/usr/bin/env python3
"""`./dev nightly`: what takes too long for every commit. Every fuzz target for 60 s, and the unit tests under ThreadSanitizer.

usage: ./dev nightly [SECONDS]    Writes the last result to docs/nightly.md.
"""

import datetime
import os
import pathlib
import subprocess
import sys

import fuzz_all
import test_all

ROOT = test_all.ROOT


def git(*arguments):
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return run.stdout.strip() if run.returncode == 0 else "unknown"


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    test_all.LOGS.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1", TERM="dumb")
    sums = test_all.Sums()
    tsan = test_all.Sums()
    for check in (test_all.configure("tsan"), test_all.build("tsan", "unit_tests")):
        sums.add(test_all.run(check, environment))
    if sums.failed == 0:
        tsan = test_all.run(test_all.ctest("test-tsan", "tsan", "unit"), environment)
    for check in (test_all.configure("fuzz"), test_all.build("fuzz")):
        sums.add(test_all.run(check, environment))
    results = fuzz_all.fuzz_all(seconds) if sums.failed == 0 else []
    good = sums.failed == 0 and tsan.failed == 0 and results and all(r[1] for r in results)

    dirty = " with changes" if git("status", "--porcelain") else ""
    rows = "\n".join(f"| {name} | {'nothing found' if ok else '**found something**'} | {runs:,} | {coverage:,} |"
                     for name, ok, runs, coverage in results)
    (ROOT / "docs" / "nightly.md").write_text(f"""# The last nightly run

Written by `./dev nightly` on {datetime.date.today()}, commit {git("rev-parse", "--short", "HEAD")}{dirty}: **{"good" if good else "NOT good"}**.

Builds: {sums}. Unit tests under ThreadSanitizer: {tsan}.

Fuzzing (libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer), {seconds} s a target:

| target | result | runs | coverage (edges) |
| --- | --- | ---: | ---: |
{rows}
""", encoding="utf-8")
    print("nightly: " + ("good" if good else "NOT good") + "; written to docs/nightly.md")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
