"""`models pull`: from a registry and from a hub, whatever goes wrong with them: what is stored is what was promised, or nothing."""

import json
import os
import random
import signal
import struct
import subprocess
import time
import unittest

import e2e
from pull_servers import Fault, Server, digest, parts_of, unused_port, wait_for
from tiny import STRING, Gguf


def big_model(megabytes=4, seed=1):
    """A tiny model with much to carry."""
    made = Gguf(seed)
    made.metadata["general.padding"] = (STRING, "x" * (megabytes << 20))
    return made.write()


class Pull(e2e.Case):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.addCleanup(self.server.__exit__)
        self.model = Gguf().write()

    def pull(self, reference="x", *more, **options):
        return self.run_freehold("models", "pull", reference, "--from", self.server.url, *more, **options)

    def pulls(self, reference="x", *more):
        ended = self.pull(reference, *more)
        self.assertEqual(ended.code, e2e.OK, ended.message)
        self.succeeds("models", "verify")
        return ended

    def refuses(self, code, reference="x", *more, names=""):
        ended = self.pull(reference, *more)
        self.assertEqual(ended.code, code, ended.message)
        lines = [line for line in ended.message.splitlines() if line.startswith("error") or "error:" in line]
        self.assertTrue(ended.message)
        self.assertIn(names, ended.message)
        self.assertNotIn("\x1b", ended.message)
        self.assertNotIn("internal", ended.message)
        self.assertEqual(self.stored(), [], lines)
        return ended

    def stored(self):
        ended = self.succeeds("models", "list", "--json")
        return json.loads(ended.text)["models"] if ended.text.startswith("{") else json.loads(ended.text)

    def manifest(self, name):
        return json.loads((self.home / "models" / f"{name}.json").read_text())


