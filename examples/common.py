"""What the examples share: running freehold, the interval of a proportion, and what a run has cost."""
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def wilson(right, count, z=1.959964):
    """The 95 % confidence interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    if count == 0:
        return 0.0, 1.0
    p, n = right / count, count
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


def share(right, count):
    low, high = wilson(right, count)
    return f"{100 * right / max(count, 1):.1f} % ({right:,} of {count:,}; 95 % interval {100 * low:.1f} to {100 * high:.1f})"


def add_options(parser):
    """What every example's command understands."""
    parser.add_argument("--freehold", default=str(ROOT / "build/release/freehold"), help="the program (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads (default: all)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value in the recipe: --set base_model=llama:1b")
    parser.add_argument("--per-hour", type=float, default=0.10, metavar="USD", help="what this machine costs an hour (default: %(default)s)")


class Freehold:
    def __init__(self, options):
        self.program, self.threads, self.seconds = options.freehold, options.threads, 0.0

    def __call__(self, *arguments, threads=True):
        """Runs one command to its end and returns what it wrote. Its progress goes to our standard error."""
        words = [self.program, *map(str, arguments)] + (["--threads", str(self.threads)] if threads and self.threads else [])
        began = time.monotonic()
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
        self.seconds += time.monotonic() - began
        if done.returncode != 0:
            sys.exit(f"{Path(sys.argv[0]).name}: '{' '.join(words)}' ended with {done.returncode}")
        return done.stdout

    def answers(self, prompts, out, model, *arguments):
        """The answers to a file of prompts, in their order, likeliest token by likeliest token."""
        self("batch", prompts, out, "--model", model, "--temperature", 0, *arguments)
        return [json.loads(line) for line in Path(out).read_text(encoding="utf-8").splitlines()]

    def tune(self, recipe, folder, settings):
        """Trains as the recipe says, in `folder`, and returns (model to run, seconds). A run that is there goes on."""
        text = Path(recipe).read_text(encoding="utf-8")
        for setting in settings:
            key, _, value = setting.partition("=")
            text, found = re.subn(rf"^{re.escape(key)}:.*$", lambda _: f"{key}: {value}", text, flags=re.M)
            if not found:
                text += f"{key}: {value}\n"
        here = folder / "recipe.yaml"
        here.write_text(text, encoding="utf-8")
        before = self.seconds
        self("tune", "resume" if (folder / "tuned/run.json").exists() else "start", here)
        spent = self.seconds - before
        if (folder / "tuned/model.gguf").exists():
            return folder / "tuned/model.gguf", spent
        base = re.search(r"^base_model: *(.*?) *$", text, re.M)[1]
        merged = folder / "merged.gguf"
        if not merged.exists():
            self("tune", "merge", base, folder / "tuned", merged, "--type", "f16", threads=False)
        return merged, spent


def cost(seconds, per_hour):
    return f"{seconds / 60:.1f} minutes, {seconds / 3600 * per_hour:.3f} USD at {per_hour:.2f} USD an hour"


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def tokens_of(answers):
    """Tokens of (prompts, answers)."""
    usage = [a.get("usage", {}) for a in answers]
    return tuple(sum(u.get(name, 0) for u in usage) for name in ("prompt_tokens", "completion_tokens"))
