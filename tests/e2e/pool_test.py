"""`freehold serve` with several models: loaded when they are asked for, unloaded when another needs the room or their time is up."""

import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import signal
import socket
import time

import e2e
from chat_model import ChatGguf
from serving import KEY, Server

ALONE = ("--sequences", "1", "--context", "2048")
PATIENCE = 60  # seconds until something must have happened, also under a sanitizer


def body(model, content="hello", **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 16, "seed": 5, **more}


class Pool(e2e.Case):
    """A store with three models of the same size, a:latest, b:latest and c:latest; servers are started by the tests."""

    names = ("a", "b", "c")

    @classmethod
    def setUpClass(cls):
        place = e2e.tempfile.TemporaryDirectory(prefix="freehold-pool-")
        cls.addClassCleanup(place.cleanup)
        cls.place = pathlib.Path(place.name)
        cls.store = cls.place / "home"
        for seed, name in enumerate(cls.names):
            cls.add(name, seed)

    @classmethod
    def add(cls, name, seed, *options):
        path = cls.place / f"{name}-{seed}.gguf"
        path.write_bytes(ChatGguf(seed=seed).write())
        done = e2e.run("models", "import", path, "--name", name, *options, home=cls.store)
        if done.code != 0:
            raise AssertionError(done.message)
        return path

    def serve(self, model=None, *arguments, **more):
        self.server = self.enterContext(Server(model, *arguments, home=self.store, **more))
        return self.server

    def chat(self, model, *args, status=200, **more):
        got, headers, data = self.server.post("/v1/chat/completions", body(model, *args, **more), timeout=PATIENCE)
        self.assertEqual(got, status, data)
        return json.loads(data)

    def says(self, model, *args, **more):
        return self.chat(model, *args, **more)["choices"]

    def get(self, path):
        status, _, data = self.server.ask("GET", path)
        self.assertEqual(status, 200, data)
        return json.loads(data)

    def ps(self):
        """The models in memory, by bare name."""
        return {m["name"].removesuffix(":latest"): m for m in self.get("/api/ps")["models"]}

    def metric(self, name):
        text = self.server.ask("GET", "/metrics")[2].decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])

    def until(self, what, message):
        end = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end, message)
            time.sleep(0.02)

    def memory_of(self, name):
        """What a model takes with ALONE, which is not a matter of how much there is."""
        with Server(None, *ALONE, home=self.store) as server:
            models = json.loads(server.ask("GET", "/freehold/v1/models")[2])["models"]
        return next(m for m in models if m["name"] == f"{name}:latest")["memory_bytes"]