class FromARegistry(Pull):
    def test_a_model_with_all_its_layers(self):
        self.server.registry("library/x", "latest", self.model, system="Be brief.", params='{"temperature": 0.25, "stop": ["q"]}',
                             license="Do as you like.", template="{{ .Prompt }}", messages='[{"role": "user", "content": "hi"}]')
        ended = self.pulls()
        self.assertIn("x:latest", ended.text)
        self.assertIn("template", ended.message)
        made = self.manifest("x/latest")
        self.assertEqual(made["model"]["defaults"]["system"], "Be brief.")
        self.assertEqual(json.loads(made["model"]["defaults"]["parameters"]), {"temperature": 0.25, "stop": ["q"]})
        self.assertEqual(made["pulled"]["address"], self.server.url)
        self.assertEqual(made["pulled"]["reference"], "library/x:latest")
        self.assertEqual(made["pulled"]["version"], digest(self.server.things["/v2/library/x/manifests/latest"]))
        self.assertEqual(made["pulled"]["licence"], "Do as you like.")
        self.assertEqual(made["pulled"]["template"], "{{ .Prompt }}")
        self.assertEqual(made["model"]["files"][0]["digest"], digest(self.model))
        self.assertEqual(parts_of(self.home), [], "nothing stays behind")
        shown = self.succeeds("models", "inspect", "x")
        self.assertIn(digest(self.model), shown.text)
        self.assertIn("Be brief.", shown.text)
        pulled = json.loads(self.succeeds("models", "inspect", "x", "--json").text)["pulled"]
        self.assertEqual(pulled["parts"][0]["checked"], "sha256")
        by_path = self.put("tiny.gguf", self.model)
        options = ("--raw", "--temperature", "0", "--max-tokens", "5", "the")
        self.assertEqual(self.succeeds("run", "x", *options).out, self.succeeds("run", by_path, *options).out)

    def test_again_costs_one_manifest(self):
        self.server.registry("library/x", "latest", self.model)
        self.pulls()
        del self.server.requests[:]
        self.assertIn("already", self.pulls().text)
        self.assertEqual(self.server.paths(), ["/v2/library/x/manifests/latest"])
        # What the store has by content is not fetched for another name either.
        self.server.registry("me/y", "1", self.model, system="Other.")
        del self.server.requests[:]
        self.pulls("me/y:1")
        self.assertNotIn(f"/v2/me/y/blobs/{digest(self.model)}", self.server.paths())
        self.succeeds("models", "rm", "x")
        self.succeeds("run", "me/y:1", "--raw", "--max-tokens", "1", "the")

    def test_a_name_is_not_moved_silently(self):
        self.server.registry("library/x", "latest", self.model)
        self.pulls()
        self.server.registry("library/x", "latest", Gguf(2).write())
        ended = self.pull()
        self.assertEqual(ended.code, e2e.USAGE)
        self.assertIn("another model", ended.message)
        self.assertIn("--force", ended.message)
        self.assertNotIn(f"/v2/library/x/blobs/{digest(Gguf(2).write())}", self.server.paths(), "seen before it is fetched")
        self.assertIn("was sha256", self.pulls("x", "--force").text)
        self.pulls("x", "--name", "other:name")
        self.assertEqual(len(self.stored()), 2)

    def test_pinned_by_digest(self):
        path, _ = self.server.registry("library/x", "latest", self.model)
        right = digest(self.server.things[path])
        self.server.things[f"/v2/library/x/manifests/{right}"] = self.server.things[path]
        wrong = digest(b"other")
        self.server.things[f"/v2/library/x/manifests/{wrong}"] = self.server.things[path]
        self.refuses(e2e.CORRUPT, f"x@{wrong}", names="not " + wrong)
        self.pulls(f"x@{right}")

    def test_no_server_is_asked_unless_it_is_named(self):
        for reference in ("llama3", "llama3:8b", "library/llama3", "Org/Repo:Q4_0"):
            self.fails(e2e.USAGE, "models", "pull", reference, names="no server is asked")

    def test_unreachable(self):
        port = unused_port()
        self.fails(e2e.IO, "models", "pull", f"http://127.0.0.1:{port}/x", names=f"127.0.0.1:{port}")
        self.fails(e2e.IO, "models", "pull", "https://no-such-host.invalid/x", names="no-such-host.invalid")

    def test_hostile_manifests(self):
        path, _ = self.server.registry("library/x", "latest", self.model)
        good = json.loads(self.server.things[path])

        def changed(**more):
            return json.dumps({**good, **more}).encode()

        layer = good["layers"][0]
        for body, code in ((b"", e2e.CORRUPT), (b"<html>", e2e.CORRUPT), (b"[" * 100000, e2e.CORRUPT), (b"\xff\xfe", e2e.CORRUPT),
                           (b"x" * (5 << 20), e2e.CORRUPT), (changed(layers=[]), e2e.UNSUPPORTED),
                           (changed(layers=[layer] * 100), e2e.CORRUPT), (changed(schemaVersion=1), e2e.UNSUPPORTED),
                           (changed(layers=[{**layer, "digest": "sha256:../../../../etc/passwd"}]), e2e.CORRUPT),
                           (changed(layers=[{**layer, "size": -1}]), e2e.CORRUPT),
                           (changed(layers=[{**layer, "size": 1 << 60}]), e2e.CORRUPT),
                           (changed(layers=[{**layer, "size": 1 << 49}]), e2e.EXHAUSTED),
                           (changed(layers=[layer, {**layer, "mediaType": "application/vnd.ollama.image.adapter"}]), e2e.UNSUPPORTED)):
            self.server.things[path] = body
            self.refuses(code)
        self.assertEqual(parts_of(self.home), [])

    def test_texts_that_are_none(self):
        self.server.registry("library/x", "latest", self.model, params="[1]")
        self.refuses(e2e.CORRUPT, names="parameters")
        self.server.registry("library/x", "latest", self.model, params='{"temperature": "hot"}')
        self.refuses(e2e.UNSUPPORTED, names="temperature")
        self.server.registry("library/x", "latest", self.model, messages="{}")
        self.refuses(e2e.CORRUPT, names="messages")
        _, _ = self.server.registry("library/x", "latest", self.model, system="right")
        self.server.things[f"/v2/library/x/blobs/{digest(b'right')}"] = b"wrong"
        self.refuses(e2e.CORRUPT, names=digest(b"right"))

    def test_what_arrives_is_checked_as_a_model(self):
        self.server.registry("library/x", "latest", self.model[:5000])
        self.refuses(e2e.CORRUPT)
        self.assertEqual([p.name for p in (self.home / "blobs").iterdir()], [])


