"""Servers to fetch models from, on this machine: an Ollama-style registry and a Hugging Face-style hub in one, which can be told to fail."""

import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import threading
import time
import urllib.parse

PREFIX = "application/vnd.ollama.image."


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Fault:
    """What is to go wrong with one answer. Nothing set: nothing."""

    def __init__(self, status=None, cut=None, length=None, location=None, drip=None, flip=False, headers=None, body=None,
                 hang=None, raw=None, stay=None):
        self.status, self.cut, self.length, self.location, self.drip = status, cut, length, location, drip
        self.flip, self.headers, self.body, self.hang, self.raw = flip, headers or {}, body, hang, raw
        self.stay = stay  # seconds for which the connection stays open after what was cut


class Server:
    """Use it in `with`. `things` maps paths to bytes; `faults` maps paths to lists of faults, one an answer (the last one stays if
    it is in `always`)."""

    def __init__(self, certificate=None, key=None):
        self.things, self.faults, self.always, self.requests = {}, {}, {}, []
        self.ranges = True
        self.pace = None  # seconds between pieces of 64 KiB
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if certificate else "http"
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{self.scheme}://{self.host}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def paths(self):
        with self.lock:
            return [path for path, _ in self.requests]

    def fault_of(self, path):
        with self.lock:
            waiting = self.faults.get(path, [])
            return waiting.pop(0) if waiting else self.always.get(path, Fault())

    def answer(self, handler):
        path = urllib.parse.unquote(handler.path)
        with self.lock:
            self.requests.append((path, dict(handler.headers)))
        fault = self.fault_of(path)
        handler.close_connection = True
        if fault.raw is not None:
            handler.wfile.write(fault.raw)
            return
        if fault.hang:
            time.sleep(fault.hang)
            return
        if fault.location:
            return self.send(handler, fault.status or 302, b"", {"location": fault.location, **fault.headers}, fault)
        data = fault.body if fault.body is not None else self.things.get(path)
        if fault.status or data is None:
            return self.send(handler, fault.status or 404, data or b"{}", fault.headers, fault)
        if fault.flip:
            data = data[:-1] + bytes([data[-1] ^ 1])
        headers, status = dict(fault.headers), 200
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("range", ""))
        if asked and self.ranges:
            begin = int(asked[1])
            if begin >= len(data):
                return self.send(handler, 416, b"", {"content-range": f"bytes */{len(data)}"}, fault)
            headers.setdefault("content-range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            data, status = data[begin:], 206
        self.send(handler, status, data, headers, fault)

    def send(self, handler, status, data, headers, fault):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(data) if fault.length is None else fault.length))
        handler.end_headers()
        if fault.drip:
            for byte in data:
                handler.wfile.write(bytes([byte]))
                time.sleep(fault.drip)
            return
        rest = data if fault.cut is None else data[:fault.cut]
        while rest:
            handler.wfile.write(rest[:65536])
            rest = rest[65536:]
            if self.pace:
                time.sleep(self.pace)
        if fault.stay:
            time.sleep(fault.stay)

    # What is offered.

    def layer(self, kind, data):
        self.blob(data)
        return {"mediaType": PREFIX + kind, "digest": digest(data), "size": len(data)}

    def blob(self, data):
        self.blobs = getattr(self, "blobs", {})
        self.blobs[digest(data)] = data

    def registry(self, name, tag, model, **texts):
        """A model of a registry, with layers `system`, `params`, … of text. The paths of its manifest and of its model's blob."""
        layers = [self.layer("model", model)] + [self.layer(kind, text.encode()) for kind, text in texts.items()]
        for layer in layers:
            self.things[f"/v2/{name}/blobs/{layer['digest']}"] = self.blobs[layer["digest"]]
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digest(b"{}"), "size": 2},
                    "layers": layers}
        path = f"/v2/{name}/manifests/{tag}"
        self.things[path] = json.dumps(manifest).encode()
        return path, f"/v2/{name}/blobs/{digest(model)}"

    def hub(self, repo, files, lfs=(".gguf", ".safetensors"), revision="main"):
        """A repository of {name: bytes}."""
        siblings = []
        for name, data in files.items():
            entry = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
            if name.endswith(lfs):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            siblings.append(entry)
            self.things[f"/{repo}/resolve/{revision}/{name}"] = data
        path = f"/api/models/{repo}/revision/{revision}?blobs=true"
        self.things[path] = json.dumps({"id": repo, "sha": "c" * 40, "siblings": siblings}).encode()
        return path


def unused_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def parts_of(home):
    folder = home / "pulls"
    return sorted(folder.glob("*.part")) if folder.is_dir() else []


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come to pass in time")
        time.sleep(0.01)


if __name__ == "__main__":  # for tests of clients: `python3 pull_servers.py MODEL NAME` serves until its input ends
    import sys
    with Server() as server:
        data = open(sys.argv[1], "rb").read()
        server.registry(sys.argv[2], "latest", data, system="You are terse.", params='{"temperature":0.5}')
        print(server.url, flush=True)
        sys.stdin.read()
        os._exit(0)
