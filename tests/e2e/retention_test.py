#!/usr/bin/env python3
"""What is kept for how long: the policy's retention at the command line and in a server, legal holds against expiry, erasure and clients'
own deletion, and what the log says of all that."""

import fcntl
import json
import os
import signal
import sqlite3
import time
import uuid

import e2e
from chat_model import ChatGguf
from serving import Orderly

POLICY = """version: 1
retention:
  default: {drop_content_after: 90 days}
  labels:
    personal: {drop_content_after: 30 days, delete_after: 60 days}
    health: {preset: hipaa-6-years, delete_after: 6 years}
"""
DAY = 86_400


class Retention(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.gguf", ChatGguf().write())
        self.home.mkdir(exist_ok=True)
        (self.home / "policy.yaml").write_text(POLICY)

    def serve(self, *more):
        return Orderly(self.model, "--alias", "m", *more, home=self.home)

    def upload(self, server, label=None, **fields):
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in {"purpose": "user_data", **fields}.items()]
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
                     f"Content-Type: text/plain\r\n\r\nthe canary of {label}\r\n--{boundary}--\r\n")
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        if label:
            headers["freehold-label"] = label
        status, _, data = server.post("/v1/files", "".join(parts).encode(), headers=headers)
        self.assertEqual(status, 200, data)
        return json.loads(data)["id"]

    def age(self, days):
        """Every file and batch is so many days older than it is."""
        with sqlite3.connect(self.home / "files.db") as database:
            database.execute("UPDATE files SET created_at = created_at - ?", (days * DAY,))
        database.close()

    def retain(self, *more):
        return json.loads(self.succeeds("guard", "retain", "--json", *more).text)

    def row(self, said, place, label):
        found = [r for r in said["rows"] if (r["place"], r["label"]) == (place, label)]
        return found[0] if found else None

    def acts(self, name):
        entries = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "admin", "--json").text.splitlines()]
        return [e for e in entries if e["act"] == name]

    def run_of(self, server, runs):
        """Waits until so many runs are in the log."""
        for _ in range(1200):
            if len(self.acts("guard.retain")) >= runs:
                return self.acts("guard.retain")[-1]
            time.sleep(0.05)
        self.fail(f"no run of the retention; {server.said()}")

    def has(self, file):
        return (self.home / "files" / file).exists()

    def complete(self, server, **more):
        body = {"model": "m", "messages": [{"role": "user", "content": "the canary"}], "max_tokens": 4, **more}
        status, _, data = server.post("/v1/chat/completions", body)
        self.assertEqual(status, 200, data)


class CommandLine(Retention):
    def test_files_go_by_label_and_a_second_run_does_nothing(self):
        with self.serve() as server:
            files = {label: self.upload(server, label) for label in ("public", "personal", "health")}
            self.run_of(server, 1)  # its own is over
            # While it runs they are its own.
            self.assertIn("left to the server", self.succeeds("guard", "retain").message)
        self.age(59)
        dry = self.retain("--dry-run")
        self.assertEqual((dry["dry_run"], dry["removed"]), (True, 1))
        self.assertEqual(self.row(dry, "files", "personal")["deleted"], 1)
        self.assertTrue(self.has(files["personal"]))
        before = len(self.acts("guard.retain"))
        said = self.retain()
        self.assertEqual(said["removed"], 1)
        self.assertTrue(self.row(said, "files", "public")["oldest"].endswith("Z"))
        self.assertFalse(self.has(files["personal"]))
        self.assertTrue(self.has(files["public"]) and self.has(files["health"]))
        acts = self.acts("guard.retain")[before:]
        self.assertEqual([a["details"]["files"]["personal"] for a in acts], [{"deleted": 1}])
        self.assertEqual(acts[0]["details"]["removed"], 1)
        self.assertEqual(len(self.acts("guard.retention.begin")), len(self.acts("guard.retain")))
        self.assertEqual(self.retain()["removed"], 0)
        self.age(40)  # 99
        self.retain()
        self.assertEqual([label for label, file in files.items() if self.has(file)], ["health"])
        self.succeeds("audit", "verify")
        self.assertEqual([p for p in self.home.rglob("*") if p.is_file() and b"the canary of p" in p.read_bytes()], [])

    def test_what_a_preset_wants_kept_is_an_error(self):
        (self.home / "policy.yaml").write_text(POLICY.replace("delete_after: 6 years", "delete_after: 5 years"))
        for command in (("guard", "retain"), ("serve", self.model, "--no-keys", "--port", "0"), ("guard", "hold", "--label", "health", "--reason", "r")):
            self.fails(e2e.USAGE, *command, names="hipaa-6-years")
        (self.home / "policy.yaml").unlink()
        self.assertIn("says of nothing", self.succeeds("guard", "retain", "--clock-is-right").message)

    def test_a_clock_that_is_not_believed(self):
        # No log: nothing to tell by.
        self.fails(e2e.USAGE, "guard", "retain", names="clock")
        self.assertEqual(self.acts("guard.retain")[-1]["details"].keys(), {"clock"})
        self.assertEqual(self.acts("guard.retention.begin"), [])
        self.succeeds("guard", "retain")

    def test_the_history_of_chats(self):
        history = self.home / "history"
        history.write_bytes(b"the canary\n")
        old = time.time() - 91 * DAY
        os.utime(history, (old, old))
        said = self.retain("--clock-is-right")
        self.assertEqual(self.row(said, "history", None)["deleted"], 1)
        self.assertFalse(history.exists())