class OnDemand(Pool):
    def test_the_store_is_served_in_every_dialect(self):
        self.serve()
        self.assertEqual(self.get("/readyz"), {"status": "ready", "sealed": {"on": False}})
        self.assertEqual(self.server.ask("GET", "/health", key=False)[0], 200)
        self.assertEqual([m["id"] for m in self.get("/v1/models")["data"]], ["a:latest", "b:latest", "c:latest"])
        self.assertEqual(len(self.get("/api/tags")["models"]), 3)
        self.assertEqual(self.ps(), {})
        self.assertEqual(self.get("/v1/models/a")["id"], "a:latest")
        self.assertEqual(self.ps(), {}, "asking about a model does not load it")
        self.chat("a")
        for path, asked in (("/v1/messages", {"model": "b", "max_tokens": 3, "messages": [{"role": "user", "content": "x"}]}),
                            ("/v1beta/models/c:generateContent", {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
                            ("/v1beta/models/a:countTokens", {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
                            ("/api/generate", {"model": "a:latest", "prompt": "x", "options": {"num_predict": 3}}),
                            ("/api/embed", {"model": "b", "input": "x"}), ("/tokenize", {"model": "c", "content": "x"}),
                            ("/v1/embeddings", {"model": "a", "input": "x"}),
                            ("/v1/responses", {"model": "b", "input": "x", "max_output_tokens": 16})):
            status, _, data = self.server.post(path, asked)
            self.assertEqual(status, 200, (path, data))
        self.assertEqual(set(self.ps()), {"a", "b", "c"})
        self.assertEqual(self.metric("freehold_model_loads_total"), 3)
        self.assertEqual(self.metric("freehold_models_loaded"), 3)
        self.assertEqual(self.metric("freehold_models_memory_bytes"), sum(m["size"] for m in self.ps().values()))

    def test_what_is_no_model_is_refused_in_the_dialects_words(self):
        self.serve()
        error = self.chat("none", status=404)["error"]
        self.assertEqual(error["code"], "model_not_found")
        self.assertRegex(error["message"], r"this key may use [^ ,]+(, [^ ,]+){2,4}( and [0-9]+ more)?$")
        # No path, no digest: names alone.
        for name in ("/etc/passwd", "../home", str(self.place / "a-0.gguf"), "a/../b", "sha256:00000000", "", "a:none", "A" * 5000):
            status, _, data = self.server.post("/v1/chat/completions", body(name))
            self.assertIn(status, (400, 404), (name, data))
        self.assertEqual(json.loads(self.server.post("/v1/messages", {**body("none")})[2])["error"]["type"], "not_found_error")
        self.assertEqual(self.server.post("/v1beta/models/none:generateContent", {"contents": [{"parts": [{"text": "x"}]}]})[0], 404)
        self.assertIn("none", json.loads(self.server.post("/api/chat", body("none"))[2])["error"])
        self.assertEqual(self.ps(), {})

    def test_the_same_bits_after_a_reload_and_beside_others(self):
        self.serve()
        alone = {name: self.says(name, temperature=1, max_tokens=48) for name in self.names}
        self.assertEqual(len({json.dumps(a) for a in alone.values()}), 3)
        for name in self.names:
            status, _, data = self.server.post("/api/generate", {"model": name, "keep_alive": 0, "stream": False})
            self.assertEqual((status, json.loads(data)["done_reason"]), (200, "unload"))
        self.until(lambda: self.ps() == {}, "unloaded")
        with concurrent.futures.ThreadPoolExecutor(9) as pool:
            again = list(pool.map(lambda name: (name, self.says(name, temperature=1, max_tokens=48)), self.names * 3))
        for name, answer in again:
            self.assertEqual(answer, alone[name])
        self.assertEqual(self.metric("freehold_model_loads_total"), 6)
        self.assertEqual(self.metric("freehold_model_unloads_total"), 3)
        # Counters of a model go on where they were.
        text = self.server.ask("GET", "/metrics")[2].decode()
        for name in self.names:
            self.assertIn(f'freehold_requests_total{{model="{name}:latest"}} 4\n', text)

    def test_many_at_first_load_once(self):
        self.serve()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: json.dumps(self.says("a")), range(12)))
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(self.metric("freehold_model_loads_total"), 1)

    def test_a_client_that_leaves_while_it_loads(self):
        self.serve()
        data = json.dumps(body("b")).encode()
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n").encode()
        for _ in range(20):
            with socket.create_connection((self.server.host, self.server.port)) as connection:
                connection.sendall(head + data)
        self.assertTrue(self.says("b"))
        self.assertEqual(self.metric("freehold_model_loads_total"), 1)
        self.until(lambda: 'freehold_requests_running{model="b:latest"} 0\n' in self.server.ask("GET", "/metrics")[2].decode(), "all over")

    def test_what_changes_in_the_store_is_seen(self):
        self.add("d", 3)
        self.serve()
        before = self.says("d")
        self.assertEqual(self.chat("e", status=404)["error"]["code"], "model_not_found")
        path = self.add("e", 4)
        new = self.says("e")
        self.succeeds_in_store("models", "import", path, "--name", "d", "--force")
        self.assertNotEqual(before, new)
        self.assertEqual(self.says("d"), new, "the name leads to another model")
        self.succeeds_in_store("models", "rm", "e")
        self.chat("e", status=404)
        self.assertEqual(self.says("d"), new)
        self.server.process.send_signal(signal.SIGHUP)
        self.until(lambda: "read again: 4 models" in self.server.said(), "SIGHUP reads the store again")
        self.assertEqual(self.says("d"), new)
        # What no name leads to any more goes by itself.
        self.until(lambda: self.metric("freehold_models_loaded") == 1, "the old d is gone")
        self.succeeds_in_store("models", "rm", "d")

    def succeeds_in_store(self, *arguments):
        done = e2e.run(*arguments, home=self.store)
        self.assertEqual(done.code, 0, done.message)

    def test_a_model_that_cannot_be_loaded_poisons_nothing(self):
        self.add("f", 5)
        manifest = json.loads((self.store / "models" / "f" / "latest.json").read_text())
        digest = manifest["model"]["files"][0]["digest"].replace(":", "-")
        blob, away = self.store / "blobs" / digest, self.store / "away"
        self.serve()
        os.rename(blob, away)
        for _ in range(2):
            error = self.chat("f", status=500)["error"]["message"]
            self.assertIn("'f'", error)
            self.assertNotIn(str(self.store), error)
        self.assertTrue(self.says("a"))
        os.rename(away, blob)
        self.assertTrue(self.says("f"))
        self.succeeds_in_store("models", "rm", "f")

    def test_a_key_loads_what_it_may_use(self):
        def made(*options):
            done = e2e.run("keys", "create", "--name", "k", *options, home=self.store)
            self.assertEqual(done.code, 0, done.message)
            return done.text.strip()
        admin, limited, auditor = made("--role", "admin"), made("--models", "a"), made("--role", "auditor")
        server = self.serve(key=None)
        def ask(key, model):
            return server.post("/v1/chat/completions", body(model), headers={"authorization": f"Bearer {key}"})[0]
        self.assertEqual([ask(limited, "b"), ask(auditor, "b"), ask("fh-nobody", "b")], [404, 403, 401])
        in_memory = lambda: json.loads(server.ask("GET", "/api/ps", headers={"authorization": f"Bearer {admin}"})[2])["models"]
        self.assertEqual(in_memory(), [])
        self.assertEqual(ask(limited, "a"), 200)
        self.assertEqual(len(in_memory()), 1)

    def test_who_looks_after_the_store_deletes_from_it(self):
        def made(*options):
            return e2e.run("keys", "create", "--name", "k", *options, home=self.store).text.strip()
        admin, operator, user = made("--role", "admin"), made("--role", "operator"), made()
        limited = made("--role", "admin", "--models", "a,d")
        self.add("d", 9)
        self.add("e", 9)
        server = self.serve(key=None)
        def ask(key, method, path, asked):
            return server.ask(method, path, json.dumps(asked).encode(), headers={"authorization": f"Bearer {key}", "content-type": "application/json"})
        delete = lambda key, name: ask(key, "DELETE", "/api/delete", {"model": name})[0]
        chat = lambda key, name: ask(key, "POST", "/v1/chat/completions", body(name))[0]
        self.assertEqual(chat(user, "d"), 200)
        self.assertEqual([delete(user, "d"), delete(limited, "d"), delete(admin, "none")], [403, 403, 404])
        self.assertEqual(chat(user, "d"), 200)
        self.assertEqual([delete(admin, "d"), chat(user, "d"), delete(admin, "d")], [200, 404, 404])
        self.assertEqual([delete(operator, "e:latest"), chat(user, "e")], [200, 404])
        names = [m["name"] for m in json.loads(e2e.run("models", "list", "--json", home=self.store).text)["models"]]
        self.assertEqual(names, ["a:latest", "b:latest", "c:latest"])
        self.assertEqual(chat(user, "a"), 200)

    def test_threads_are_shared(self):
        self.serve(None, "--threads", "3")
        threads = lambda: int(re.search(r"Threads:\s+(\d+)", pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text())[1])
        self.chat("a")
        one = threads()
        self.chat("b")
        self.chat("c")
        self.assertEqual(threads(), one + 2, "a model has one thread of its own")


class Room(Pool):
    def test_the_least_recently_used_makes_room(self):
        size = self.memory_of("a")
        self.serve(None, *ALONE, "--memory-limit", str(2 * size + size // 2))
        self.chat("a")
        self.chat("b")
        self.chat("a")
        self.chat("c")
        self.assertEqual(set(self.ps()), {"a", "c"})
        self.chat("b")
        self.assertEqual(set(self.ps()), {"b", "c"})
        self.assertEqual(self.metric("freehold_model_unloads_total"), 2)
        self.assertLessEqual(self.metric("freehold_models_memory_bytes"), self.metric("freehold_models_memory_limit_bytes"))
        # All three at once, many times over: each gets its own answer.
        alone = {name: self.says(name) for name in self.names}
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for name, answer in pool.map(lambda name: (name, self.says(name)), self.names * 8):
                self.assertEqual(answer, alone[name])

    def test_what_can_never_fit_is_refused_with_the_figures(self):
        size = self.memory_of("a")
        self.serve(None, *ALONE, "--memory-limit", str(size - 1))
        for path, asked in (("/v1/chat/completions", body("a")), ("/api/chat", body("a")), ("/v1/messages", body("a"))):
            status, headers, data = self.server.post(path, asked)
            self.assertEqual(status, 500, data)
            for part in (b"MiB", b"--context", b"weights", b"cache"):
                self.assertIn(part, data)
            self.assertEqual(headers["x-should-retry"], "false")
        self.assertEqual(self.ps(), {})
        self.assertEqual(len(self.get("/v1/models")["data"]), 3)

    def test_a_model_in_use_is_never_unloaded(self):
        size = self.memory_of("a")
        self.serve(None, *ALONE, "--memory-limit", str(size + size // 2))
        endless = {**body("a", ignore_eos=True, stream=True), "max_tokens": 1900}
        connection = self.server.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(endless),
                           {"authorization": f"Bearer {KEY}", "content-type": "application/json"})
        stream = connection.getresponse()
        self.assertEqual(stream.status, 200)
        stream.readline()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.says, "b")
            events = [line for line in stream if line.startswith(b"data: ")]
            self.assertEqual(events[-1].strip(), b"data: [DONE]")
            self.assertIn(b'"finish_reason":"length"', events[-2] + events[-3])
            self.assertTrue(waiting.result(PATIENCE))
        connection.close()
        self.assertEqual(set(self.ps()), {"b"})

    def test_whoever_waits_for_room_may_leave(self):
        size = self.memory_of("a")
        self.serve(None, *ALONE, "--memory-limit", str(size + size // 2))
        endless = {**body("a", ignore_eos=True, stream=True), "max_tokens": 1900}
        connection = self.server.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(endless),
                           {"authorization": f"Bearer {KEY}", "content-type": "application/json"})
        self.assertEqual(connection.getresponse().status, 200)
        waiting = self.server.connect()
        waiting.request("POST", "/v1/chat/completions", json.dumps(body("b")),
                        {"authorization": f"Bearer {KEY}", "content-type": "application/json"})
        self.until(lambda: self.metric("freehold_models_loading") == 1, "b waits")
        waiting.close()
        self.until(lambda: self.metric("freehold_models_loading") == 0, "b is not wanted any more")
        connection.close()
        self.assertTrue(self.says("c"))
        self.assertEqual(set(self.ps()), {"c"})


class KeepAlive(Pool):
    def load(self, model, **more):
        status, _, data = self.server.post("/api/generate", {"model": model, "stream": False, **more})
        self.assertEqual(status, 200, data)
        return json.loads(data)["done_reason"]

    def expires_in(self, name):
        then = datetime.datetime.fromisoformat(self.ps()[name]["expires_at"][:19] + "+00:00")
        return (then - datetime.datetime.now(datetime.timezone.utc)).total_seconds()

    def test_ps_says_what_is_there_and_how_long(self):
        self.serve()
        self.assertEqual(self.load("a"), "load")
        entry = self.ps()["a"]
        self.assertEqual(entry["size"], next(m for m in self.get("/freehold/v1/models")["models"] if m["name"] == "a:latest")["memory_bytes"])
        self.assertEqual((entry["model"], entry["size_vram"], entry["context_length"]), ("a:latest", 0, 2048))
        self.assertTrue(200 < self.expires_in("a") <= 300)
        self.load("a", keep_alive="20m")
        self.assertTrue(1100 < self.expires_in("a") <= 1200)
        self.chat("a")
        self.assertTrue(1100 < self.expires_in("a") <= 1200, "who says nothing changes nothing")
        self.load("a", keep_alive=3600)
        self.assertTrue(3500 < self.expires_in("a") <= 3600)
        for forever in (-1, "-1m"):
            self.load("a", keep_alive=forever)
            self.assertEqual(self.ps()["a"]["expires_at"][:4], "2318")

    def test_it_goes_when_its_time_is_up(self):
        self.serve(None, "--keep-alive", "1s")
        self.chat("a")
        self.until(lambda: "a" not in self.ps(), "one second, by the server's option")
        self.load("a", keep_alive="5m")
        self.load("b", keep_alive=0.1)
        self.until(lambda: "b" not in self.ps(), "a tenth of a second")
        self.assertIn("a", self.ps())
        answer = self.server.post("/api/generate", {"model": "a", "prompt": "x", "stream": False, "keep_alive": 0, "options": {"num_predict": 4}})
        self.assertEqual(answer[0], 200)
        self.assertTrue(json.loads(answer[2])["response"])
        self.until(lambda: self.ps() == {}, "after the request")
        self.assertEqual(self.server.post("/api/embed", {"model": "b", "input": "x", "keep_alive": "10m"})[0], 200)
        self.assertTrue(500 < self.expires_in("b") <= 600)
        self.assertEqual(self.load("c", keep_alive=0), "unload")
        self.assertNotIn("c", self.ps(), "what is not there is not loaded to be unloaded")
        self.assertEqual(self.metric("freehold_model_loads_total"), 4)

    def test_bad_durations_are_refused(self):
        self.serve()
        for wrong in ("soon", "5", "", True, []):
            self.assertEqual(self.server.post("/api/generate", {"model": "a", "keep_alive": wrong})[0], 400, wrong)
        for option in ("--keep-alive", "--memory-limit"):
            for wrong in ("soon", "", "1.2.3"):
                ended = e2e.run("serve", option, wrong, "--no-keys", home=self.store)
                self.assertEqual(ended.code, e2e.USAGE, ended.message)
                self.assertIn(option, ended.message)


class Given(Pool):
    def test_what_is_given_is_all_there_is_and_stays(self):
        self.serve(["b", self.place / "a-0.gguf"], "--alias", "first", "--alias", "second")
        self.assertEqual([m["id"] for m in self.get("/v1/models")["data"]], ["first", "second"])
        self.assertEqual(set(self.ps()), {"first", "second"}, "loaded at the start")
        self.assertEqual({m["expires_at"][:4] for m in self.ps().values()}, {"2318"})
        self.chat("b", status=404)
        self.chat("a", status=404)
        self.assertNotEqual(self.says("first"), self.says("second"))
        # They can be unloaded, and come back.
        before = self.says("first")
        self.assertEqual(self.server.post("/api/generate", {"model": "first", "keep_alive": 0})[0], 200)
        self.until(lambda: set(self.ps()) == {"second"}, "unloaded")
        self.assertEqual(self.says("first"), before)

    def test_those_that_do_not_fit_beside_each_other_take_turns(self):
        size = self.memory_of("a")
        self.serve(["a", "b"], *ALONE, "--memory-limit", str(size + size // 2))
        self.assertIn("b is loaded when it is asked for", self.server.said())
        self.assertEqual(set(self.ps()), {"a"})
        first = self.says("a"), self.says("b")
        self.assertEqual((self.says("a"), self.says("b")), first)

    def test_one_that_cannot_be_served_ends_the_start(self):
        size = self.memory_of("a")
        for arguments, code, word in ((("a", *ALONE, "--memory-limit", str(size - 1)), e2e.EXHAUSTED, "memory"),
                                      (("none",), e2e.NOT_FOUND, "none"), (("a", "--context", "4096"), e2e.EXHAUSTED, "--context")):
            ended = e2e.run("serve", *arguments, "--no-keys", "--port", "0", home=self.store)
            self.assertEqual(ended.code, code, ended.message)
            self.assertIn(word, ended.message)


if __name__ == "__main__":
    e2e.main()
