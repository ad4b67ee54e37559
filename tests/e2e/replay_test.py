"""Answers that the server has given, computed again from what the audit log pins: `freehold audit replay`."""

import json
import os
import random
import time

import e2e
from adapters_test import peft
from chat_model import TEMPLATE, ChatGguf
from dialects import CONSTRAINED, DIALECTS, Ask, post, request
from identical_bytes_test import SCHEMA, together
from serving import KEY, Server

FOUND = 8
CLOCK = "{{- 'It is ' + strftime_now('%Y-%m-%d %H:%M:%S') + '\\n' }}\n"


def levels():
    """The instruction sets that this machine has, in the program's words."""
    return [level for level in ("scalar", "avx2", "avx512", "amx") if e2e.run("doctor", env={"FREEHOLD_ISA": level}).code == e2e.OK]


def asks():
    """What a body can ask for, in every dialect. No seed, but where there is one in the name."""
    out = []
    for number, dialect in enumerate(DIALECTS):
        out.append((f"{dialect} drawn", Ask(dialect, f"{number} first the cat sat", 24, 1), {}))
        out.append((f"{dialect} greedy", Ask(dialect, f"{number} then the dog sat", 20, 0, logprobs=dialect in ("chat", "completions")), {}))
        if dialect != "responses":
            out.append((f"{dialect} stop", Ask(dialect, f"stop {number}", 60, 1, stop="e"), {}))
        if dialect in CONSTRAINED:
            out.append((f"{dialect} schema", Ask(dialect, f"as JSON {number}", 70, 1, schema=SCHEMA), {}))
            out.append((f"{dialect} tool", Ask(dialect, f"a tool {number}", 90, 1, tool=True), {}))
    out.append(("chat several", Ask("chat", "several", 16, 1), {"n": 3}))
    out.append(("completions several", Ask("completions", "several", 16, 1), {"n": 11, "best_of": 11}))
    out.append(("chat everything", Ask("chat", "every sampler", 30, 0.9),
                {"top_p": 0.9, "frequency_penalty": 0.5, "presence_penalty": 0.3, "logit_bias": {"300": -100}}))
    return out


def without_seed(body):
    body = json.loads(json.dumps(body))
    body.pop("seed", None)
    body.get("options", {}).pop("seed", None)
    body.get("generationConfig", {}).pop("seed", None)
    return body


class Replays(e2e.Case):
    """What every test here needs: a store with a model, an adapter and a name that puts it on; a memory of what was sent."""

    def setUp(self):
        super().setUp()
        self.sent = {}
        self.succeeds("models", "import", self.put("m.gguf", ChatGguf().write()), "--name", "base")
        self.succeeds("models", "import", peft(self.folder / "lora"), "--name", "lora")
        self.succeeds("models", "alias", "bot", "=", "base", "+", "lora")

    def serve(self, *more, model=None, key=KEY):
        return Server(model, *more, home=self.home, key=key)

    def send(self, server, path, body, **more):
        data = json.dumps(body).encode()
        got = post(server.port, KEY, path, data, **more)
        if more.get("leave_after") is None:
            self.assertEqual(got.status, 200, (path, body, got.data))
        receipt = got.headers.get("freehold-receipt", "")
        self.sent[receipt] = data
        return receipt, got

    def entry(self, receipt):
        return json.loads(self.succeeds("audit", "show", receipt, "--json").text)

    def replay(self, receipt, *more, body=None, code=e2e.OK, **settings):
        path = self.put("body.json", self.sent[receipt] if body is None else body)
        ended = self.run_freehold("audit", "replay", receipt, "--request", path, "--json", *more, **settings)
        self.assertEqual(ended.code, code, (self.entry(receipt), ended.text, ended.message))
        return json.loads(ended.text)


