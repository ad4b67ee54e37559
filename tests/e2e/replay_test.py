"""Answers that the server has given, computed again from what the audit log pins: `freehold audit replay`."""

import base64
import hashlib
import json
import os
import random
import shutil
import threading
import time

import e2e
from adapters_test import peft
from audit_test import python
from chat_model import TEMPLATE, ChatGguf
from dialects import CONSTRAINED, DIALECTS, Ask, post, request
from files_test import Server as Files
from identical_bytes_test import SCHEMA, together
from serving import KEY, Server
from tuning_jobs_test import QUICK, Tuning, chats

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


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


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
        self.succeeds("audit", "replay", "chatcmpl-" + drawn[4:], "--request", self.folder / "b", "--sealed", env=e2e.SEALED)

    def test_how_several_choices_ended(self):
        """Which of them ends first is the load's doing; what the log says of the end is of the last choice."""
        with self.serve() as server:
            mixed = 0
            for seed in range(24):
                receipt, got = self.send(server, "/v1/completions", {"model": "base", "prompt": "the cat", "max_tokens": 12, "temperature": 1.2,
                                                                     "seed": seed, "stop": ["t", "a"], "n": 4})
                ends = [choice["finish_reason"] for choice in json.loads(got.data)["choices"]]
                mixed += len(set(ends)) > 1
                self.assertEqual(self.entry(receipt)["finish"], ends[-1], ends)
            self.assertGreater(mixed, 2)

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
        self.fails(e2e.USAGE, "audit", "replay", "0", "--request", self.folder / "body.json", names="no answer to compute")

    def test_the_files_that_were_imported(self):
        """They have no digest from the store: their own is compared."""
        with self.serve() as server:
            sent = {name: self.send(server, *request(Ask("chat", "the cat", 8, 1), name, False))[0] for name in ("base", "bot")}
        for name, receipt in sent.items():
            self.assertIn("model_digest", self.entry(receipt))
            said = self.replay(receipt, "--model", self.folder / "m.gguf")
            self.assertEqual(said, {**said, "verdict": "equal", "differences": []}, name)
        # Another file is told by its digest, also where it answers the same.
        data = bytearray((self.folder / "m.gguf").read_bytes())
        other = self.put("other.gguf", bytes(data) + bytes(32))
        said = self.replay(sent["base"], "--model", other, code=FOUND)
        self.assertEqual([(d["member"], d["logged"], d["computed"]) for d in said["differences"]],
                         [("model_digest", digest_of(data), digest_of(other.read_bytes()))])
        # Nothing is in the store any more, as whoever checks a log elsewhere has it.
        self.succeeds("models", "rm", "bot", "base")
        self.replay(sent["base"], "--model", self.folder / "m.gguf")

    def test_weights_below_an_adapter(self):
        """The model's own name is gone, or leads to another one: its weights are in the store below the adapter."""
        with self.serve() as server:
            receipt, _ = self.send(server, *request(Ask("chat", "the cat", 8, 1), "base", False))
        self.succeeds("models", "rm", "base")
        self.assertEqual(self.replay(receipt)["verdict"], "equal")
        self.succeeds("models", "import", self.put("n.gguf", ChatGguf(seed=5).write()), "--name", "base")
        self.assertEqual(self.replay(receipt)["verdict"], "equal")
        weights = self.entry(receipt)["model_digest"]
        self.assertNotIn("dapter", self.succeeds("models", "inspect", weights).text)
        self.fails(e2e.NOT_FOUND, "models", "rm", weights, names=weights)  # that would be the adapter's name
        self.succeeds("models", "rm", "bot")
        self.fails(e2e.NOT_FOUND, "audit", "replay", receipt, "--request", self.folder / "body.json", names=weights)

    def test_an_adapter_that_is_gone_is_named(self):
        with self.serve("--no-keys", key=None) as server:
            path, body = request(Ask("chat", "the cat", 8, 1), "bot", False)
            receipt, _ = self.send(server, path, body)
            self.assertEqual(server.post("/freehold/v1/adapters", {"name": "mine:v1", "model": "base", "adapter": "lora"})[0], 200)
            attached, _ = self.send(server, path, {**body, "model": "mine:v1"})
        self.assertEqual(self.entry(attached)["adapter"], self.entry(receipt)["adapter"])
        self.replay(attached)
        adapter = self.entry(receipt)["adapter"]
        self.assertEqual(self.succeeds("models", "inspect", adapter).text, self.succeeds("models", "inspect", "lora").text, "by the digest of the log")
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
        self.replay(loose, "--model", "clock")  # the log pins nothing that another place of the same files differed in

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


