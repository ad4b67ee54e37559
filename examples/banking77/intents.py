#!/usr/bin/env python3
"""Routes short messages to intents: trains the starter model on examples of your own and measures it before and after.

    python3 examples/banking77/intents.py TRAIN.csv TEST.csv OUT

The files are CSV with a header; the text is the column text (or utterance, query, message), the intent the column
category (or intent, label). The intents are those of the training file, and nothing else here knows them: any such data
set works. With --develop the test file is not read: a tenth of the training file, by hash, takes its place, which is
how recipe.yaml was chosen. OUT gets the data as freehold reads it, schema.json, the run (OUT/tuned), the answers and report.json.
"""
import argparse
import csv
import hashlib
import json
import random
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402

TEXTS, LABELS = ("text", "utterance", "query", "message", "sentence"), ("category", "intent", "label", "class")

DROP, SWAP = 0.12, 0.04  # of words


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        names = rows.fieldnames or []
        text = next((n for n in TEXTS if n in names), None)
        label = next((n for n in LABELS if n in names), None)
        if text is None or label is None:
            sys.exit(f"intents.py: {path} has the columns {', '.join(names)}; a text ({', '.join(TEXTS)}) and an intent ({', '.join(LABELS)}) are needed")
        return [(" ".join(row[text].split()), row[label].strip()) for row in rows if row[text] and row[text].strip()]


def develop_part(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 10 == 0


def variants(text, count):
    """The text, and so many more of it with words left out and neighbours exchanged (after Wei & Zou 2019, arXiv 1901.11196)."""
    words = text.split()
    yield text
    for i in range(count):
        draw = random.Random(f"{i} {text}")
        kept = [w for w in words if draw.random() >= DROP] or [draw.choice(words)]
        for at in range(len(kept) - 1):
            if draw.random() < SWAP:
                kept[at], kept[at + 1] = kept[at + 1], kept[at]
        yield " ".join(kept)


def judge(answers, rows):
    """How many are right, and how often which intent was taken for which."""
    right, confused = 0, Counter()
    for answer, (_, label) in zip(answers, rows, strict=True):
        said = json.loads(answer["text"])["intent"]
        right += said == label
        confused[label, said] += said != label
    return right, confused


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--develop", action="store_true", help="judge by a tenth of the training file instead of the test file")
    parser.add_argument("--limit", type=int, help="only so many rows of each file, evenly spread")
    parser.add_argument("--variants", type=int, default=3, help="of each example, changed a little, beside it (default: %(default)s)")
    parser.add_argument("--skip-before", action="store_true", help="do not measure the model as it was")
    parser.add_argument("--recipe", type=Path, default=HERE / "recipe.yaml")
    common.add_options(parser)
    options = parser.parse_args()
    freehold = common.Freehold(options)
    every = lambda rows: rows if not options.limit else rows[::max(1, len(rows) // options.limit)][:options.limit]
    train = read(options.train)
    test = [r for r in train if develop_part(r[0])] if options.develop else read(options.test)
    train, test = every([r for r in train if not (options.develop and develop_part(r[0]))]), every(test)
    labels = sorted({label for _, label in train})
    test_known = [r for r in test if r[1] in labels]
    if len(test_known) < len(test):
        print(f"{len(test) - len(test_known)} rows of the test file have an intent that the training file lacks: they count as wrong")
    options.out.mkdir(parents=True, exist_ok=True)
    answer = lambda label: json.dumps({"intent": label}, ensure_ascii=False)
    common.write_lines(options.out / "train.jsonl", [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer(label)}]}
                                                     for row, label in train for text in variants(row, options.variants)])
    common.write_lines(options.out / "test.jsonl", [{"messages": [{"role": "user", "content": text}]} for text, _ in test])
    schema = {"type": "object", "properties": {"intent": {"enum": labels}}, "required": ["intent"], "additionalProperties": False}
    (options.out / "schema.json").write_text(json.dumps(schema, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(train):,} examples, {len(labels)} intents; {len(test):,} to be judged by{' (part of the training file)' if options.develop else ''}")

    frequent = Counter(label for _, label in train).most_common(1)[0][0]
    always = sum(label == frequent for _, label in test)
    print(f"always '{frequent}', the most frequent: {common.share(always, len(test))}")
    report = {"intents": len(labels), "train": len(train), "test": len(test), "chance": 1 / len(labels), "most_frequent": always / len(test)}
    base = next((s.partition("=")[2] for s in reversed(options.set) if s.startswith("base_model=")), "starter")

    def measure(name, model):
        began = freehold.seconds
        answers = freehold.answers(options.out / "test.jsonl", options.out / f"{name}.jsonl", model, "--schema", options.out / "schema.json", "--max-tokens", 96)
        right, confused = judge(answers, test)
        low, high = common.wilson(right, len(test))
        report[name] = {"right": right, "accuracy": right / len(test), "low": low, "high": high, "seconds": freehold.seconds - began,
                        "tokens": common.tokens_of(answers), "confused": [[a, b, n] for (a, b), n in confused.most_common(10)]}
        print(f"{name}: {common.share(right, len(test))}", flush=True)

    if not options.skip_before:
        measure("before", base)
    model, seconds = freehold.tune(options.recipe, options.out, options.set)
    measure("after", model)
    report["training"] = {"seconds": seconds, "usd": seconds / 3600 * options.per_hour}
    (options.out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"training: {common.cost(seconds, options.per_hour)}; "
          f"{len(test):,} answers: {common.cost(report['after']['seconds'], options.per_hour)}")
    print("most often confused: " + "; ".join(f"{a} as {b} ({n})" for a, b, n in report["after"]["confused"][:3]))


if __name__ == "__main__":
    main()
