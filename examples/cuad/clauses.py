#!/usr/bin/env python3
"""Finds clauses in contracts: makes the data for banking77/intents.py from CUAD, which then trains and judges.

    python3 examples/cuad/clauses.py CONTRACTS.jsonl.xz CLAUSES.csv.gz OUT [options of intents.py]

CUAD v1 (The Atticus Project, CC BY 4.0) has 510 contracts and the clauses that lawyers marked in them. Every marked clause
becomes a row of its type; paragraphs in which nobody marked anything become "none". A fifth of the contracts, by hash of their
names, is held out, so that no contract is on both sides.
"""
import ast
import csv
import gzip
import hashlib
import json
import lzma
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What stands at a contract's head or is a date is found by other means.
LEFT_OUT = {"Filename", "Document Name", "Parties", "Agreement Date", "Effective Date", "Expiration Date"}
LONGEST = 700  # characters
LEAST = 40  # clauses of a type in the training part; rarer types are left out


def draw(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def flat(text):
    return " ".join(text.split())


def letters(name):
    return re.sub(r"[^a-z0-9]", "", name.rsplit(".", 1)[0].lower())


def clip(text):
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0]


def rows_of(contract, marks):
    """(text, type) of one contract."""
    rows, marked = [], []
    for kind, clauses in marks.items():
        for clause in clauses:
            clause = flat(clause)
            marked.append(clause)
            if len(clause) >= 40:
                rows.append((clip(clause), kind))
    for paragraph in re.split(r"\n\s*\n", contract):
        paragraph = flat(paragraph)
        if 80 <= len(paragraph) and draw(paragraph) % 6 == 0 and not any(m in paragraph or paragraph in m for m in marked):
            rows.append((clip(paragraph), "none"))
    return rows


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    contracts, clauses, out = map(Path, sys.argv[1:4])
    with lzma.open(contracts, "rt", encoding="utf-8") as file:
        texts = {letters(row["file"]): row["text"] for row in map(json.loads, file)}
    parts = {"train": [], "test": []}
    with gzip.open(clauses, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = letters(row["Filename"])
            if name not in texts:
                continue
            marks = {kind: ast.literal_eval(value) for kind, value in row.items()
                     if kind not in LEFT_OUT and not kind.endswith("Answer") and value.startswith("[")}
            parts["test" if draw(name) % 5 == 0 else "train"] += rows_of(texts[name], marks)
    counts = Counter(kind for _, kind in parts["train"])
    out.mkdir(parents=True, exist_ok=True)
    for part, rows in parts.items():
        with open(out / f"{part}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            # The same words marked as two types have no single answer: the first stands.
            writer.writerows({text: (text, kind) for text, kind in reversed(rows) if counts[kind] >= LEAST or kind == "none"}.values())
    print(f"{len(parts['train']):,} clauses and paragraphs to learn from, {len(parts['test']):,} held out")
    sys.exit(subprocess.call([sys.executable, HERE.parent / "banking77/intents.py", out / "train.csv", out / "test.csv", out,
                              "--recipe", HERE / "recipe.yaml", *sys.argv[4:]]))


if __name__ == "__main__":
    main()