class WhatGoesWrong(Pull):
    def offer(self, data=None):
        self.data = data or big_model()
        self.manifest_path, self.blob_path = self.server.registry("library/x", "latest", self.data)

    def fault(self, *faults):
        self.server.faults[self.blob_path] = list(faults)

    def blob_requests(self):
        return [headers.get("Range") for path, headers in self.server.requests if path == self.blob_path]

    def test_cut_in_the_middle(self):
        self.offer()
        self.fault(Fault(cut=1 << 20), Fault(cut=1 << 20), Fault(status=503))
        self.pulls()
        self.assertEqual(self.blob_requests(), [None, f"bytes={1 << 20}-", f"bytes={2 << 20}-", f"bytes={2 << 20}-"])

    def test_given_up_and_gone_on_with(self):
        self.offer()
        self.server.always[self.blob_path] = Fault(cut=0)
        self.fault(Fault(cut=3 << 20))
        self.refuses(e2e.IO, names="goes on")
        self.assertEqual(parts_of(self.home)[0].stat().st_size, 3 << 20)
        self.server.always.clear()
        del self.server.requests[:]
        self.pulls()
        self.assertEqual(self.blob_requests(), [f"bytes={3 << 20}-"])

    def test_killed_at_any_instant(self):
        self.offer(big_model(12))
        self.server.pace = 0.02  # 64 KiB a time: about 4 s in all
        for index in range(4):
            process = e2e.start("models", "pull", "x", "--from", self.server.url, home=self.home)
            if index == 0:
                wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 1 << 20)
            time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assertEqual(self.stored(), [])
            self.succeeds("models", "verify")
        self.assertGreater(parts_of(self.home)[0].stat().st_size, 1 << 20)
        self.server.pace = None
        del self.server.requests[:]
        self.pulls()
        begin = self.blob_requests()[0]
        self.assertGreater(int(begin[6:-1]), 1 << 20, "what had arrived is not fetched again")

    def test_a_part_that_was_damaged_is_fetched_whole(self):
        self.offer()
        self.server.always[self.blob_path] = Fault(cut=0)
        self.fault(Fault(cut=3 << 20))
        self.refuses(e2e.IO)
        part = parts_of(self.home)[0]
        damaged = bytearray(part.read_bytes())
        damaged[100] ^= 1
        part.write_bytes(damaged)
        self.server.always.clear()
        ended = self.pulls()
        self.assertIn("again", ended.message)

    def test_without_ranges(self):
        self.offer()
        self.server.ranges = False
        self.fault(Fault(cut=1 << 20))
        self.assertIn("starting again", self.pulls().message)
        # Cut at the same place every time: it ends.
        self.succeeds("models", "rm", "x")
        self.server.always[self.blob_path] = Fault(cut=1 << 20)
        self.refuses(e2e.IO, names="without progress")

    def test_another_content(self):
        self.offer()
        self.server.always[self.blob_path] = Fault(flip=True)
        self.refuses(e2e.CORRUPT, names=digest(self.data))
        self.assertTrue(all(p.stat().st_size == 0 for p in parts_of(self.home)), "what is wrong is not kept")

    def test_other_lengths(self):
        self.offer()
        for fault in (Fault(length=len(self.data) + 1), Fault(length=len(self.data) - 1), Fault(body=self.data + b"more"),
                      Fault(length=0, cut=0), Fault(headers={"content-encoding": "gzip"})):
            self.fault(fault)
            ended = self.pull()
            self.assertIn(ended.code, (e2e.CORRUPT, e2e.UNSUPPORTED), ended.message)
            self.assertEqual(self.stored(), [])
        endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + self.data + b"more"
        self.fault(Fault(raw=endless))
        self.refuses(e2e.CORRUPT, names="more")

    def test_another_range(self):
        self.offer()
        for wrong in ("bytes 0-9/10", f"bytes {1 << 20}-{len(self.data) - 1}/{len(self.data) + 1}", "bytes x", ""):
            self.fault(Fault(cut=1 << 20), Fault(headers={"content-range": wrong}))
            self.refuses(e2e.CORRUPT)
            for part in parts_of(self.home):
                part.unlink()

    def test_no_http_at_all(self):
        self.offer()
        for raw in (b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
                    b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50000, b"HTTP/1.1 100 Continue\r\n\r\n" * 10, b"\x00" * 1000,
                    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"):
            self.server.faults[self.manifest_path] = [Fault(raw=raw)]
            ended = self.pull()
            self.assertIn(ended.code, (e2e.CORRUPT, e2e.IO), f"{raw[:40]}: {ended.message}")
            self.assertNotIn("internal", ended.message)

    def test_statuses(self):
        self.offer()
        for status, code, names in ((401, e2e.USAGE, "token"), (403, e2e.USAGE, "token"), (404, e2e.NOT_FOUND, "library/x:latest"),
                                    (500, e2e.IO, "500"), (418, e2e.UNSUPPORTED, "418"), (204, e2e.UNSUPPORTED, "204")):
            self.server.faults[self.manifest_path] = [Fault(status=status)]
            self.refuses(code, "x", "--as", "registry", names=names)
        self.fault(Fault(status=404))
        self.refuses(e2e.NOT_FOUND)

    def test_slow_ones(self):
        self.offer()
        begin = time.monotonic()
        self.server.faults[self.manifest_path] = [Fault(hang=30)]
        self.refuses(e2e.IO, "x", "--timeout", "1", names="longer than 1 s")
        self.server.faults[self.manifest_path] = [Fault(drip=0.05)]
        self.refuses(e2e.IO, "x", "--timeout", "1", names="too slow")
        self.assertLess(time.monotonic() - begin, 20)

    def test_redirects(self):
        self.offer()
        with Server() as other:
            other.things = self.server.things
            # To the same server: followed. In a circle: not for ever.
            self.server.things["/elsewhere"] = self.data
            self.fault(Fault(location="/elsewhere"))
            self.pulls()
            self.succeeds("models", "rm", "x")
            self.server.always["/round"] = Fault(location="/round")
            self.fault(Fault(location=self.server.url + "/round"))
            self.refuses(e2e.USAGE, names="redirects more than")
            # To another one on this machine: only if it was named, and the token stays at home.
            token = self.put("token", "s3cret\n")
            self.fault(Fault(location=other.url + self.blob_path))
            self.refuses(e2e.USAGE, "x", "--token-file", token, names="allowed by name")
            self.assertEqual(other.requests, [])
            self.fault(Fault(location=other.url + self.blob_path))
            self.pulls("x", "--token-file", token, "--allow-host", other.host)
            self.assertIn("Bearer s3cret", [h.get("Authorization") for _, h in self.server.requests])
            self.assertEqual([h.get("Authorization") for _, h in other.requests], [None])
            self.succeeds("models", "rm", "x")
            for location in ("http://169.254.169.254/latest", "http://10.0.0.1/x", "http://[::1]:1/x", "file:///etc/passwd",
                             "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/x", "relative", "http://"):
                self.fault(Fault(location=location))
                self.refuses(e2e.USAGE)

    def test_two_at_once_share(self):
        self.offer()
        self.server.pace = 0.01
        both = [e2e.start("models", "pull", "x", "--from", self.server.url, home=self.home) for _ in range(2)]
        for process in both:
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(self.blob_requests(), [None])
        self.succeeds("models", "verify")

    def test_interrupted(self):
        self.offer(big_model(8))
        self.server.pace = 0.02
        process = e2e.start("models", "pull", "x", "--from", self.server.url, home=self.home)
        wait_for(lambda: parts_of(self.home) and parts_of(self.home)[0].stat().st_size > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, err)
        self.assertGreater(parts_of(self.home)[0].stat().st_size, 0)

    @unittest.skipUnless(os.path.isdir("/dev/shm") and hasattr(os, "geteuid") and os.geteuid() == 0, "needs a small disk")
    def test_a_full_disk(self):
        self.offer(big_model(6))
        self.home.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(self.home)], capture_output=True).returncode:
            self.skipTest("may not mount")
        try:
            self.refuses(e2e.EXHAUSTED, names="free")
            self.assertEqual(parts_of(self.home), [])
        finally:
            subprocess.run(["umount", str(self.home)], check=True)


