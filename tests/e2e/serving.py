"""A running `freehold serve` for tests: started on a free port of this machine, spoken to, and ended in every case."""

import ctypes
import http.client
import json
import os
import re
import signal
import socket
import tempfile
import threading

import e2e

KEY = "a-key-for-tests"
STARTING = 60  # seconds until the address must be there, also under a sanitizer


def die_with_parent():
    """In the child: killed when the test is, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Server:
    """Use it in `with`. `model`: a path, several, or None for the store. Every request has a time limit, so that a server that hangs fails a test instead of stopping it."""

    def __init__(self, model, *arguments, key=KEY, port=0, home=None):
        self.key = key
        keys = ["--api-key", key] if key else []
        models = [] if model is None else [str(m) for m in model] if isinstance(model, (list, tuple)) else [str(model)]
        self.errors = tempfile.TemporaryFile()
        self.process = None
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FREEHOLD")}
        self.own_home = None if home else tempfile.TemporaryDirectory(prefix="freehold-home-")
        environment["FREEHOLD_HOME"] = str(home or self.own_home.name)
        if "--sealed" in arguments:
            environment.update(e2e.SEALED)
        self.process = e2e.subprocess.Popen(
            [e2e.FREEHOLD, "serve", *models, "--port", str(port), *keys, *map(str, arguments)], stdin=e2e.subprocess.DEVNULL,
            stdout=e2e.subprocess.PIPE, stderr=self.errors, env=environment, preexec_fn=die_with_parent)
        killer = threading.Timer(STARTING, self.process.kill)
        killer.start()
        line = self.process.stdout.readline().decode()
        killer.cancel()
        match = re.search(r" at (https?)://([^/]*):(\d+)/", line)
        if not match:
            self.kill()
            raise AssertionError(f"no address but {line!r}; {self.said()}")
        self.scheme, self.host, self.port = match[1], match[2], int(match[3])
        self.url = f"{self.scheme}://{self.host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        said = self.said()
        self.errors.close()
        if self.own_home:
            self.own_home.cleanup()
        for word in ("AddressSanitizer", "ThreadSanitizer", "runtime error", "terminate called", "internal error"):
            if word in said:
                raise AssertionError(said)

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def connect(self, timeout=60):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def socket(self, timeout=60):
        return socket.create_connection((self.host, self.port), timeout)

    def ask(self, method, path, body=None, headers=None, key=True, timeout=60):
        """(status, headers, bytes). A body that is not bytes is sent as JSON."""
        fields = {"authorization": f"Bearer {self.key}"} if key and self.key else {}
        if body is not None:
            fields["content-type"] = "application/json"
        fields.update(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body, {k: v for k, v in fields.items() if v is not None})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, path, body, **more):
        return self.ask("POST", path, body, **more)

    def events(self, path, body, **more):
        """The data of a stream's events, parsed; the last one is "[DONE]"."""
        status, headers, data = self.post(path, body, **more)
        if status != 200 or headers.get_content_type() != "text/event-stream":
            raise AssertionError(f"{status} {headers.get_content_type()}: {data[:300]!r}")
        parts = [p for p in data.decode().split("\n\n") if p]
        return [p[6:] if p == "data: [DONE]" else json.loads(p[6:]) for p in parts if p.startswith("data: ")]


class Orderly(Server):
    """Ends when it is asked to: then what nobody waits for (refusals, acts) is in the log, too."""

    def __exit__(self, kind, *more):
        if kind is None and self.process.poll() is None:
            self.interrupt()
            code = self.process.wait(60)
            if code != 0:
                raise AssertionError(f"it ended with {code}: {self.said()}")
        super().__exit__(kind, *more)
