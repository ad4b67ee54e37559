"""kill -9 at random moments under load, again and again: what was answered is recorded, once; models, files and batches are whole.

$FREEHOLD_KILLS says how often (6, under a sanitizer 3; 50 in `./dev nightly`), $FREEHOLD_SEED when (the same ones every time unless given).
"""

import contextlib
import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time

import e2e
from chat_model import ChatGguf
from dialects import CONSTRAINED, DIALECTS, SEEDED, Ask, ends_well, parts_of, post, request, said
from files_test import KEY, Server, requests

KILLS = int(os.environ.get("FREEHOLD_KILLS", "3" if e2e.SANITIZED else "6"))
SEED = int(os.environ.get("FREEHOLD_SEED", "1"))
CLIENTS = 8
LINES = 40 * KILLS  # of the batch
BROKEN = (OSError, http.client.HTTPException)  # what a client sees of a kill


class Load:
    """Clients that ask until their server is gone, and remember what they were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = 0
        self.answered = {}  # request id: tokens written, or None
        self.files = {}
        self.made = []
        self.wrong = []

    def ask(self, port, draw):
        dialect = draw.choice(list(DIALECTS))
        ask = Ask(dialect, f"the dog {draw.random()} " * draw.randrange(1, 20), draw.randrange(1, 150), draw.choice([0, 1]) if dialect in SEEDED else 0,
                  draw.randrange(1000), {"type": "object"} if dialect in CONSTRAINED and draw.random() < 0.3 else None)
        stream = draw.random() < 0.5
        path, body = request(ask, "m", stream)
        with self.lock:
            self.sent += 1
        got = post(port, KEY, path, body)
        if got.status != 200:
            self.wrong.append(got)
        elif not stream or ends_well(ask, got.data):
            self.answered[got.request_id] = said(ask, got.data)[3]

    def embed(self, port, draw):
        with self.lock:
            self.sent += 1
        got = post(port, KEY, "/v1/embeddings", {"model": "m", "input": ["the cat"] * draw.randrange(1, 4)})
        if got.status != 200 or "data" not in parts_of(got.data)[0]:
            self.wrong.append(got)
        self.answered[got.request_id] = None

    def upload(self, server, draw):
        content = draw.randbytes(draw.randrange(1, 60_000))
        self.files[server.upload(content, "user_data")["id"]] = content

    def make(self, port, draw):
        name = f"made-{draw.randrange(60)}"  # made anew again and again: a key may have 100
        got = post(port, KEY, "/api/create", {"model": name, "from": "m", "stream": False, "system": "s" * draw.randrange(2000)})
        if got.status != 200:
            self.wrong.append(got)
        self.made.append(name)

    def run(self, server, seed):
        draw = random.Random(seed)
        with contextlib.suppress(*BROKEN):
            while True:
                kind = draw.randrange(12)
                try:
                    if kind == 0:
                        self.upload(server, draw)
                    elif kind == 1:
                        self.make(server.port, draw)
                    elif kind == 2:
                        self.embed(server.port, draw)
                    else:
                        self.ask(server.port, draw)
                except AssertionError as error:
                    self.wrong.append(error)
                    return


class Kills(e2e.Case):
    def serve(self):
        return Server("m", self.home, "--sequences", "6", "--key-files", "100000")

    def killed_while_starting(self, draw):
        process = e2e.start("serve", "m", "--port", "0", "--api-key", KEY, home=self.home)
        time.sleep(draw.random() * 0.1)
        process.kill()
        process.communicate(timeout=60)

    def wait_for(self, load, answers, everything):
        """Until so many requests more have been answered; with `everything`, one of each kind."""
        answers += len(load.answered)
        deadline = time.monotonic() + 60
        while len(load.answered) < answers or everything and not (load.files and load.made):
            self.assertLess(time.monotonic(), deadline, "the server no longer answers")
            time.sleep(0.002)

    def killed_under_load(self, load, draw, batch, everything=False):
        server = self.serve()
        if batch is None:
            batch = server.batch(requests(LINES, tokens=30, seed=5))
        clients = [threading.Thread(target=load.run, args=(server, draw.random())) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        self.wait_for(load, 5 + draw.randrange(40), everything)
        time.sleep(draw.random() * 0.02)
        self.assertIsNone(server.process.poll(), "it lives until it is killed")
        server.end(signal.SIGKILL)
        for client in clients:
            client.join()
        return batch

    def test_nothing_that_was_answered_is_lost(self):
        self.succeeds("models", "import", self.put("m.gguf", ChatGguf().write()), "--name", "m")
        draw, load, batch = random.Random(SEED), Load(), None
        for number in range(KILLS):
            batch = self.killed_under_load(load, draw, batch, everything=number == KILLS - 1)
            if number % 3 == 0:
                self.killed_while_starting(draw)
        self.assertEqual(load.wrong, [])
        self.assertGreaterEqual(len(load.answered), 5 * KILLS)
        self.assertGreater(len(load.files), 0)
        self.assertGreater(len(load.made), 0)
        with self.serve() as server:
            self.check_batch(server, load, batch)
            for name, content in load.files.items():
                self.assertEqual(server.ask("GET", f"/v1/files/{name}/content"), (200, content))
            names = [m["name"] for m in server.good("GET", "/api/tags")["models"]]
            self.assertEqual([n for n in load.made if n + ":latest" not in names], [])
            server.end(signal.SIGINT)
        self.check_usage(load)
        self.succeeds("models", "verify")
        # What a killed write leaves in serve/ is a few bytes that nobody reads.
        self.assertEqual([p for p in self.home.rglob(".tmp-*") if p.parent.name != "serve"], [])

    def check_batch(self, server, load, batch):
        """Every line once, in order, answered as a line is that nobody interrupted."""
        done = server.finished(batch)
        self.assertEqual((done["status"], done["request_counts"]), ("completed", {"total": LINES, "completed": LINES, "failed": 0}))
        answers = server.lines(done["output_file_id"])
        self.assertEqual([a["custom_id"] for a in answers], [f"r{i}" for i in range(LINES)])
        for line, answer in list(zip(requests(LINES, tokens=30, seed=5), answers))[::max(1, LINES // 20)]:
            whole = server.good("POST", line["url"], line["body"])
            self.assertEqual(whole["choices"], answer["response"]["body"]["choices"])
        load.lines = {a["response"]["request_id"]: a["response"]["body"]["usage"]["completion_tokens"] for a in answers}
        self.assertEqual(len(load.lines), LINES)

    def check_usage(self, load):
        with contextlib.closing(sqlite3.connect(self.home / "usage.db")) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            rows = database.execute("SELECT request_id, completion_tokens, outcome FROM events").fetchall()
        recorded = {name: (tokens, outcome) for name, tokens, outcome in rows}
        self.assertEqual(len(recorded), len(rows), "no request twice")
        for name, tokens in [*load.answered.items(), *load.lines.items()]:
            self.assertIn(name, recorded, "answered, and not recorded")
            self.assertEqual(recorded[name], (recorded[name][0] if tokens is None else tokens, "completed"), name)
        # Besides, only what was under way: recorded, and killed before the client or the batch's file had it.
        sampled = len(range(0, LINES, max(1, LINES // 20)))
        extra = len(rows) - len(load.answered) - LINES - sampled
        self.assertLessEqual(0, extra)
        self.assertLessEqual(extra, (CLIENTS + 6) * KILLS)
        self.assertLessEqual(len(rows), load.sent + LINES + sampled + 6 * KILLS)
        total = json.loads(self.succeeds("usage", "--json").text)["total"]
        self.assertEqual((total["requests"], total["completion_tokens"]), (len(rows), sum(tokens for _, tokens, _ in rows)))
        for name in list(load.answered)[:3]:
            self.assertEqual(json.loads(self.succeeds("usage", "--request", name).text)["request_id"], name)
        print(f"{KILLS} kills, {len(load.answered)} answers, {len(load.files)} files, {extra} recorded and cut off", end=" ", flush=True)


if __name__ == "__main__":
    e2e.main()