class FromAHub(Pull):
    def test_one_quantisation_of_several(self):
        other = Gguf(2).write()
        self.server.hub("Org/Tiny-GGUF", {"tiny-Q4_K_M.gguf": self.model, "sub/tiny-Q8_0.gguf": other, "README.md": b"x"})
        ended = self.pull("hf.co/Org/Tiny-GGUF")
        self.assertEqual(ended.code, e2e.USAGE)
        self.assertIn("Q4_K_M, Q8_0", ended.message)
        ended = self.pull("hf.co/Org/Tiny-GGUF:Q5_0")
        self.assertEqual(ended.code, e2e.NOT_FOUND)
        self.pulls("hf.co/Org/Tiny-GGUF:q8_0")
        made = self.manifest("org/tiny-gguf/q8_0")
        self.assertEqual(made["model"]["files"][0]["digest"], digest(other))
        self.assertEqual(made["pulled"]["version"], "c" * 40)
        self.assertEqual(made["pulled"]["parts"][0]["name"], "sub/tiny-Q8_0.gguf")
        # Without a hint which of the two protocols it speaks, and by the address that a browser shows.
        self.pulls("Org/Tiny-GGUF:Q4_K_M", "--name", "a")
        ended = self.succeeds("models", "pull", f"{self.server.url}/Org/Tiny-GGUF/blob/main/tiny-Q4_K_M.gguf", "--name", "b")

    def test_a_folder(self):
        files = hf_folder()
        self.server.hub("Org/Tiny", {**files, "pytorch_model.bin": b"x", "../evil": b"x", "sub/config.json": b"{}"})
        self.pulls("Org/Tiny", "--name", "t")
        folder = self.folder / "hf"
        for name, data in files.items():
            self.put(f"hf/{name}", data)
        options = ("--raw", "--temperature", "0", "--max-tokens", "5", "the")
        self.assertEqual(self.run_freehold("run", "t", *options).out, self.run_freehold("run", folder, *options).out)
        self.succeeds("models", "import", folder, "--name", "i")
        self.assertEqual(self.manifest("t/latest")["model"], self.manifest("i/latest")["model"], "the same model")
        checked = {p["name"]: p["checked"] for p in self.manifest("t/latest")["pulled"]["parts"]}
        self.assertEqual(checked["config.json"], "git-sha1")
        self.assertEqual(checked["model.safetensors"], "sha256")
        self.assertNotIn("pytorch_model.bin", checked)

    def test_small_files_are_checked_too(self):
        files = hf_folder()
        path = self.server.hub("Org/Tiny", files)
        self.server.things["/Org/Tiny/resolve/main/config.json"] = files["config.json"] + b" "
        self.refuses(e2e.CORRUPT, "Org/Tiny", names="config.json")
        self.server.things["/Org/Tiny/resolve/main/config.json"] = files["config.json"].replace(b"1", b"2")
        self.refuses(e2e.CORRUPT, "Org/Tiny", names="config.json")
        self.server.hub("Org/Tiny", files)
        listing = json.loads(self.server.things[path])
        for entry in listing["siblings"]:
            entry.pop("lfs", None)
        self.server.things[path] = json.dumps(listing).encode()
        self.refuses(e2e.UNSUPPORTED, "Org/Tiny", names="no SHA-256")

    def test_split_files(self):
        path = self.put("tiny.gguf", self.model)
        whole = self.model
        self.server.hub("Org/Split", {"t-Q8_0-00001-of-00002.gguf": whole[:100], "t-Q8_0-00003-of-00002.gguf": whole[100:]})
        self.refuses(e2e.CORRUPT, "Org/Split:Q8_0", names="part 2")
        self.assertTrue(path.exists())

    def test_hostile_lists(self):
        path = self.server.hub("Org/Tiny", {"t.gguf": self.model})
        for body in (b"", b"[]", b"{}", b'{"siblings": 7}', b'{"siblings": [7]}', b"[" * 100000, b"\xff"):
            self.server.things[path] = body
            self.refuses(e2e.CORRUPT, "hf.co/Org/Tiny")

    def test_neither_of_both(self):
        self.refuses(e2e.NOT_FOUND, "Org/Nothing", names="Org/Nothing")


