"""Two keys and one server: each address for a key that is limited to certain models, and nothing of one key for another."""

import contextlib
import hashlib
import http.client
import json
import socket
import threading
import time
import uuid

import e2e
from chat_model import ChatGguf
from serving import Server

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
CANARY = "canary-7f3a9c"


def user(text):
    return [{"role": "user", "content": text}]



def drain(response):
    with contextlib.suppress(OSError, http.client.HTTPException):
        while response.read(65536):
            pass


class Tenancy(e2e.Case):
    """One server with two models; keys of a database, made before it starts."""

    KEYS = {}  # name: options of `keys create`
    ARGUMENTS = ()

    @classmethod
    def setUpClass(cls):
        cls.place = e2e.tempfile.TemporaryDirectory(prefix="freehold-tenancy-")
        cls.addClassCleanup(cls.place.cleanup)
        folder = e2e.pathlib.Path(cls.place.name)
        cls.kept = folder / "home"
        chatty = ChatGguf()
        cls.end = chatty.end
        for name in ("one", "two"):
            (folder / f"{name}.gguf").write_bytes(chatty.write())
        cls.keys = {}
        for name, options in {"admin": ("--role", "admin"), **cls.KEYS}.items():
            ended = e2e.run("keys", "create", "--name", name, *options, home=cls.kept)
            cls.keys[name] = ended.out.decode().strip()
        cls.folder_of_models = folder
        cls.server = cls.enterClassContext(cls.serve())

    @classmethod
    def serve(cls):
        models = (cls.folder_of_models / "one.gguf", cls.folder_of_models / "two.gguf")
        return Server(models[0], models[1], "--alias", "one", "--alias", "two", "--context", "512", *cls.ARGUMENTS, key=None,
                      home=cls.kept)

    def ask(self, key, method, path, body=None, **headers):
        fields = {"authorization": f"Bearer {self.keys[key]}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, _, data = self.server.ask(method, path, body, fields)
        return status, data

    def good(self, key, method, path, body=None, **headers):
        status, data = self.ask(key, method, path, body, **headers)
        self.assertEqual(status, 200, (method, path, data))
        return data

    def upload(self, key, content, filename="f.jsonl"):
        boundary = uuid.uuid4().hex
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{boundary}\r\n'
                f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n').encode() + content
        body += f"\r\n--{boundary}--\r\n".encode()
        return self.ask(key, "POST", "/v1/files", body, content_type=f"multipart/form-data; boundary={boundary}")


class LimitedKeys(Tenancy):
    """What a key with --models gets at every address: what concerns its models and itself, and no sign of the rest."""

    KEYS = {"all": (), "limited": ("--models", "one")}

    def shape(self, path, data):
        """The error's message, after its shape has been looked at."""
        error = json.loads(data)["error"]
        if path.startswith("/api/"):
            self.assertIsInstance(error, str)
            return error
        if path.startswith("/v1/messages"):
            self.assertEqual(error["type"], "not_found_error")
        elif path.startswith("/v1beta"):
            self.assertEqual(error["status"], "NOT_FOUND")
        else:
            self.assertEqual((error["code"], error["param"]), ("model_not_found", "model"))
        return error["message"]

    def concerning(self, model):
        """Every address that names a model."""
        gemini = {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}
        short = {"generationConfig": {"maxOutputTokens": 2}}
        part = {"content": {"parts": [{"text": "a"}]}}
        options = {"options": {"num_predict": 2}, "stream": False}
        copied, made = f"copy-of-{model}", f"from-{model}"
        return [("POST", CHAT, {"model": model, "messages": user("a"), "max_tokens": 2}),
                ("POST", COMPLETIONS, {"model": model, "prompt": "a", "max_tokens": 2}),
                ("POST", COMPLETIONS, {"model": model, "prompt": "a", "max_tokens": 2, "echo": True}),
                ("POST", "/v1/embeddings", {"model": model, "input": "a"}),
                ("POST", "/v1/responses", {"model": model, "input": "a", "max_output_tokens": 16}),
                ("POST", "/v1/responses/input_tokens", {"model": model, "input": "a"}),
                ("GET", f"/v1/models/{model}", None),
                ("POST", "/v1/messages", {"model": model, "messages": user("a"), "max_tokens": 2}),
                ("POST", "/v1/messages/count_tokens", {"model": model, "messages": user("a")}),
                ("GET", f"/v1beta/models/{model}", None),
                ("POST", f"/v1beta/models/{model}:generateContent", {**gemini, **short}),
                ("POST", f"/v1beta/models/{model}:streamGenerateContent", {**gemini, **short}),
                ("POST", f"/v1beta/models/{model}:countTokens", gemini),
                ("POST", f"/v1beta/models/{model}:embedContent", part),
                ("POST", f"/v1beta/models/{model}:batchEmbedContents",
                 {"requests": [{"model": f"models/{model}", **part}]}),
                ("POST", "/api/chat", {"model": model, "messages": user("a"), **options}),
                ("POST", "/api/chat", {"model": model, "messages": []}),
                ("POST", "/api/generate", {"model": model, "prompt": "a", **options}),
                ("POST", "/api/embed", {"model": model, "input": "a"}),
                ("POST", "/api/embeddings", {"model": model, "prompt": "a"}),
                ("POST", "/api/show", {"model": model}),
                ("POST", "/api/create", {"model": made, "from": model, "stream": False}),
                ("POST", "/api/copy", {"source": model, "destination": copied}),
                ("POST", "/tokenize", {"model": model, "content": "a"}),
                ("POST", "/detokenize", {"model": model, "tokens": [5]}),
                ("POST", "/apply-template", {"model": model, "messages": user("a")}),
                ("POST", "/completion", {"model": model, "prompt": "a", "n_predict": 2}),
                ("GET", f"/props?model={model}", None),
                ("GET", f"/slots?model={model}", None)]

    def test_a_model_outside_the_list_is_not_there(self):
        for method, path, body in self.concerning("two"):
            status, data = self.ask("all", method, path, body)
            self.assertEqual(status, 200, (path, data))
            status, data = self.ask("limited", method, path, body)
            self.assertEqual(status, 404, (path, data))
            hidden = self.shape(path, data)
            # In the words for what never was.
            nothing = json.loads(json.dumps(body).replace('"two"', '"six"').replace("models/two", "models/six"))
            status, data = self.ask("limited", method, path.replace("two", "six"), nothing)
            self.assertEqual((status, self.shape(path, data)), (404, hidden.replace("two", "six")), path)

    def test_what_is_not_there_names_what_is(self):
        for key, names in (("all", "one, two"), ("limited", "one")):
            for path in (CHAT, "/api/chat", "/v1/messages"):
                status, data = self.ask(key, "POST", path, {"model": "six", "messages": user("a"), "max_tokens": 2})
                self.assertEqual((status, self.shape(path, data)), (404, f"model 'six' not found: this key may use {names}"))

    def test_a_model_of_the_list_is(self):
        for method, path, body in self.concerning("one"):
            status, data = self.ask("limited", method, path, body)
            self.assertEqual(status, 200, (path, data))
        # And what was made from it.
        for method, path, body in self.concerning("from-one"):
            status, data = self.ask("limited", method, path, body)
            self.assertEqual(status, 200, (path, data))

    def test_lists_hold_what_may_be_used(self):
        for path, headers in (("/v1/models", {}), ("/v1/models", {"anthropic_version": "2023-06-01"}), ("/v1beta/models", {}),
                              ("/api/tags", {}), ("/api/ps", {}), ("/freehold/v1/models", {}), ("/metrics", {})):
            self.assertIn(b'"two', self.good("all", "GET", path, **headers).replace(b"models/", b""), path)
            listed = self.good("limited", "GET", path, **headers)
            self.assertIn(b"one", listed, path)
            self.assertNotIn(b"two", listed, path)

    def test_what_names_no_model_is_allowed(self):
        for method, path, status in (("GET", "/version", 200), ("GET", "/api/version", 200), ("GET", "/v1/files", 200),
                                     ("GET", "/v1/batches", 200), ("GET", "/v1/responses/resp_none", 404),
                                     ("GET", "/v1/files/file-none", 404), ("POST", "/freehold/v1/requests/req_none/cancel", 404),
                                     ("HEAD", "/api/blobs/sha256:" + "0" * 64, 404), ("GET", "/nothing", 404)):
            self.assertEqual(self.ask("limited", method, path)[0], status, path)
        # A model need not be named where only one may be meant.
        self.good("limited", "POST", "/tokenize", {"content": "a"})
        self.assertEqual(self.ask("all", "POST", "/tokenize", {"content": "a"})[0], 400)
        self.assertIn(b'"model_alias":"one"', self.good("limited", "GET", "/props"))
        # Nothing is fetched, nothing is sent, and a model that is served is not deleted: neither tells what there is.
        for name in ("two", "six"):
            self.assertEqual(self.ask("limited", "POST", "/api/pull", {"model": name})[0], 403)
            self.assertEqual(self.ask("limited", "DELETE", "/api/delete", {"model": name})[0], 404)
        self.assertEqual(self.ask("limited", "POST", "/api/push", {"model": "one"})[0], 403)
        self.assertEqual(self.ask("limited", "DELETE", "/api/delete", {"model": "one"})[0], 403)
        self.good("limited", "POST", "/api/pull", {"model": "one", "stream": False})

    def test_a_batch_is_held_to_the_list(self):
        lines = [{"custom_id": m, "method": "POST", "url": COMPLETIONS, "body": {"model": m, "prompt": "a", "max_tokens": 2}}
                 for m in ("one", "two")]
        status, data = self.upload("limited", "\n".join(map(json.dumps, lines)).encode())
        self.assertEqual(status, 200, data)
        batch = json.loads(self.good("limited", "POST", "/v1/batches", {"input_file_id": json.loads(data)["id"],
                                                                        "endpoint": COMPLETIONS, "completion_window": "24h"}))
        limit = time.monotonic() + 60
        while batch["status"] not in ("completed", "failed"):
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.02)
            batch = json.loads(self.good("limited", "GET", f"/v1/batches/{batch['id']}"))
        self.assertEqual(batch["request_counts"], {"total": 2, "completed": 1, "failed": 1})
        errors = json.loads(self.good("limited", "GET", f"/v1/files/{batch['error_file_id']}/content"))
        self.assertEqual((errors["custom_id"], errors["response"]["status_code"]), ("two", 404))


