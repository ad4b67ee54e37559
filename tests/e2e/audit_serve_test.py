"""The audit log of the server and of the commands: an answer is in the log before it is given, whatever kills the server."""

import hashlib
import http.client
import json
import os
import random
import signal
import stat
import threading
import time

import audit_logs
import e2e
from audit_test import python
from chat_model import ChatGguf
from dialects import DIALECTS, Ask, request
from files_test import KEY, Server

SEED = int(os.environ.get("FREEHOLD_SEED", "1"))


class Commands(e2e.Case):
    def test_what_is_changed_is_in_the_log(self):
        self.succeeds("keys", "create", "--name", "Alice Müller", "--role", "admin")
        key = json.loads(self.succeeds("keys", "create", "--name", "ci", "--json").text)["id"]
        self.succeeds("keys", "revoke", key)
        self.succeeds("models", "import", self.put("m.gguf", ChatGguf().write()), "--name", "m:q4")
        self.succeeds("models", "alias", "m:q4", "other")
        self.succeeds("models", "rm", "other")
        self.succeeds("cost", "budget", "set", "--tokens", "1000000", "--every", "day")
        entries = [json.loads(line) for line in self.succeeds("audit", "query", "--json").text.splitlines()]
        self.assertEqual([(e["kind"], e["act"]) for e in entries],
                         [("admin", act) for act in ("keys.create", "keys.create", "keys.revoke", "models.import", "models.alias", "models.rm", "cost.budget.set")])
        self.assertEqual(entries[1]["subject"], key)
        self.assertEqual(entries[0]["details"]["name"], "Alice Müller")
        self.assertTrue(all(e["role"] == "local" and e["name"] for e in entries))
        for path in (self.home / "audit").rglob("*"):
            if path.is_file():
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        self.assertEqual(stat.S_IMODE((self.home / "audit").stat().st_mode), 0o700)

    def test_another_program_may_have_written_it(self):
        """A log that a writer in Python made after the format's description is continued here."""
        signer = audit_logs.Signer(bytes(32))
        log, _ = audit_logs.sample(random.Random(2), signer, 270)
        audit_logs.write(self.home / "audit", log.content())
        (self.home / "audit" / "key").write_text(signer.text(secret=True))
        self.succeeds("keys", "create", "--name", "alice")
        said = json.loads(self.succeeds("audit", "verify", "--json").text)
        self.assertEqual(said["entries"], len(log.tree) + 1)
        self.assertEqual(python(self.home / "audit", "--against", self.put("kept", log.note)).returncode, 0)


