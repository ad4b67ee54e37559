#!/usr/bin/env python3
"""Small rules about files: no source file past 800 lines (a warning past 500), and every header says in its head what it is for."""

import pathlib
import sys

WARN, FAIL = 500, 800
FOLDERS = ("src", "tests", "fuzz", "bench", "tools", "cmake")
SUFFIXES = (".h", ".cpp", ".cu", ".py", ".sh", ".cmake")


def check(root):
    errors, warnings = [], []
    files = [p for folder in FOLDERS for p in sorted((root / folder).rglob("*")) if p.suffix in SUFFIXES]
    for path in files + [root / "dev"]:
        if not path.is_file():
            continue
        name = path.relative_to(root)
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > FAIL:
            errors.append(f"{name}: {len(lines)} lines, more than {FAIL}: find the seam and split it")
        elif len(lines) > WARN:
            warnings.append(f"{name}: {len(lines)} lines, more than {WARN}")
        if path.suffix == ".h" and not (lines and lines[0].startswith("//")):
            errors.append(f"{name}: a header begins with a comment that says what it is for")
    return errors, warnings


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    errors, warnings = check(root)
    for line in warnings:
        print("warning:", line)
    for line in errors:
        print("error:", line)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
