#!/usr/bin/env python3
"""`./dev fuzz [SECONDS] [TARGET...]`: runs every libFuzzer target of build/fuzz for SECONDS (default 60), one on each CPU; fails on a finding.

Seeds are read from fuzz/seeds/TARGET, what is learnt is kept in build/fuzz/corpus/TARGET, findings in build/fuzz/findings.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"
# An input may take a second and this much memory (sanitizers need room of their own), and need not be long to be nasty.
LIMITS = ["-max_len=65536", "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-timeout=10", "-print_final_stats=1"]


def fuzz(target, seconds):
    """(no finding?, runs, coverage)"""
    name = target.name.removesuffix("_fuzz")
    corpus, findings, seeds = BUILD / "corpus" / name, BUILD / "findings", ROOT / "fuzz" / "seeds" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    log = ROOT / "build" / "logs" / f"fuzz-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(target), f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{name}-", *LIMITS, str(corpus)]
    if seeds.is_dir():
        command.append(str(seeds))
    with log.open("wb") as out:
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT).returncode
    text = log.read_text(errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    if status != 0:
        print("\n".join("    | " + line for line in text.splitlines()[-40:]))
    return status == 0, int(runs.group(1)) if runs else 0, int(coverage[-1]) if coverage else 0


def fuzz_all(seconds, wanted=()):
    """[(name, no finding?, runs, coverage)] of all targets or of the wanted ones."""
    targets = sorted(p for p in (BUILD / "fuzz").glob("*_fuzz") if p.is_file())
    targets = [t for t in targets if not wanted or t.name.removesuffix("_fuzz") in wanted]
    results = []
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as at_once:
        for target, (good, runs, coverage) in zip(targets, at_once.map(lambda target: fuzz(target, seconds), targets)):
            name = target.name.removesuffix("_fuzz")
            print(f"{name:<18} {'ok' if good else 'FOUND SOMETHING':<16} {seconds} s, {runs} runs, coverage {coverage}", flush=True)
            results.append((name, good, runs, coverage))
    return results


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 60
    wanted = [a for a in sys.argv[1:] if not a.isdigit()]
    results = fuzz_all(seconds, wanted)
    if not results:
        print("no fuzz target" + (f" named {' '.join(wanted)}" if wanted else ""), file=sys.stderr)
        return 1
    return 0 if all(good for _, good, _, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