class Holds(Retention):
    def hold(self, *arguments):
        return json.loads(self.succeeds("guard", "hold", *arguments, "--reason", "case 12", "--json").text)["id"]

    def test_what_is_held_stays_whoever_wants_it_gone(self):
        with self.serve("--keep-content") as server:
            held, free = self.upload(server, "personal"), self.upload(server)
            brief = self.upload(server, "personal", **{"expires_after[anchor]": "created_at", "expires_after[seconds]": 3600})
            self.complete(server, user="alice")
            self.complete(server, user="bob")
            status, _, data = server.post("/v1/responses", {"model": "m", "input": "the canary", "max_output_tokens": 16},
                                          headers={"freehold-label": "personal"})
            self.assertEqual(status, 200, data)
            response = json.loads(data)["id"]
            by_label, of_alice = self.hold("--label", "personal"), self.hold("alice")
            for path in (f"/v1/files/{held}", f"/v1/responses/{response}"):
                status, _, data = server.ask("DELETE", path)
                self.assertEqual(status, 409, data)
                message = json.loads(data)["error"]["message"]
                self.assertIn(by_label, message)
                self.assertNotIn("case 12", message)
                self.assertEqual(server.ask("GET", path)[0], 200)
            self.assertEqual(server.ask("DELETE", f"/v1/files/{free}")[0], 200)
            self.fails(e2e.USAGE, "guard", "erase", "alice", names=of_alice)
        self.succeeds("guard", "erase", "bob")
        self.age(70)
        with sqlite3.connect(self.home / "files.db") as database:
            database.execute("UPDATE files SET expires_at = 1 WHERE id = ?", (brief,))
        database.close()
        self.assertEqual(self.row(self.retain(), "files", "personal")["held"], 2)
        self.assertIn("  HELD BACK\n", self.succeeds("guard", "retain", "--dry-run").text, "of what is due alone")
        self.assertTrue(self.has(held) and self.has(brief))
        runs = len(self.acts("guard.retain"))
        with self.serve() as server:
            self.run_of(server, runs + 1)
            self.assertTrue(self.has(held) and self.has(brief))
            self.succeeds("guard", "release", by_label, "--reason", "it is over")
            self.assertEqual(server.ask("DELETE", f"/v1/files/{held}")[0], 200)
        self.fails(e2e.USAGE, "guard", "release", by_label, "--reason", "again", names="was released")
        self.fails(e2e.NOT_FOUND, "guard", "release", "hold_x", "--reason", "r", names="hold_x")
        self.fails(e2e.USAGE, "guard", "erase", "alice", names=of_alice)
        self.assertTrue(self.succeeds("guard", "export", "alice").text)
        self.succeeds("guard", "release", of_alice, "--reason", "it is over")
        self.succeeds("guard", "erase", "alice")
        listed = json.loads(self.succeeds("guard", "holds", "--json").text)
        self.assertEqual([h["id"] for h in listed], [by_label, of_alice])
        self.assertTrue(all(h["released"] and h["release_reason"] == "it is over" and h["reason"] == "case 12" for h in listed))
        self.assertTrue(listed[1]["subjects"][0].startswith("sub_"))
        self.assertIn(of_alice, self.succeeds("guard", "holds").text)
        self.assertEqual([a["subject"] for a in self.acts("guard.hold")], [by_label, of_alice])
        self.assertEqual([a["details"]["reason"] for a in self.acts("guard.release")], ["it is over"] * 2)
        refusals = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "refusal", "--json").text.splitlines()]
        self.assertEqual([r["rule"] for r in refusals if r["endpoint"].startswith("guard erase")], [of_alice] * 2)
        self.assertEqual(len([r for r in refusals if r["status"] == 409]), 2)
        # Nobody's name is in a file.
        self.assertEqual([p for p in self.home.rglob("*") if p.is_file() and b"alice" in p.read_bytes()], [])
        self.succeeds("audit", "verify")

    def test_what_a_client_deletes_waits_for_holds(self):
        make = {"model": "mine", "from": "m", "system": "the canary"}
        with self.serve() as server:
            file = self.upload(server, "personal")
            for name, headers in (("mine", {"freehold-label": "personal"}), ("plain", {})):
                self.assertEqual(server.post("/api/create", {**make, "model": name}, headers=headers)[0], 200)
            # Somebody is adding a hold, and takes longer over it than a client waits.
            (self.home / "holds").mkdir(exist_ok=True)
            with open(self.home / "holds/lock", "a+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                status, _, data = server.ask("DELETE", f"/v1/files/{file}")
                self.assertEqual(status, 503, data)
                self.assertIn("whether it is held cannot be told", json.loads(data)["error"]["message"])
                self.assertEqual(server.ask("GET", f"/v1/files/{file}")[0], 200)
            held = self.hold("--label", "personal")
            for method, path, body in (("DELETE", "/api/delete", {"model": "mine"}), ("POST", "/api/create", {**make, "system": "others"}),
                                       ("POST", "/api/copy", {"source": "m", "destination": "mine"})):
                status, _, data = server.ask(method, path, body)
                self.assertEqual((status, held in json.loads(data)["error"]), (409, True), (path, data))
            self.assertIn("the canary", json.dumps(json.loads(server.post("/api/show", {"model": "mine"})[2])))
            self.assertEqual(server.ask("DELETE", "/api/delete", {"model": "plain"})[0], 200)
            self.assertEqual(server.ask("DELETE", f"/v1/files/{file}")[0], 409)
            self.succeeds("guard", "release", held, "--reason", "over")
            for method, path, body in (("DELETE", "/api/delete", {"model": "mine"}), ("DELETE", f"/v1/files/{file}", None)):
                self.assertEqual(server.ask(method, path, body)[0], 200, path)
        refusals = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "refusal", "--json").text.splitlines()]
        self.assertEqual([(r["rule"], r["status"]) for r in refusals if r.get("rule")], [(held, 409)] * 4)

    def test_what_cannot_be_recorded_is_not_done(self):
        held = self.hold("--label", "health")
        segment = self.home / "audit" / "entries-000000000000"
        away = segment.rename(self.folder / "away")
        for command in (("guard", "release", held, "--reason", "r"), ("guard", "hold", "--label", "personal", "--reason", "r"), ("guard", "erase", "bob", "--yes"),
                        ("keys", "create", "--name", "k"), ("models", "import", self.model, "--name", "m")):
            self.assertIn("nothing was done", self.fails(e2e.CORRUPT, *command).message)
        away.rename(segment)
        self.assertEqual([h["id"] for h in json.loads(self.succeeds("guard", "holds", "--json").text) if not h.get("released")], [held])
        self.assertNotIn("active", self.succeeds("keys", "list").text)
        self.assertNotIn("m:latest", self.succeeds("models", "list").text)

    def test_a_held_model_keeps_a_name(self):
        new = self.put("new.gguf", ChatGguf(context=512).write())
        for name, model in (("secret", self.model), ("new", new)):
            self.succeeds("models", "import", model, "--name", name)
        self.succeeds("models", "label", "secret", "--data", "personal")
        held = self.hold("--label", "personal")
        for command in (("import", new, "--name", "secret"), ("alias", "secret", "=", "new"), ("quantize", new, "--type", "f16", "--name", "secret")):
            self.fails(e2e.USAGE, "models", *command, "--force", names=held)
        self.succeeds("models", "alias", "kept", "=", "secret")
        self.succeeds("models", "alias", "secret", "=", "new", "--force")  # it has another
        self.fails(e2e.USAGE, "models", "alias", "kept", "=", "new", "--force", names=held)
        self.succeeds("models", "alias", "new", "=", "kept", "--force")  # that one is under no hold
        refusals = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "refusal", "--json").text.splitlines()]
        self.assertEqual({(r["rule"], r["endpoint"]) for r in refusals}, {(held, "models move secret:latest"), (held, "models move kept:latest")})

    def test_a_held_model_is_not_removed(self):
        self.succeeds("models", "import", self.model, "--name", "secret")
        self.succeeds("models", "import", self.model, "--name", "other")
        self.succeeds("models", "label", "secret", "--data", "personal")
        held = self.hold("--label", "personal")
        refused = self.fails(e2e.USAGE, "models", "rm", "secret", names=held)
        self.assertIn("guard release", refused.message)
        self.assertIn("secret", self.succeeds("models", "list").text)
        refusals = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "refusal", "--json").text.splitlines()]
        self.assertEqual([(r["rule"], r["endpoint"]) for r in refusals], [(held, "models rm secret:latest")])
        self.fails(e2e.NOT_FOUND, "models", "rm", "nobody", names="there is no model")
        # One whose papers cannot be read may carry any label.
        papers = [p for p in (self.home / "models").rglob("*") if p.is_file() and "other" in str(p)]
        self.assertEqual(len(papers), 1)
        papers[0].write_bytes(b"{")
        self.fails(e2e.USAGE, "models", "rm", "other", names=held)
        self.succeeds("guard", "release", held, "--reason", "it is over")
        self.succeeds("models", "rm", "secret", "other")
        self.assertFalse(papers[0].exists())

    def test_of_a_key_everything_is_held(self):
        key = json.loads(self.succeeds("keys", "create", "--name", "ward", "--role", "admin", "--json").text)
        with Orderly(self.model, "--alias", "m", home=self.home, key=None) as server:
            server.key = key["key"]
            file = self.upload(server, "personal")
            held = self.hold(key["id"])
            self.assertEqual(server.ask("DELETE", f"/v1/files/{file}")[0], 409)
        self.age(70)
        self.retain()
        self.assertTrue(self.has(file))
        self.fails(e2e.USAGE, "guard", "erase", key["id"], names=held)
        self.succeeds("guard", "release", held, "--reason", "over")
        self.succeeds("guard", "erase", key["id"])
        self.assertFalse(self.has(file))

    def test_what_cannot_be_held(self):
        for arguments, code, names in ((("nobody",), e2e.NOT_FOUND, "nobody"), (("--label", "secret"), e2e.USAGE, "secret"), ((), e2e.USAGE, "--label"),
                                       (("x", "--label", "health"), e2e.USAGE, "--label")):
            self.fails(code, "guard", "hold", *arguments, "--reason", "r", names=names)
        self.fails(e2e.USAGE, "guard", "hold", "--label", "health", "--reason", " ", names="--reason")
        self.fails(e2e.USAGE, "guard", "hold", "--label", "health", names="--reason")
        self.assertEqual(self.succeeds("guard", "holds").text, "nothing is held\n")


