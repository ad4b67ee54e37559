"""A mixed load for as long as $FREEHOLD_SOAK says (seconds; 5 unless given, an hour in `./dev nightly`): answers in six wire formats whole
and streamed, schemas and tools, clients that leave, wrong requests, bombs, embeddings, files, batches, models made and deleted. Every answer
is of the kind that was to be expected, and memory, descriptors and threads are flat.

Memory is RssAnon of /proc/PID/status: what the process has of its own, without mapped files, every 0.25 s. The first half warms caches up
(kept prefixes and constraints, the allocator's); of the second, the median of the last third may be at most GROWTH above that of the first.
Descriptors and threads are counted when nobody has been connected for a moment, and may be none more than after the first second.
"""

import json
import os
import pathlib
import random
import statistics
import threading
import time

import e2e
from chat_model import ChatGguf
from dialects import CONSTRAINED, DIALECTS, SEEDED, TOOL, Ask, ask_for, ends_well, parts_of, post, said
from json_schema import Maker, parsed, problem
from serving import Server

SANITIZED = e2e.SANITIZED or b"__tsan_init" in pathlib.Path(e2e.FREEHOLD).read_bytes()
SECONDS = float(os.environ.get("FREEHOLD_SOAK", "4" if SANITIZED else "5"))
REPORT = os.environ.get("FREEHOLD_SOAK_REPORT")
KEYS = ("the-first-key-of-three", "the-second-key-of-three", "the-third-key-of-three")
CLIENTS = 20
# MiB. Short runs end while caches still fill; a sanitizer keeps what is freed for a while, so there it is no judgement.
GROWTH = float("inf") if SANITIZED else 4 if SECONDS >= 120 else 64
BROKEN = ({"type": "object", "properties": {"a": {"$ref": "#/none"}}}, {"type": "string", "pattern": "(?=a)"}, {"type": "nothing"},
          {"type": "array", "minItems": 5, "maxItems": 2}, {"enum": []})
BOMBS = ({"type": "string", "pattern": "^((a{1,900}){1,900}){1,900}$"}, {"type": "array", "minItems": 10 ** 9, "items": {"type": "integer"}},
         {"$defs": {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 9} for i in range(12)} | {"d12": {"type": "null"}}, "$ref": "#/$defs/d0"},
         {"type": "object", "properties": {f"p{i}": {"type": "string", "maxLength": 10 ** 6} for i in range(300)}},
         {"allOf": [{"anyOf": [{"type": "string", "pattern": f"a{{{j},}}b{i}"} for j in range(20)]} for i in range(20)]})