def hf_folder():
    """The smallest folder that is a model: config.json and random weights without a vocabulary."""
    width, heads, ffn, vocab = 32, 4, 64, 40
    draw = random.Random(3)
    tensors = {"model.embed_tokens.weight": (vocab, width), "model.norm.weight": (width,), "lm_head.weight": (vocab, width)}
    block = "model.layers.0."
    for name, shape in (("input_layernorm", (width,)), ("post_attention_layernorm", (width,)), ("self_attn.q_proj", (width, width)),
                        ("self_attn.k_proj", (width, width)), ("self_attn.v_proj", (width, width)),
                        ("self_attn.o_proj", (width, width)), ("mlp.gate_proj", (ffn, width)), ("mlp.up_proj", (ffn, width)),
                        ("mlp.down_proj", (width, ffn))):
        tensors[f"{block}{name}.weight"] = shape
    header, data = {}, b""
    for name, shape in tensors.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        part = struct.pack(f"<{count}f", *(draw.gauss(0, 0.2) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": width, "intermediate_size": ffn,
              "num_attention_heads": heads, "num_key_value_heads": heads, "num_hidden_layers": 1, "vocab_size": vocab,
              "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
              "tie_word_embeddings": False, "torch_dtype": "float32", "bos_token_id": 1, "eos_token_id": 2}
    return {"config.json": json.dumps(config).encode(), "LICENSE": b"ours", "README.md": b"ours",
            "model.safetensors": struct.pack("<Q", len(head)) + head + data}


class Encrypted(Pull):
    def test_certificates_are_checked(self):
        home = self.folder / "tls-home"
        path = self.put("tiny.gguf", self.model)
        process = e2e.start("serve", path, "--tls", "self", "--port", "0", "--no-keys", home=home)
        process.stdout.readline()
        process.kill()
        process.communicate()
        certificate, key = home / "tls" / "self.crt", home / "tls" / "self.key"
        with Server(certificate, key) as secure:
            secure.registry("library/x", "latest", self.model)
            self.fails(e2e.IO, "models", "pull", f"{secure.url}/x", names="certificate")
            self.assertEqual(secure.requests, [])
            self.succeeds("models", "pull", f"{secure.url}/x", "--ca-file", certificate)
            self.succeeds("models", "rm", "x")
            # Never from https to http, whoever asks for it.
            self.server.registry("library/x", "latest", self.model)
            secure.faults["/v2/library/x/manifests/latest"] = [Fault(location=self.server.url + "/v2/library/x/manifests/latest")]
            self.fails(e2e.USAGE, "models", "pull", f"{secure.url}/x", "--ca-file", certificate, "--allow-host", self.server.host,
                       names="without TLS")
            self.assertEqual(self.server.requests, [])
            # The other way is the right one.
            self.server.faults["/v2/library/x/manifests/latest"] = [Fault(location=secure.url + "/v2/library/x/manifests/latest")]
            self.succeeds("models", "pull", "x", "--from", self.server.url, "--ca-file", certificate, "--allow-host", secure.host)
        self.fails(e2e.IO, "models", "pull", "https://127.0.0.1:1/x", "--ca-file", "/nonexistent", names="/nonexistent")


if __name__ == "__main__":
    e2e.main()
