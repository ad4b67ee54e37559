#!/usr/bin/env python3
"""Fails when a folder of src/ includes what lies above it (tools/layers.txt), or when one of our headers drags in a heavy one.

usage: check_layers.py [ROOT]
Tests and benchmarks (files with the word "test", "testing" or "bench" in their name) may include anything.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# What our headers may include in angle brackets besides the C++ standard library (names without a dot or a slash). Everything
# else is for .cpp files: <vector> costs a file 0.1 s, tl/expected.hpp 0.2, fmt/core.h 0.3, fmt/format.h 0.6, json.hpp 1.5.
ALLOWED_IN_HEADERS = {"tl/expected.hpp", "fmt/core.h", "immintrin.h", "sys/types.h", "nlohmann/json_fwd.hpp"}
# What few .cpp files of one folder share and values of such a library are members of: the header says so in its name.
HOLDS = {"_json": "nlohmann/json.hpp", "_asio": "boost/asio/"}


# Written by the build.
GENERATED = {"build_info.h"}
FREE = re.compile(r"(^|_)(test|testing|bench)(_|$)")


def read_layers(path):
    """{folder: set of folders it may include}; a folder may always include itself."""
    layers = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, colon, below = line.partition(":")
        if not colon or folder in layers:
            raise SystemExit(f"{path}:{number}: expected 'folder: folders below it', each folder once")
        for name in below.split():
            if name not in layers:
                raise SystemExit(f"{path}:{number}: '{name}' is not listed above '{folder}'")
        layers[folder] = set(below.split()) | {folder}
    return layers


def check(root):
    """The list of violations, as 'file:line: what is wrong'."""
    layers = read_layers(root / "tools" / "layers.txt")
    src = root / "src"
    errors = []
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".h", ".cpp", ".cu") or FREE.search(path.stem):
            continue
        folder = path.relative_to(src).parts[0]
        if folder not in layers:
            errors.append(f"{path.relative_to(root)}: folder '{folder}' is not in tools/layers.txt")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, name = match.groups()
            if name in GENERATED:
                continue
            where = f"{path.relative_to(root)}:{number}"
            if quote == '"':
                target = name.split("/")[0]
                if "/" not in name or not (src / name).is_file():
                    errors.append(f'{where}: "{name}": our headers are included by their path below src/, others in <>')
                elif target not in layers[folder]:
                    errors.append(f"{where}: {folder} may not include {target} (tools/layers.txt)")
            elif path.suffix == ".h" and ("/" in name or "." in name) and name not in ALLOWED_IN_HEADERS:
                if any(name.startswith(library) for end, library in HOLDS.items() if path.stem.endswith(end)):
                    continue
                errors.append(f"{where}: <{name}> belongs into a .cpp file, not into a header of ours")
    return errors


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    errors = check(root)
    print("\n".join(errors) if errors else "the layers hold")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