class Supplied(Replays):
    """The body is at hand."""

    def test_whatever_was_asked(self):
        """In every dialect, whole and streamed; the names of the models are gone from the store by then."""
        named = {}
        with self.serve() as server:
            work = []
            for place, (name, ask, more) in enumerate(asks()):
                stream = place % 2 == 1
                path, body = request(ask, ("base", "bot")[place % 3 == 0], stream)
                body = {**(without_seed(body) if place % 4 else body), **more}
                work.append((f"{name} {stream}", path, body))
            work.append(("embeddings", "/v1/embeddings", {"model": "base", "input": ["the cat", "the dog"]}))
            work.append(("embeddings with an adapter", "/v1/embeddings", {"model": "bot", "input": "the cat"}))
            work.append(("native", "/completion", {"model": "base", "prompt": "the cat", "n_predict": 12}))
            got = together([lambda w=w: self.send(server, w[1], w[2])[0] for w in work])
            for one, receipt in zip(work, got):
                self.assertIsInstance(receipt, str, (one, receipt))
                named[one[0]] = receipt
        self.assertEqual(len(set(named.values())), len(work))
        self.succeeds("models", "alias", "base", "other")
        self.succeeds("models", "rm", "base")
        for name, receipt in named.items():
            said = self.replay(receipt)
            self.assertEqual(said["verdict"], "equal", (name, said))
        drawn = named["chat drawn False"]
        for level in levels():
            for threads in ("1", "2"):
                self.replay(drawn, "--threads", threads, env={"FREEHOLD_ISA": level})
        self.assertIn("comes out again", self.succeeds("audit", "replay", drawn, "--request", self.put("b", self.sent[drawn])).text)
        self.succeeds("audit", "replay", "chatcmpl-" + drawn[4:], "--request", self.folder / "b", "--sealed")

    def test_a_difference_is_told(self):
        with self.serve() as server:
            path, body = request(Ask("chat", "the cat", 8, 1), "base", False)
            receipt, _ = self.send(server, path, body)
            other, _ = self.send(server, path, {**body, "seed": 99})
        ended = self.run_freehold("audit", "replay", receipt, "--request", self.put("other", self.sent[other]))
        self.assertEqual(ended.code, e2e.USAGE)
        self.assertIn("not the request", ended.message)
        # Another model under the entry's digest cannot be had from the store: the digest is that of the content.
        self.succeeds("models", "import", self.put("n.gguf", ChatGguf(seed=5).write()), "--name", "n")
        said = self.replay(receipt, "--model", "n", code=FOUND)
        self.assertEqual(said["verdict"], "different")
        self.assertLess({"model_digest", "answer_digest"}, {d["member"] for d in said["differences"]} | {"more"})
        self.assertIn("answer_digest", self.run_freehold("audit", "replay", receipt, "--request", self.folder / "body.json", "--model", "n").text)
        # What is missing is named.
        weights = self.entry(receipt)["model_digest"]
        self.succeeds("models", "rm", "bot", "base")
        self.fails(e2e.NOT_FOUND, "audit", "replay", receipt, "--request", self.folder / "body.json", names=weights)
        self.fails(e2e.USAGE, "audit", "replay", "0", "--request", self.folder / "body.json", names="only requests")

    def test_an_adapter_that_is_gone_is_named(self):
        with self.serve("--no-keys", key=None) as server:
            path, body = request(Ask("chat", "the cat", 8, 1), "bot", False)
            receipt, _ = self.send(server, path, body)
            self.assertEqual(server.post("/freehold/v1/adapters", {"name": "mine:v1", "model": "base", "adapter": "lora"})[0], 200)
            attached, _ = self.send(server, path, {**body, "model": "mine:v1"})
        self.assertEqual(self.entry(attached)["adapter"], self.entry(receipt)["adapter"])
        self.replay(attached)
        self.succeeds("models", "rm", "bot")
        self.replay(receipt)  # the adapter's own name is there
        self.succeeds("models", "rm", "lora")
        self.fails(e2e.NOT_FOUND, "audit", "replay", receipt, "--request", self.folder / "body.json", names=self.entry(receipt)["adapter"])

    def test_the_limits_and_the_clock_are_pinned(self):
        """A smaller context ends an answer sooner, another cache changes its bits, and a template may read the clock."""
        model = self.put("clock.gguf", ChatGguf(template=CLOCK + TEMPLATE).write())
        self.succeeds("models", "import", model, "--name", "clock")
        with self.serve("--context", "64", "--kv-cache", "q8_0") as server:
            long = [self.send(server, *request(Ask("chat", "the cat " * 3, 1000, 1), name, False))[0] for name in ("base", "clock")]
            path, body = request(Ask("ollama", "the dog", 100, 0), "base", False)
            body["messages"] = [{"role": role, "content": "the cat sat " * 4} for role in ("user", "assistant") * 4] + body["messages"]
            cut, got = self.send(server, path, body)
            self.assertIn("freehold-truncated", got.headers)
        with self.serve(model=model) as server:
            path, body = request(Ask("chat", "from a path", 8, 1), "clock", False)
            loose, _ = self.send(server, path, body)
        time.sleep(1.1)
        for receipt in (*long, cut):
            self.assertEqual((self.entry(receipt)["context"], self.entry(receipt)["kv_cache"]), (64, "q8_0"))
            self.assertEqual(self.replay(receipt)["verdict"], "equal")
        self.assertIn("clock", self.entry(long[1]))
        self.assertNotIn("clock", self.entry(long[0]))
        self.fails(e2e.USAGE, "audit", "replay", loose, "--request", self.put("l", self.sent[loose]), names="--model")
        self.replay(loose, "--model", model)

    def test_an_answer_whose_client_left(self):
        receipts = []
        with self.serve() as server:
            for number in range(6):
                path, body = request(Ask("chat", f"the cat {number}", 1500, 1), "base", True)
                receipts.append(self.send(server, path, {**body, "logit_bias": {"2": -100}}, leave_after=600)[0])
            limit = time.monotonic() + 30
            while len(self.entries()) < 6 and time.monotonic() < limit:
                time.sleep(0.05)
        left = [e["id"] for e in self.entries() if e["outcome"] == "cancelled"]
        self.assertTrue(left)
        for receipt in left:
            self.assertEqual(self.replay(receipt)["verdict"], "beginning")

    def entries(self):
        return [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "request", "--json").text.splitlines()]


if __name__ == "__main__":
    e2e.main()
