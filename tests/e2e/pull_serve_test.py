"""Ollama's /api/pull: from the servers that were named when this one was started, for those who may, with progress."""

import json
import os
import subprocess
import threading
import time
import unittest

import e2e
import serving
from chat_model import ChatGguf
from pull_servers import Fault, Server, digest, parts_of, unused_port, wait_for
from tiny import STRING, Gguf


def chatting_model(megabytes=4):
    """One that can chat, with much to carry."""
    made = ChatGguf()
    made.metadata["general.padding"] = (STRING, "x" * (megabytes << 20))
    return made.write()


class PullThroughTheServer(e2e.Case):
    def setUp(self):
        super().setUp()
        self.other = Server()
        self.addCleanup(self.other.__exit__)
        self.model = self.put("tiny.gguf", Gguf().write())
        self.data = chatting_model()
        self.manifest, self.blob = self.other.registry("library/x", "latest", self.data, system="Be brief.",
                                                       params='{"temperature": 0, "num_predict": 3}')

    def serve(self, *more, servers=None, given=..., **options):
        servers = [self.other.url] if servers is None else servers
        return serving.Server(self.model if given is ... else given, *(word for url in servers for word in ("--pull-from", url)), *more,
                              home=self.home, **options)

    def lines(self, server, body, **more):
        status, headers, data = server.post("/api/pull", body, **more)
        self.assertEqual(status, 200, data)
        self.assertEqual(headers.get_content_type(), "application/x-ndjson")
        return [json.loads(line) for line in data.decode().splitlines()]

    def refused(self, server, status, body, names="", **more):
        got, headers, data = server.post("/api/pull", body, **more)
        self.assertEqual(got, status, data)
        self.assertIn(names, json.loads(data)["error"])
        self.assertNotIn(str(self.home), data.decode(), "our paths are not the client's to read")

    def test_progress_from_the_first_line_to_success(self):
        with self.serve() as server:
            lines = self.lines(server, {"model": "x"})
            statuses = [line["status"] for line in lines]
            pulling = [line for line in lines if line["status"].startswith("pulling ") and "total" in line]
            self.assertEqual(statuses[0], "pulling manifest")
            self.assertEqual(pulling[0]["status"], "pulling " + digest(self.data)[7:19])
            self.assertEqual(pulling[-1]["completed"], len(self.data))
            self.assertTrue(all(line["total"] == len(self.data) and line["digest"] == digest(self.data) for line in pulling))
            self.assertEqual([line["completed"] for line in pulling], sorted(line["completed"] for line in pulling))
            last = [s for s in statuses if s in ("verifying sha256 digest", "writing manifest", "success")]
            self.assertEqual(last, ["verifying sha256 digest", "writing manifest", "success"])
            self.assertEqual(statuses[-1], "success")
            # Again; and what is served already.
            self.assertEqual(self.lines(server, {"name": "x:latest"})[-1], {"status": "success"})
            del self.other.requests[:]
            self.assertEqual(self.lines(server, {"model": "tiny"})[-1], {"status": "success"})
            self.assertEqual(self.other.requests, [])
        self.assertIn("x:latest", self.succeeds("models", "list").text)
        self.succeeds("models", "verify")

    def names(self, server):
        return [m["id"] for m in json.loads(server.ask("GET", "/v1/models")[2])["data"]]

    def answers(self, server, model):
        """What it says, in four ways."""
        out, user, brief = [], [{"role": "user", "content": "the"}], {"temperature": 0, "num_predict": 3}
        for path, body, read in (
                ("/api/generate", {"raw": True, "stream": False, "options": brief}, lambda a: a["response"]),
                ("/v1/completions", {"max_tokens": 3, "temperature": 0}, lambda a: a["choices"][0]["text"]),
                ("/api/chat", {"stream": False, "messages": user, "options": brief}, lambda a: a["message"]["content"]),
                ("/v1/messages", {"max_tokens": 3, "temperature": 0, "messages": user}, lambda a: a["content"][0]["text"])):
            status, _, data = server.post(path, {"model": model, **({} if "messages" in body else {"prompt": "the"}), **body})
            self.assertEqual(status, 200, data)
            out.append(read(json.loads(data)))
        return out

    def test_what_arrived_is_served_at_once(self):
        for given in (self.model, None):  # beside a model that was given, and beside those of the store
            with self.subTest(given=given), self.serve(given=given) as server:
                if given:
                    self.assertEqual(self.names(server), ["tiny"])
                    self.assertEqual(server.post("/api/generate", {"model": "x", "prompt": "the"})[0], 404)
                self.assertEqual(self.lines(server, {"model": "x"})[-1], {"status": "success"})
                self.assertEqual(self.names(server), ["tiny", "x:latest"] if given else ["x:latest"])
                self.assertTrue(all(self.answers(server, "x")))
                tags = json.loads(server.ask("GET", "/api/tags")[2])["models"]
                self.assertEqual([m["name"] for m in tags][-1], "x:latest")
        # After a restart as well, as long as its server is one that may be fetched from.
        with self.serve() as server:
            del self.other.requests[:]
            self.assertEqual(self.names(server), ["tiny", "x:latest"])
            self.assertTrue(all(self.answers(server, "x")))
            self.assertEqual(self.other.requests, [])
        with self.serve(servers=[]) as server:
            self.assertEqual(self.names(server), ["tiny"])

    def test_what_is_removed_is_not_served_and_comes_again(self):
        with self.serve() as server:
            self.lines(server, {"model": "x"})
            before = self.answers(server, "x")
            self.succeeds("models", "rm", "x")
            self.assertEqual(self.names(server), ["tiny"])
            self.assertEqual(server.post("/v1/completions", {"model": "x", "prompt": "the"})[0], 404)
            self.lines(server, {"model": "x"})
            self.assertEqual(self.answers(server, "x"), before)

    def test_a_given_name_stays_what_it_is(self):
        self.other.registry("library/tiny", "latest", self.data)
        with self.serve() as server:
            asked = ("/v1/completions", {"model": "tiny", "prompt": "the", "max_tokens": 3, "temperature": 0})
            before = json.loads(server.post(*asked)[2])["choices"]
            self.assertEqual(self.lines(server, {"model": f"{self.other.host}/library/tiny"})[-1]["status"], "success")
            self.assertEqual(self.names(server), ["tiny"])
            self.assertEqual(json.loads(server.post(*asked)[2])["choices"], before)

    def test_what_it_came_with_is_used(self):
        with self.serve() as server:
            self.lines(server, {"model": "x"})
            status, _, data = server.post("/api/show", {"model": "x"})
            self.assertEqual(json.loads(data)["system"], "Be brief.")
            self.assertIn("num_predict", json.loads(data)["parameters"])
            status, _, data = server.post("/api/generate", {"model": "x", "prompt": "the", "raw": True, "stream": False})
            self.assertEqual(status, 200, data)
            self.assertEqual(json.loads(data)["eval_count"], 3)
            # What is made from it begins with that.
            self.assertEqual(server.post("/api/create", {"model": "y", "from": "x", "parameters": {"num_predict": 2}, "stream": False})[0], 200)
            self.assertEqual(json.loads(server.post("/api/show", {"model": "y"})[2])["system"], "Be brief.")
            status, _, data = server.post("/api/generate", {"model": "y", "prompt": "the", "raw": True, "stream": False})
            self.assertEqual(json.loads(data)["eval_count"], 2)

    def test_from_a_hub(self):
        self.other.hub("Org/Tiny-GGUF", {"tiny-Q8_0.gguf": self.data})
        with self.serve() as server:
            self.assertEqual(self.lines(server, {"model": "Org/Tiny-GGUF"})[-1]["status"], "success")
            # Under the name that was asked for as well.
            self.assertEqual(self.answers(server, "Org/Tiny-GGUF"), self.answers(server, "org/tiny-gguf:latest"))
        self.assertIn("org/tiny-gguf:latest", self.succeeds("models", "list").text)

    def test_not_streamed(self):
        with self.serve() as server:
            status, headers, data = server.post("/api/pull", {"model": "x", "stream": False})
            self.assertEqual((status, headers.get_content_type(), json.loads(data)), (200, "application/json", {"status": "success"}))
            self.refused(server, 404, {"model": "nothing", "stream": False}, "pull model manifest")

    def test_errors_before_and_after_the_first_line(self):
        with self.serve() as server:
            self.refused(server, 404, {"model": "nothing"}, "pull model manifest")
            self.refused(server, 400, {"model": "../x"}, "model")
            self.refused(server, 400, {"model": ""})
            self.refused(server, 400, {"model": "x", "insecure": True}, "insecure")
            self.refused(server, 400, {"model": "x", "stream": 1}, "stream")
            self.assertEqual(self.lines(server, {"model": "tiny", "insecure": False})[-1]["status"], "success")
            self.other.faults[self.manifest] = [Fault(body=b"<html>")]
            self.refused(server, 503, {"model": "x"}, "pull model manifest")
            self.other.faults[self.blob] = [Fault(flip=True)]
            lines = self.lines(server, {"model": "x"})
            self.assertEqual(lines[0]["status"], "pulling manifest")
            self.assertIn(digest(self.data), lines[-1]["error"])
            self.other.faults[self.blob] = [Fault(flip=True)]
            self.refused(server, 503, {"model": "x", "stream": False}, digest(self.data))
            self.assertEqual(self.lines(server, {"model": "x"})[-1]["status"], "success")
            # Another model under the name that is there.
            self.other.registry("library/x", "latest", Gguf(2).write())
            self.refused(server, 409, {"model": "x"}, "another model")

    def test_only_from_servers_that_were_named(self):
        with Server() as stranger:
            stranger.registry("library/x", "latest", self.data)
            with self.serve() as server:
                self.refused(server, 403, {"model": f"{stranger.host}/library/x"}, "--pull-from")
                self.refused(server, 403, {"model": f"{stranger.url}/library/x"}, "--pull-from")
                self.refused(server, 403, {"model": "hf.co/Org/Repo"}, "hf.co")
                self.refused(server, 403, {"model": "http://169.254.169.254/latest/meta-data"}, "169.254.169.254")
                self.refused(server, 400, {"model": "file:///etc/passwd"})
                self.other.faults[self.manifest] = [Fault(location=stranger.url + self.manifest)]
                self.refused(server, 403, {"model": "x"}, "redirect")
                self.assertEqual(self.lines(server, {"model": f"{self.other.host}/library/x"})[-1]["status"], "success")
            with self.serve(servers=[]) as server:
                self.refused(server, 403, {"model": "y"}, "--pull-from")
            self.assertEqual(stranger.requests, [])
        with self.serve(servers=[f"http://127.0.0.1:{unused_port()}"]) as server:
            self.refused(server, 503, {"model": "y"}, "127.0.0.1")

    def test_who_may(self):
        keys = {}
        for role in ("admin", "operator", "user", "auditor"):
            made = self.succeeds("keys", "create", "--name", role, "--role", role)
            keys[role] = made.text.split()[-1] if made.text.strip() else ""
        with self.serve(key=None) as server:
            for role, status in (("user", 403), ("auditor", 403), ("operator", 200), ("admin", 200)):
                got, _, data = server.post("/api/pull", {"model": "x"}, headers={"authorization": f"Bearer {keys[role]}"})
                self.assertEqual(got, status, (role, data))
            self.assertEqual(server.post("/api/pull", {"model": "x"})[0], 401)
            # What is here is told to whoever may use it.
            for role in ("user", "operator"):
                got, _, data = server.post("/api/pull", {"model": "x"}, headers={"authorization": f"Bearer {keys[role]}"})
                self.assertEqual((got, json.loads(data.splitlines()[-1])), (200, {"status": "success"}), role)

    def test_names_of_the_store_are_everybodys(self):
        """So they are given by who keeps them, or by who is alone."""
        self.succeeds("keys", "create", "--name", "all", "--role", "admin")
        made = self.succeeds("keys", "create", "--name", "few", "--role", "operator", "--models", "tiny").text.split()[-1]
        with self.serve(key=None) as server:
            self.refused(server, 403, {"model": "x"}, "certain models", headers={"authorization": f"Bearer {made}"})
        with self.serve() as server:  # a key by hand beside those
            self.refused(server, 403, {"model": "x"}, "operator")
        fresh = self.folder / "fresh"
        for more, status in ((("--api-key", "another-key-for-tests"), 403), (("--api-key", serving.KEY), 200)):
            with serving.Server(self.model, "--pull-from", self.other.url, *more, home=fresh) as server:
                got, _, data = server.post("/api/pull", {"model": "x"})
                self.assertEqual(got, status, data)
        with serving.Server(self.model, "--pull-from", self.other.url, "--no-keys", key=None, home=self.folder / "open") as server:
            self.assertEqual(server.post("/api/pull", {"model": "x"})[0], 200)

    def test_names_that_are_tricks(self):
        with self.serve() as server:
            for name in ("../x", "x/../../y", "/x", "x:../y", "x:..%2fy", "..", "x\u0000y", "x y", "x\ny", "%2e%2e/x", "a" * 5000, ".x", "x:",
                         f"{self.other.host}/../x", f"http://{self.other.host}@127.0.0.1:1/x", "http://[::1/x", "https:///x", "x@sha256:12",
                         f"{self.other.host}/library/x?y=1", f"{self.other.host}/library/x#y", "library/x/../../../v2/library/x"):
                status, _, data = server.post("/api/pull", {"model": name, "stream": False})
                self.assertIn(status, (400, 403, 404), (name, data))
                self.assertNotIn(str(self.home), data.decode())
            self.assertEqual(self.names(server), ["tiny"])
            self.assertFalse([path for path in self.other.paths() if ".." in path], self.other.paths())
        self.assertFalse((self.home / "models").exists() and any((self.home / "models").iterdir()))

    def begin(self, server, body):
        connection = server.connect()
        connection.request("POST", "/api/pull", json.dumps(body),
                           {"content-type": "application/json", "authorization": f"Bearer {server.key}"})
        return connection

    def test_ends_with_its_client_and_goes_on_with_the_next(self):
        self.other.pace = 0.05
        with self.serve() as server:
            connection = self.begin(server, {"model": "x"})
            wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 1 << 20)
            connection.close()
            connection.sock = None
            size = [0]

            def stopped():
                before, size[0] = size[0], parts_of(self.home)[0].stat().st_size
                time.sleep(0.3)
                return before == size[0]
            wait_for(stopped)
            self.assertLess(size[0], len(self.data))
            self.other.pace = None
            del self.other.requests[:]
            self.assertEqual(self.lines(server, {"model": "x"})[-1]["status"], "success")
            ranges = [headers.get("Range") for path, headers in self.other.requests if path == self.blob]
            self.assertEqual(ranges, [f"bytes={size[0]}-"])

    def test_two_clients_share_one_pull(self):
        self.other.pace = 0.01
        with self.serve() as server:
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(self.lines(server, {"model": "x"}))) for _ in range(3)]
            for thread in threads:
                thread.start()
            # One of them may go without the others noticing.
            connection = self.begin(server, {"model": "x"})
            wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 0)
            connection.close()
            for thread in threads:
                thread.join(60)
            self.assertEqual([lines[-1]["status"] for lines in answers], ["success"] * 3)
            self.assertTrue(all(lines[0]["status"] == "pulling manifest" for lines in answers))
            self.assertEqual([path for path in self.other.paths() if path == self.blob], [self.blob])

    def test_the_server_is_killed_and_goes_on_afterwards(self):
        self.other.pace = 0.02
        for _ in range(3):
            with self.serve() as server:
                connection = self.begin(server, {"model": "x"})
                before = sum(p.stat().st_size for p in parts_of(self.home))
                wait_for(lambda: sum(p.stat().st_size for p in parts_of(self.home)) > before + (256 << 10))
                server.process.kill()
                server.process.wait(20)
                connection.close()
            self.succeeds("models", "verify")
            self.assertEqual(self.succeeds("models", "list").text.count("x:latest"), 0)
        begun = parts_of(self.home)[0].stat().st_size
        self.other.pace = None
        with self.serve() as server:
            del self.other.requests[:]
            self.assertEqual(self.lines(server, {"model": "x"})[-1]["status"], "success")
            self.assertTrue(all(self.answers(server, "x")))
        ranges = [headers.get("Range") for path, headers in self.other.requests if path == self.blob]
        self.assertEqual(ranges, [f"bytes={begun}-"])
        self.assertEqual(parts_of(self.home), [])
        self.succeeds("models", "verify")

    @unittest.skipUnless(hasattr(os, "geteuid") and os.geteuid() == 0, "needs a small disk")
    def test_the_disk_is_full_in_the_middle(self):
        self.home.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(self.home)], capture_output=True).returncode:
            self.skipTest("may not mount")
        try:
            self.fill_the_disk()
        finally:
            subprocess.run(["umount", "-l", str(self.home)], check=True)

    def fill_the_disk(self):
        self.other.pace = 0.02
        with self.serve() as server:
            connection = self.begin(server, {"model": "x"})
            wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 0)
            filler = self.home / "filler"
            with open(filler, "wb", buffering=0) as file:  # somebody else is faster
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
            lines = [json.loads(line) for line in connection.getresponse().read().decode().splitlines()]
            self.assertIn("full", lines[-1]["error"])
            self.assertNotIn(str(self.home), lines[-1]["error"])
            self.assertEqual(server.post("/v1/completions", {"model": "x", "prompt": "the"})[0], 404)
            filler.unlink()
            self.other.pace = None
            self.assertEqual(self.lines(server, {"model": "x"})[-1]["status"], "success")
            self.assertTrue(all(self.answers(server, "x")))
        self.succeeds("models", "verify")

    def test_a_server_that_stalls_holds_nobody_up(self):
        self.other.faults[self.blob] = [Fault(cut=1 << 20, stay=60)]
        with self.serve() as server:
            connection = self.begin(server, {"model": "x"})
            wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 0)
            self.assertEqual(server.post("/v1/completions", {"model": "tiny", "prompt": "the", "max_tokens": 2})[0], 200)
            # Its client goes: the pull ends although the server says nothing, and the next one has the part to itself.
            connection.close()
            connection.sock = None
            begin = time.monotonic()
            self.assertEqual(self.lines(server, {"model": "x"})[-1]["status"], "success")
            self.assertLess(time.monotonic() - begin, 30)

    def test_the_server_stops(self):
        self.other.pace = 0.05
        with self.serve() as server:
            connection = self.begin(server, {"model": "x"})
            wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 0)
            server.interrupt()
            lines = [json.loads(line) for line in connection.getresponse().read().decode().splitlines()]
            self.assertIn("error", lines[-1])
            self.assertEqual(server.process.wait(20), 0)
        self.succeeds("models", "verify")


if __name__ == "__main__":
    e2e.main()
