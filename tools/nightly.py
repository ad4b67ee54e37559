#!/usr/bin/env python3
"""`./dev nightly`: what takes too long for every commit. Every fuzz target for 60 s, the unit tests and a server under ThreadSanitizer, the
unit tests that `./dev test` runs sanitized only as users' optimiser makes them, the tests too slow there with AddressSanitizer, the whole matrix of promise 1, the whole corpus of hostile model files through the release build and through the one with AddressSanitizer, and
the server under load: random schemas, kill -9 fifty times, an hour of everything; and training under kill -9.

usage: ./dev nightly [SECONDS [SOAK]]    SECONDS a fuzz target (60), SOAK seconds of the mixed load (3600). Writes the last result to
                                         docs/nightly.md.
"""

import datetime
import json
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


def corpus(preset):
    """Whether nothing was found, and the figures of every class, of the whole corpus through this preset's program."""
    report = test_all.LOGS / f"corpus-{preset}.json"
    report.unlink(missing_ok=True)
    environment = dict(os.environ, FREEHOLD=str(ROOT / "build" / preset / "freehold"), FREEHOLD_CORPUS="full",
                       FREEHOLD_CORPUS_REPORT=str(report), UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    with open(test_all.LOGS / f"corpus-{preset}.log", "wb") as log:
        run = subprocess.run([sys.executable, ROOT / "tests" / "e2e" / "corpus_test.py"], env=environment, stdout=log,
                             stderr=subprocess.STDOUT)
    rows = json.loads(report.read_text()) if report.exists() else {}
    return run.returncode == 0 and bool(rows), rows


TSAN_LOAD = 120  # seconds


def serving(name, script, preset="release", **settings):
    """Whether an end-to-end test passed with these settings, and the line that it reports itself with."""
    environment = dict(os.environ, FREEHOLD=str(ROOT / "build" / preset / "freehold"), TSAN_OPTIONS="second_deadlock_stack=1", **settings)
    log = test_all.LOGS / f"nightly-{name}.log"
    with open(log, "wb") as out:
        run = subprocess.run([sys.executable, "-W", "ignore", ROOT / "tests" / "e2e" / script], env=environment, stdout=out,
                             stderr=subprocess.STDOUT)
    said = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("test_") and " ... " in line]
    return run.returncode == 0, (said[0].partition(" ... ")[2].removesuffix(" ok") if said else "nothing was said")


def served(soak):
    """The rows of the table about programs that live long: what, whether it was well, what was counted."""
    report = test_all.LOGS / "soak.json"
    report.unlink(missing_ok=True)
    rows = [("20,000 random schemas over HTTP (`schemas_test.py`)", *serving("schemas", "schemas_test.py", FREEHOLD_SCHEMAS="20000")),
            ("kill -9 under load (`kill_test.py`)", *serving("kills", "kill_test.py", FREEHOLD_KILLS="50", FREEHOLD_SEED=str(datetime.date.today().toordinal()))),
            ("kill -9 of a training run (`tune_kill_test.py`)", *serving("tune-kills", "tune_kill_test.py", FREEHOLD_KILLS="50", FREEHOLD_SEED=str(datetime.date.today().toordinal()))),
            (f"mixed load under ThreadSanitizer, {TSAN_LOAD} s (`soak_test.py`)",
             serving("soak-tsan", "soak_test.py", "tsan", FREEHOLD_SOAK=str(TSAN_LOAD))[0], "")]
    good, _ = serving("soak", "soak_test.py", FREEHOLD_SOAK=str(soak), FREEHOLD_SOAK_REPORT=str(report))
    counted = ""
    if report.exists():
        r = json.loads(report.read_text())
        counted = (f"{r['requests']:,} requests; {r['first_mib']} MiB of its own after the warm-up, {r['last_mib']} at the end, {r['peak_mib']} at most; "
                   f"descriptors {r['descriptors'][0]} and {r['descriptors'][1]}, threads {r['threads'][0]} and {r['threads'][1]}")
    return rows + [(f"mixed load, {soak} s (`soak_test.py`)", good, counted)]


def corpus_table(rows):
    head = ["| class | cases | runs | worst CPU time | worst memory of a refusal above the baseline | findings |",
            "| --- | ---: | ---: | ---: | ---: | ---: |"]
    return "\n".join(head + [f"| {kind} | {r['cases']:,} | {r['runs']:,} | {r['seconds']:.2f} s | {r['megabytes']:.0f} MB | {r['faults']} |"
                             for kind, r in sorted(rows.items())])


def found(nothing):
    return "nothing found" if nothing else "**found something**"


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    commit = git("rev-parse", "--short", "HEAD") + (" with changes" if git("status", "--porcelain") else "")
    soak = int(sys.argv[2]) if len(sys.argv) > 2 else 3600
    test_all.LOGS.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1", TERM="dumb")
    sums = test_all.Sums()
    tsan = test_all.Sums()
    for check in (test_all.configure("tsan"), test_all.build("tsan", "unit_tests", "freehold")):
        sums.add(test_all.run(check, environment))
    if sums.failed == 0:
        tsan = test_all.run(test_all.ctest("test-tsan", "tsan", "unit"), environment)
    for check in (test_all.configure("fuzz"), test_all.build("fuzz")):
        sums.add(test_all.run(check, environment))
    results = fuzz_all.fuzz_all(seconds) if sums.failed == 0 else []
    for check in (test_all.configure("release"), test_all.build("release"), test_all.configure("dev"),
                  test_all.build("dev", "freehold")):
        sums.add(test_all.run(check, environment))
    units = test_all.run(test_all.ctest("unit-release", "release", "unit"), environment)
    slow = test_all.run(test_all.ctest("slow-dev", "dev", "nightly"), environment)
    matrix = test_all.run(test_all.ctest("matrix-full", "release", "matrix"), dict(environment, FREEHOLD_MATRIX="full"))
    released, rows = corpus("release")
    sanitized, _ = corpus("dev")
    server = served(soak)
    good = (sums.failed == 0 and tsan.failed + units.failed + slow.failed + matrix.failed == 0 and results and all(r[1] for r in results) and released and
            sanitized and all(row[1] for row in server))

    fuzzed = "\n".join(f"| {name} | {found(ok)} | {runs:,} | {coverage:,} |" for name, ok, runs, coverage in results)
    loads = "\n".join(f"| {what} | {found(well)} | {counted} |" for what, well, counted in server)
    (ROOT / "docs" / "nightly.md").write_text(f"""# The last nightly run

Written by `./dev nightly` on {datetime.date.today()}, commit {commit}: **{"good" if good else "NOT good"}**.

Builds: {sums}. Unit tests under ThreadSanitizer: {tsan}; optimised: {units}. End-to-end tests that are too
slow with AddressSanitizer for `./dev test`: {slow}. The whole matrix of promise 1: {matrix}.

Fuzzing (libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer), {seconds} s a target:

| target | result | runs | coverage (edges) |
| --- | --- | ---: | ---: |
{fuzzed}

Hostile model files through the finished program (`tests/e2e/corpus_test.py`): {found(released)} by the release build,
{found(sanitized)} by the one with AddressSanitizer and UndefinedBehaviorSanitizer. The release build's figures:

{corpus_table(rows)}

The server under load, and training:

| what | result | counted |
| --- | --- | --- |
{loads}
""", encoding="utf-8")
    print("nightly: " + ("good" if good else "NOT good") + "; written to docs/nightly.md")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
