"""`freehold serve` against hostile clients: one server with two keys, many cases in each of four dialects.

Of each case: the status, the error's shape in the dialect that the address tells, what becomes of the connection, and that the answer
comes at once. After each group the server answers as before; at the end its memory has not grown."""

import concurrent.futures
import json
import socket
import struct
import time

import e2e
from chat_model import ChatGguf
from hostile import DIALECTS, OTHER_KEY, Client, read_answer, resident
from serving import KEY, Server

CONTEXT = 2048
SLOW = 5 if e2e.SANITIZED else 1  # how much more time everything may take
AT_ONCE = 2.5 if SLOW == 1 else 40  # seconds; deadlines of the server begin at 10
# Bytes that the server may have more at the end than after its first answers: what the allocator keeps of bodies with a million values in
# four threads, and the cache of constraints. That it does not grow further is what hostile_soak.py shows.
GROWTH = 256 << 20
CHAT = "/v1/chat/completions"
BAD, GONE = {400}, True


class Hostile(e2e.Case):
    @classmethod
    def setUpClass(cls):
        cls.place = e2e.tempfile.TemporaryDirectory(prefix="freehold-hostile-")
        cls.addClassCleanup(cls.place.cleanup)
        model = e2e.pathlib.Path(cls.place.name) / "model.gguf"
        model.write_bytes(ChatGguf(context=CONTEXT).write())
        cls.server = cls.enterClassContext(Server(model, "--alias", "chatty", "--api-key", OTHER_KEY))
        cls.client = Client(cls.server.port, KEY)
        # They send a byte now and then; test_z looks at what became of them.
        cls.slow = [(dialect, cls.client.connect(30)) for dialect in DIALECTS]
        for dialect, connection in cls.slow:
            connection.sendall(f"POST {dialect.path} HTTP/1.1\r\nhost: loc".encode())
        cls.right = {}
        for _ in range(3):
            for dialect in DIALECTS:
                cls.right[dialect.name] = cls.words(cls.client.ask(cls.client.post(dialect, dialect.body())))
        cls.memory = resident(cls.server.process.pid)

    @classmethod
    def words(cls, answer):
        """An answer without what is new in each."""
        assert answer.status == 200, answer
        value = json.loads(answer.body)
        for key in ("choices", "content", "candidates", "message"):
            if key in value:
                return json.dumps(value[key])
        raise AssertionError(value)

    def tearDown(self):
        for dialect in DIALECTS:
            answer = self.client.ask(self.client.post(dialect, dialect.body()), timeout=30)
            self.assertEqual(self.words(answer), self.right[dialect.name])
        super().tearDown()

    def one(self, dialect, data, statuses, closes=None, method="POST", name=""):
        answer = self.client.ask(data, method=method, timeout=10 * SLOW)
        where = (dialect.name, name, data[:200], answer)
        self.assertIn(answer.status, statuses, where)
        self.assertLess(answer.seconds, AT_ONCE, where)
        self.assertEqual(answer.more, b"", where)
        if answer.status >= 400 and method != "HEAD":
            self.assertEqual(answer.headers.get("content-type"), "application/json", where)
            self.assertTrue(dialect.is_error(answer.status, json.loads(answer.body)), where)
            self.assertTrue(answer.headers.get("x-request-id"), where)
        if closes is not None:
            self.assertEqual(answer.closed, closes, where)
            self.assertEqual(answer.headers.get("connection"), "close" if closes else "keep-alive", where)
        return answer

    def each(self, cases, build, statuses, closes=None, **more):
        """Every case in every dialect, several at a time."""
        pairs = [(dialect, case) for dialect in DIALECTS for case in cases]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda p: self.one(p[0], build(p[0], p[1]), statuses, closes, name=p[1], **more), pairs))

    # What a message is (RFC 9112).

    def test_framing_that_two_could_understand_differently(self):
        smuggled = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n"
        fields = [("content-length: 3", "transfer-encoding: chunked"), ("transfer-encoding: chunked", "content-length: 3"),
                  ("content-length: 3", "content-length: 3"), ("content-length: 3", "content-length: 4"), ("content-length: 3, 3",),
                  ("content-length: +3",), ("content-length: -3",), ("content-length: 0x3",), ("content-length: 3 3",), ("content-length:",),
                  ("content-length: 3.0",), ("content-length: ٣",), ("content-length: 99999999999999999999999",),
                  ("transfer-encoding: chunked", "transfer-encoding: chunked"), ("transfer-encoding: chunked, chunked",),
                  ("transfer-encoding: chunked, identity",), ("transfer-encoding: identity",), ("transfer-encoding: xchunked",),
                  ("transfer-encoding:",), ("transfer-encoding: \x0bchunked",), ('transfer-encoding: "chunked"',), ("transfer-encoding : chunked",),
                  ("content-length : 3",), (" content-length: 3",), ("x: a", "\tcontent-length: 3"), ("x: a\r\n b",), ("x: a\nb: c",), ("x: a\rb: c",),
                  ("x: a\0b",), ("x: a\x1bb",), ("x: a\x7fb",), ("x",), (": x",), ("a b: c",), ("a\x80: c",), ("x(: c",), ("host: localhost",),
                  ("host: other",), ("\0: a",), ("transfer\x00-encoding: chunked",)]
        self.each(fields, lambda d, f: self.client.head(d, *f) + b"0\r\n\r\n" + smuggled, BAD, GONE)
        self.each(["HTTP/1.0"], lambda d, v: self.client.head(d, "transfer-encoding: chunked", version=v) + b"0\r\n\r\n", BAD, GONE)
        self.each(["gzip, chunked", "br,chunked"], lambda d, t: self.client.head(d, f"transfer-encoding: {t}"), {400, 501}, GONE)

    def test_request_lines(self):
        rest = "\r\nhost: localhost\r\n\r\n"
        lines = ["POST {}\r\n", "POST {} HTTP/1.1\n", "POST  {} HTTP/1.1" + rest, "POST {}  HTTP/1.1" + rest, "POST\t{} HTTP/1.1" + rest, " POST {} HTTP/1.1" + rest,
                 "POST {} HTTP/1.1 " + rest, "POST {} http/1.1" + rest, "POST {} HTTP/1" + rest, "POST {} HTTP/1.10" + rest, "POST {} HTTP/+1.1" + rest,
                 "POST {} HTTPS/1.1" + rest, "POST {} x HTTP/1.1" + rest, "PO\0ST {} HTTP/1.1" + rest, "P{{OST {} HTTP/1.1" + rest, "POST {}\x7f HTTP/1.1" + rest,
                 "POST {}\0 HTTP/1.1" + rest, "POST {}?é HTTP/1.1" + rest, "POST {} HTTP/1.1\r\n host: localhost\r\n\r\n", "POST {} HTTP/1.1\r\n\r\n",
                 "POST {}#a HTTP/1.1" + rest, "POST {}?%zz HTTP/1.1" + rest, "POST {}?%0 HTTP/1.1" + rest, "POST {}?a=%00 HTTP/1.1" + rest]
        # Where the address cannot be told apart, the answer is in the words of the program's own addresses, OpenAI's.
        unknown = {2, 4, 5, 13, 14}
        for number, line in enumerate(lines):
            for dialect in DIALECTS:
                self.one(DIALECTS[0] if number in unknown else dialect, line.format(dialect.path).encode(), BAD, GONE, name=line)
        for version in ("HTTP/2.0", "HTTP/9.9", "HTTP/0.9", "HTTP/1.2"):
            self.each([version], lambda d, v: self.client.head(d, version=v), {400, 505}, GONE)
        for data in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"SSH-2.0-x\r\n", b"\0", b"A" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\n", b"GET\r\n\r\n",
                     b"CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n", b"GET * HTTP/1.1\r\nhost: localhost\r\n\r\n", b"\r\n" * 20000):
            self.one(DIALECTS[0], data, {400, 431, 505}, GONE)

    def test_chunks(self):
        bad = ["\n", "x\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\n", "1\r\r", "1;a\n", "1;\r\n", "1;=\r\n", "1;a=\r\n", "1;a\x01\r\n", "1_\r\n", "1.\r\n",
               '1;a="\r\n', "00000000000000001\r\n", "10000000000000000\r\n", "1\r\nab\r\n", "1\r\na\n", "1\r\na\rb", "1\r\na0\r\n\r\n", "0\n", "0\r\n\n",
               "0\r\n\r\r", "0\r\na: b\n", "0\r\n a: b\r\n\r\n", "0\r\na: b\r\n c\r\n\r\n", "0\r\na b\r\n\r\n", "0\r\ncontent-length: 1\r\n\r\n",
               "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nhost: evil\r\n\r\n", "0\r\nauthorization: Bearer x\r\n\r\n", "0\r\na: \0\r\n\r\n", "1;" + "a" * 9000]
        self.each(bad, lambda d, c: self.client.chunked(d, c.encode()), BAD, GONE)
        # Nothing but trailers for ever; sizes beyond the limit.
        self.each([b"0\r\n" + b"a: b\r\n" * 50_000], self.client.chunked, {431}, GONE)
        self.each([b"fffffff0\r\n", b"ffffffffffffffff\r\n", b"2000001\r\n"], self.client.chunked, {413}, GONE)
        # What is right stays right: extensions, trailers, leading zeros, either case, a byte a chunk.
        for dialect in DIALECTS:
            data = json.dumps(dialect.body()).encode()
            for chunks in (f"{len(data):X};a=b ; c=\"d;\\\"\"\r\n".encode() + data + b"\r\n00;e\r\nx: y\r\n\r\n",
                           b"".join(b"001\r\n" + bytes([b]) + b"\r\n" for b in data) + b"0\r\n\r\n"):
                answer = self.one(dialect, self.client.chunked(dialect, chunks), {200}, False)
                self.assertEqual(self.words(answer), self.right[dialect.name])

    def test_sizes(self):
        self.each(["x: " + "a" * 40_000], lambda d, f: self.client.head(d, f), {431}, GONE)
        self.each(["x: " + "a" * 2_000_000], lambda d, f: self.client.head(d, f), {431}, GONE)
        self.each(["a: b\r\n" * 100 + "c: d"], lambda d, f: self.client.head(d, f), {431}, GONE)
        self.each(["?" + "a" * 9_000, "?" + "a" * 2_000_000], lambda d, q: self.client.head(d, target=d.path + q), {414}, GONE)
        self.each(["33554433", "99999999999", "999999999999999999"], lambda d, n: self.client.head(d, f"content-length: {n}"), {413}, GONE)
        # The client sends it all the same, and reads the answer.
        for dialect in DIALECTS:
            answer = self.one(dialect, self.client.post(dialect, b" " * 48_000_000), {413}, GONE)
            self.assertFalse(answer.send_failed, dialect.name)
            self.one(dialect, self.client.chunked(dialect, b"100000\r\n" + b" " * 0x100000 + b"\r\n" + b"2000000\r\n" + b" " * 0x2000000), {413}, GONE)

    def test_expectations(self):
        for dialect in DIALECTS:
            data = json.dumps(dialect.body()).encode()
            with self.client.connect() as connection:
                connection.sendall(self.client.head(dialect, f"content-length: {len(data)}", "expect: 100-Continue"))
                self.assertEqual(connection.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.sendall(data)
                self.assertEqual(read_answer(connection).status, 200)
            self.one(dialect, self.client.head(dialect, "expect: 100-continue", "content-length: 99999999"), {413}, GONE)
            self.one(dialect, self.client.head(dialect, "expect: 100-continue", "content-length: 9", key="wrong-key-of-mine"), {401}, GONE)
            self.one(dialect, self.client.head(dialect, "expect: something", "content-length: 9"), {417}, GONE)

    # Who asks, and from where.

    def test_hosts_and_origins(self):
        port = self.server.port
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.1", "0.0.0.0", "10.0.0.1", f"evil:{port}", "localhost.",
                     "[::2]", "2130706433", "evil%2eexample", "a,b"):
            self.each([host], lambda d, h: self.client.post(d, d.body(), host=h), {403}, GONE)
        for host in ("", "a b", "u@localhost", "localhost/", "localhost:x", "localhost:1:2", "[::1", "http://localhost", "localhost:999999", "é"):
            self.each([host], lambda d, h: self.client.post(d, d.body(), host=h), BAD, GONE)
        foreign = ["origin: https://evil.example", "origin: null", f"origin: http://localhost:{port + 1}", f"origin: https://localhost:{port}", "origin: http://localhost",
                   f"origin: http://localhost:{port}.evil.example", f"origin: http://localhost:{port}@evil.example", "origin:", "origin: file://",
                   f"origin: http://evil.example:{port}", "sec-fetch-site: cross-site", "Sec-Fetch-Site: Cross-Site", "sec-fetch-site: same-site",
                   f"origin: http://localhost:{port}\r\norigin: https://evil.example", f"origin: http://localhost:{port}\r\nsec-fetch-site: cross-site"]
        for kind in ("content-type: application/json", "content-type: text/plain", "content-type: application/x-www-form-urlencoded",
                     "content-type: multipart/form-data; boundary=x"):
            self.each(foreign, lambda d, o, kind=kind: self.client.post(d, d.body(), o, kind), {403}, GONE)
        for dialect in DIALECTS:
            for method in ("OPTIONS", "GET"):
                answer = self.one(dialect, self.client.head(dialect, "origin: https://evil.example", "access-control-request-method: POST", "access-control-request-private-network: true", method=method),
                                  {403}, GONE, method=method)
                self.assertFalse([h for h in answer.headers if h.startswith("access-control")])
            for field in (f"origin: http://localhost:{port}", f"origin: http://127.0.0.1:{port}", "sec-fetch-site: same-origin", "sec-fetch-site: none"):
                self.one(dialect, self.client.post(dialect, dialect.body(), field), {200}, False)

    def test_the_absolute_form(self):
        for dialect in DIALECTS:
            path = dialect.path
            for target, host, statuses in ((f"http://localhost{path}", "localhost", {200}), (f"HTTP://127.0.0.1:1{path}", "ignored.example", {200}),
                                           (f"http://evil.example{path}", "localhost", {403}), (f"https://localhost{path}", "localhost", {421}),
                                           (f"http://u@localhost{path}", "localhost", BAD), (f"http://{path}", "localhost", BAD),
                                           (f"http://localhost{path}", None, BAD)):
                self.one(dialect, self.client.post(dialect, dialect.body(), target=target, host=host), statuses, statuses != {200}, name=target)

    def test_keys(self):
        for dialect in DIALECTS:
            self.one(dialect, self.client.post(dialect, dialect.body(), key=OTHER_KEY), {200}, False)
            for key in ("", KEY[:-1], KEY + "x", KEY.upper(), "x" * 8000, OTHER_KEY[1:], "é", "'; drop table keys; --"):
                self.one(dialect, self.client.post(dialect, dialect.body(), key=key), {401}, False, name=key)
            # Nobody waits for a stranger's body, however large or late.
            for length in ("9", "99999999999"):
                self.one(dialect, self.client.head(dialect, f"content-length: {length}", key="wrong-key-of-mine"), {401}, GONE)
            self.one(dialect, self.client.post(dialect, b"x" * 8_000_000, key="wrong-key-of-mine"), {401}, GONE)
            for field in (self.client.key(dialect), self.client.key(dialect, OTHER_KEY)):
                self.one(dialect, self.client.post(dialect, dialect.body(), field), BAD)

    # Addresses and methods.

    def test_paths(self):
        def ask(dialect, path):
            return self.client.post(dialect, dialect.body(), target=path)
        for dialect in DIALECTS:
            first, rest = dialect.path[1:].split("/", 1)
            for path in (f"//{first}/{rest}", f"/./{first}/{rest}", f"/x/../{first}/{rest}", f"/{first}%2f{rest}", f"/%2e%2e/{first}/{rest}", f"/{first.upper()}/{rest}",
                         f"/%25{ord(first[0]):x}{first[1:]}/{rest}", f"/{first}\\{rest}", f"/{first};x/{rest}", "/../../etc/passwd", "/..%2f..%2fetc/passwd"):
                # Another first segment is nobody's address: the words are the program's own, unless the key's field tells.
                self.one(dialect if dialect.name == "gemini" else DIALECTS[0], ask(dialect, path), {404}, name=path)
            for path in (f"/{first}//{rest}", f"/{first}/./{rest}", f"/{first}/x/../{rest}", f"/{first}/%2e%2e/{first}/{rest}", f"/{first}/", f"/{first}/nothing"):
                shape = dialect if dialect.name in ("ollama", "gemini") else DIALECTS[0]
                self.one(shape, ask(dialect, path), {404}, name=path)
            for path in (f"{dialect.path}%00", f"{dialect.path}%0", f"{dialect.path}%", f"{dialect.path}%gg", f"{dialect.path}/%c0%ae", f"{dialect.path}/%ff", f"{dialect.path}/%ed%a0%80",
                         f"{dialect.path}/%f8%80%80%80%af", f"{dialect.path}?%c0%80", f"/{first}/%00/{rest}"):
                shape = DIALECTS[0] if path.startswith(f"/{first}/%00") and dialect.name in ("openai", "anthropic") else dialect
                self.one(shape, ask(dialect, path), BAD, GONE, name=path)
            # An encoded letter is the letter.
            self.one(dialect, ask(dialect, dialect.path.replace("a", "%61", 1)), {200}, False)
        for model in ("..", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "a%2500", "a%0d%0ab", "%F0%9F%98%80", "a" * 2000, "%7f%1b[0m", "sha256:0"):
            for dialect, path in ((DIALECTS[0], f"/v1/models/{model}"), (DIALECTS[2], f"/v1beta/models/{model}")):
                answer = self.one(dialect, self.client.head(dialect, method="GET", target=path), {404}, False, name=path)
                self.assertFalse(any(b < 0x20 or b == 0x7F for b in answer.body))
            self.one(DIALECTS[2], self.client.post(DIALECTS[2], DIALECTS[2].body(), target=f"/v1beta/models/{model}:generateContent"), {404}, False)

    def test_methods(self):
        addresses = {d.path: (d, "POST") for d in DIALECTS}
        addresses.update({"/v1/models": (DIALECTS[0], "GET, HEAD"), "/v1/models/chatty": (DIALECTS[0], "GET, HEAD, DELETE"), "/v1/files": (DIALECTS[0], "GET, HEAD, POST"),
                          "/v1/files/file-x": (DIALECTS[0], "GET, HEAD, DELETE"), "/v1/responses": (DIALECTS[0], "POST"), "/v1beta/models": (DIALECTS[2], "GET, HEAD"),
                          "/api/tags": (DIALECTS[3], "GET, HEAD"), "/api/delete": (DIALECTS[3], "DELETE"), "/metrics": (DIALECTS[0], "GET, HEAD"),
                          "/healthz": (DIALECTS[0], "GET, HEAD"), "/": (DIALECTS[3], "GET, HEAD")})
        for path, (dialect, methods) in addresses.items():
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "post", "OPTIONS"):
                data = self.client.head(dialect, "content-length: 0", method=method, target=path)
                if method == "OPTIONS":
                    answer = self.one(dialect, data, {204}, False, method, path)
                elif method in methods.split(", "):
                    continue
                else:
                    answer = self.one(dialect, data, {405}, False, method, path)
                self.assertEqual(answer.headers["allow"], methods + ", OPTIONS", path)
        for path in ("/v1/models", "/v1beta/models", "/api/tags", "/", "/healthz", "/metrics"):
            answer = self.one(DIALECTS[0], self.client.head(DIALECTS[0], method="HEAD", target=path), {200}, False, "HEAD", path)
            self.assertGreater(int(answer.headers["content-length"]), 0)
        self.one(DIALECTS[0], b"OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n", {204}, False, "OPTIONS")

    # Bodies.

    def test_content_types_and_codings(self):
        types = ["content-type: text/html", "content-type: application/jsonp", "content-type: application/json, text/plain", "content-type: application/xml",
                 "content-type: application/json; charset=utf-16", "content-type: application/json;charset=\"latin1\"", "content-type: multipart/form-data; boundary=x",
                 "content-type: */*", "content-type: application/json\x80"]
        self.each(types, lambda d, t: self.client.post(d, d.body(), t), {415}, False)
        for dialect in DIALECTS[:3]:
            for kind in ("content-type:", "content-type: text/plain", "content-type: application/x-www-form-urlencoded"):
                self.one(dialect, self.client.post(dialect, dialect.body(), kind), {415}, False)
        self.each(["gzip", "deflate", "br", "gzip, gzip"], lambda d, c: self.client.post(d, b"\x1f\x8b\x08\0", f"content-encoding: {c}"), {415})
        self.each(["application/json\r\ncontent-type: text/plain"], lambda d, c: self.client.post(d, d.body(), f"content-type: {c}"), BAD)
        for kind in ("application/json; charset=UTF-8", "Application/JSON", 'application/json; charset="utf-8"'):
            self.each([kind], lambda d, c: self.client.post(d, d.body(), f"content-type: {c}"), {200}, False)

    def test_bodies_that_are_no_json(self):
        def broken(dialect, kind):
            good = json.dumps(dialect.body()).encode()
            deep = 100_000
            return {"empty": b"", "cut": good[:-1], "more": good + b"x", "list": b"[]", "null": b"null", "text": b'"x"', "nul": good.replace(b"hello", b"a\0b"),
                    "nul behind": good + b"\0", "latin": good.replace(b"hello", b"\xe9"), "surrogate": good.replace(b"hello", b"\xed\xa0\x80"),
                    "lone": good.replace(b"hello", b"\\ud800"), "overlong": good.replace(b"hello", b"\xc0\xaf"), "beyond": good.replace(b"hello", b"\xf4\x90\x80\x80"),
                    "raw line": good.replace(b"hello", b"a\nb"), "nan": good.replace(b": 0", b": NaN"), "huge": good.replace(b": 0", b": 1e999"),
                    "twice": good[:-1] + b', "a": 1, "a": 1}', "boms": b"\xef\xbb\xbf" * 2 + good, "utf-16": good.decode().encode("utf-16"),
                    "lists": b"[" * deep, "closed lists": b"[" * deep + b"]" * deep, "objects": b'{"a":' * deep + b"1" + b"}" * deep,
                    "deep in place": good[:-1] + b', "x": ' + b"[" * 1000 + b"]" * 1000 + b"}", "values": b"[" + b"1," * 2_000_000 + b"1]",
                    "long key": b'{"' + b"a" * 1_000_000 + b'": 1', "comment": b"//\n" + good, "quote": good.replace(b'"', b"'")}[kind]
        kinds = ["empty", "cut", "more", "list", "null", "text", "nul", "nul behind", "latin", "surrogate", "lone", "overlong", "beyond", "raw line", "nan", "huge", "twice", "boms",
                 "utf-16", "lists", "closed lists", "objects", "deep in place", "values", "long key", "comment", "quote"]
        self.each(kinds, lambda d, k: self.client.post(d, broken(d, k)), BAD, False)

    def test_grammar_bombs(self):
        deep = {"type": "string"}
        for _ in range(60):
            deep = {"type": "array", "items": deep} if _ % 2 else {"anyOf": [deep, deep]} if _ < 8 else {"type": "array", "items": deep}
        wide = {"type": "object", "properties": {f"k{i}": {"enum": [f"{i}-{j}" for j in range(20)]} for i in range(300)}}
        bombs = [deep, wide, {"type": "string", "pattern": "(a{1,1000}){1,1000}"}, {"type": "string", "pattern": "((((a*)*)*)*)*b"}, {"type": "string", "pattern": "(" * 5000},
                 {"type": "string", "pattern": "(?=a)b"}, {"type": "string", "minLength": 10**9}, {"type": "array", "minItems": 10**12}, {"$ref": "#"}, {"$ref": "http://evil.example/x"},
                 {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, {"allOf": [{"$ref": "#"}]}, {"type": "wizard"}, {"enum": []},
                 {"anyOf": [{"const": "x" * 1000 + str(i)} for i in range(500)]}, {"type": "integer", "minimum": -10**30, "maximum": 10**30}, {"not": {"not": {}}}]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            pairs = [(dialect, bomb) for dialect in DIALECTS for bomb in bombs]
            answers = list(pool.map(lambda p: (p, self.client.ask(self.client.post(p[0], p[0].with_schema(p[1])), timeout=30 * SLOW)), pairs))
        for (dialect, bomb), answer in answers:
            where = (dialect.name, json.dumps(bomb)[:100], answer)
            self.assertIn(answer.status, {200, 400}, where)
            if answer.status == 400:
                self.assertTrue(dialect.is_error(400, json.loads(answer.body)), where)

    def test_errors_name_the_field_as_the_endpoint_calls_it(self):
        long = "x " * 5000
        for path, body, param in (("/v1/responses", {"input": long}, "input"), ("/v1/completions", {"prompt": long}, "prompt"),
                                  (CHAT, {"messages": [{"role": "user", "content": long}]}, "messages"),
                                  (CHAT, {"messages": [{"role": "user", "content": "a"}], "logit_bias": {"99999999": 1}}, "logit_bias")):
            answer = self.one(DIALECTS[0], self.client.post(DIALECTS[0], {"model": "chatty", **body}, target=path), BAD, False, name=path)
            error = json.loads(answer.body)["error"]
            self.assertEqual(error["param"], param, answer)
            self.assertEqual(error["code"], None if param == "logit_bias" else "context_length_exceeded", answer)

    def test_conversations_of_very_many_messages_are_too_long(self):
        for count in (CONTEXT + 1, 16 * CONTEXT, 16 * CONTEXT + 1):
            for dialect in DIALECTS:
                if dialect.name == "ollama" and count <= 16 * CONTEXT:
                    continue  # it leaves out the oldest, and says so
                turns = [{"role": "user", "content": "a"}] * count
                more = {"contents": [{"role": "user", "parts": [{"text": "a"}]}] * count} if dialect.name == "gemini" else {"messages": turns}
                answer = self.one(dialect, self.client.post(dialect, dialect.body(**more)), BAD, False, name=count)
                error = json.loads(answer.body)["error"]
                said = error if isinstance(error, str) else error["message"]
                self.assertNotIn("template", said, (dialect.name, count))
                if dialect.name == "openai":
                    self.assertEqual(error["code"], "context_length_exceeded", (count, answer))
                    self.assertTrue(said.startswith(f"This model's maximum context length is {CONTEXT} tokens."), said)
                if dialect.name == "anthropic":
                    self.assertTrue(said.startswith("prompt is too long: "), said)

    def test_what_is_only_counted_has_a_bound_too(self):
        for path, body, param in (("/tokenize", {"content": "a" * 1_000_000}, "content"), ("/tokenize", {"prompt": "a" * 1_000_000}, "prompt"),
                                  ("/tokenize", {"messages": [{"role": "user", "content": "a" * 1_000_000}]}, "messages"),
                                  ("/detokenize", {"tokens": [20] * (16 * CONTEXT + 1)}, "tokens"),
                                  ("/v1/embeddings", {"model": "chatty", "input": ["a" * 100_000] * 10}, "input")):
            answer = self.one(DIALECTS[0], self.client.post(DIALECTS[0], body, target=path), BAD, False, name=path)
            error = json.loads(answer.body)["error"]
            self.assertEqual((error["code"], error["param"]), ("context_length_exceeded", param), answer)
        # Far less, and still more than the context, is answered.
        for path, body in (("/tokenize", {"content": "a b " * CONTEXT}), ("/detokenize", {"tokens": [20] * 16 * CONTEXT})):
            self.one(DIALECTS[0], self.client.post(DIALECTS[0], body, target=path), {200}, False, name=path)

    # Many, slow, and gone.

    def test_many_at_once(self):
        count = 200
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            jobs = [(d, pool.submit(self.client.ask, self.client.post(d, d.body(), key=(KEY, OTHER_KEY)[i % 2]), 60 * SLOW)) for i, d in ((i, DIALECTS[i % 4]) for i in range(count))]
            for dialect, job in jobs:
                answer = job.result()
                self.assertIn(answer.status, {200, 429, 503, 529}, answer)
                if answer.status == 200:
                    self.assertEqual(self.words(answer), self.right[dialect.name])
                else:
                    self.assertTrue(dialect.is_error(answer.status, json.loads(answer.body)))
                    self.assertTrue(answer.headers.get("retry-after"))

    def test_clients_that_leave_in_the_middle(self):
        for round_ in range(50):
            dialect = DIALECTS[round_ % 4]
            body, path = dialect.body(), dialect.path
            if dialect.name == "gemini":
                body["generationConfig"]["maxOutputTokens"], path = 1000, path.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
            elif dialect.name == "ollama":
                body["stream"], body["options"]["num_predict"] = True, 1000
            else:
                body["stream"], body["max_tokens"] = True, 1000
            with self.client.connect(30) as connection:
                connection.sendall(self.client.post(dialect, body, target=path))
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200 "))
                if round_ % 2:  # with a reset
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Or while they send: in the head, in the body, in a chunk.
        for dialect in DIALECTS:
            for data in (b"POST / HT", self.client.head(dialect, "content-length: 1000") + b"{", self.client.chunked(dialect, b"5\r\nab"), self.client.chunked(dialect, b"5")):
                with self.client.connect() as connection:
                    connection.sendall(data)
        end = time.monotonic() + 20 * SLOW  # the places are free again
        while time.monotonic() < end and b'"is_processing":true' in self.server.ask("GET", "/slots")[2]:
            time.sleep(0.05)
        self.assertNotIn(b'"is_processing":true', self.server.ask("GET", "/slots")[2])

    def test_z_slow_heads_end(self):
        for dialect, connection in self.slow:
            with connection:
                answer = read_answer(connection)  # it waits for 30 s at most, as the connection does
                self.assertEqual(answer.status, 408, dialect.name)
                self.assertTrue(dialect.is_error(408, json.loads(answer.body)), answer)
                self.assertEqual(connection.recv(1), b"")

    def test_zz_memory_is_what_it_was(self):
        if e2e.SANITIZED:
            self.skipTest("a sanitizer keeps what is freed")
        grown = resident(self.server.process.pid) - self.memory
        print(f"resident after the first answers: {self.memory >> 20} MiB, grown since by {grown >> 20} MiB")
        self.assertLess(grown, GROWTH)


if __name__ == "__main__":
    e2e.main()
