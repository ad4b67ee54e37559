"""`freehold serve` on the wire: keys, addresses, bad requests, many at once, clients that leave, and how it stops."""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import time

import e2e
from chat_model import CONTEXT, ChatGguf
from serving import KEY, Server

CHAT, COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/completions", "/v1/models"
# Minutes of work even for the tiny model, if its context is LONG: whoever waits for the end fails by a time limit.
LONG = 16384
ENDLESS = {"model": "chatty", "prompt": [f"the cat {i}" for i in range(90)], "max_tokens": LONG - 100, "ignore_eos": True}


def chat(content="hello", **more):
    return {"model": "chatty", "messages": [{"role": "user", "content": content}], "max_tokens": 24, "seed": 5, **more}


def stable(answer):
    """An answer's bytes without what is new in every answer."""
    value = json.loads(answer)
    del value["id"], value["created"], value["usage"]["prompt_tokens_details"]  # what a cache held is no part of the answer
    return json.dumps(value)


def read_until(connection, mark):
    data = b""
    while mark not in data:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError(f"closed after {data!r}")
        data += piece
    return data


def request(path, body, extra=""):
    data = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(data)}\r\n{extra}\r\n").encode() + data


class Serving(e2e.Case):
    """One server for all tests of the class."""

    arguments = ()
    context = CONTEXT

    @classmethod
    def setUpClass(cls):
        cls.place = e2e.tempfile.TemporaryDirectory(prefix="freehold-serve-")
        cls.addClassCleanup(cls.place.cleanup)
        cls.model = e2e.pathlib.Path(cls.place.name) / "model.gguf"
        cls.model.write_bytes(ChatGguf(context=cls.context).write())
        cls.server = cls.enterClassContext(Server(cls.model, "--alias", "chatty", *cls.arguments))

    def refused(self, answer, status, **fields):
        """An error in OpenAI's shape with these fields; the message."""
        got, headers, body = answer
        self.assertEqual(got, status, body)
        self.assertEqual(headers.get_content_type(), "application/json")
        self.assertTrue(headers["x-request-id"])
        error = json.loads(body)["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual(error["type"], "invalid_request_error")
        self.assertNotIn("internal", error["message"])
        for field, value in fields.items():
            self.assertEqual(error[field], value, body)
        return error["message"]

    def well(self):
        """The server still answers."""
        status, _, body = self.server.post(CHAT, chat())
        self.assertEqual(status, 200, body)
        return body


class Requests(Serving):
    def test_a_key_is_asked_for_before_anything_else(self):
        for method, path, body in (("GET", MODELS, None), ("POST", CHAT, b"no json"), ("GET", "/v1/none", None),
                                   ("DELETE", CHAT, None), ("GET", "/none", None)):
            for headers in ({}, {"authorization": "Bearer not-the-key"}, {"authorization": KEY}, {"x-api-key": KEY + "x"},
                            {"authorization": "Bearer " + KEY[:-1]}):
                message = self.refused(self.server.ask(method, path, body, headers, key=False), 401, code="invalid_api_key")
                self.assertNotIn("not-the-key", message)
        for headers in ({"authorization": "bearer " + KEY}, {"x-api-key": KEY}):
            self.assertEqual(self.server.ask("GET", MODELS, None, headers, key=False)[0], 200)
        for headers, path in (({"authorization": "Bearer " + KEY, "x-api-key": "other"}, MODELS), ({"x-api-key": KEY}, MODELS + "?key=other"),
                              ({}, MODELS + f"?key={KEY}&key=other")):
            self.assertIn(self.server.ask("GET", path, None, headers, key=False)[0], (400,), headers)
        twice = {"authorization": "Bearer " + KEY, "x-api-key": KEY}
        self.assertEqual(self.server.ask("GET", MODELS, None, twice, key=False)[0], 200)
        self.assertEqual(self.server.ask("GET", "/healthz", key=False)[0], 200)

    def test_addresses_methods_and_types(self):
        self.assertIn("/v1/none", self.refused(self.server.ask("GET", "/v1/none"), 404))
        self.refused(self.server.ask("GET", "/none"), 404)
        self.refused(self.server.ask("GET", MODELS + "/no%2Fsuch%3Aname"), 404, code="model_not_found", param="model")
        for method, path in (("GET", CHAT), ("DELETE", CHAT), ("PUT", COMPLETIONS), ("POST", MODELS)):
            self.refused(self.server.ask(method, path), 405)
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
            self.refused(self.server.post(CHAT, chat(), headers={"content-type": kind}), 415)
        self.assertEqual(self.server.post(CHAT, chat(), headers={"content-type": "Application/JSON; charset=utf-8"})[0], 200)

    def test_pages_and_names_of_others(self):
        port = self.server.port
        for headers in ({"host": "evil.example"}, {"host": "127.0.0.1.evil.example"}, {"host": f"localhost.:{port}"},
                        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": f"http://localhost:{port + 1}"},
                        {"sec-fetch-site": "cross-site"}):
            self.refused(self.server.ask("GET", MODELS, headers=headers), 403)
            self.refused(self.server.post(CHAT, chat(), headers=headers), 403)
        for headers in ({"host": "localhost"}, {"host": f"127.0.0.1:{port}"}, {"host": "[::1]"}, {"origin": f"http://localhost:{port}"}):
            self.assertEqual(self.server.ask("GET", MODELS, headers=headers)[0], 200, headers)

    def test_bad_bodies(self):
        good = json.dumps(chat()).encode()
        deep = b"[" * 100_000
        for body in (b"", b"{", b"[]", b"null", b"7", good + b"x", good[:-1], deep, deep + b"]" * 100_000, b'{"a":' * 100 + b"1" + b"}" * 100,
                     good.replace(b"hello", b"\xff\xfe"), good.replace(b"hello", b"\xed\xa0\x80"), good.replace(b"hello", b"\xc0\xaf"),
                     good.replace(b"hello", b'\\ud800'), good.replace(b"24", b"1e999"), good.replace(b"24", b"NaN"),
                     good.replace(b'"seed"', b'"model"'), b"\xef\xbb\xbf" * 2 + good):
            self.refused(self.server.post(CHAT, body), 400)
        for field, value in (("model", 7), ("messages", "hello"), ("messages", []), ("max_tokens", 1.5), ("max_tokens", -1), ("n", 0),
                             ("temperature", "hot"), ("temperature", 2.1), ("top_p", -0.1), ("stream", "yes"), ("seed", 1e300),
                             ("stop", [["x"]]), ("logprobs", 1), ("logit_bias", {"1": 101})):
            self.assertIn(field, self.refused(self.server.post(CHAT, chat(**{field: value})), 400, param=field))
        for role in ("wizard", 3, None):
            self.refused(self.server.post(CHAT, {**chat(), "messages": [{"role": role, "content": "x"}]}), 400)
        self.well()

    def test_bodies_that_are_too_large(self):
        # Refused by its announced length, before it is sent.
        with self.server.socket() as connection:
            connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n"
                               "content-type: application/json\r\ncontent-length: 99999999999\r\n\r\n".encode())
            self.assertIn(b" 413 ", read_until(connection, b"\r\n\r\n").split(b"\r\n")[0])
        # And while it comes, when no length was announced.
        with self.server.socket() as connection:
            connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n"
                               "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
            try:
                for _ in range(64):
                    connection.sendall(piece)
            except OSError:
                pass  # closed on us: that is the answer too
            else:
                self.assertIn(b" 413 ", read_until(connection, b"\r\n\r\n").split(b"\r\n")[0])
        self.well()

    def test_heads_that_are_wrong(self):
        for head in (b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /v1/models HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
                     b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
                     b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
                     b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n"):
            with self.server.socket() as connection:
                try:
                    connection.sendall(head)
                    status = int(read_until(connection, b"\r\n").split()[1])
                except ConnectionError:
                    continue  # closed before all of it was read
                self.assertTrue(400 <= status < 500 or status == 505, (head[:60], status))
        self.well()

    def test_an_error_before_the_first_token_is_plain_http(self):
        for more, status in (({"temperature": 3}, 400), ({"model": "none"}, 404), ({"stop": 5}, 400)):
            self.refused(self.server.post(CHAT, chat(stream=True, **more)), status)
        self.refused(self.server.post(CHAT, chat("x " * 5000, stream=True)), 400, code="context_length_exceeded")

    def test_a_stream_is_the_answer_in_pieces(self):
        for seed in (1, 2, 3):
            whole = json.loads(self.server.post(CHAT, chat(seed=seed, max_tokens=300))[2])["choices"][0]["message"]["content"]
            events = self.server.events(CHAT, chat(seed=seed, max_tokens=300, stream=True))
            self.assertEqual(events[-1], "[DONE]")
            self.assertEqual("".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1]), whole)
            self.assertGreater(len(events), 100, "in pieces")

    def test_characters_arrive_whole(self):
        """Every byte is a token of its own here, so a character comes in parts."""
        tokens = ChatGguf().tokens
        ids = {tokens.index(f"<0x{byte:02X}>"): 100 for byte in "🙂".encode()}
        body = chat(max_tokens=64, logit_bias={str(token): bias for token, bias in ids.items()}, stream=True)
        status, _, data = self.server.post(CHAT, body)
        self.assertEqual(status, 200)
        data.decode("utf-8")  # strict
        whole = json.loads(self.server.post(CHAT, {**body, "stream": False})[2])["choices"][0]["message"]["content"]
        streamed = "".join(e["choices"][0]["delta"].get("content", "") for e in self.server.events(CHAT, body)[:-1])
        self.assertEqual(streamed, whole)

    def test_answers_do_not_depend_on_the_others(self):
        bodies = [chat(f"number {i} " + "and more " * (7 * i % 40), seed=i, temperature=i % 3 * 0.5, max_tokens=20 + 9 * i) for i in range(16)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            together = list(pool.map(lambda body: self.server.post(CHAT, body), bodies))
        for body, (status, _, answer) in zip(bodies, together):
            self.assertEqual(status, 200, answer)
            alone = self.server.post(CHAT, body)
            self.assertEqual(stable(alone[2]), stable(answer))
        streams = [{**body, "stream": True} for body in bodies]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for events, (_, _, answer) in zip(pool.map(lambda body: self.server.events(CHAT, body), streams), together):
                text = "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1])
                self.assertEqual(text, json.loads(answer)["choices"][0]["message"]["content"])

    def test_one_connection_many_requests(self):
        first = stable(self.well())
        connection = self.server.connect()
        for _ in range(5):
            connection.request("POST", CHAT, json.dumps(chat()), {"authorization": f"Bearer {KEY}", "content-type": "application/json"})
            self.assertEqual(stable(connection.getresponse().read()), first)
        connection.close()
        with self.server.socket() as pipelined:  # sent at once, answered one after the other
            pipelined.sendall(request(CHAT, chat()) * 3)
            data = b""
            while data.count(b"HTTP/1.1 200 ") < 3:
                piece = pipelined.recv(65536)
                self.assertTrue(piece)
                data += piece


class Leaving(Serving):
    """With room for a single answer at a time: whoever comes next waits until it is free."""

    arguments = ("--sequences", "1")
    context = LONG

    def test_a_client_that_leaves_frees_its_place(self):
        for body in ({**ENDLESS, "stream": True}, ENDLESS):
            for reset in (False, True):
                connection = self.server.socket()
                connection.sendall(request(COMPLETIONS, body))
                if body.get("stream"):
                    read_until(connection, b'"text"')
                else:
                    time.sleep(0.1)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
                self.well()


class Roles(e2e.Case):
    """What a key may, beside asking every model."""

    def made(self, *options):
        return self.succeeds("keys", "create", "--name", "k", *options).out.decode().strip()

    def test_an_auditor_reads_and_a_limited_key_asks_its_own(self):
        model = self.put("model.gguf", ChatGguf().write())
        self.made()  # or the first start would make one
        auditor, limited, user = self.made("--role", "auditor"), self.made("--models", "other"), self.made()
        body = {"model": "chatty", "prompt": "the", "max_tokens": 2}
        create = {"model": "hers", "from": "chatty", "stream": False}
        with Server(model, "--alias", "chatty", key=None, home=self.home) as server:
            def ask(key, method, path, body=None):
                return server.ask(method, path, body, {"authorization": f"Bearer {key}"})[0]
            self.assertEqual(ask(user, "POST", COMPLETIONS, body), 200)
            self.assertEqual(ask(auditor, "POST", COMPLETIONS, body), 403)
            self.assertEqual(ask(auditor, "POST", "/api/create", create), 403)
            self.assertEqual(ask(auditor, "GET", MODELS), 200)
            self.assertEqual(ask(limited, "POST", COMPLETIONS, body), 404)
            for path, asked in (("/tokenize", {"content": "a"}), ("/api/show", {"model": "chatty"}), ("/api/create", create),
                                ("/v1/messages/count_tokens", {"model": "chatty", "messages": [{"role": "user", "content": "a"}]})):
                self.assertEqual(ask(limited, "POST", path, asked), 404, path)
            self.assertEqual(server.ask("GET", MODELS, headers={"authorization": f"Bearer {limited}"})[2].count(b"chatty"), 0)
            self.assertEqual(ask("fh-nobody", "POST", COMPLETIONS, {**body, "prompt": "x" * 100_000}), 401)
            self.assertEqual(ask("fh-nobody", "POST", COMPLETIONS, body), 401)


class Choices(e2e.Case):
    """More answers than there are places for come all the same, each the one that it would have been."""

    def test_many_choices_of_few_places(self):
        model = self.put("model.gguf", ChatGguf().write())
        body = {"model": "chatty", "prompt": ["the cat", "a dog"], "max_tokens": 5, "n": 9, "seed": 3, "logprobs": 0}
        texts = []
        for places in (2, 16):
            with Server(model, "--alias", "chatty", "--sequences", str(places)) as server:
                status, _, answer = server.ask("POST", COMPLETIONS, body)
                self.assertEqual(status, 200, answer)
                answer = json.loads(answer)
                self.assertEqual([c["index"] for c in answer["choices"]], list(range(18)))
                texts.append([c["text"] for c in answer["choices"]])
                self.assertEqual(answer["usage"]["completion_tokens"], sum(len(c["logprobs"]["tokens"]) for c in answer["choices"]))
                self.assertLess(answer["usage"]["prompt_tokens"], 40)
                self.assertEqual(server.ask("POST", COMPLETIONS, {**body, "n": 128, "prompt": ["a"] * 40})[0], 400)
        self.assertEqual(texts[0], texts[1])
        self.assertGreater(len(set(texts[0])), 9)


class Starting(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("model.gguf", ChatGguf().write())

    def test_who_may_listen_without_a_key(self):
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--no-keys", "--api-key", KEY, names="--no-keys")
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--api-key", "short", names="--api-key")
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--listen", "0.0.0.0", "--no-keys", names="0.0.0.0")
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--listen", "0.0.0.0", "--no-keys", "--tls", "self", names="--no-keys")
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--listen", "somewhere", "--api-key", KEY)
        with Server(self.model, "--no-keys", key=None) as server:
            status, _, body = server.ask("GET", MODELS)
            self.assertEqual((status, [m["id"] for m in json.loads(body)["data"]]), (200, ["model"]))
            self.assertEqual(server.ask("GET", MODELS, headers={"authorization": "Bearer whatever"})[0], 200)

    def test_the_first_start_makes_a_key(self):
        ask = [e2e.FREEHOLD, "serve", str(self.model), "--port", "0"]
        environment = {**os.environ, "FREEHOLD_HOME": str(self.home)}
        process = subprocess.Popen(ask, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        try:
            self.assertIn("first key", process.stdout.readline().decode(), "the words beside the key, in the same stream")
            key = process.stdout.readline().decode().strip()
            self.assertRegex(key, "^fh-[a-z2-9]{8}-")
            self.assertIn("serving", process.stdout.readline().decode())
        finally:
            process.terminate()
            process.communicate(timeout=60)
        self.assertEqual((self.home / "key").read_text().strip(), key)
        self.assertEqual((self.home / "key").stat().st_mode & 0o777, 0o600)
        # From then on it is the key, is not shown again, and what is answered is recorded under its name.
        with Server(self.model, "--alias", "chatty", key=None, home=self.home) as server:
            self.assertEqual(server.ask("GET", MODELS)[0], 401)
            bearer = {"authorization": f"Bearer {key}"}
            body = {"model": "chatty", "prompt": "the", "max_tokens": 3}
            self.assertEqual(server.ask("POST", COMPLETIONS, body, bearer)[0], 200)
        rows = json.loads(self.succeeds("usage", "--json").out)
        self.assertIn(key.split("-")[1], json.dumps(rows))

    def test_an_interrupt_lets_a_running_answer_finish(self):
        with Server(self.model, "--alias", "chatty", "--grace", "300") as server, server.socket() as connection:
            body = {**ENDLESS, "prompt": ENDLESS["prompt"][:4], "stream": True, "max_tokens": 1000}
            connection.sendall(request(COMPLETIONS, body))
            data = read_until(connection, b'"text"')
            server.interrupt()
            while piece := connection.recv(65536):
                data += piece
            self.assertIn(b"data: [DONE]\n\n", data)
            self.assertEqual(data.count(b'"finish_reason":"length"'), 4)
            self.assertEqual(server.process.wait(60), 0, server.said())

    def test_a_second_interrupt_or_the_grace_ends_it(self):
        model = self.put("long.gguf", ChatGguf(context=LONG).write())
        for grace, signals in ((300, 2), (0, 1)):
            with Server(model, "--alias", "chatty", "--grace", grace) as server:
                with server.socket() as connection:
                    connection.sendall(request(COMPLETIONS, {**ENDLESS, "stream": True}))
                    read_until(connection, b'"text"')
                    for _ in range(signals):
                        server.interrupt()
                        time.sleep(0.5)
                    # It is read on, so that the end is not that of a client who seems to be gone.
                    end = time.monotonic() + 60
                    while time.monotonic() < end:
                        try:
                            if not connection.recv(1 << 20):
                                break
                        except ConnectionError:
                            break
                    else:
                        self.fail(f"--grace {grace}: it goes on after {signals} interrupts")
                    server.process.wait(60)

    def test_a_killed_server_leaves_its_port(self):
        with Server(self.model, "--alias", "chatty") as server:
            with server.socket() as connection:
                connection.sendall(request(CHAT, chat(max_tokens=1900, stream=True)))
                read_until(connection, b"content")
                server.kill()
            self.assertEqual(server.process.returncode, -signal.SIGKILL)
            with Server(self.model, "--alias", "chatty", port=server.port) as again:
                self.assertEqual(again.port, server.port)
                self.assertEqual(again.post(CHAT, chat())[0], 200)
                # A port that is taken is an error that names it.
                taken = self.run_freehold("serve", self.model, "--api-key", KEY, "--port", again.port).message
                self.assertIn(str(again.port), taken)
                self.assertIn("--port", taken, "what to do about it")


if __name__ == "__main__":
    e2e.main()
