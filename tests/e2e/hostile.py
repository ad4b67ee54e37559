"""What the tests of hostile clients share: four dialects, requests as raw bytes, and answers read as a strict client reads them."""

import dataclasses
import json
import socket
import threading
import time

OTHER_KEY = "another-key-for-tests"


@dataclasses.dataclass
class Answer:
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    more: bytes = b""  # what came behind it
    closed: bool = False
    seconds: float = 0.0  # until its last byte


def question(**more):
    return {"model": "chatty", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4, "seed": 5, "temperature": 0, **more}


class OpenAI:
    name, path, key = "openai", "/v1/chat/completions", "authorization: Bearer {}"

    def body(self, **more):
        return question(**more)

    def with_schema(self, schema):
        return question(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})

    def is_error(self, status, value):
        return set(value) == {"error"} and set(value["error"]) == {"message", "type", "param", "code"}


class Anthropic(OpenAI):
    name, path, key = "anthropic", "/v1/messages", "x-api-key: {}"

    def body(self, **more):
        fields = question(**more)
        del fields["seed"]
        return fields

    def with_schema(self, schema):
        tool = {"name": "x", "input_schema": {"type": "object", "properties": {"a": schema}, "required": ["a"]}}
        return self.body(tools=[tool], tool_choice={"type": "any"})

    def is_error(self, status, value):
        return set(value) == {"type", "error", "request_id"} and set(value["error"]) == {"type", "message"}


class Gemini(OpenAI):
    name, path, key = "gemini", "/v1beta/models/chatty:generateContent", "x-goog-api-key: {}"

    def body(self, **more):
        config = {"maxOutputTokens": 4, "seed": 5, "temperature": 0, **more.pop("generationConfig", {})}
        return {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "generationConfig": config, **more}

    def with_schema(self, schema):
        return self.body(generationConfig={"responseMimeType": "application/json", "responseJsonSchema": schema})

    def is_error(self, status, value):
        return set(value) == {"error"} and set(value["error"]) >= {"code", "message", "status"} and value["error"]["code"] == status


class Ollama(OpenAI):
    name, path = "ollama", "/api/chat"

    def body(self, **more):
        options = {"num_predict": 4, "seed": 5, "temperature": 0}
        return {"model": "chatty", "messages": [{"role": "user", "content": "hello"}], "stream": False, "options": options, **more}

    def with_schema(self, schema):
        return self.body(format=schema)

    def is_error(self, status, value):
        return set(value) == {"error"} and isinstance(value["error"], str)


DIALECTS = (OpenAI(), Anthropic(), Gemini(), Ollama())


class Client:
    """Raw requests to one server."""

    def __init__(self, port, key):
        self.port, self.own_key = port, key

    def key(self, dialect, key=None):
        return dialect.key.format(key or self.own_key)

    def head(self, dialect, *fields, method="POST", target=None, version="HTTP/1.1", host="localhost", key=None):
        """A head whose fields are right, but for those given. Bytes are taken as they are."""
        lines = [f"{method} {target or dialect.path} {version}"]
        lines += [f"host: {host}"] if host is not None else []
        lines += [self.key(dialect, key)] if key != "" else []
        lines += ["content-type: application/json"] if not any(str(f).lower().startswith("content-type") for f in fields) else []
        raw = [line if isinstance(line, bytes) else line.encode("utf-8") for line in (*lines, *fields) if line != ""]
        return b"\r\n".join(raw) + b"\r\n\r\n"

    def post(self, dialect, body, *fields, **more):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.head(dialect, *fields, f"content-length: {len(data)}", **more) + data

    def chunked(self, dialect, chunks, *fields, **more):
        return self.head(dialect, "transfer-encoding: chunked", *fields, **more) + chunks

    def connect(self, timeout=10):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def ask(self, data, timeout=10, linger=0.05, method="POST"):
        """Sends all of it, while reading, and gives the final answer. Waits `linger` seconds for what may come behind it."""
        begin = time.monotonic()
        with self.connect(timeout) as connection:
            failed = []

            def send():
                try:
                    connection.sendall(data)
                except OSError as error:
                    failed.append(error)
            sender = threading.Thread(target=send, daemon=True) if len(data) > 100_000 else None
            sender.start() if sender else send()
            answer = read_answer(connection, method)
            answer.seconds = time.monotonic() - begin
            if sender:
                sender.join(timeout)
            answer.send_failed = bool(failed)
            if answer.headers.get("connection") == "close":
                linger = 5  # it must end by itself
            connection.settimeout(linger)
            try:
                while piece := connection.recv(65536):
                    answer.more += piece
                answer.closed = True
            except TimeoutError:
                pass
            except ConnectionError:
                answer.closed = True
            return answer


def read_answer(connection, method="POST"):
    """The next final answer (1xx are passed over). Status 0: there came none."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            try:
                piece = connection.recv(65536)
            except (TimeoutError, ConnectionError):
                piece = b""
            if not piece:
                return Answer(more=data)
            data += piece
        head, data = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        answer = Answer(int(lines[0].split()[1]))
        answer.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if answer.status >= 200:
            break
    length = 0 if method == "HEAD" or answer.status == 204 else int(answer.headers.get("content-length", 0))
    if answer.headers.get("transfer-encoding") == "chunked":
        while not data.endswith(b"0\r\n\r\n"):
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
        answer.body = data
        return answer
    while len(data) < length:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    answer.body, answer.more = data[:length], data[length:]
    return answer


def resident(pid):
    """Bytes of memory that the process has now."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