class Served(Retention):
    def test_a_server_applies_it_when_it_starts(self):
        with self.serve() as server:
            files = [self.upload(server, label) for label in ("personal", "health")]
            self.run_of(server, 1)
        self.age(61)
        with self.serve("--sealed") as server:
            last = self.run_of(server, 2)
            self.assertEqual(last["details"]["files"]["personal"], {"deleted": 1})
            self.assertEqual(server.ask("GET", f"/v1/files/{files[0]}")[0], 404)
            self.assertEqual(server.ask("GET", f"/v1/files/{files[1]}")[0], 200)
            self.complete(server)
        (self.home / "policy.yaml").unlink()
        with self.serve() as server:
            self.complete(server)
        self.assertEqual(len(self.acts("guard.retain")), 2)  # a policy that keeps everything

    def test_killed_at_any_moment_the_next_run_finishes(self):
        with self.serve() as server:
            files = [self.upload(server, "personal") for _ in range(12)]
            kept = self.upload(server, "health")
        self.age(61)
        for tenths in range(6):
            process = e2e.start("guard", "retain", home=self.home)
            time.sleep(tenths * 0.004)
            process.send_signal(signal.SIGKILL)
            process.wait(30)
            process.stdout.close()
            process.stderr.close()
        self.retain()
        self.assertEqual([f for f in files if self.has(f)], [])
        self.assertTrue(self.has(kept))
        self.assertEqual(self.retain()["removed"], 0)
        self.succeeds("audit", "verify")


if __name__ == "__main__":
    e2e.main()
