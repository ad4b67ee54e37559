#!/usr/bin/env python3
"""Do the pages still describe the tree? Every path that README.md or docs/ writes in backticks, and every relative link, must exist; and
the acts in the table of docs/formats/audit.md are those that the source writes to the audit log.

A path is what begins with a folder of the tree or of src/; `*` matches anything, and so does NAME, which stands for what is to be
made. Pages written by a program need not exist and are not checked.
"""

import pathlib
import re
import sys

TOP = "src tests tools fuzz docs cmake".split()
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)")
GENERATED = {"docs/nightly.md"}


ACT = re.compile(r'(?:record_act(?:_in)?|record_import|act_kept|->act)\([^";]*?"([a-z.-]+)"(?:\s*:\s*"([a-z.-]+)")?')
ACTS_PAGE = "docs/formats/audit.md"


def check_acts(root):
    page = root / ACTS_PAGE
    if not page.is_file():
        return []
    row = next((line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `act` |")), "")
    said = {text for text in CODE.findall(row) if re.fullmatch(r"[a-z-]+(\.[a-z-]+)*", text)}
    files = [p for p in sorted((root / "src").rglob("*.cpp")) if not p.stem.endswith("_test")]
    written = {act for p in files for found in ACT.findall(p.read_text(encoding="utf-8")) for act in found if act}
    return ([f"{ACTS_PAGE}: the act `{act}` is not in its table" for act in sorted(written - said)] +
            [f"{ACTS_PAGE}: nothing writes the act `{act}`" for act in sorted(said - written) if "." in act])


def check(root):
    below_src = [p.name for p in (root / "src").iterdir() if p.is_dir()]
    errors = check_acts(root)
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        name = str(page.relative_to(root))
        if name in GENERATED or not page.is_file():
            continue
        fenced = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("```"):
                fenced = not fenced
            if fenced:
                continue
            for text in CODE.findall(line):
                if not re.fullmatch(r"[\w./*-]+", text):
                    continue
                first = text.split("/")[0]
                if "/" not in text or (first not in TOP and first not in below_src):
                    continue
                base = root if first in TOP else root / "src"
                if "NAME" in text or text in GENERATED:
                    continue
                found = any(base.glob(text.rstrip("/"))) if "*" in text else (base / text).exists()
                if not found:
                    errors.append(f"{name}:{number}: `{text}` does not exist")
            for target in LINK.findall(line):
                if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                    errors.append(f"{name}:{number}: link to {target}, which does not exist")
    return errors


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    errors = check(root)
    print("\n".join(errors) if errors else "the pages describe the tree")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
