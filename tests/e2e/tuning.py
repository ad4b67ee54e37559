"""What the tests of `freehold tune` share: small data, a recipe, and a run's results without what the clock measured."""

import json
import random

WORDS = "the a dog cat sat ran on mat hill red big small and then saw went home".split()
CLOCK = ("seconds", "tokens_per_second")


def texts(count, seed=1, longest=60):
    draw = random.Random(seed)
    return "".join(json.dumps({"text": " ".join(draw.choice(WORDS) for _ in range(draw.randrange(5, longest)))}) + "\n" for _ in range(count))


def recipe(model, **keys):
    """A LoRA over completions in d.jsonl, with other values and more keys as given; None leaves one out."""
    values = {"base_model": str(model), "learning_rate": 2e-3, "adapter": "lora", "lora_r": 4, "sequence_len": 256, "micro_batch_size": 2,
              "gradient_accumulation_steps": 2, "num_epochs": 2, "val_set_size": 0.1, "output_dir": "out",
              "datasets": [{"path": "d.jsonl", "type": "completion"}]}
    values.update(keys)
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items() if value is not None)  # JSON is YAML


def measured(folder):
    """The lines of metrics.jsonl, as text, without the clock's columns."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [json.dumps({k: v for k, v in line.items() if k not in CLOCK}) for line in lines]


def adapter(folder):
    return (folder / "adapter_model.safetensors").read_bytes()
