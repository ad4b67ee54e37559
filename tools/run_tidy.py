#!/usr/bin/env python3
"""Runs clang-tidy's short list (.clang-tidy) over src/**/*.cpp without tests, in parallel, and remembers what was clean.

usage: run_tidy.py [FILE...]
What is checked is what the preset tidy compiles as one: a file, or several of one folder (FREEHOLD_UNITY; then FILE stands for those
that it is compiled with). It is clean as long as its files, our headers they include, its flags, the list and clang-tidy itself are the
same: the answer is kept under build/tidy/clean by the hash of all that, so a second run takes a second. Needs
build/tidy/compile_commands.json.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tidy"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.M)


def own_headers(path, found):
    """Adds the path and every header of ours that it includes, directly or not."""
    if path in found or not path.is_file():
        return
    found[path] = content = path.read_bytes()
    for name in INCLUDE.findall(content):
        own_headers(ROOT / "src" / name.decode(), found)


def sources_of(path):
    """The files that are compiled as this one."""
    if path.parent.name != "Unity":
        return [path]
    return [pathlib.Path(name.decode()) for name in INCLUDE.findall(path.read_bytes())]


def key(path, command, salt):
    found = {}
    own_headers(path, found)
    digest = hashlib.sha256(salt + command.encode())
    for name in sorted(found):
        digest.update(str(name).encode() + b"\0" + hashlib.sha256(found[name]).digest())
    return digest.hexdigest()


def tidy(path):
    run = subprocess.run(["clang-tidy", "--quiet", "-p", str(BUILD), str(path)], capture_output=True, text=True, errors="replace")
    return run.returncode, run.stdout + ("" if run.returncode == 0 else run.stderr)


def main():
    wanted = {pathlib.Path(a).resolve() for a in sys.argv[1:]}
    salt = (ROOT / ".clang-tidy").read_bytes() + subprocess.run(["clang-tidy", "--version"], capture_output=True).stdout
    # The one header that the build writes must be there before anything is parsed.
    subprocess.run(["cmake", "--build", str(BUILD), "--target", "fh_build_info"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    clean = BUILD / "clean"
    clean.mkdir(parents=True, exist_ok=True)
    work = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        sources = sources_of(path) if path.is_file() else []
        ours = sources and all(ROOT / "src" in s.parents and not s.stem.endswith(("_test", "_testing", "_bench")) for s in sources)
        if ours and (not wanted or wanted.intersection(sources)):
            work[path] = clean / key(path, entry["command"], salt)
    todo = sorted((p for p in work if not work[p].exists()), key=lambda p: -sum(s.stat().st_size for s in sources_of(p)))
    failed, shown = 0, set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (status, text) in zip(todo, pool.map(tidy, todo)):
            if status == 0:
                work[path].touch()
            else:
                failed += 1
                # Each complaint about a shared header is shown once.
                for part in re.split(r"\n(?=/)", re.sub(r"^\d+ warnings?.* generated\.\n", "", text, flags=re.M)):
                    if part.strip() and part not in shown:
                        shown.add(part)
                        print(part.strip(), flush=True)
    print(f"{sum(len(sources_of(p)) for p in work)} files as {len(work)}, {len(work) - len(todo)} known to be clean, {len(todo) - failed} found clean, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