class TwoKeys(Tenancy):
    KEYS = {"alice": (), "bob": ()}
    ARGUMENTS = ("--key-files", "6")

    def test_made_models_are_their_makers(self):
        create = {"model": "shared-name", "from": "one", "system": CANARY, "stream": False}
        self.good("alice", "POST", "/api/create", create)
        for method, path, body in (("POST", "/api/show", {"model": "shared-name"}), ("GET", "/v1/models/shared-name", None),
                                   ("POST", CHAT, {"model": "shared-name", "messages": user("a")}),
                                   ("POST", "/api/chat", {"model": "shared-name", "messages": user("a")}),
                                   ("POST", "/v1/messages", {"model": "shared-name", "messages": user("a"), "max_tokens": 2}),
                                   ("POST", "/v1beta/models/shared-name:generateContent", {"contents": [{"parts": [{"text": "a"}]}]}),
                                   ("POST", "/api/copy", {"source": "shared-name", "destination": "mine"}),
                                   ("POST", "/api/create", {"model": "mine", "from": "shared-name"}),
                                   ("POST", "/apply-template", {"model": "shared-name", "messages": user("a")}),
                                   ("DELETE", "/api/delete", {"model": "shared-name"})):
            status, data = self.ask("bob", method, path, body)
            self.assertEqual(status, 404, (path, data))
            self.assertNotIn(CANARY.encode(), data)
        for path in ("/v1/models", "/api/tags", "/freehold/v1/models"):
            self.assertIn(b"shared-name", self.good("alice", "GET", path))
            self.assertNotIn(b"shared-name", self.good("bob", "GET", path))
        # The name is free for others, and what they do with it is theirs.
        self.good("bob", "POST", "/api/create", {**create, "system": "bob's"})
        self.good("bob", "DELETE", "/api/delete", {"model": "shared-name"})
        self.assertIn(CANARY.encode(), self.good("alice", "POST", "/api/show", {"model": "shared-name"}))
        prompt = json.loads(self.good("alice", "POST", "/apply-template", {"model": "shared-name", "messages": user("a")}))
        self.assertIn(CANARY, prompt["prompt"])

    def test_made_models_are_bounded(self):
        big = {"from": "one", "system": "x" * 700_000, "stream": False}
        self.good("bob", "POST", "/api/create", {"model": "big-1", **big})
        status, data = self.ask("bob", "POST", "/api/create", {"model": "big-2", **big})
        self.assertEqual(status, 400, data)
        self.assertIn("bytes", json.loads(data)["error"])
        self.good("bob", "DELETE", "/api/delete", {"model": "big-1"})
        for i in range(101):
            status, data = self.ask("bob", "POST", "/api/copy", {"source": "one", "destination": f"c{i}"})
            if status != 200:
                break
        self.assertEqual((i, status), (100, 400), data)
        self.assertIn("100 models", json.loads(data)["error"])
        for i in range(100):
            self.good("bob", "DELETE", "/api/delete", {"model": f"c{i}"})

    def test_blobs_are_their_senders(self):
        content = CANARY.encode()
        address = "/api/blobs/sha256:" + hashlib.sha256(content).hexdigest()
        self.assertEqual(self.ask("alice", "POST", address, content)[0], 201)
        self.assertEqual(self.ask("alice", "HEAD", address)[0], 200)
        self.assertEqual(self.ask("bob", "HEAD", address)[0], 404)
        self.assertEqual(self.ask("bob", "POST", address, content)[0], 201, "as if it were the first")
        status, data = self.ask("alice", "POST", "/api/create", {"model": "m", "files": {"m.gguf": address[11:]}})
        self.assertEqual(status, 400)
        self.assertIn("'files'", json.loads(data)["error"])

    def test_files_have_a_quota(self):
        ids = []
        for i in range(6):
            status, data = self.upload("alice", b"x")
            self.assertEqual(status, 200, data)
            ids.append(json.loads(data)["id"])
        status, data = self.upload("alice", b"x")
        self.assertEqual(status, 413, data)
        self.assertIn("delete some", json.loads(data)["error"]["message"])
        status, data = self.upload("bob", b"x")
        self.assertEqual(status, 200, data)
        self.assertEqual(self.ask("bob", "DELETE", f"/v1/files/{json.loads(data)['id']}")[0], 200)
        for i in ids:
            for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
                self.assertEqual(self.ask("bob", method, f"/v1/files/{i}{path}")[0], 404)
            self.good("alice", "DELETE", f"/v1/files/{i}")
        self.assertEqual(self.upload("alice", b"x")[0], 200)

    def test_responses_and_answers_under_way_are_their_askers(self):
        asked = {"model": "one", "input": CANARY, "max_output_tokens": 16}
        first = json.loads(self.good("alice", "POST", "/v1/responses", asked))
        for method, path, body in (("GET", f"/v1/responses/{first['id']}", None), ("DELETE", f"/v1/responses/{first['id']}", None),
                                   ("GET", f"/v1/responses/{first['id']}/input_items", None),
                                   ("POST", f"/v1/responses/{first['id']}/cancel", None),
                                   ("POST", "/v1/responses", {**asked, "input": "and?", "previous_response_id": first["id"]}),
                                   ("POST", "/v1/responses", {**asked, "input": [{"type": "item_reference", "id": first["output"][0]["id"]}]}),
                                   ("POST", "/v1/responses/input_tokens",
                                    {"model": "one", "input": "a", "previous_response_id": first["id"]})):
            status, data = self.ask("bob", method, path, body)
            self.assertIn(status, (400, 404), (path, data))
            self.assertNotIn(CANARY.encode(), data)
        self.good("alice", "GET", f"/v1/responses/{first['id']}")
        # An answer under way is ended by its own key alone.
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=60)
        connection.request("POST", COMPLETIONS, json.dumps({"model": "one", "prompt": "a", "max_tokens": 400, "ignore_eos": True, "stream": True,
                                                            "logit_bias": {}}),
                           {"authorization": f"Bearer {self.keys['alice']}", "content-type": "application/json"})
        response = connection.getresponse()
        under_way = response.headers["x-request-id"]
        self.assertEqual(self.ask("bob", "POST", f"/freehold/v1/requests/{under_way}/cancel")[0], 404)
        response.read()
        connection.close()

    def test_a_call_with_many_choices_lets_another_key_go_ahead(self):
        """Eight places, 128 choices: they come in waves, each of which takes all places."""
        asked = {"model": "one", "messages": user("a"), "n": 128, "max_tokens": 480, "stream": True, "logit_bias": {str(self.end): -100}}
        connection = self.server.connect()
        connection.request("POST", CHAT, json.dumps(asked), {"authorization": f"Bearer {self.keys['alice']}", "content-type": "application/json"})
        response = connection.getresponse()
        response.read(1000)
        reading = threading.Thread(target=lambda: drain(response))  # or it would be taken for one that does not read
        reading.start()
        story = f"/freehold/v1/requests/{response.headers['x-request-id']}"
        for _ in range(2):
            self.good("bob", "POST", CHAT, {"model": "one", "messages": user("b"), "max_tokens": 2})
            self.assertEqual(json.loads(self.good("alice", "GET", story))["status"], "running", "bob's came before the last wave")
        connection.sock.shutdown(socket.SHUT_RDWR)
        reading.join()
        connection.close()

    def test_a_prompt_is_cached_for_its_key(self):
        asked = {"model": "two", "prompt": CANARY + " the cat and more of it" * 8, "max_tokens": 1}

        def cached(key):
            return json.loads(self.good(key, "POST", COMPLETIONS, asked))["usage"]["prompt_tokens_details"]["cached_tokens"]
        self.assertEqual(cached("alice"), 0)
        self.assertGreater(cached("alice"), 0)
        self.assertEqual(cached("bob"), 0, "what another key has asked is not there")

    def test_nothing_that_was_said_is_in_metrics_logs_or_the_record(self):
        for path, body in ((CHAT, {"model": "one", "messages": user(CANARY), "max_tokens": 2}),
                           (CHAT, {"model": "one", "messages": user(CANARY), "temperature": 99}),
                           (CHAT, {"model": "one", "messages": user("a"), "max_tokens": 2, "response_format":
                                   {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": CANARY}}}}),
                           ("/v1/messages", {"model": "one", "messages": user(CANARY), "max_tokens": 2}),
                           ("/v1beta/models/one:generateContent", {"contents": [{"parts": [{"text": CANARY}]}], "generationConfig": {"maxOutputTokens": 2}}),
                           ("/api/generate", {"model": "one", "prompt": CANARY, "options": {"num_predict": 2}}),
                           ("/v1/embeddings", {"model": "one", "input": CANARY})):
            self.ask("alice", "POST", path, body)
        for key in self.keys:
            self.assertNotIn(CANARY.encode(), self.good(key, "GET", "/metrics"))
            self.assertNotIn(CANARY.encode(), self.good(key, "GET", "/slots?model=one"))
        self.assertNotIn(CANARY, self.server.said())
        self.assertNotIn(CANARY, e2e.run("usage", "--json", home=self.kept).out.decode())
        for name in ("usage.db", "usage.db-wal", "freehold.db", "freehold.db-wal"):
            if (self.kept / name).exists():
                self.assertNotIn(CANARY.encode(), (self.kept / name).read_bytes(), name)


class Limits(Tenancy):
    COUNTED = (("/tokenize", {"model": "one", "content": "a"}), ("/detokenize", {"model": "one", "tokens": [5]}),
               ("/apply-template", {"model": "one", "messages": user("a")}), ("/v1/messages/count_tokens", {"model": "one", "messages": user("a")}),
               ("/v1beta/models/one:countTokens", {"contents": [{"parts": [{"text": "a"}]}]}),
               ("/v1/responses/input_tokens", {"model": "one", "input": "a"}))
    KEYS = {"few": ("--requests-per-minute", "3"), "single": ("--concurrency", "1"), "gone": (),
            **{path: ("--requests-per-minute", "2", "--tokens-per-minute", "1", "--concurrency", "1") for path, _ in COUNTED}}
    SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "no such type"}}}

    def test_a_key_at_its_limits_is_refused_before_anything_is_compiled(self):
        wrong = {"model": "one", "messages": user("a"), "max_tokens": 2, "response_format": self.SCHEMA}
        # Whoever may ask is told that this cannot be compiled, and whoever is at the limit is not.
        self.assertEqual([self.ask("few", "POST", CHAT, wrong)[0] for _ in range(5)], [400, 400, 400, 429, 429])
        for path, body, field in (("/v1/messages", {"max_tokens": 2}, "rate_limit_error"),
                                  ("/api/chat", {"format": {"type": "no such type"}}, "limit of this key"),
                                  ("/v1/responses", {"input": "a"}, "rate_limit")):
            status, data = self.ask("few", "POST", path, {"model": "one", "messages": user("a"), **body}
                                    if "input" not in body else {"model": "one", **body})
            self.assertEqual(status, 429, data)
            self.assertIn(field.encode(), data)
        status, data = self.ask("few", "POST", "/v1beta/models/one:generateContent", {"contents": [{"parts": [{"text": "a"}]}]})
        self.assertEqual((status, json.loads(data)["error"]["status"]), (429, "RESOURCE_EXHAUSTED"))
        self.assertEqual(self.ask("few", "POST", "/v1/embeddings", {"model": "one", "input": "a"})[0], 429)

    def test_tokens_that_are_counted_are_requests(self):
        for path, body in self.COUNTED:
            self.assertEqual([self.ask(path, "POST", path, body)[0] for _ in range(3)], [200, 200, 429], path)
            status, headers, data = self.server.ask("POST", path, body, {"authorization": f"Bearer {self.keys[path]}"})
            self.assertEqual(status, 429)
            self.assertIn("limit of this key", data.decode())
            self.assertGreaterEqual(int(headers["retry-after"]), 1)
            # It is the same limit as that of answers.
            self.assertEqual(self.ask(path, "POST", CHAT, {"model": "one", "messages": user("a"), "max_tokens": 1})[0], 429, path)

    def test_tokens_are_counted_while_an_answer_streams(self):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=60)
        connection.request("POST", COMPLETIONS, json.dumps({"model": "one", "prompt": "a", "max_tokens": 400, "ignore_eos": True, "stream": True}),
                           {"content-type": "application/json", "authorization": f"Bearer {self.keys['single']}"})
        response = connection.getresponse()
        response.read(100)
        for path, body in self.COUNTED:
            self.good("single", "POST", path, body)
        connection.close()

    def test_places_come_back_when_nothing_was_compiled(self):
        wrong = {"model": "one", "messages": user("a"), "max_tokens": 2, "response_format": self.SCHEMA}
        for _ in range(3):
            self.assertEqual(self.ask("single", "POST", CHAT, wrong)[0], 400)
        good = {"model": "one", "messages": user("a"), "max_tokens": 8,
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"enum": ["x"]}}}}
        self.assertEqual(json.loads(self.good("single", "POST", CHAT, good))["choices"][0]["message"]["content"], '"x"')

    def test_a_revoked_key_ends_within_moments(self):
        self.good("gone", "POST", COMPLETIONS, {"model": "one", "prompt": "a", "max_tokens": 1})
        e2e.run("keys", "revoke", self.keys["gone"].split("-")[1], home=self.kept)
        limit = time.monotonic() + 60
        while self.ask("gone", "GET", "/v1/models")[0] != 401:
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.05)


if __name__ == "__main__":
    e2e.main()
