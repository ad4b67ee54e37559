#!/usr/bin/env python3
"""`./dev nightly`: what takes too long for every commit. Its parts:

thread   the unit tests under ThreadSanitizer, and a mixed load on a server under it
fuzz     every fuzz target, SECONDS each (60)
units    the unit and end-to-end tests that `./dev test` runs sanitized only, as users' optimiser makes them
slow     the tests of training, forecasts and end to end that take minutes with AddressSanitizer
matrix   the whole matrix of promise 1
corpus   the whole corpus of hostile model files, through the release build and the one with AddressSanitizer
load     20,000 random schemas; kill -9 fifty times, of a server under load and of a training run
audit    10,000 tampers of the audit log, in both verifiers; 10,000 kills of its writer
replay   1,000 answers given under load, computed again at every instruction set of the machine with one thread and two
soak     everything at a time against one server, SOAK seconds (3600); its memory, descriptors and threads are flat

usage: ./dev nightly [--seconds SECONDS] [--soak SOAK] [PART...]

Without PART all of them. Each writes its own section of docs/nightly.md, with the commit that it was run at, and leaves the others.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

import fuzz_all
import test_all

ROOT = test_all.ROOT
PAGE = ROOT / "docs" / "nightly.md"
ENVIRONMENT = dict(os.environ, TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1", TERM="dumb")


def git(*arguments):
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return run.stdout.strip() if run.returncode == 0 else "unknown"


def seed_of_today():
    return str(datetime.date.today().toordinal())


def corpus(preset):
    """Whether nothing was found, and the figures of every class, of the whole corpus through this preset's program."""
    report = test_all.LOGS / f"corpus-{preset}.json"
    report.unlink(missing_ok=True)
    environment = dict(os.environ, FREEHOLD=str(ROOT / "build" / preset / "freehold"), FREEHOLD_CORPUS="full", FREEHOLD_SEED=seed_of_today(),
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
    return run.returncode == 0, (said[0].partition(" ... ")[2].removesuffix("ok").rstrip() if said else "")


def corpus_table(rows):
    head = ["| class | cases | runs | worst CPU time | worst memory of a refusal above the baseline | findings |",
            "| --- | ---: | ---: | ---: | ---: | ---: |"]
    return "\n".join(head + [f"| {kind} | {r['cases']:,} | {r['runs']:,} | {r['seconds']:.2f} s | {r['megabytes']:.0f} MB | {r['faults']} |"
                             for kind, r in sorted(rows.items())])


def found(nothing):
    return "nothing found" if nothing else "**found something**"


def built(*checks):
    """The sums of configuring and building."""
    sums = test_all.Sums()
    for check in checks:
        sums.add(test_all.run(check, ENVIRONMENT))
    return sums


def program(preset, *targets):
    return built(test_all.configure(preset), test_all.build(preset, *targets)).failed == 0


def tests(name, preset, label, **settings):
    """Whether ctest's tests of this label passed, and the sums as a sentence."""
    sums = test_all.run(test_all.ctest(name, preset, label), dict(ENVIRONMENT, **settings))
    return sums.failed == 0, f"{sums}."


def thread(_):
    if not program("tsan", "unit_tests", "freehold"):
        return False, "It does not build."
    good, text = tests("test-tsan", "tsan", "unit")
    load, _ = serving("soak-tsan", "soak_test.py", "tsan", FREEHOLD_SOAK=str(TSAN_LOAD))
    return good and load, f"Unit tests: {text} A mixed load on a server, {TSAN_LOAD} s (`soak_test.py`): {found(load)}."


def fuzz(options):
    if not program("fuzz"):
        return False, "It does not build."
    results = fuzz_all.fuzz_all(options.seconds)
    rows = "\n".join(f"| {name} | {found(ok)} | {runs:,} | {coverage:,} |" for name, ok, runs, coverage in results)
    return bool(results) and all(r[1] for r in results), (
        f"libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer, {options.seconds} s a target.\n\n"
        f"| target | result | runs | coverage (edges) |\n| --- | --- | ---: | ---: |\n{rows}")


def units(_):
    return tests("units-release", "release", "unit|logic") if program("release", "all", "benches") else (False, "It does not build.")


def slow(_):
    return tests("slow-dev", "dev", "nightly") if program("dev", "freehold", "train_test", "ledger_test") else (False, "It does not build.")


def matrix(_):
    if not program("release", "matrix_tests"):
        return False, "It does not build."
    return tests("matrix-full", "release", "matrix", FREEHOLD_MATRIX="full")


def hostile(_):
    if not (program("release", "freehold") and program("dev", "freehold")):
        return False, "It does not build."
    with concurrent.futures.ThreadPoolExecutor() as both:
        (released, rows), (sanitized, _) = both.map(corpus, ("release", "dev"))
    return released and sanitized, (
        f"`tests/e2e/corpus_test.py`: {found(released)} by the release build, {found(sanitized)} by the one with AddressSanitizer and\n"
        f"UndefinedBehaviorSanitizer. The release build's figures:\n\n{corpus_table(rows)}")


def load(_):
    if not program("release", "freehold"):
        return False, "It does not build."
    seed = seed_of_today()
    rows = [("20,000 random schemas over HTTP (`schemas_test.py`)", *serving("schemas", "schemas_test.py", FREEHOLD_SCHEMAS="20000")),
            ("kill -9 under load (`kill_test.py`)", *serving("kills", "kill_test.py", FREEHOLD_KILLS="50", FREEHOLD_SEED=seed)),
            ("kill -9 of a training run (`tune_kill_test.py`)",
             *serving("tune-kills", "tune_kill_test.py", FREEHOLD_KILLS="50", FREEHOLD_SEED=seed))]
    lines = "\n".join(f"| {what} | {found(well)} | {counted} |" for what, well, counted in rows)
    return all(row[1] for row in rows), "| what | result | counted |\n| --- | --- | --- |\n" + lines


def audit(_):
    if not program("release", "freehold", "audit_test"):
        return False, "It does not build."
    environment = dict(ENVIRONMENT, FREEHOLD_AUDIT_TAMPERS="10000", FREEHOLD_AUDIT_KILLS="10000")
    with open(test_all.LOGS / "nightly-audit-unit.log", "wb") as log:
        unit = subprocess.run([ROOT / "build" / "release" / "src" / "audit" / "audit_test", "--gtest_filter=Tamper.*:Crash.*"],
                              env=environment, stdout=log, stderr=subprocess.STDOUT).returncode == 0
    seed = seed_of_today()
    outside, said = serving("audit", "audit_test.py", FREEHOLD_AUDIT_TAMPERS="10000", FREEHOLD_SEED=seed)
    return unit and outside, (f"10,000 tampers and 10,000 kills in process (`crash_test.cpp`, `tamper_test.cpp`): {found(unit)}. "
                              f"By both verifiers (`audit_test.py`): {found(outside)}{said and '; ' + said}.")


def replay(_):
    if not program("release", "freehold"):
        return False, "It does not build."
    seed = seed_of_today()
    passed, said = serving("replay", "replay_load_test.py", FREEHOLD_REPLAYS="1000", FREEHOLD_SEED=seed)
    return passed, (f"1,000 answers of every dialect, batched, with cached beginnings, adapters, schemas and tools (`replay_load_test.py`), replayed "
                    f"at every instruction set of this machine, with one thread and two, to the same bytes: {found(passed)}{said and '; ' + said}.")


def soak(options):
    if not program("release", "freehold"):
        return False, "It does not build."
    report = test_all.LOGS / "soak.json"
    report.unlink(missing_ok=True)
    good, _ = serving("soak", "soak_test.py", FREEHOLD_SOAK=str(options.soak), FREEHOLD_SOAK_REPORT=str(report))
    text = f"A mixed load, {options.soak} s (`soak_test.py`): {found(good)}."
    if report.exists():
        r = json.loads(report.read_text())
        text += (f" {r['requests']:,} requests; {r['first_mib']} MiB of its own after the warm-up, {r['last_mib']} at the end, {r['peak_mib']} at "
                 f"most; descriptors {r['descriptors'][0]} and {r['descriptors'][1]}, threads {r['threads'][0]} and {r['threads'][1]}.")
    return good, text


PARTS = {"thread": ("ThreadSanitizer", thread), "fuzz": ("Fuzzing", fuzz), "units": ("Optimised unit and end-to-end tests", units),
         "slow": ("Slow tests, sanitized", slow), "matrix": ("The whole matrix of promise 1", matrix),
         "corpus": ("Hostile model files", hostile), "load": ("Load and kill -9", load), "audit": ("Audit log", audit),
         "replay": ("Replay", replay), "soak": ("Soak", soak)}


def sections():
    """What the page says by now, by heading."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return {m[1]: m[2].strip() for m in re.finditer(r"^## (.*)\n((?:(?!^## ).*\n?)*)", text, re.M)}


def write(said):
    known = [(title, said[title]) for title, _ in PARTS.values() if title in said]
    missing = [title for title, _ in PARTS.values() if title not in said]
    good = not missing and all("**good**" in text for _, text in known)
    bad = [title for title, text in known if "**good**" not in text]
    intro = "all are good" if good else "; ".join(
        f"**{word}**: {', '.join(titles)}" for word, titles in (("not good", bad), ("not run yet", missing)) if titles)
    PAGE.write_text("# The last nightly runs\n\nWritten by `./dev nightly`; each part says when and at which commit it was run. " + intro[0].upper() + intro[1:] + ".\n" +
                    "".join(f"\n## {title}\n\n{text}\n" for title, text in known), encoding="utf-8")
    return good


def main():
    parser = argparse.ArgumentParser(prog="./dev nightly")
    parser.add_argument("--seconds", type=int, default=60, help="of each fuzz target (default 60)")
    parser.add_argument("--soak", type=int, default=3600, help="seconds of the mixed load (default 3600)")
    parser.add_argument("part", nargs="*", help=", ".join(PARTS) + "; all unless given")
    options = parser.parse_args()
    for name in options.part:
        if name not in PARTS:
            parser.error(f"no part '{name}'; there are {', '.join(PARTS)}")
    commit = git("rev-parse", "--short", "HEAD") + (" with changes" if git("status", "--porcelain", "--", ".", f":!{PAGE.relative_to(ROOT)}") else "")
    test_all.LOGS.mkdir(parents=True, exist_ok=True)
    every = True
    for name in options.part or PARTS:
        title, run = PARTS[name]
        good, text = run(options)
        every &= good
        said = sections()
        said[title] = f"{datetime.date.today()}, commit {commit}: {'**good**' if good else '**NOT good**'}.\n\n{text}"
        write(said)
        print(f"nightly: {name}: {'good' if good else 'NOT good'}; written to docs/nightly.md", flush=True)
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
