"""Sealed mode: the same bytes as without, nothing gets out, and the sniffer sees nothing, sealed or not.

With --inside the file is run again in a network namespace of its own, where it watches all devices while every command runs.
"""

import concurrent.futures
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import e2e
import serving
import tuning

MODEL = e2e.needs(e2e.SHARED / "data" / "models" / "stories260K") / "stories260K-f32.gguf"
GREEDY = ["--temperature", "0", "--max-tokens", "40", "--raw"]


def can_seal(folder):
    """What the kernel offers, by doctor."""
    ended = e2e.run("doctor", "--json", home=folder)
    return json.loads(ended.out)["sealed_mode"]


class Sealed(e2e.Case):
    def setUp(self):
        super().setUp()
        self.offered = can_seal(self.home)
        if not self.offered["system_calls"]:
            self.skipTest("this kernel has no system-call filter")

    def twice(self, *arguments, **more):
        """The same command without and with --sealed: (ended, ended)."""
        return [self.succeeds(*arguments, *extra, env=e2e.SEALED, **more) for extra in ((), ("--sealed",))]

    def test_run_gives_the_same_bytes(self):
        schema = self.put("s.json", '{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}')
        for more in ((), ("--threads", "2"), ("--schema", schema), ("--draft-model", MODEL)):
            plain, sealed = self.twice("run", MODEL, "Once upon a time", *GREEDY, *more)
            self.assertEqual(plain.out, sealed.out)
            self.assertNotIn("was refused", sealed.message)
        self.succeeds("models", "import", MODEL, "--name", "stories")
        plain, sealed = self.twice("run", "stories", "Once upon a time", *GREEDY)
        self.assertEqual(plain.out, sealed.out)

    def test_a_model_behind_links(self):
        """A cache of Hugging Face's: what the command line names leads elsewhere."""
        blob = self.put("cache/blobs/b", MODEL.read_bytes())
        link = self.folder / "m.gguf"
        link.symlink_to(blob)
        plain, sealed = self.twice("run", link, "Once", *GREEDY)
        self.assertEqual(plain.out, sealed.out)

    def test_batch_gives_the_same_bytes(self):
        lines = self.put("in.jsonl", "".join(json.dumps({"prompt": f"Once {i}", "max_tokens": 8}) + "\n" for i in range(12)))
        self.succeeds("batch", lines, self.folder / "plain.jsonl", "--model", MODEL)
        out = self.folder / "results" / "sealed.jsonl"
        out.parent.mkdir()
        self.succeeds("batch", lines, out, "--model", MODEL, "--sealed", env=e2e.SEALED)
        self.assertEqual((self.folder / "plain.jsonl").read_bytes(), out.read_bytes())
        out.write_bytes(out.read_bytes()[:200])  # goes on behind a torn line
        self.succeeds("batch", lines, out, "--model", MODEL, "--sealed", env=e2e.SEALED)
        self.assertEqual((self.folder / "plain.jsonl").read_bytes(), out.read_bytes())

    def test_eval_gives_the_same_bytes(self):
        questions = self.put("q.csv", "q,a\n" + "".join(f"Once upon a ,time\nThe cat {i} sat ,down\n" for i in range(4)))
        arguments = ("eval", questions, "--prompt-column", "q", "--answer-column", "a", "--max-tokens", "4", "-m", MODEL, "--json", "--fresh")
        (self.folder / "out").mkdir()
        plain, sealed = self.twice(*arguments, "--html", self.folder / "out" / "r.html", "--items", self.folder / "out" / "i.jsonl")
        self.assertEqual(plain.out, sealed.out)
        self.assertTrue((self.folder / "out" / "r.html").stat().st_size > 1000)
        self.fails(e2e.USAGE, "eval", questions, "--prompt-column", "q", "--answer-column", "a", "-m", "gateway:openai/gpt-4o",
                   "--allow-egress", "127.0.0.1", "--sealed", names="--sealed lets nothing leave")

    def test_tune_gives_the_same_bytes(self):
        self.put("d.jsonl", tuning.texts(12, longest=20))
        for name, extra in (("plain", ()), ("sealed", ("--sealed",))):
            path = self.put(f"{name}.yaml", tuning.recipe(MODEL, max_steps=4, sequence_len=64, save_steps=2, output_dir=name))
            self.succeeds("tune", "start", path, *extra, env=e2e.SEALED)
        self.assertEqual(tuning.adapter(self.folder / "plain"), tuning.adapter(self.folder / "sealed"))

    def test_quantize_gives_the_same_bytes(self):
        (self.folder / "out").mkdir()
        for name, extra in (("plain", ()), ("sealed", ("--sealed",))):
            self.succeeds("models", "quantize", MODEL, self.folder / "out" / f"{name}.gguf", "--type", "q8_0", *extra, env=e2e.SEALED)
        self.assertEqual((self.folder / "out" / "plain.gguf").read_bytes(), (self.folder / "out" / "sealed.gguf").read_bytes())
        self.succeeds("models", "quantize", MODEL, "--name", "small", "--type", "q8_0", "--sealed", env=e2e.SEALED)
        self.succeeds("models", "verify", "small")

    def test_every_attempt_is_denied(self):
        ended = self.run_freehold("guard", "seal-test", "--json", env=e2e.SEALED)
        said = json.loads(ended.out)
        if self.offered["missing"]:
            self.assertEqual(ended.code, e2e.UNSUPPORTED, ended.message)
            self.assertIn("were not denied", ended.message)
            self.skipTest(self.offered["missing"])
        self.assertEqual((ended.code, said["leaks"]), (e2e.OK, 0), [a for a in said["attempts"] if a["verdict"] not in ("denied", "absent")])
        self.assertGreater(said["denied"], 250)
        self.assertEqual({a["as"] for a in said["attempts"]}, {"serve", "run"})
        self.assertEqual({a["verdict"] for a in said["attempts"]} - {"denied", "absent"}, set())
        self.fails(e2e.USAGE, "guard", "seal-test", env={"TMPDIR": str(self.home), **e2e.SEALED}, names="set TMPDIR")

    def test_what_a_parent_left_open_is_closed(self):
        secret = self.put("secret", '{"type": "boolean"}')
        # A number that no file of the program's own will have.
        opened = os.open(secret, os.O_RDONLY)
        fd = fcntl.fcntl(opened, fcntl.F_DUPFD, 200)
        os.close(opened)
        for extra, code in (((), e2e.OK), (("--sealed",), e2e.NOT_FOUND)):
            process = e2e.start("run", MODEL, "x", *GREEDY, "--schema", f"/proc/self/fd/{fd}", *extra, home=self.home, env=e2e.SEALED, pass_fds=(fd,))
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, code, err)
        os.close(fd)

    def test_a_file_that_nobody_named(self):
        if not self.offered["files"]:
            self.skipTest(self.offered["missing"])
        # A link that is put into the store while the server runs leads out of it, but not with the seal.
        elsewhere = self.put("elsewhere", MODEL.read_bytes())
        for name, extra in (("plain", ()), ("sealed", ("--sealed",))):
            home = self.folder / name
            self.succeeds("models", "import", MODEL, "--name", "stories", home=home)
            with serving.Server(None, *extra, home=home) as server:
                blob = next(p for p in (home / "blobs").iterdir() if p.is_file() and p.stat().st_size == MODEL.stat().st_size)
                blob.unlink()
                blob.symlink_to(elsewhere)
                status, _, body = server.post("/v1/completions", {"model": "stories", "prompt": "Once", "max_tokens": 3})
                self.assertEqual(status == 200, name == "plain", body)

    def server(self, model, *arguments):
        return serving.Server(model, "--sealed", *arguments, home=self.home)

    def test_a_server_says_that_it_is_sealed(self):
        with self.server(MODEL, "--alias", "m") as server:
            ready = json.loads(server.ask("GET", "/readyz", key=False)[2])
            self.assertEqual(ready["status"], "ready")
            self.assertEqual(ready["sealed"], {"on": True, "system_calls": True, "files": self.offered["files"],
                                               "landlock": self.offered["landlock"], "network": "accept", "refused": 0})
            fields = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if ":\t" in line)
            self.assertEqual((fields["Seccomp"], fields["NoNewPrivs"]), ("2", "1"))
            status, _, body = server.post("/api/pull", {"model": "llama3", "stream": False})
            self.assertEqual(status, 403, body)
            threads = list(pathlib.Path(f"/proc/{server.process.pid}/task").iterdir())
            self.assertGreater(len(threads), 3)
            for thread in threads:
                self.assertIn("Seccomp:\t2", (thread / "status").read_text())
            status, headers, body = server.post("/v1/completions", {"model": "m", "prompt": "Once", "max_tokens": 2})
            self.assertEqual(status, 200, body)
            entry = json.loads(self.succeeds("audit", "show", headers["freehold-receipt"], "--json").text)
            by = f"seccomp landlock-{self.offered['landlock']}" if self.offered["files"] else "seccomp"
            self.assertEqual((entry["sealed"], entry["seal"]), (True, by))
            server.interrupt()
            self.assertEqual(server.process.wait(60), 0)
            self.assertNotIn("was refused", server.said())
        with serving.Server(MODEL, "--alias", "m", home=self.home) as server:
            _, headers, _ = server.post("/v1/completions", {"model": "m", "prompt": "Once", "max_tokens": 2})
            self.assertFalse({"sealed", "seal"} & set(json.loads(self.succeeds("audit", "show", headers["freehold-receipt"], "--json").text)))
            self.assertEqual(json.loads(server.ask("GET", "/readyz", key=False)[2])["sealed"], {"on": False})
        self.fails(e2e.USAGE, "serve", "--sealed", "--pull-from", "https://example.com", names="--sealed lets nothing leave", env=e2e.SEALED)

    def test_a_server_under_load(self):
        """Streams, uploads, a batch, embeddings and TLS at the same time; the answers are those of an unsealed server."""
        ask = {"model": "m", "prompt": "Once upon a time", "max_tokens": 24, "temperature": 0}

        uploads = threading.Semaphore(12)  # a key may send 16 at a time

        def work(server):
            def stream(i):
                return "".join(e["choices"][0]["text"] for e in server.events("/v1/completions", {**ask, "prompt": f"One day {i}", "stream": True})[:-1])

            def upload(i):
                lines = "".join(json.dumps({"custom_id": str(k), "method": "POST", "url": "/v1/completions", "body": {**ask, "prompt": f"A {i} {k}"}})
                                + "\n" for k in range(4))
                body = (f'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\ncontent-disposition: form-data; name="file"; '
                        f'filename="f.jsonl"\r\n\r\n{lines}\r\n--b--\r\n').encode()
                with uploads:
                    status, _, answer = server.ask("POST", "/v1/files", body, {"content-type": "multipart/form-data; boundary=b"})
                self.assertEqual(status, 200, answer)
                status, _, answer = server.post("/v1/batches", {"input_file_id": json.loads(answer)["id"], "endpoint": "/v1/completions",
                                                                "completion_window": "24h"})
                self.assertEqual(status, 200, answer)
                until = time.monotonic() + 60
                while (batch := json.loads(server.ask("GET", "/v1/batches/" + json.loads(answer)["id"])[2]))["status"] != "completed":
                    self.assertLess(time.monotonic(), until, batch)
                    time.sleep(0.1)
                out = server.ask("GET", f"/v1/files/{batch['output_file_id']}/content")[2].decode().splitlines()
                return sorted((r["custom_id"], r["response"]["body"]["choices"][0]["text"]) for r in map(json.loads, out))

            def embed(i):
                return json.loads(server.post("/v1/embeddings", {"model": "m", "input": f"text {i}"})[2])["data"]

            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                jobs = [pool.submit(what, i) for i in range(6) for what in (stream, upload, embed)]
                return [job.result() for job in jobs]

        with serving.Server(MODEL, "--alias", "m", home=self.folder / "other") as server:
            plain = work(server)
        with self.server(MODEL, "--alias", "m") as server:
            self.assertEqual(work(server), plain)
            refused = json.loads(server.ask("GET", "/readyz", key=False)[2])["sealed"]["refused"]
            server.interrupt()
            server.process.wait(60)
            self.assertEqual(refused, 0, server.said())  # where each kind of call is named
        with self.server(MODEL, "--alias", "m", "--tls", "self") as server:
            out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet"], timeout=30, capture_output=True,
                                 input=b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").stdout
            self.assertIn(b'"on":true', out)

    def test_no_packet(self):
        """The whole of it once more in a namespace of its own, where every packet on every device is seen."""
        if not shutil.which("ip") or not shutil.which("unshare"):
            self.skipTest("no ip or unshare here")
        with tempfile.TemporaryDirectory() as folder:
            for enter in (["unshare", "-n"], ["unshare", "-rn"]):
                if subprocess.run([*enter, "true"], capture_output=True).returncode == 0:
                    break
            else:
                self.skipTest("no network namespaces here")
            ended = subprocess.run([*enter, sys.executable, __file__, "--inside", folder], capture_output=True, timeout=500)
            self.assertEqual(ended.returncode, 0, ended.stderr.decode()[-3000:])
            said = json.loads(ended.stdout.splitlines()[-1])
            if "skipped" in said:
                self.skipTest(said["skipped"])
        self.assertGreater(said["commands"], 30)
        self.assertEqual(said["packets"], {}, "packets were seen")
        self.assertGreater(said["served"], 20)  # a client's and the server's, which shows that the sniffer sees


