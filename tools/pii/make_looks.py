#!/usr/bin/env python3
"""Makes src/pii/data/looks.bin: what words that no list holds look like (src/pii/looks.h), from those that the lexicon holds.

usage: make_looks.py SHARED_TEXT     (../shared/data/text)

Two averaged perceptrons over letters two, three and four at a time: a person's name, a place's, each against ordinary words. These are
the lexicon's and the rarer ones of public-domain books and CC BY textbooks (make_lexicon.py). Whole numbers only: the same bytes every time.
"""

import pathlib
import random
import sys

import make_lexicon

DATA = make_lexicon.DATA
BITS = 14
EPOCHS = 4


def buckets(word):
    """As look_of() in src/pii/looks.cpp."""
    text, out = f"^{word}$".encode(), []
    for i in range(len(text) - 1):
        value = ((0x811C9DC5 ^ text[i]) * 0x01000193) & 0xFFFFFFFF
        for c in text[i + 1 : i + 4]:
            value = ((value ^ c) * 0x01000193) & 0xFFFFFFFF
            out.append((value * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - BITS))
    return out


def train(examples, draw):
    """Weights, the mean of every step's, scaled so that a score is 64 on average."""
    weights, sums, last, step = [0] * (1 << BITS), [0] * (1 << BITS), [0] * (1 << BITS), 0
    for _ in range(EPOCHS):
        draw.shuffle(examples)
        for features, good in examples:
            step += 1
            score = 0
            for b in features:
                score += weights[b]
            if (score > len(features) // 4) != good:
                by = 1 if good else -1
                for b in features:
                    sums[b] += weights[b] * (step - last[b])
                    last[b] = step
                    weights[b] += by
    mean = [(s + w * (step - at)) for s, w, at in zip(sums, weights, last)]
    total = sum(abs(sum(mean[b] for b in features)) for features, _ in examples) // len(examples)
    return [max(-127, min(127, m * 64 // total)) for m in mean]


def main():
    draw = random.Random(11)
    flags = dict(line.split() for line in (DATA / "lexicon.txt").read_text().splitlines())
    lower, capital = make_lexicon.frequencies(pathlib.Path(sys.argv[1]))
    ordinary = {w for w, f in flags.items() if f in ("c", "n") and len(w) > 2} | {w for w, n in lower.items() if n >= 4 and n > capital[w] and w.isalpha() and len(w) > 3 and w not in flags}
    ordinary = sorted(ordinary)
    persons = sorted(w for w, f in flags.items() if set("gs") & set(f) and "c" not in f and len(w) > 2)
    places = sorted(w for w, f in flags.items() if "p" in f and "c" not in f and len(w) > 2)
    seen = {w: buckets(w) for w in {*ordinary, *persons, *places}}
    out = bytearray(2 << BITS)
    for which, names in ((0, persons), (1, places)):
        # The other kind of name is no ordinary word, and is left out of it.
        examples = [(seen[w], True) for w in names] + [(seen[w], False) for w in ordinary]
        for bucket, weight in enumerate(train(examples, draw)):
            out[2 * bucket + which] = weight & 0xFF
    (DATA / "looks.bin").write_bytes(out)
    print(len(ordinary), "ordinary words,", len(persons), "persons,", len(places), "places")


if __name__ == "__main__":
    main()