class Serving(e2e.Case):
    def setUp(self):
        super().setUp()
        self.succeeds("models", "import", self.put("m.gguf", ChatGguf().write()), "--name", "m")

    def test_whom_a_request_is_for_in_any_dialect(self):
        """In the words of some there is no field for it."""
        say = [{"role": "user", "content": "the cat"}]
        with Server(None, self.home, "--keep-content") as server:
            for path, body in (("/api/chat", {"model": "m", "messages": say, "stream": False, "options": {"num_predict": 2}}),
                               ("/api/generate", {"model": "m", "prompt": "the cat", "stream": False, "options": {"num_predict": 2}}),
                               ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 2}}),
                               ("/v1/chat/completions", {"model": "m", "messages": say, "max_tokens": 2})):
                server.good("POST", path, body, freehold_user="patient-4711")
            server.good("POST", "/v1/chat/completions", {"model": "m", "messages": say, "max_tokens": 2, "user": "other"}, freehold_user="patient-4711")
            # Of two names the one that has no effect is said to have none.
            chat = {"model": "m", "messages": say, "max_tokens": 2}
            for body, headers, ignored in ((chat, {"freehold-user": "third"}, None), ({**chat, "user": "third"}, {"freehold-user": "third"}, None),
                                           ({**chat, "user": "third"}, {"freehold-user": "x"}, "Freehold-User"),
                                           ({**chat, "user": "third", "safety_identifier": "third"}, {}, None),
                                           ({**chat, "safety_identifier": "third"}, {"freehold-user": "x"}, "Freehold-User"),
                                           ({**chat, "user": "third", "safety_identifier": "x"}, {"freehold-user": "x"}, "Freehold-User, safety_identifier")):
                status, said, data, _ = self.ask(server.port, "/v1/chat/completions", body, **headers)
                self.assertEqual((status, said["freehold-ignored"]), (200, ignored), data)
            said = self.ask(server.port, "/v1/embeddings", {"model": "m", "input": "a", "user": "third", "safety_identifier": "x"})[1]
            self.assertEqual(said["freehold-ignored"], "safety_identifier")
            server.good("POST", "/api/chat", {"model": "m", "messages": say, "stream": False, "options": {"num_predict": 2}})
            for bad in (b"\xff", b"x" * 1025):
                status, data = server.ask("POST", "/api/chat", {"model": "m", "messages": say}, freehold_user=bad)
                self.assertEqual((status, "Freehold-User" in data.decode()), (400, True), data)
            self.assertEqual(len(self.succeeds("guard", "export", "patient-4711").text.splitlines()), 4)
            self.assertEqual(len(self.succeeds("guard", "export", "other").text.splitlines()), 1, "what the body says comes first")
            erased = json.loads(self.succeeds("guard", "erase", "patient-4711", "--json").text)
            self.assertEqual(len(erased["subjects"]), 1)

    def entries(self):
        return [json.loads(line) for line in self.succeeds("audit", "query", "--json", "--limit", "1000000").text.splitlines()]

    def ask(self, port, path, body, key=KEY, method="POST", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            data = json.dumps(body).encode()
            connection.request(method, path, data, {"content-type": "application/json", "authorization": f"Bearer {key}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read(), data
        finally:
            connection.close()

    def test_every_dialect_and_every_refusal(self):
        receipts = {}
        with Server("m", self.home) as server:
            for name in DIALECTS:
                for stream in (False, True):
                    path, body = request(Ask(name, "the secret dog", 12, 0, 7, None), "m", stream)
                    status, headers, data, sent = self.ask(server.port, path, body)
                    self.assertEqual(status, 200, data)
                    receipts[headers["freehold-receipt"]] = (name, path.partition("?")[0], sent)
            status, headers, data, sent = self.ask(server.port, "/v1/embeddings", {"model": "m", "input": ["the cat", "the dog"]})
            receipts[headers["freehold-receipt"]] = ("openai", "/v1/embeddings", sent)
            status, headers, data, sent = self.ask(server.port, "/v1/chat/completions",
                                                   {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "temperature": 0})
            chat, text = headers["freehold-receipt"], json.loads(data)["choices"][0]["message"]["content"]
            for refused, path, body, key in ((401, "/v1/chat/completions", {}, "wrong-key-here"), (404, "/v1/chat/completions", {"model": "none", "messages": [{"role": "user", "content": "hi"}]}, KEY),
                                             (400, "/v1/messages", {"model": "m"}, KEY), (404, "/v1/nowhere", {}, KEY)):
                self.assertEqual(self.ask(server.port, path, body, key)[0], refused, path)
            server.end(signal.SIGINT)
        by_id = {e["id"]: e for e in self.entries() if e["kind"] == "request"}
        for receipt, (name, path, sent) in receipts.items():
            entry = by_id[receipt]
            self.assertEqual((entry["endpoint"], entry["outcome"], entry["status"], entry["model"]), (path, "completed", 200, "m"), entry)
            self.assertEqual(entry["request_digest"], "sha256:" + hashlib.sha256(sent).hexdigest())
            for member in ("key", "role", "model_digest", "prompt_digest", "answer_digest", "numerics", "prompt_tokens", "usage"):
                self.assertIn(member, entry)
        self.assertEqual(by_id[chat]["answer_digest"], "sha256:" + hashlib.sha256(text.encode()).hexdigest())
        self.assertEqual(json.loads(self.succeeds("usage", "--request", chat).text)["request_id"], chat)
        refusals = [(e["status"], e["endpoint"]) for e in self.entries() if e["kind"] == "refusal"]
        self.assertEqual(refusals, [(401, "/v1/chat/completions"), (404, "/v1/chat/completions"), (400, "/v1/messages"),
                                    (404, "sha256:" + hashlib.sha256(b"/v1/nowhere").hexdigest())])
        for path in (self.home / "audit").rglob("entries-*"):
            self.assertNotIn(b"secret dog", path.read_bytes())
        self.assertEqual(python(self.home / "audit").returncode, 0)
        self.assertIn("entries", self.succeeds("audit", "verify").text)

    def test_no_name_of_an_address_that_is_refused_is_in_the_log(self):
        with Server("m", self.home) as server:
            for path in ("/v1/files/Ada-Lovelace?name=Ada-Lovelace", "/v1/models/Ada-Lovelace", "/Ada-Lovelace", "/v1/files/file-Ada-Lovelace/content"):
                for key in (KEY, "wrong-key-here"):
                    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
                    connection.request("GET", path, headers={"authorization": "Bearer " + key, "user-agent": "Ada-Lovelace/1"})
                    self.assertIn(connection.getresponse().status, (401, 404))
                    connection.close()
            server.end(signal.SIGINT)
        refusals = [e["endpoint"] for e in self.entries() if e["kind"] == "refusal"]
        self.assertEqual(refusals[0], "/v1/files/sha256:" + hashlib.sha256(b"Ada-Lovelace").hexdigest()[:16])
        self.assertEqual(len(refusals), 8)
        for path in (self.home / "audit").rglob("entries-*"):
            self.assertNotIn(b"Lovelace", path.read_bytes())

    def test_a_key_that_has_ended_is_named(self):
        made = json.loads(self.succeeds("keys", "create", "--name", "Ada", "--json").text)
        self.succeeds("keys", "revoke", made["id"])
        text = made["key"]
        wrong = text[:-1] + ("a" if text[-1] != "a" else "b")
        with Server("m", self.home) as server:
            for key in (text, wrong):
                self.assertEqual(self.ask(server.port, "/v1/models", {}, key, "GET")[0], 401)
            server.end(signal.SIGINT)
        refusals = [(e.get("key"), e.get("name"), e.get("rule")) for e in self.entries() if e["kind"] == "refusal"]
        self.assertEqual(refusals, [(made["id"], "Ada", "keys.revoked"), (None, None, None)], "its secret was right; that of the other was not")
        for path in (self.home / "audit").rglob("entries-*"):
            self.assertNotIn(text.split("-", 2)[2].encode(), path.read_bytes())

    def test_when_nothing_can_be_recorded_nothing_is_answered(self):
        """No stream either, of which it would come out at its end, and nothing is changed; whoever looks at the server's state is told."""
        say = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
        with Server("m", self.home) as server:
            self.assertEqual(self.ask(server.port, "/v1/chat/completions", say)[0], 200)
            for segment in (self.home / "audit").glob("entries-*"):
                segment.rename(self.folder / segment.name)
            self.assertEqual(self.ask(server.port, "/v1/chat/completions", say)[0], 503)
            for name in DIALECTS:
                path, body = request(Ask(name, "hi", 3, 0, 7, None), "m", True)
                status, headers, data, _ = self.ask(server.port, path, body)
                self.assertEqual((status, b"can no longer be recorded" in data, headers["content-type"].split(";")[0]),
                                 (529 if path == "/v1/messages" else 503, True, "application/json"), data)
                self.assertNotIn(b"entries-", data, "where it lies is nothing for clients")
            self.assertEqual(self.ask(server.port, "/api/copy", {"source": "m", "destination": "n"})[0], 503)
            self.assertEqual([json.loads(self.ask(server.port, path, {}, KEY, "GET")[2]).get("status") for path in ("/readyz", "/health", "/healthz")],
                             ["failed", "failed", "ok"])
            self.assertEqual(self.ask(server.port, "/v1/models", {}, KEY, "GET")[0], 200)
            server.end(signal.SIGINT)
        for segment in self.folder.glob("entries-*"):
            segment.rename(self.home / "audit" / segment.name)
        with Server("m", self.home) as server:
            self.assertEqual(self.ask(server.port, "/v1/chat/completions", say)[0], 200)
            server.end(signal.SIGINT)
        self.assertEqual([e["model"] for e in self.entries() if e["kind"] == "request"], ["m", "m"])
        self.succeeds("audit", "verify")

    def test_no_answer_without_its_entry_whatever_kills_the_server(self):
        answered, lock = [], threading.Lock()
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}

        def client(port):
            try:
                while True:
                    status, headers, _, _ = self.ask(port, "/v1/chat/completions", body)
                    if status == 200:
                        with lock:
                            answered.append(headers["freehold-receipt"])
            except (OSError, http.client.HTTPException):
                pass

        # Refusals as well: of a key that asks for what is not there, and of a stranger who stays below a hundred a second.
        refused = []

        def asks_in_vain(port, key, path, pause):
            try:
                while True:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                    connection.request("GET", path, headers={"authorization": "Bearer " + key})
                    answer = connection.getresponse()
                    answer.read()
                    connection.close()
                    with lock:
                        refused.append((answer.headers["x-request-id"], answer.status))
                    time.sleep(pause)
            except (OSError, http.client.HTTPException):
                pass

        draw = random.Random(SEED)
        for _ in range(3):
            with Server("m", self.home) as server:
                clients = [threading.Thread(target=client, args=(server.port,)) for _ in range(6)]
                clients += [threading.Thread(target=asks_in_vain, args=(server.port, KEY, path, 0)) for path in ("/v1/files/file-none", "/v1/nowhere")]
                clients += [threading.Thread(target=asks_in_vain, args=(server.port, "fh-nobody", "/v1/models", 0.02))]
                for c in clients:
                    c.start()
                time.sleep(0.2 + draw.random() * 0.4)
                # The log can be read, continued and verified meanwhile.
                self.succeeds("keys", "create", "--name", "meanwhile")
                self.succeeds("audit", "verify")
                server.end(signal.SIGKILL)
                for c in clients:
                    c.join()
        self.succeeds("keys", "create", "--name", "afterwards")  # opens the log anew
        ids = [e["id"] for e in self.entries()]
        self.assertEqual(len(ids), len(set(ids)), "none twice")
        self.assertEqual(set(answered) - set(ids), set(), "answered, and not in the log")
        self.assertGreater(len(answered), 20)
        statuses = {e["id"]: e["status"] for e in self.entries() if e["kind"] == "refusal"}
        self.assertEqual([r for r in refused if statuses.get(r[0]) != r[1]], [], "refused, and not in the log")
        self.assertEqual({status for _, status in refused}, {401, 404})
        self.succeeds("audit", "verify")
        self.assertEqual(python(self.home / "audit").returncode, 0)


if __name__ == "__main__":
    e2e.main()