class Sniffer:
    """Counts the frames on every device of this namespace: (device, protocol, source port, destination port)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self.socket.setblocking(False)

    def take(self):
        time.sleep(0.02)
        seen = []
        while True:
            try:
                frame, (device, *_) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return seen
            ports = ()
            if frame[12:14] == b"\x08\x00" and frame[23] in (6, 17):
                ports = struct.unpack("!HH", frame[14 + (frame[14] & 15) * 4:][:4])
            seen.append((device, frame[12:14].hex(), *ports))


def commands(folder):
    """A command line for every command that does its work without a terminal or another machine."""
    sealed = [["run", MODEL, "Once", *GREEDY], ["batch", folder / "in.jsonl", folder / "out" / "b.jsonl", "--model", MODEL],
              ["eval", folder / "q.csv", "--prompt-column", "q", "--answer-column", "a", "--max-tokens", "2", "-m", MODEL],
              ["tune", "start", folder / "r.yaml"], ["tune", "resume", folder / "r.yaml"],
              ["models", "quantize", MODEL, folder / "out" / "q.gguf", "--type", "q8_0"]]
    for line in sealed:
        yield line + ["--sealed"]
    for name in ("out", "model-out"):
        subprocess.run(["rm", "-rf", folder / name], check=True)
    (folder / "out").mkdir()
    yield from sealed
    yield from (["inspect", MODEL], ["inspect", "tokens", MODEL], ["inspect", "next", MODEL, "--text", "Once"], ["tokenize", MODEL, "Once"],
                ["models", "import", MODEL, "--name", "s"], ["models", "list"], ["models", "inspect", "s"], ["models", "verify", "s"],
                ["models", "alias", "t", "=", "s"], ["models", "rm", "t"], ["models", "synth", "--list"], ["tokenizer", "train", "--help"],
                ["tune", "plan", folder / "r.yaml"], ["tune", "status", folder / "r.yaml"], ["eval", "list"], ["eval", "fetch"],
                ["keys", "create", "--name", "k"], ["keys", "list"], ["usage"], ["cost", "prices"], ["cost", "report"], ["cost", "budget", "list"],
                ["guard", "seal-test", "--quiet"], ["doctor"], ["version"], ["completions", "bash"], ["help"], ["man"])


def inside(folder):
    folder = pathlib.Path(folder)
    home = folder / "home"
    # IPv6 would greet its neighbours when a device comes up.
    for name in ("all", "default"):
        path = pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if path.exists():
            path.write_text("1")
    def ip(line):
        done = subprocess.run(["ip", *line.split()], capture_output=True)
        return "" if done.returncode == 0 else f"ip {line}: {done.stderr.decode()}"

    # A way out, so that what would go out is seen going: a device without another end, or, where the kernel has none, the loopback.
    device = "d0" if not ip("link add d0 type dummy") or not ip("link add d0 type veth peer name d1") else "lo"
    ip("link set d1 up")
    for line in ("link set lo up", "addr add 198.51.100.1/24 dev " + device, f"link set {device} up arp off", "route add default dev " + device):
        if problem := ip(line):
            print(json.dumps({"skipped": problem}))
            return
    time.sleep(0.2)
    sniffer = Sniffer()
    # What would leave is seen: a datagram to another machine, and one on this.
    for host in ("192.0.2.1", "127.0.0.1"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", (host, 9))
        assert sniffer.take(), f"the sniffer did not see a datagram to {host}"
    (folder / "in.jsonl").write_text('"Once"\n')
    (folder / "q.csv").write_text("q,a\nOnce ,upon\n")
    (folder / "d.jsonl").write_text(tuning.texts(8, longest=10))
    (folder / "r.yaml").write_text(tuning.recipe(MODEL, max_steps=2, sequence_len=64, val_set_size=None, output_dir="model-out"))
    (folder / "out").mkdir()
    time.sleep(0.2)
    sniffer.take()
    packets, count = {}, 0
    for line in commands(folder):
        ended = e2e.run(*line, home=home, env={**e2e.SEALED, "http_proxy": "http://192.0.2.1:3128", "https_proxy": "http://192.0.2.1:3128"})
        print(f"{ended.code} {' '.join(map(str, line))}", file=sys.stderr)
        # A failing command would prove nothing; seal-test says 5 where the kernel lacks something.
        assert ended.code in (e2e.OK, e2e.UNSUPPORTED), (line, ended.message)
        count += 1
        if seen := sniffer.take():
            packets[" ".join(map(str, line))] = seen[:4]
    served = 0
    for extra in ((), ("--sealed",)):
        with serving.Server(MODEL, "--alias", "m", *extra, home=folder / "serving") as server:
            sniffer.take()  # a watcher that came before the server
            status, _, body = server.post("/v1/completions", {"model": "m", "prompt": "Once", "max_tokens": 4, "temperature": 0})
            assert status == 200, body
            seen = sniffer.take()
            served += len(seen)
            strange = [s for s in seen if server.port not in s[2:]]
            server.process.send_signal(signal.SIGINT)
            server.process.wait(60)
            strange += [s for s in sniffer.take() if server.port not in s[2:]]
            count += 1
            if strange:
                packets[f"serve {extra}"] = strange[:4]
    print(json.dumps({"commands": count, "packets": packets, "served": served}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2])
    else:
        e2e.main()
