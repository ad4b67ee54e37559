"""What tests of `freehold eval` share: tiny models and questions, and log-probabilities computed by hand."""

import array
import json
import math
import random

import e2e
import tiny

LETTERS = "ABCD"
WORDS = "the cat sat on a mat dog".split()


def text(draw, words):
    return " ".join(draw.choice(WORDS) for _ in range(words))


class Reference:
    """Log-probabilities by hand: every text alone, tokens from `tokenize`, logits from `inspect logits`."""

    def __init__(self, case, model):
        self.case, self.model, self.rows, self.tokens = case, model, {}, {}

    def ids(self, words):
        if words not in self.tokens:
            out = self.case.succeeds("tokenize", self.model, "--json", "--file", "-", stdin=words.encode()).text
            self.tokens[words] = json.loads(out)
        return self.tokens[words]

    def logits(self, ids):
        key = tuple(ids)
        if key not in self.rows:
            path = self.case.put("ids.json", json.dumps(ids))
            raw = self.case.succeeds("inspect", "logits", self.model, "--ids", path, "--out", "-").out
            self.rows[key] = array.array("f", raw)
        return self.rows[key]

    def score(self, context, answer):
        """(sum of log-probabilities, tokens) of the answer behind the context, in double precision."""
        return self.score_ids(self.ids(context + answer), len(self.ids(context)))

    def score_ids(self, whole, first):
        flat = self.logits(whole[:-1])
        width = len(flat) // (len(whole) - 1)
        total = 0.0
        for position in range(first, len(whole)):
            row = flat[(position - 1) * width:position * width]
            most = max(row)
            total += row[whole[position]] - most - math.log(math.fsum(math.exp(x - most) for x in row))
        return total, len(whole) - first


def best(values):
    return max(range(len(values)), key=lambda i: (values[i], -i))


class Tiny(e2e.Case):
    TASK = """
version: 1
tasks:
  - name: own
    kind: choice
    data: {{file: {data}, format: jsonl}}
    shots: {{count: 2, pick: first}}
    prompt: "{{q}}?"
    choices:
      - {{list: choices}}
    right: {{index: gold}}
    metrics: [acc, acc_byte, acc_token, acc_uncond, letter, ece]
    unconditional: "a"
"""

    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", tiny.Gguf(seed=5).write())

    def choices(self, count, seed=1, uneven=True):
        draw = random.Random(seed)
        rows = [{"q": text(draw, 2 + i % 3), "choices": [text(draw, 1 + (i + c) % 3 if uneven else 2) for c in range(3)], "gold": draw.randrange(3)}
                for i in range(count)]
        data = self.put("own.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        return rows, self.put("own.yaml", self.TASK.format(data=data))

    def items(self, *arguments, **more):
        out = self.folder / "items.jsonl"
        self.succeeds("eval", *arguments, "--items", out, **more)
        return out.read_bytes()
