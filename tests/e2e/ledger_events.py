"""Usage events for tests: written into a usage.db that the program itself has made, so that its triggers see every one."""

import datetime
import random
import sqlite3

import serving

DAY = 86_400_000_000


def make_record(home, model):
    """A home whose usage.db exists, with nothing in it."""
    with serving.Server(model, home=home):
        pass
    return home / "usage.db"


def micros(day):
    return int(datetime.datetime.fromisoformat(day + "T00:00:00+00:00").timestamp()) * 1_000_000


def events(count, begin, days, seed=1, keys=8, models=4, tags=5):
    """Random events, evenly over `days` from the day `begin` on, as rows for `insert`."""
    draw = random.Random(seed)
    first = micros(begin)
    for i in range(count):
        prompt = draw.randrange(10, 4000)
        yield (f"req-{seed}-{i}", first + i * days * DAY // count, f"key{draw.randrange(keys)}", f"model{draw.randrange(models)}",
               draw.choice(("", "", "support")), f"tag{draw.randrange(tags)}", prompt, draw.randrange(prompt), draw.randrange(1, 600),
               draw.randrange(1000, 3_000_000))


def insert(path, rows):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.executemany(
            "INSERT INTO events (request_id, time, key_id, model, model_digest, adapter, tag, dialect, endpoint, prompt_tokens, cached_tokens, "
            "completion_tokens, sampling, queue_seconds, prefill_seconds, decode_seconds, compute_us, outcome, finish_reason, steered, "
            "http_status) VALUES (?, ?, ?, ?, '', ?, ?, 'openai', '/v1/chat/completions', ?, ?, ?, '', 0, 0, 0, ?, 'completed', 'stop', 0, 200)",
            rows)
    db.close()