class Client:
    """One of those who ask; counts what it did and keeps what was wrong."""

    def __init__(self, port, seed):
        self.port, self.draw, self.done, self.wrong = port, random.Random(seed), {}, []
        self.kinds = [self.answer] * 8 + [self.leaves] * 4 + [self.schema] * 3 + [self.tool] * 2 + [
            self.mistake, self.mistake, self.bomb, self.embed, self.file, self.batch, self.made, self.small]

    @property
    def key(self):
        return self.draw.choice(KEYS)

    def expect(self, got, *statuses):
        if got.status not in statuses:
            self.wrong.append((got.status, got.data[:300]))
        return got

    def post(self, path, body, *statuses, key=None):
        return self.expect(post(self.port, key or self.key, path, body), *statuses)

    def some(self, **more):
        dialect = more.pop("dialect", None) or self.draw.choice(list(DIALECTS))
        text = f"the cat {self.draw.randrange(50)} " * self.draw.randrange(1, 60)
        ask = {"text": text, "max_tokens": self.draw.randrange(1, 120), "temperature": self.draw.choice([0, 1]) if dialect in SEEDED else 0,
               "seed": self.draw.randrange(1000)}
        return Ask(dialect, **{**ask, **more})

    def answer(self):
        ask, stream = self.some(), self.draw.random() < 0.6
        got = self.expect(ask_for(self.port, self.key, "chatty", ask, stream), 200)
        if got.status == 200 and (not ends_well(ask, got.data) if stream else not said(ask, got.data)[3]):
            self.wrong.append((ask, got.data[-300:]))

    def leaves(self):
        after = self.draw.choice([0, 0, 1, 300, 3000])
        ask_for(self.port, self.key, "chatty", self.some(max_tokens=1500), self.draw.random() < 0.7, leave_after=after)

    def schema(self):
        schema = Maker(self.draw).make()
        ask = self.some(dialect=self.draw.choice(CONSTRAINED), schema=schema, max_tokens=self.draw.randrange(5, 200))
        got = self.expect(ask_for(self.port, self.key, "chatty", ask, self.draw.random() < 0.5, headers={"freehold-require": "complete"}), 200, 400)
        if got.status == 200 and problem(schema, parsed(said(ask, got.data)[0])):
            self.wrong.append((schema, got.data[-300:]))

    def tool(self):
        ask = self.some(dialect=self.draw.choice(CONSTRAINED), tool=True, max_tokens=110)
        got = self.expect(ask_for(self.port, self.key, "chatty", ask, self.draw.random() < 0.5), 200)
        if got.status == 200 and ask.dialect != "ollama":  # whose models may call
            calls = said(ask, got.data)[1]
            if not calls or problem(TOOL, parsed(calls[0][1])):
                self.wrong.append((ask, got.data[-300:]))

    def mistake(self):
        path = self.draw.choice(["/v1/chat/completions", "/v1/completions", "/v1/messages", "/api/chat", "/v1beta/models/chatty:generateContent",
                                 "/v1/embeddings", "/v1/responses", "/api/none", "/v1/none"])
        body = self.draw.choice([b"", b"{", b"[]", b"\xff", b"[" * 50_000, {"model": "none"}, {"model": "chatty", "messages": 5},
                                 {"model": "chatty", "max_tokens": -1, "messages": [{"role": 7}], "temperature": "hot"}])
        key = self.draw.choice([self.key, self.key, "nobody's key"])
        self.post(path, body, *range(400, 500), key=key)

    def bomb(self):
        schema = self.draw.choice(BOMBS + BROKEN)
        ask = self.some(dialect="chat", schema=schema, max_tokens=4)
        self.expect(ask_for(self.port, self.key, "chatty", ask), 200, 400, 422)

    def embed(self):
        got = self.post("/v1/embeddings", {"model": "chatty", "input": ["the dog " * self.draw.randrange(1, 90)] * self.draw.randrange(1, 5)}, 200)
        if got.status == 200 and len(parts_of(got.data)[0]["data"][0]["embedding"]) != 32:
            self.wrong.append(got)

    def form(self, content):
        return (b"--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n"
                b"content-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" + content + b"\r\n--x--\r\n")

    def other(self, method, path, key, body=b"", kind="multipart/form-data; boundary=x"):
        return self.server.ask(method, path, body, {"authorization": f"Bearer {key}", "content-type": kind}, key=False)

    def upload(self, content, key):
        status, _, data = self.other("POST", "/v1/files", key, self.form(content))
        if status != 200:
            self.wrong.append((status, data))
            return None
        return json.loads(data)["id"]

    def file(self):
        key, content = self.key, self.draw.randbytes(self.draw.randrange(200_000))
        if name := self.upload(content, key):
            if self.other("GET", f"/v1/files/{name}/content", key)[2] != content:
                self.wrong.append(name)
            self.other("DELETE", f"/v1/files/{name}", key)

    def batch(self):
        key = self.key
        line = {"method": "POST", "url": "/v1/completions", "body": {"model": "chatty", "prompt": "the", "max_tokens": 9}}
        name = self.upload(b"".join(json.dumps({"custom_id": str(i), **line}).encode() + b"\n" for i in range(5)), key)
        made = self.post("/v1/batches", {"input_file_id": name, "endpoint": "/v1/completions", "completion_window": "24h"}, 200, 429, key=key)
        if made.status != 200:
            return
        batch = json.loads(made.data)
        limit = time.monotonic() + 300  # it yields to requests, of which there is no end here
        while batch["status"] in ("validating", "in_progress", "finalizing") and time.monotonic() < limit:
            time.sleep(0.05)
            batch = json.loads(self.other("GET", f"/v1/batches/{batch['id']}", key)[2])
        if batch["status"] != "completed":
            self.wrong.append(batch)
        for file in (name, batch["output_file_id"]):
            self.other("DELETE", f"/v1/files/{file}", key)

    def made(self):
        name, key = f"made-{self.draw.randrange(10 ** 9)}", self.key
        self.post("/api/create", {"model": name, "from": "chatty", "system": "s", "stream": False}, 200, key=key)
        self.post("/api/chat", {"model": name, "messages": [{"role": "user", "content": "a"}], "options": {"num_predict": 3}}, 200, key=key)
        self.other("DELETE", "/api/delete", key, json.dumps({"model": name}).encode(), "application/json")

    def small(self):
        for path, body in (("/tokenize", {"content": "the cat"}), ("/api/show", {"model": "chatty"}),
                           ("/v1/messages/count_tokens", {"model": "chatty", "messages": [{"role": "user", "content": "a"}]})):
            self.post(path, body, 200)
        for path in ("/v1/models", "/metrics", "/api/tags", "/healthz", "/v1/files"):
            if self.server.ask("GET", path, headers={"authorization": f"Bearer {self.key}"}, key=False)[0] != 200:
                self.wrong.append(path)

    def run(self, until):
        while time.monotonic() < until and not self.wrong:
            kind = self.draw.choice(self.kinds)
            try:
                kind()
            except Exception as error:  # noqa: BLE001: a thread's exception is the test's
                self.wrong.append((kind.__name__, repr(error)))
            self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1