class Kept(Replays):
    """The server keeps what is said."""

    CANARY = "a canary called Xenophon"

    def keeping(self, *more, **how):
        return self.serve("--keep-content", *more, **how)

    def anywhere(self, *texts):
        """Files below the home that hold one of the texts, plainly."""
        return [path for path in self.home.rglob("*") if path.is_file() and any(t.encode() in path.read_bytes() for t in texts)]

    def sample(self, *more, code=e2e.OK, **settings):
        ended = self.run_freehold("audit", "replay", "--json", *(more or ("--sample", "100%")), **settings)
        self.assertEqual(ended.code, code, ended.text + ended.message)
        return json.loads(ended.text)

    def talk(self, server, user, text, **more):
        body = {"model": "base", "messages": [{"role": "user", "content": text}], "max_tokens": 12, "temperature": 1, "user": user, **more}
        return self.send(server, "/v1/chat/completions", body)

    def test_nothing_is_kept_unless_somebody_says_so(self):
        with self.serve() as server:
            receipt, _ = self.talk(server, "alice", self.CANARY)
        self.assertFalse((self.home / "content").exists() or (self.home / "keys").exists())
        self.assertEqual(self.anywhere(self.CANARY, "Xenophon"), [])
        self.assertFalse({"subject", "content", "content_digest"} & set(self.entry(receipt)))
        self.fails(e2e.USAGE, "audit", "replay", receipt, names="--request")
        self.fails(e2e.NOT_FOUND, "audit", "show", receipt, "--content")
        self.fails(e2e.USAGE, "serve", "base", "--master-key", self.folder / "k", names="--keep-content")

    def test_kept_encrypted_and_replayed(self):
        master = self.folder / "away" / "master.key"
        answers = {}
        with self.keeping("--master-key", master) as server:
            work = []
            for place, (name, ask, more) in enumerate(asks()):
                path, body = request(ask, ("base", "bot")[place % 3 == 0], place % 2 == 1)
                body = {**without_seed(body), **more}
                work.append(lambda p=path, b=body: self.send(server, p, b))
            work.append(lambda: self.send(server, "/v1/embeddings", {"model": "bot", "input": self.CANARY}))
            got = together(work)
            for one in got:
                self.assertIsInstance(one, tuple, one)
            receipt, answer = self.talk(server, "alice", self.CANARY)
            answers[receipt] = json.loads(answer.data)["choices"][0]["message"]["content"]
            # What goes on from an earlier answer.
            first, answer = self.send(server, "/v1/responses", {"model": "base", "input": self.CANARY, "max_output_tokens": 8})
            second, _ = self.send(server, "/v1/responses", {"model": "base", "input": "and then?", "max_output_tokens": 8,
                                                            "previous_response_id": json.loads(answer.data)["id"]})
        self.assertEqual(self.anywhere(self.CANARY, "alice", "Xenophon"), [])
        for path in (self.home / "content").rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path) if path.name != "lock" else None
        key = ("--master-key", master)
        self.succeeds("audit", "replay", receipt, *key)
        self.succeeds("audit", "replay", second, *key, "--sealed", env=e2e.SEALED)
        self.fails(e2e.USAGE, "audit", "replay", "--sample", "2", *key, names="--sample")
        said = self.sample("--sample", "100%", *key)
        self.assertEqual((said["equal"], said["drawn"]), (len(got) + 3, len(got) + 3), said)
        half = {r["id"] for r in self.sample("--sample", "0.5", "--since", "1h", *key)["replays"]}
        self.assertTrue(0 < len(half) < len(got), half)
        self.assertEqual(half, {r["id"] for r in self.sample("--sample", "50%", *key)["replays"]})
        self.assertLessEqual({r["id"] for r in self.sample("--sample", "20%", *key)["replays"]}, half)
        self.assertEqual(self.sample("--sample", "100%", "--until", "2020-01-01", *key)["drawn"], 0)
        self.assertIn("come out again", self.succeeds("audit", "replay", "--sample", "10%", *key).text)
        shown = json.loads(self.succeeds("audit", "show", receipt, "--content", "--json", *key).text)
        self.assertEqual(shown["content"], {"address": "/v1/chat/completions", "body": self.sent[receipt].decode(), "answers": [answers[receipt]]})
        self.assertIn(self.CANARY, self.succeeds("audit", "show", receipt, "--content", "--reason", "complaint 17", *key).text)
        act = json.loads(self.succeeds("audit", "query", "--act", "audit.show", "-n", "1", "--json").text)
        self.assertEqual((act["subject"], act["details"]), (receipt, {"reason": "complaint 17"}))
        self.fails(e2e.USAGE, "audit", "show", receipt, "--reason", "complaint 17", names="--content")
        self.fails(e2e.USAGE, "audit", "show", receipt, "--content", "--reason", " ", *key, names="--reason")
        # Neither without the key nor with another one.
        self.fails(e2e.NOT_FOUND, "audit", "show", receipt, "--content")
        other = self.put("other.key", "freehold-master-key 1 " + "A" * 43 + "=\n")
        other.chmod(0o600)
        self.fails(e2e.USAGE, "audit", "show", receipt, "--content", "--master-key", other, names="another master key")
        # What was changed is found.
        for path in (self.home / "content").glob("records-*"):
            data = bytearray(path.read_bytes())
            for at in range(64, len(data), 64):  # in every record; some hold what a replay does not need
                data[at] ^= 1
            path.write_bytes(data)
        bad = [r for r in self.sample("--sample", "100%", *key, code=8)["replays"] if r["verdict"] != "equal"]
        self.assertEqual([r["verdict"] for r in bad], ["impossible"] * len(bad))
        self.assertTrue(bad)
        self.succeeds("audit", "verify")

    def test_what_a_fine_tuning_job_has_made(self):
        self.succeeds("models", "alias", "base", "m")
        with Tuning(None, self.home, "--keep-content", "--threads", "2") as server:
            job = server.over(server.job(chats(12), **QUICK))
            server.says(job["fine_tuned_model"])
        entry, = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "request", "--model", job["fine_tuned_model"], "--json").text.splitlines()]
        self.assertIn("adapter", entry)
        self.succeeds("audit", "replay", entry["id"])
        shutil.rmtree(self.home / "fine_tuning" / job["id"])
        self.fails(e2e.NOT_FOUND, "audit", "replay", entry["id"], names=entry["adapter"])

    def test_what_nobody_waited_for(self):
        self.succeeds("models", "alias", "base", "m")
        with Files(None, self.home, "--keep-content") as server:
            lines = [{"custom_id": str(i), "method": "POST", "url": "/v1/chat/completions",
                      "body": {"model": "m", "messages": [{"role": "user", "content": f"line {i}"}], "max_tokens": 9}} for i in range(5)]
            server.finished(server.batch(lines))
            made = server.good("POST", "/v1/responses", {"model": "m", "input": "later", "max_output_tokens": 9, "background": True})
            limit = time.monotonic() + 60
            while server.good("GET", f"/v1/responses/{made['id']}")["status"] in ("queued", "in_progress") and time.monotonic() < limit:
                time.sleep(0.02)
        said = self.sample()
        self.assertEqual((said["equal"], said["drawn"]), (6, 6), said)

    def test_whatever_kills_the_server(self):
        """An answer that was given is in the log, and what the log points to is there."""
        draw = random.Random(int(os.environ.get("FREEHOLD_SEED", "1")))
        given = []
        for _ in range(4 if e2e.SANITIZED else 12):
            with self.keeping() as server:
                end = time.monotonic() + draw.uniform(0.02, 0.4)

                def ask(number):
                    try:
                        while True:
                            given.append(self.talk(server, f"user {number}", "the cat", max_tokens=2)[0])
                    except Exception:  # noqa: BLE001: the server is killed
                        pass
                threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
                for thread in threads:
                    thread.start()
                time.sleep(max(0, end - time.monotonic()))
                server.kill()
                for thread in threads:
                    thread.join()
        self.assertGreater(len(given), 4 if e2e.SANITIZED else 20)
        entries = {e["id"]: e for e in map(json.loads, self.succeeds("audit", "query", "--kind", "request", "--json", "--limit", "1000000").text.splitlines())}
        self.assertLessEqual(set(given), set(entries))
        said = self.sample()
        self.assertEqual((said["equal"], said["impossible"], said["different"]), (len(entries), 0, 0))

    def test_erased(self):
        with self.keeping() as server:
            gone = [self.talk(server, "alice", self.CANARY)[0] for _ in range(3)]
            body = {"model": "base", "max_tokens": 12, "messages": [{"role": "user", "content": self.CANARY}], "metadata": {"user_id": "alice"}}
            gone.append(self.send(server, "/v1/messages", body)[0])
            answer = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"enum": [self.CANARY]}}}
            receipt, got = self.talk(server, "alice", "say it", response_format=answer, max_tokens=100)
            self.assertIn(self.CANARY.encode(), got.data)
            gone.append(receipt)
            kept = self.talk(server, "bob", "the dog")[0]
            nobody = self.talk(server, "", "the bird")[0]
            exported = [json.loads(line) for line in self.succeeds("guard", "export", "alice").text.splitlines()]
            self.assertEqual([line["entry"]["id"] for line in exported], gone)
            self.assertEqual([line["content"]["body"].encode() for line in exported], [self.sent[r] for r in gone])
            self.assertTrue(all(len(line["content"]["answers"]) == 1 for line in exported))
            subject = exported[0]["entry"]["subject"]
            self.assertEqual({line["entry"]["subject"] for line in exported}, {subject})
            # While the server runs.
            self.assertIn(subject, self.succeeds("guard", "erase", "alice").text)
            later = self.talk(server, "alice", "somebody of the same name")[0]
        self.fails(e2e.NOT_FOUND, "guard", "erase", "carol", names="carol")
        self.assertNotEqual(self.entry(later)["subject"], subject)
        for receipt in gone:
            self.fails(e2e.NOT_FOUND, "audit", "show", receipt, "--content", names="destroyed")
            self.replay(receipt)  # by whoever has the request
        self.assertEqual(self.anywhere(self.CANARY, "Xenophon"), [])
        for receipt in (kept, later, nobody):
            self.succeeds("audit", "replay", receipt)
        said = self.sample()
        self.assertEqual((said["equal"], said["impossible"]), (3, 5))
        acts = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "admin", "--json").text.splitlines()]
        erased = [a for a in acts if a["act"] == "guard.erase"]
        self.assertEqual([(a["subject"], a["details"]["entries"]) for a in erased], [(subject, 5)])
        self.assertIn("guard.export", [a["act"] for a in acts])
        self.succeeds("audit", "verify")
        self.assertEqual(python(self.home / "audit").returncode, 0)
        proof = self.put("proof", self.succeeds("audit", "prove", gone[0]).text)
        self.succeeds("audit", "verify", "--proof", proof)
        # The random bytes that would open what is still there are in no file: with the master key and all that is left, nothing opens.
        master = base64.b64decode((self.home / "keys" / "master.key").read_text().split()[2])
        self.assertEqual(len(master), 32)
        names = {path.name for path in (self.home / "content" / "subjects").iterdir() if path.name != "lock"}
        self.assertEqual(len(names), 3)
        self.assertFalse(any(subject.encode() in path.read_bytes() for path in (self.home / "content" / "subjects").iterdir()))

    def test_a_key_s_own_and_its_files(self):
        with self.keeping() as server:
            receipt, _ = self.talk(server, "", self.CANARY)
            key = self.entry(receipt)["key"]
            boundary = b"--x\r\nContent-Disposition: form-data; name="
            form = boundary + b'"purpose"\r\n\r\nuser_data\r\n' + boundary + b'"file"; filename="a.txt"\r\n\r\n' + self.CANARY.encode() + b"\r\n--x--\r\n"
            up = post(server.port, KEY, "/v1/files", form, headers={"content-type": "multipart/form-data; boundary=x"})
            self.assertEqual(up.status, 200, up.data)
            self.assertEqual(len(self.anywhere(self.CANARY)), 1)
            said = json.loads(self.succeeds("guard", "erase", key, "--json").text)
            self.assertEqual(said["files"], 1)
        self.assertEqual(self.anywhere(self.CANARY, "Xenophon"), [])
        self.fails(e2e.NOT_FOUND, "audit", "show", receipt, "--content", names="destroyed")

    def test_sealed(self):
        master = self.folder / "away" / "master.key"
        with self.keeping("--sealed", "--master-key", master) as server:
            receipt, _ = self.talk(server, "alice", self.CANARY)
            other, _ = self.talk(server, "bob", "the cat")
        self.succeeds("audit", "replay", receipt, "--master-key", master, "--sealed", env=e2e.SEALED)
        self.succeeds("guard", "erase", "alice", "--master-key", master, "--sealed", env=e2e.SEALED)
        said = self.sample("--sample", "100%", "--master-key", master, "--sealed", env=e2e.SEALED)
        self.assertEqual((said["equal"], said["impossible"]), (1, 1))


if __name__ == "__main__":
    e2e.main()
