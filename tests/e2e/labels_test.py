"""Roles and labels from the outside: who may do what, and that no request, file, batch, adapter or vendor crosses a ceiling."""

import json
import pathlib
import time
import uuid

import e2e
from adapters_test import peft
from chat_model import ChatGguf
from serving import Orderly, Server
from tuning import recipe, texts

CHAT, COMPLETIONS, FILES, BATCHES = "/v1/chat/completions", "/v1/completions", "/v1/files", "/v1/batches"


def body(model, **more):
    return {"model": model, "prompt": "the", "max_tokens": 2, **more}


class Labelled(e2e.Case):
    """A store with two models of which one may be given no more than internal data, and keys of several labels."""

    KEYS = {"plain": (), "internal": ("--label", "internal"), "personal": ("--label", "personal"),
            "cleared": ("--label", "internal", "--ceiling", "health"), "capped": ("--ceiling", "internal"),
            "auditor": ("--role", "auditor"), "glass": ("--role", "break-glass"), "admin": ("--role", "admin")}

    def setUp(self):
        super().setUp()
        for name in ("low", "high"):
            self.succeeds("models", "import", self.put(f"{name}.gguf", ChatGguf(seed=3 if name == "low" else 4).write()), "--name", name)
        self.succeeds("models", "label", "low", "internal")
        self.keys = {name: self.succeeds("keys", "create", "--name", name, *options).text.strip() for name, options in self.KEYS.items()}

    def serve(self, *arguments):
        return Orderly(None, *arguments, key=None, home=self.home)

    def ask(self, server, key, path, what=None, method="POST", **headers):
        fields = {"authorization": f"Bearer {self.keys[key]}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, heads, data = server.ask(method, path, what, fields)
        self.heads = heads
        try:
            return status, json.loads(data)
        except ValueError:
            return status, data.decode()

    def log(self, *arguments):
        return [json.loads(line) for line in self.succeeds("audit", "query", "--json", *arguments).text.splitlines()]

    def upload(self, server, key, content, purpose="batch", **headers):
        boundary = uuid.uuid4().hex
        form = (f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n--{boundary}\r\n'
                'Content-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n').encode() + content + f"\r\n--{boundary}--\r\n".encode()
        status, answer = self.ask(server, key, FILES, form, content_type=f"multipart/form-data; boundary={boundary}", **headers)
        self.assertEqual(status, 200, answer)
        return answer["id"]

    def lines(self, server, key, lines, label=None):
        """The answers of a batch, by custom_id."""
        content = "".join(json.dumps({"custom_id": i, "method": "POST", "url": COMPLETIONS, "body": what}) + "\n" for i, what in lines.items())
        extra = {"freehold_label": label} if label else {}
        given = self.upload(server, key, content.encode(), **extra)
        status, batch = self.ask(server, key, BATCHES, {"input_file_id": given, "endpoint": COMPLETIONS, "completion_window": "24h"})
        self.assertEqual(status, 200, batch)
        limit = time.monotonic() + 60
        while batch["status"] not in ("completed", "failed"):
            self.assertLess(time.monotonic(), limit, batch)
            time.sleep(0.02)
            batch = self.ask(server, key, f"{BATCHES}/{batch['id']}", method="GET")[1]
        out = {}
        for name in ("output_file_id", "error_file_id"):
            if batch.get(name):
                status, text = self.ask(server, key, f"{FILES}/{batch[name]}/content", method="GET")
                self.assertEqual(status, 200, text)
                for line in (text if isinstance(text, str) else json.dumps(text)).splitlines():
                    answer = json.loads(line)
                    out[answer["custom_id"]] = answer["response"]["status_code"]
        return out


class Requests(Labelled):
    def test_a_request_never_passes_a_ceiling(self):
        with self.serve() as server:
            def status(key, model, **headers):
                return self.ask(server, key, COMPLETIONS, body(model), **headers)[0]
            self.assertEqual([status(k, "low") for k in ("plain", "internal", "personal", "cleared")], [200, 200, 403, 200])
            self.assertEqual(status("personal", "high"), 200)
            # A higher word counts, a lower one does not.
            self.assertEqual(status("internal", "low", freehold_label="personal"), 403)
            self.assertEqual(status("internal", "high", freehold_label="personal"), 200)
            self.assertEqual(self.heads["freehold-label"], "personal")
            self.assertEqual(status("personal", "low", freehold_label="public"), 403)
            # A key's own ceiling.
            self.assertEqual([status("capped", "high", freehold_label=label) for label in ("internal", "personal")], [200, 403])
            code, answer = self.ask(server, "plain", COMPLETIONS, body("high"), freehold_label="secret")
            self.assertEqual(code, 400)
            self.assertIn("public, internal, personal, health", answer["error"]["message"])
            # Every dialect and every address that takes a text.
            say = [{"role": "user", "content": "hi"}]
            for path, what in ((CHAT, {"model": "low", "messages": say}), ("/v1/messages", {"model": "low", "max_tokens": 2, "messages": say}),
                               ("/v1/messages/count_tokens", {"model": "low", "messages": say}), ("/v1/responses", {"model": "low", "input": "hi"}),
                               ("/v1beta/models/low:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
                               ("/api/chat", {"model": "low", "messages": say}), ("/api/generate", {"model": "low", "prompt": "hi"}),
                               ("/v1/embeddings", {"model": "low", "input": "hi"}), ("/api/embed", {"model": "low", "input": "hi"}),
                               ("/tokenize", {"model": "low", "content": "hi"}), ("/apply-template", {"model": "low", "messages": say}),
                               ("/completion", {"model": "low", "prompt": "hi"})):
                code, answer = self.ask(server, "personal", path, what)
                self.assertEqual(code, 403, (path, answer))
                self.assertIn("internal", json.dumps(answer), path)
        refused = [e for e in self.log("--kind", "refusal") if e["status"] == 403]
        self.assertGreater(len(refused), 12)
        first = refused[0]
        self.assertEqual((first["rule"], first["label"], first["ceiling"], first["endpoint"]), ("model.ceiling", "personal", "internal", COMPLETIONS))
        self.assertEqual({e["rule"] for e in refused}, {"model.ceiling", "key.ceiling"})
        self.assertIn("personal", [e["label"] for e in self.log("--kind", "request")])

    def test_another_name_is_no_way_around(self):
        self.succeeds("models", "alias", "low", "other")
        with self.serve() as server:
            self.assertEqual(self.ask(server, "personal", COMPLETIONS, body("other"))[0], 403)
            copy = {"source": "low", "destination": "mine"}
            self.assertEqual(self.ask(server, "internal", "/api/copy", copy)[0], 200)
            self.assertEqual(self.ask(server, "internal", COMPLETIONS, body("mine"))[0], 200)
            self.assertEqual(self.ask(server, "internal", COMPLETIONS, body("mine"), freehold_label="health")[0], 403)
            # A label that is set while the server runs counts at once.
            self.succeeds("models", "label", "high", "public")
            time.sleep(0.6)
            self.assertEqual(self.ask(server, "internal", COMPLETIONS, body("high"))[0], 403)

    def test_a_model_keeps_its_labels_when_its_name_is_given_away(self):
        new = self.put("new.gguf", ChatGguf(seed=9).write())
        self.succeeds("models", "import", new, "--name", "fresh")
        self.succeeds("models", "label", "low", "internal", "--data", "health")
        self.succeeds("models", "alias", "second", "=", "low")
        self.succeeds("models", "alias", "low", "=", "fresh", "--force")
        self.succeeds("models", "label", "low", "public", "--data", "public")  # of the new one
        said = json.loads(self.succeeds("models", "label", "second", "--json").text)
        self.assertEqual(said["data"], "health")
        with self.serve() as server:
            self.assertEqual(self.ask(server, "internal", COMPLETIONS, body("second"))[0], 403, "learned from data labelled health")

    def test_a_hold_is_not_got_around_by_another_label(self):
        self.succeeds("models", "label", "low", "--data", "personal")
        held = json.loads(self.succeeds("guard", "hold", "--label", "personal", "--reason", "r", "--json").text)["id"]
        for less in (("--clear",), ("--data", "public")):
            self.fails(e2e.USAGE, "models", "label", "low", *less, names=held)
        self.fails(e2e.USAGE, "models", "rm", "low", names=held)
        self.succeeds("models", "label", "low", "--data", "health")

    def test_what_was_said_before_keeps_its_label(self):
        with self.serve() as server:
            code, first = self.ask(server, "internal", "/v1/responses", {"model": "high", "input": "hi", "max_output_tokens": 4}, freehold_label="health")
            self.assertEqual(code, 200, first)
            for more in ({"previous_response_id": first["id"], "input": "and"}, {"input": [{"type": "item_reference", "id": first["output"][0]["id"]}]}):
                asked = {"model": "low", "max_output_tokens": 4, **more}
                self.assertEqual(self.ask(server, "internal", "/v1/responses", asked)[0], 403, more)
                self.assertEqual(self.ask(server, "internal", "/v1/responses", {**asked, "model": "high"})[0], 200, more)
            made = {"model": "secretive", "from": "high", "system": "the patient is called", "stream": False}
            self.assertEqual(self.ask(server, "internal", "/api/create", made, freehold_label="health")[0], 200)
            self.succeeds("models", "label", "high", "personal")
            time.sleep(0.6)
            self.assertEqual(self.ask(server, "internal", CHAT, {"model": "secretive", "messages": [{"role": "user", "content": "hi"}]})[0], 403)

    def test_batches_and_files(self):
        both = {"to-low": body("low"), "to-high": body("high")}
        with self.serve() as server:
            self.assertEqual(self.lines(server, "internal", both), {"to-low": 200, "to-high": 200})
            self.assertEqual(self.lines(server, "personal", both), {"to-low": 403, "to-high": 200})
            self.assertEqual(self.lines(server, "internal", both, label="health"), {"to-low": 403, "to-high": 200})
        refused = [e for e in self.log("--kind", "refusal") if e.get("rule") == "model.ceiling"]
        self.assertEqual([(e["endpoint"], e["label"]) for e in refused], [("background", "personal"), ("background", "health")])


class Adapters(Labelled):
    def test_an_adapter_is_for_those_who_are_cleared_for_its_data(self):
        (self.folder / "d.jsonl").write_text(texts(20))
        base = self.put("base.gguf", ChatGguf(seed=4).write())
        wanted = recipe(base, num_epochs=1, max_steps=1, val_set_size=0, datasets=[{"path": "d.jsonl", "type": "completion", "label": "personal"}])
        self.put("r.yaml", wanted)
        self.fails(e2e.USAGE, "tune", "start", self.put("bad.yaml", wanted.replace("personal", "secret")), names="secret")
        self.succeeds("tune", "start", self.folder / "r.yaml", "--label", "internal")
        out = self.folder / "out"
        self.assertEqual(json.loads((out / "provenance.json").read_text())["label"], "personal", "the highest of both")
        self.assertIn("personal", (out / "provenance.md").read_text())
        # Without its papers it is known all the same, by its content.
        bare = self.folder / "bare"
        bare.mkdir()
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (bare / name).write_bytes((out / name).read_bytes())
        self.succeeds("models", "import", bare, "--name", "lora")
        self.succeeds("models", "alias", "bot", "=", "high", "+", "lora")
        with self.serve() as server:
            def status(key, **headers):
                return self.ask(server, key, COMPLETIONS, body("bot"), **headers)[0]
            self.assertEqual([status(k) for k in ("plain", "internal", "personal", "cleared")], [403, 403, 200, 200])
            self.assertEqual(self.heads["freehold-label"], "personal", "what comes out of it carries its label")
            self.assertIn("freehold keys create --ceiling personal", json.dumps(self.ask(server, "internal", COMPLETIONS, body("bot"))[1]))
            self.assertEqual(status("internal", freehold_label="health"), 403, "to say more clears nobody")
            attach = {"name": "attached", "model": "high", "adapter": "lora"}
            self.assertEqual(self.ask(server, "admin", "/freehold/v1/adapters", attach)[0], 200)
            self.assertEqual([self.ask(server, k, COMPLETIONS, body("attached"))[0] for k in ("internal", "personal")], [403, 200])
        self.assertEqual({(e["rule"], e["label"], e["ceiling"]) for e in self.log("--kind", "refusal")},
                         {("key.label", "personal", "public"), ("key.label", "personal", "internal"), ("key.label", "health", "internal")})
        # What is made of it has its label, whatever it is called.
        for made in (self.folder / "merged.gguf", self.folder / "exported.gguf"):
            command, name = ("merge", "merged") if made.stem == "merged" else ("export", "exported")
            self.succeeds("tune", command, base, bare, made, *(("--type", "f32") if name == "merged" else ()))
            self.succeeds("models", "import", made, "--name", name)
        self.succeeds("models", "alias", "again", "=", "high", "+", "exported")
        self.succeeds("models", "quantize", "merged", "--type", "q8_0", "--name", "small")
        with self.serve() as server:
            for name in ("merged", "again", "small"):
                self.assertEqual([self.ask(server, k, COMPLETIONS, body(name))[0] for k in ("internal", "personal")], [403, 200], name)
        # On a model that may be given less it serves nobody.
        self.succeeds("models", "alias", "never", "=", "low", "+", "lora")
        with self.serve() as server:
            self.assertEqual([self.ask(server, k, COMPLETIONS, body("never"))[0] for k in ("personal", "cleared")], [403, 403])

    def test_papers_from_elsewhere(self):
        folder = peft(self.folder / "from-elsewhere", seed=9)
        (folder / "provenance.json").write_text(json.dumps({"label": "health"}))
        self.succeeds("models", "import", folder, "--name", "theirs")
        self.succeeds("models", "alias", "doctor", "=", "high", "+", "theirs")
        with self.serve() as server:
            self.assertEqual([self.ask(server, k, COMPLETIONS, body("doctor"))[0] for k in ("personal", "cleared")], [403, 200])
        (folder / "provenance.json").write_text("{")
        self.fails(e2e.CORRUPT, "models", "import", folder, "--name", "again", names="provenance.json")
        (folder / "provenance.json").write_text(json.dumps({"label": "secret"}))
        self.fails(e2e.USAGE, "models", "import", folder, "--name", "again", names="secret")


class Policies(Labelled):
    def test_break_glass_needs_a_reason_and_is_told(self):
        with self.serve() as server:
            code, answer = self.ask(server, "glass", COMPLETIONS, body("high"))
            self.assertEqual(code, 403)
            self.assertIn("Freehold-Reason", answer["error"]["message"])
            for blank in ("  ", "\u00a0", "\u200b", "...", "\u3164 -"):
                self.assertEqual(self.ask(server, "glass", COMPLETIONS, body("high"), freehold_reason=blank.encode())[0], 403, repr(blank))
            self.assertEqual(self.ask(server, "glass", COMPLETIONS, body("high"), freehold_reason="x" * 300)[0], 400)
            self.assertEqual(self.ask(server, "glass", "/v1/models", method="GET")[0], 403)
            self.assertEqual(self.ask(server, "glass", COMPLETIONS, body("high"), freehold_reason="ward 3, no doctor")[0], 200)
            answered = next(e for e in self.log("--kind", "request") if e["role"] == "break-glass")["id"]
            story = self.ask(server, "auditor", f"/freehold/v1/requests/{answered}", method="GET")[1]
            self.assertEqual((story["status"], story["role"], story["break_glass"]), ("finished", "break-glass", "ward 3, no doctor"))
            self.assertIn("label", story)
            self.assertEqual(self.ask(server, "glass", "/metrics", method="GET", freehold_reason="why is it slow")[0], 200)
            self.assertEqual(self.ask(server, "glass", FILES, b"", freehold_reason="r", content_type="x/y")[0], 403)
            self.assertIn("break-glass: glass", server.said())
            self.assertIn("ward 3, no doctor", server.said())
            server.interrupt()  # nobody waits for the entry of what gives nothing away; an ordered end does
            self.assertEqual(server.process.wait(60), 0)
        acts = [e for e in self.log("--kind", "admin") if e["act"] == "break-glass"]
        self.assertEqual([(e["subject"], e["role"], e["details"]["reason"]) for e in acts],
                         [(f"POST {COMPLETIONS}", "break-glass", "ward 3, no doctor"), ("GET /metrics", "break-glass", "why is it slow")])
        request = next(e for e in self.log("--kind", "request") if e["role"] == "break-glass")
        self.assertEqual((request["break_glass"], request["id"]), ("ward 3, no doctor", acts[0]["details"]["request"]))

    def test_the_reason_is_for_one_request(self):
        """Nothing is begun under it that goes on: whatever else the policy gives to the role."""
        self.put("home/policy.yaml", "version: 1\nroles:\n  break-glass: {actions: [read, ask, keep], models: \"*\", label: health, reason: required}\n")
        with self.serve() as server:
            what = {"model": "high", "input": "the cat", "max_output_tokens": 3}
            given = self.upload(server, "glass", b"{}", freehold_reason="ward 3")
            for path, sent in (("/v1/responses", dict(what, background=True)), ("/v1/responses", dict(what, background=True, stream=True)),
                               ("/v1/batches", {"input_file_id": given, "endpoint": COMPLETIONS, "completion_window": "24h"}),
                               ("/v1/fine_tuning/jobs", {"model": "high", "training_file": given}), ("/v1/fine_tuning/jobs/ftjob-1/resume", {})):
                code, answer = self.ask(server, "glass", path, sent, freehold_reason="ward 3")
                self.assertEqual(code, 403, (path, answer))
                self.assertIn("for one request", answer["error"]["message"])
            self.assertEqual(self.ask(server, "glass", "/v1/responses", what, freehold_reason="ward 3")[0], 200)
            self.assertEqual(self.ask(server, "plain", "/v1/responses", dict(what, background=True))[0], 200)
            self.assertEqual(self.ask(server, "glass", "/v1/batches", method="GET", freehold_reason="ward 3")[1]["data"], [])
        refused = [(e["endpoint"], e["rule"]) for e in self.log("--kind", "refusal")]
        self.assertEqual(len(refused), 5)
        self.assertEqual({rule for _, rule in refused}, {"roles.break-glass.reason"})

    def test_a_policy_of_ones_own(self):
        self.put("home/policy.yaml", "version: 1\nlabels: [public, internal, personal, health]\nroles:\n"
                 "  user: {actions: [read, ask], models: [high], label: personal}\nmodels: {high: internal}\n")
        with self.serve() as server:
            self.assertEqual(self.ask(server, "plain", COMPLETIONS, body("low"))[0], 404, "it does not see that one")
            self.assertEqual([m["id"] for m in self.ask(server, "plain", "/v1/models", method="GET")[1]["data"]], ["high:latest"])
            self.assertEqual([self.ask(server, k, COMPLETIONS, body("high"))[0] for k in ("internal", "personal")], [200, 403])
            self.assertEqual(self.ask(server, "cleared", COMPLETIONS, body("high"), freehold_label="health")[0], 403)
            self.assertEqual(self.ask(server, "plain", "/api/create", {"model": "x", "from": "high", "stream": False})[0], 403)
            self.assertEqual(self.ask(server, "admin", COMPLETIONS, body("low"))[0], 200)
        self.assertEqual([e["rule"] for e in self.log("--kind", "refusal") if e["status"] == 403],
                         ["models.high", "roles.user.label", "roles.user.actions"])

    def test_a_policy_that_cannot_be_read_starts_nothing(self):
        bad = self.put("bad.yaml", "version: 1\nroles:\n  user: {actions: [fly], models: [], label: public}\n")
        refused = self.fails(e2e.USAGE, "serve", "--policy", bad, "--port", "0", names="line 3")
        self.assertIn("fly", refused.message)
        self.fails(e2e.NOT_FOUND, "serve", "--policy", self.folder / "none.yaml", "--port", "0", names="none.yaml")
        self.put("home/policy.yaml", "version: 1\nlabels: [open]\n")
        self.fails(e2e.USAGE, "keys", "create", "--name", "x", "--label", "internal", names="open")
        self.fails(e2e.USAGE, "models", "label", "low", "health", names="open")
        # What was labelled before is not a label any more: above every ceiling.
        with self.serve() as server:
            self.assertEqual([self.ask(server, k, COMPLETIONS, body("high"))[0] for k in ("plain", "internal")], [200, 403])
            self.assertEqual(self.ask(server, "plain", COMPLETIONS, body("low"))[0], 403)

    def test_words_of_the_command_line(self):
        self.fails(e2e.USAGE, "keys", "create", "--name", "x", "--label", "health", "--ceiling", "internal", names="ceiling")
        self.fails(e2e.USAGE, "keys", "create", "--name", "x", "--ceiling", "\x1b[1m")
        listed = {k["name"]: (k["label"], k["ceiling"]) for k in json.loads(self.succeeds("keys", "list", "--json").text)["keys"]}
        self.assertEqual((listed["plain"], listed["cleared"]), (("", None), ("internal", "health")))
        shown = json.loads(self.succeeds("models", "label", "low", "--json").text)
        self.assertEqual(shown, {"model": "low:latest", "ceiling": "internal", "data": None})
        self.fails(e2e.USAGE, "models", "label", "low", "secret", names="secret")
        self.fails(e2e.USAGE, "models", "label", "low", "public", "--clear", names="--clear")
        self.fails(e2e.NOT_FOUND, "models", "label", "nobody", "public", names="nobody")
        self.fails(e2e.USAGE, "models", "label", self.put("f.gguf", ChatGguf().write()), "public", names="store")
        self.succeeds("models", "label", "low", "--clear")
        self.assertIsNone(json.loads(self.succeeds("models", "label", "low", "--json").text)["ceiling"])
        acts = [e for e in self.log("--kind", "admin") if e["act"] == "models.label"]
        self.assertEqual([(e["subject"], e["details"].get("ceiling")) for e in acts], [("low:latest", "internal"), ("low:latest", None)])

    def test_an_export_has_a_ceiling(self):
        with self.serve() as server:
            self.assertEqual(self.ask(server, "personal", COMPLETIONS, body("high"))[0], 200)
        self.succeeds("audit", "export")
        self.put("home/policy.yaml", "version: 1\nexports: {audit: internal}\n")
        self.fails(e2e.USAGE, "audit", "export", names="personal")
        self.succeeds("audit", "export", "--kind", "admin")

    def test_whose_ceiling_holds_is_shown(self):
        self.succeeds("models", "import", self.folder / "low.gguf", "--name", "again")
        shown = lambda name: json.loads(self.succeeds("models", "label", name, "--json").text)  # noqa: E731
        self.assertEqual(shown("low")["ceiling"], "internal")
        self.assertNotIn("ceiling_of", shown("low"))
        self.assertEqual((shown("again")["ceiling"], shown("again")["ceiling_of"]), ("internal", "low:latest"))
        self.assertEqual(self.succeeds("models", "label", "again").text, "again:latest: ceiling internal (of low:latest), made of data without a label\n")
        # One of its own takes the place of other names', not of the content's.
        self.succeeds("models", "label", "again", "health")
        self.assertEqual(shown("again"), {"model": "again:latest", "ceiling": "health", "data": None})
        digest = [m["digest"] for m in json.loads(self.succeeds("models", "list", "--json").text)["models"] if m["name"] == "low:latest"][0]
        self.succeeds("models", "label", digest, "public")
        self.assertEqual((shown("again")["ceiling"], shown("again")["ceiling_of"]), ("public", digest))
        self.assertEqual(shown(digest), {"model": digest, "ceiling": "public", "data": None})


class Vendors(Labelled):
    def test_nothing_is_sent_above_a_vendors_ceiling(self):
        questions = self.put("q.csv", "question,answer\n2+2,4\n")
        self.succeeds("keys", "list")
        with Server(self.folder / "high.gguf", "--alias", "gpt-4o", home=self.folder / "vendor") as vendor:
            env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{vendor.port}/v1", "OPENAI_API_KEY": vendor.key}
            asked = ("eval", questions, "--prompt-column", "question", "--answer-column", "answer", "-m", "gateway:openai/gpt-4o", "--method", "letter")
            refused = self.fails(e2e.USAGE, *asked, "--label", "internal", names="nothing was sent", env=env)
            self.assertIn("public", refused.message)
            seen = pathlib.Path(self.folder / "vendor" / "usage.db").stat().st_size
            self.fails(e2e.USAGE, *asked, "--label", "secret", names="secret", env=env)
            self.succeeds(*asked, env=env)
            self.put("home/policy.yaml", f"version: 1\nvendors: {{'127.0.0.1:{vendor.port}/*': personal}}\n")
            self.succeeds(*asked, "--label", "internal", "--fresh", env=env)
            self.fails(e2e.USAGE, *asked, "--label", "health", names="personal", env=env)
            self.assertGreater(seen, 0)
        self.assertEqual([(e["rule"].split(".")[0], e["label"]) for e in self.log("--kind", "refusal")], [("vendors", "internal"), ("vendors", "health")])
        # Models here have ceilings, too.
        self.fails(e2e.USAGE, *asked[:-4], "-m", "low", "--label", "personal", names="internal")


if __name__ == "__main__":
    e2e.main()