def anonymous_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def descriptors_and_threads(pid):
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


class Soak(e2e.Case):
    def least(self, pid):
        """The fewest descriptors and threads within a moment: connections of clients that have left are closed by then."""
        seen = []
        for _ in range(20):
            seen.append(descriptors_and_threads(pid))
            time.sleep(0.1)
        return min(s[0] for s in seen), min(s[1] for s in seen)

    def load(self, server, seconds, first):
        clients = [Client(server.port, first + i) for i in range(CLIENTS)]
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=client.run, args=(until,)) for client in clients]
        for client in clients:
            client.server = server
        for thread in threads:
            thread.start()
        samples = []
        while time.monotonic() < until and any(thread.is_alive() for thread in threads):
            self.assertIsNone(server.process.poll(), "the server ended by itself")
            samples.append(anonymous_mib(server.process.pid))
            time.sleep(0.25)
        for thread in threads:
            thread.join()
        self.wrong += [w for client in clients for w in client.wrong]
        return samples, {k: sum(c.done.get(k, 0) for c in clients) for client in clients for k in client.done}

    def warm_up(self, server):
        """Until each kind of request has been made: what the server opens for the first of a kind, it keeps."""
        seen = set()
        for turn in range(60):
            seen.update(kind for kind, count in self.load(server, 1, 1000 + turn * CLIENTS)[1].items() if count)
            if seen >= {kind.__name__ for kind in Client(server.port, 0).kinds}:
                return
        self.fail(f"after {turn + 1} s there were only {sorted(seen)}")

    def test_flat(self):
        self.wrong = []
        model = self.put("model.gguf", ChatGguf().write())
        keys = [word for key in KEYS for word in ("--api-key", key)]
        with Server(model, "--alias", "chatty", *keys, home=self.home) as server:
            pid = server.process.pid
            self.warm_up(server)
            before = self.least(pid)
            samples, done = self.load(server, SECONDS, 0)
            after = self.least(pid)
            half = len(samples) // 2
            third = max(1, (len(samples) - half) // 3)
            first, last = statistics.median(samples[half:half + third]), statistics.median(samples[-third:])
            report = {"seconds": SECONDS, "requests": sum(done.values()), "kinds": done, "first_mib": round(first, 1), "last_mib": round(last, 1),
                      "peak_mib": round(max(samples), 1), "descriptors": (before[0], after[0]), "threads": (before[1], after[1])}
            print(json.dumps(report), end=" ", flush=True)
            if REPORT:
                pathlib.Path(REPORT).write_text(json.dumps({**report, "samples": samples[::max(1, len(samples) // 200)]}))
            self.assertEqual(self.wrong, [])
            self.assertLessEqual(after[0], before[0], "descriptors")
            self.assertLessEqual(after[1], before[1], "threads")
            self.assertLessEqual(last - first, GROWTH, "memory grows")
            server.interrupt()
            self.assertEqual(server.process.wait(60), 0)


if __name__ == "__main__":
    e2e.main()
