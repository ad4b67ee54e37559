#!/usr/bin/env python3
"""Suggests the subject of a commit: trains the starter model on the history of a git repository of your own.

    python3 examples/commit-messages/commits.py REPOSITORY OUT

Every commit without merges becomes a row: the names of its files and the beginning of its changes, and the subject that
was written. The newest tenth is held out, as the future would be. What is judged is whether a suggestion has the area of
the true subject, which is what stands before its first colon ("store: …"), or its first word where there is none.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402

FILES, CHANGES = 400, 500  # characters of a prompt


def git(repository, *arguments):
    done = subprocess.run(["git", "-C", repository, *arguments], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"commits.py: git {arguments[0]} failed in {repository}")
    return done.stdout.decode("utf-8", "replace")


def prompt_of(repository, commit):
    names = git(repository, "show", "--format=", "--name-only", commit).split("\n")
    changes = [line for line in git(repository, "show", "--format=", "--unified=0", "--no-color", commit).split("\n")
               if line[:1] in "+-" and line[:3] not in ("+++", "---") and len(line) > 4]
    return ("\n".join(n for n in names if n)[:FILES] + "\n" + "\n".join(changes)[:CHANGES]).strip()


def area(subject):
    head, colon, _ = subject.partition(":")
    return head.strip() if colon else " ".join(subject.split()[:1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("repository", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=int, default=5000, help="only so many of the newest commits (default: %(default)s)")
    parser.add_argument("--recipe", type=Path, default=HERE / "recipe.yaml")
    common.add_options(parser)
    options = parser.parse_args()
    freehold = common.Freehold(options)
    log = git(options.repository, "log", "--no-merges", f"--max-count={options.limit}", "--format=%H %s").split("\n")
    commits = [line.split(" ", 1) for line in reversed(log) if " " in line]
    rows = [row for row in ((prompt_of(options.repository, commit), subject.strip()[:200]) for commit, subject in commits) if row[0] and row[1]]
    if len(rows) < 20:
        sys.exit(f"commits.py: {options.repository} has {len(rows)} commits with changes: too few to learn from")
    held = rows[-max(1, len(rows) // 10):]
    options.out.mkdir(parents=True, exist_ok=True)
    common.write_lines(options.out / "train.jsonl", [{"messages": [{"role": "user", "content": p}, {"role": "assistant", "content": s}]} for p, s in rows[:-len(held)]])
    common.write_lines(options.out / "test.jsonl", [{"messages": [{"role": "user", "content": p}]} for p, _ in held])
    print(f"{len(rows) - len(held):,} commits to learn from, the newest {len(held):,} held out")
    base = next((s.partition("=")[2] for s in reversed(options.set) if s.startswith("base_model=")), "starter")
    report = {"train": len(rows) - len(held), "test": len(held)}

    def measure(name, model):
        answers = freehold.answers(options.out / "test.jsonl", options.out / f"{name}.jsonl", model, "--max-tokens", 48)
        right = sum(area(a["text"]) == area(subject) for a, (_, subject) in zip(answers, held, strict=True))
        low, high = common.wilson(right, len(held))
        report[name] = {"right": right, "accuracy": right / len(held), "low": low, "high": high}
        print(f"{name}: the right area: {common.share(right, len(held))}", flush=True)
        return answers

    measure("before", base)
    model, seconds = freehold.tune(options.recipe, options.out, options.set)
    answers = measure("after", model)
    report["training"] = {"seconds": seconds, "usd": seconds / 3600 * options.per_hour}
    (options.out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"training: {common.cost(seconds, options.per_hour)}")
    for answer, (_, subject) in list(zip(answers, held))[-3:]:
        print(f"  written:   {subject}\n  suggested: {answer['text'].strip()}")


if __name__ == "__main__":
    main()
