"""Adapters from the outside: on the command line, in the store, over HTTP; hostile ones."""

import concurrent.futures
import json
import pathlib
import random
import struct

import e2e
from chat_model import ChatGguf
from dialects import DIALECTS, Ask, ask_for, said
from serving import Server
from tiny import FFN, HEADS, KV_HEADS, LAYERS, WIDTH, F32, STRING, Gguf

KV = WIDTH // HEADS * KV_HEADS
SHAPES = {"q_proj": (WIDTH, WIDTH), "k_proj": (KV, WIDTH), "v_proj": (KV, WIDTH), "o_proj": (WIDTH, WIDTH),
          "gate_proj": (FFN, WIDTH), "up_proj": (FFN, WIDTH), "down_proj": (WIDTH, FFN)}
HEAD, EMBEDDING = "base_model.model.lm_head", "base_model.model.model.embed_tokens"
ENDS = ["lm_head", "embed_tokens"]
MANY = 12 if e2e.SANITIZED else 64
PATIENCE = 120


def module(block, site):
    return f"base_model.model.model.layers.{block}.{'self_attn' if site in 'q_proj k_proj v_proj o_proj' else 'mlp'}.{site}"


def safetensors(tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}f", *values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tensors_of(seed, rank, sites, blocks=LAYERS, dora=False):
    draw = random.Random(seed)
    tensors = {}
    for block in range(blocks):
        for site in sites:
            rows, columns = SHAPES[site]
            name = module(block, site)
            tensors[name + ".lora_A.weight"] = ((rank, columns), [draw.gauss(0, 1 / columns ** 0.5) for _ in range(rank * columns)])
            tensors[name + ".lora_B.weight"] = ((rows, rank), [draw.gauss(0, 0.7) for _ in range(rows * rank)])
            if dora:
                tensors[name + ".lora_magnitude_vector"] = ((rows,), [draw.uniform(0.7, 1.4) for _ in range(rows)])
    return tensors


def end_tensors(vocab, width, rank, seed=1, targets=ENDS, dora=False):
    """Of an adapter on the output matrix and on the embedding."""
    draw = random.Random(seed)
    matrix = lambda rows, columns: ((rows, columns), [draw.gauss(0, 0.3) for _ in range(rows * columns)])
    tensors = {}
    if "lm_head" in targets:
        tensors[HEAD + ".lora_A.weight"], tensors[HEAD + ".lora_B.weight"] = matrix(rank, width), matrix(vocab, rank)
        if dora:
            tensors[HEAD + ".lora_magnitude_vector"] = ((vocab,), [draw.uniform(6, 9) for _ in range(vocab)])
    if "embed_tokens" in targets:
        tensors[EMBEDDING + ".lora_embedding_A"], tensors[EMBEDDING + ".lora_embedding_B"] = matrix(rank, vocab), matrix(width, rank)
    return tensors


def peft(folder, seed=1, rank=4, sites=tuple(SHAPES), tensors=None, without=(), **config):
    """A folder as PEFT writes it."""
    folder.mkdir(parents=True)
    settings = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny", "r": rank, "lora_alpha": 2 * rank,
                "lora_dropout": 0.0, "target_modules": list(sites), "bias": "none", "use_rslora": False, "use_dora": False, **config}
    for key in without:
        del settings[key]
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    tensors = tensors if tensors is not None else tensors_of(seed, rank, sites, dora=settings["use_dora"])
    (folder / "adapter_model.safetensors").write_bytes(safetensors(tensors))
    return folder


class CommandLine(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("model.gguf", ChatGguf().write())
        self.ids = self.put("ids.json", json.dumps(list(range(5, 60))))

    def logits(self, model, *more):
        out = self.folder / "logits.f32"
        self.succeeds("inspect", "logits", model, "--ids", self.ids, "--out", out, *more)
        return out.read_bytes()

    def test_every_command_takes_it(self):
        adapter = peft(self.folder / "lora")
        say = ("hello", "--seed", "3", "--max-tokens", "20")
        plain = self.succeeds("run", self.model, *say).out
        self.assertNotEqual(self.succeeds("run", self.model, "--adapter", adapter, *say).out, plain)
        with_it = self.logits(self.model, "--adapter", adapter)
        self.assertNotEqual(with_it, self.logits(self.model))
        self.assertEqual(with_it, self.logits(self.model, "--adapter", adapter, "--threads", "2"))
        text = self.put("text.txt", "the cat sat on the mat " * 20)
        scores = [json.loads(self.succeeds("inspect", "perplexity", self.model, text, "--json", *more).text)["perplexity"]
                  for more in ((), ("--adapter", adapter))]
        self.assertNotEqual(*scores)
        report = json.loads(self.succeeds("run", self.model, "--adapter", adapter, "--json", *say).text)
        self.assertRegex(report["digests"]["adapter"], "^sha256:[0-9a-f]{64}$")

    def test_both_formats_and_the_store_give_the_same_bits(self):
        for options in ({}, {"use_rslora": True}):
            name = "rs" if options else "plain"
            adapter = peft(self.folder / name, **options)
            expected = self.logits(self.model, "--adapter", adapter)
            self.succeeds("tune", "export", self.model, adapter, self.folder / f"{name}.gguf")
            self.assertEqual(self.logits(self.model, "--adapter", self.folder / f"{name}.gguf"), expected)
            self.succeeds("tune", "export", self.model, self.folder / f"{name}.gguf", self.folder / f"{name}-back")
            self.assertEqual(self.logits(self.model, "--adapter", self.folder / f"{name}-back"), expected)
            self.succeeds("models", "import", self.model, "--name", "base", "--force")
            for number, path in enumerate((adapter, self.folder / f"{name}.gguf")):
                self.succeeds("models", "import", path, "--name", f"{name}-lora:{number}")
                self.succeeds("models", "alias", f"{name}-bot:v{number}", "=", "base", "+", f"{name}-lora:{number}")
                self.assertEqual(self.logits(f"{name}-bot:v{number}"), expected)
                self.assertEqual(self.logits("base", "--adapter", f"{name}-lora:{number}"), expected)
        self.succeeds("models", "verify")
        # The name keeps what it needs: the adapter's own name may go, and the base's.
        self.succeeds("models", "rm", "plain-lora:0", "base")
        self.logits("plain-bot:v0")
        names = [m["name"] for m in json.loads(self.succeeds("models", "list", "--json").text)["models"]]
        self.assertIn("plain-bot:v0", names)

    def test_inspected(self):
        folder = peft(self.folder / "lora", rank=8, sites=("q_proj", "down_proj"))
        self.succeeds("tune", "export", self.model, folder, self.folder / "lora.gguf")
        self.succeeds("models", "import", self.model, "--name", "base")
        self.succeeds("models", "import", folder, "--name", "kept-lora")
        parameters = 8 * LAYERS * (2 * WIDTH + WIDTH + FFN)
        for reference, kind, layers in ((folder, "peft", ["down_proj", "q_proj"]), ("kept-lora", "peft", ["down_proj", "q_proj"]),
                                        (self.folder / "lora.gguf", "gguf", ["attn_q", "ffn_down"])):
            facts = json.loads(self.succeeds("models", "inspect", reference, "--on", "base", "--json", "--tensors").text)
            self.assertEqual([facts[k] for k in ("kind", "format", "ranks", "alpha", "layers", "parameters", "fits", "problem")],
                             ["adapter", kind, [8], 16.0, layers, parameters, True, None])
            self.assertEqual(len(facts["tensors"]), 4 * LAYERS)
            self.assertEqual(facts["digest"] is not None, reference == "kept-lora")
            self.assertIn("--on MODEL", self.succeeds("models", "inspect", reference).text)
        other = peft(self.folder / "other", tensors=tensors_of(1, 4, SHAPES, blocks=LAYERS + 1))
        ended = self.fails(e2e.UNSUPPORTED, "models", "inspect", other, "--on", "base", names="belongs to no layer")
        self.assertIn("can be run     no", ended.text)
        strange = peft(self.folder / "strange", rank_pattern={"x": 5}, bias="all")
        self.fails(e2e.UNSUPPORTED, "models", "inspect", strange, names="bias")
        self.fails(e2e.USAGE, "models", "inspect", self.model, "--on", "base", names="--on")
        self.fails(e2e.NOT_FOUND, "models", "inspect", "none-there")

    def test_merged(self):
        for name, options in (("lora", {}), ("rs", {"use_rslora": True}), ("dora", {"use_dora": True})):
            adapter = peft(self.folder / name, **options)
            out = self.folder / f"{name}.gguf"
            got = json.loads(self.succeeds("tune", "merge", self.model, adapter, out, "--json").text)
            self.assertLess(got["mean_kl"], 1e-6, name)
            self.assertEqual(got["top_agree"], 1)
            self.assertGreater(got["tokens"], 50)
            self.succeeds("run", out, "hello", "--max-tokens", "4")
        self.fails(e2e.USAGE, "tune", "merge", self.model, adapter, out, names="is there already")
        got = json.loads(self.succeeds("tune", "merge", self.model, adapter, self.folder / "q8.gguf", "--type", "q8_0", "--json").text)
        self.assertGreater(got["mean_kl"], 1e-6)
        # Too far from what it should be: not kept.
        self.fails(e2e.USAGE, "tune", "merge", self.model, adapter, self.folder / "q2.gguf", "--type", "q4_0", "--max-kl", "1e-9",
                   names="nothing was written")
        self.assertEqual([p.name for p in self.folder.iterdir() if "q2" in p.name], [])
        self.fails(e2e.UNSUPPORTED, "tune", "merge", self.model, adapter, self.folder / "out", names="the base is a GGUF")
        self.fails(e2e.UNSUPPORTED, "tune", "export", self.model, adapter, self.folder / "d.gguf", names="DoRA")

    def test_hostile(self):
        def folder(name, **more):
            return peft(self.folder / name, **more)

        nan = tensors_of(1, 4, ["q_proj"])
        nan[module(1, "q_proj") + ".lora_B.weight"][1][3] = float("nan")
        shape = tensors_of(1, 4, ["q_proj"])
        shape[module(0, "q_proj") + ".lora_A.weight"] = ((4, WIDTH * 2), [0.0] * (8 * WIDTH))
        for number, (code, names, adapter) in enumerate((
                (e2e.CORRUPT, "does not fit", lambda n: folder(n, sites=["q_proj"], tensors=shape)),
                (e2e.CORRUPT, "an infinity or NaN", lambda n: folder(n, sites=["q_proj"], tensors=nan)),
                (e2e.CORRUPT, "is missing", lambda n: folder(n, tensors=tensors_of(1, 4, list(SHAPES), blocks=1))),
                (e2e.UNSUPPORTED, "belongs to no layer", lambda n: folder(n, tensors=tensors_of(1, 4, list(SHAPES), blocks=3))),
                (e2e.UNSUPPORTED, "'norm' cannot be adapted", lambda n: folder(n, target_modules=["norm"])),
                (e2e.UNSUPPORTED, "modules_to_save", lambda n: folder(n, modules_to_save=["lm_head"])),
                (e2e.CORRUPT, "does not fit", lambda n: folder(n, rank_pattern={"q_proj": 8})),
                (e2e.UNSUPPORTED, "rank_pattern", lambda n: folder(n, rank_pattern={".*q_proj": 4})),
                (e2e.CORRUPT, "alpha_pattern", lambda n: folder(n, alpha_pattern={"q_proj": "x"})),
                (e2e.CORRUPT, "layers_to_transform", lambda n: folder(n, layers_to_transform=[0, 9])),
                (e2e.UNSUPPORTED, "peft_type", lambda n: folder(n, peft_type="IA3")),
                (e2e.CORRUPT, "'r' is not a rank", lambda n: folder(n, r=0)),
                (e2e.CORRUPT, "'r' is not a rank", lambda n: folder(n, r=10 ** 9)),
                (e2e.CORRUPT, "lora_alpha", lambda n: folder(n, without=["lora_alpha"])),
                (e2e.CORRUPT, "has no tensors", lambda n: folder(n, target_modules="all-linear", tensors={})),
                (e2e.CORRUPT, "incomplete", lambda n: folder(n, use_dora=True, tensors=tensors_of(1, 4, list(SHAPES)))),
                (e2e.USAGE, "is no adapter", lambda n: self.model),
                (e2e.NOT_FOUND, "there is no", lambda n: self.folder / "nowhere"),
        )):
            with self.subTest(names):
                path = adapter(f"hostile-{number}")
                self.fails(code, "run", self.model, "hello", "--adapter", path, names=names)
                if names in ("is missing", "belongs to no layer"):  # right, but of another base
                    self.succeeds("models", "import", path, "--name", f"other-{number}")
                elif path.exists() and path != self.model:
                    self.fails(code, "models", "import", path, "--name", f"hostile-{number}", names=names)
        pickled = folder("pickled")
        (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
        self.fails(e2e.UNSUPPORTED, "run", self.model, "hello", "--adapter", pickled, names="pickled weights")
        self.fails(e2e.USAGE, "run", folder("alone"), "hello", names="is an adapter, which runs only on a model")
        # In the store: what does not fit gets no name, and what is no adapter is put on nothing.
        self.succeeds("models", "import", self.model, "--name", "base")
        self.succeeds("models", "import", folder("wrong", tensors=tensors_of(1, 4, list(SHAPES), blocks=3)), "--name", "wrong")
        self.fails(e2e.UNSUPPORTED, "models", "alias", "bot", "=", "base", "+", "wrong", names="belongs to no layer")
        self.fails(e2e.USAGE, "models", "alias", "bot", "=", "base", "+", "base", names="is a model, not an adapter")
        self.fails(e2e.USAGE, "models", "alias", "bot", "=", "wrong", "+", "wrong", names="is an adapter, not a model")
        self.fails(e2e.NOT_FOUND, "models", "alias", "bot", "=", "base", "+", "nowhere", names="nowhere")
        self.fails(e2e.USAGE, "models", "alias", "bot", "=", "base", "+", names="NAME = MODEL + ADAPTER")
        self.succeeds("models", "import", folder("right"), "--name", "right")
        self.succeeds("models", "alias", "bot=base+right")
        self.fails(e2e.USAGE, "models", "alias", "more", "=", "bot", "+", "right", names="has an adapter already")
        self.fails(e2e.USAGE, "run", "bot", "hello", "--adapter", "right", names="has an adapter already")

    def test_hostile_ggufs(self):
        def gguf(name, change):
            file = Gguf()
            file.metadata = {"general.architecture": (STRING, "llama"), "general.type": (STRING, "adapter"), "adapter.type": (STRING, "lora"),
                             "adapter.lora.alpha": (F32, 8.0)}
            file.tensors = [["blk.0.attn_q.weight.lora_a", [WIDTH, 2], 0, bytes(8 * WIDTH)],
                            ["blk.0.attn_q.weight.lora_b", [2, WIDTH], 0, bytes(8 * WIDTH)]]
            change(file)
            return self.put(name, file.write())

        self.logits(self.model, "--adapter", gguf("good.gguf", lambda f: None))
        for number, (code, names, change) in enumerate((
                (e2e.USAGE, "architecture 'qwen2'", lambda f: f.metadata.update({"general.architecture": (STRING, "qwen2")})),
                (e2e.CORRUPT, "'adapter.lora.alpha' is missing", lambda f: f.metadata.pop("adapter.lora.alpha")),
                (e2e.CORRUPT, "'blk.0.attn_q.weight.lora_b' is missing", lambda f: f.tensors.pop()),
                (e2e.CORRUPT, "has no tensors", lambda f: f.tensors.clear()),
                (e2e.CORRUPT, "an infinity or NaN", lambda f: f.tensors[0].__setitem__(3, b"\0\0\xc0\x7f" + bytes(8 * WIDTH - 4))),
                (e2e.CORRUPT, "does not fit", lambda f: f.tensors[1].__setitem__(slice(1, 4), [[2, 5], 0, bytes(40)])),
                (e2e.CORRUPT, "'output.weight.lora_b' is missing",
                 lambda f: f.tensors.append(["output.weight.lora_a", [WIDTH, 2], 0, bytes(8 * WIDTH)])),
                (e2e.UNSUPPORTED, "'output_norm.weight.lora_a' belongs to no layer",
                 lambda f: f.tensors.append(["output_norm.weight.lora_a", [WIDTH, 2], 0, bytes(8 * WIDTH)])),
        )):
            with self.subTest(names):
                path = gguf(f"bad-{number}.gguf", change)
                self.fails(code, "run", self.model, "hello", "--adapter", path, names=names)
                if "does not fit" in names or "qwen2" in names:  # right, but for another base
                    self.succeeds("models", "import", path, "--name", f"other-{number}")
                else:
                    self.fails(code, "models", "import", path, "--name", f"bad-{number}", names=names)


class Served(e2e.Case):
    """A store with a model, `base`, and MANY adapters of several ranks and layers on it, `bot:0` …"""

    @classmethod
    def setUpClass(cls):
        place = e2e.tempfile.TemporaryDirectory(prefix="freehold-adapters-")
        cls.addClassCleanup(place.cleanup)
        cls.place = pathlib.Path(place.name)
        cls.store = cls.place / "home"
        cls.model = cls.place / "model.gguf"
        cls.model.write_bytes(ChatGguf().write())
        cls.do("models", "import", cls.model, "--name", "base")
        for i in range(MANY):
            sites = [s for j, s in enumerate(SHAPES) if i % 3 == 0 or (i + j) % 3]
            dora, rank, tensors = i % 5 == 4, 1 + i % 9, None
            if i % 8 == 5 and not dora:
                tensors = {**tensors_of(i, rank, sites), **end_tensors(len(ChatGguf().tokens), WIDTH, rank, i)}
                sites += ENDS
            cls.do("models", "import", peft(cls.place / f"lora-{i}", seed=i, rank=rank, sites=sites, tensors=tensors, use_dora=dora), "--name",
                   f"lora:{i}")
            cls.do("models", "alias", f"bot:{i}", "=", "base", "+", f"lora:{i}")
        cls.keys = {role: json.loads(e2e.run("keys", "create", "--name", role, "--role", role, "--json", home=cls.store).text)["key"]
                    for role in ("admin", "user")}

    @classmethod
    def do(cls, *arguments):
        done = e2e.run(*arguments, home=cls.store)
        if done.code != 0:
            raise AssertionError(done.message)

    def serve(self, model=None, *arguments, role="admin"):
        server = self.enterContext(Server(model, "--sequences", "16", *arguments, key=None, home=self.store))
        server.key = self.keys[role]
        return server

    def get(self, server, path):
        status, _, data = server.ask("GET", path)
        self.assertEqual(status, 200, data)
        return json.loads(data)

    def test_each_gets_what_it_gets_alone(self):
        asks = [(f"bot:{i}", Ask(list(DIALECTS)[i % len(DIALECTS)], "the cat sat on the mat " * (1 + i % 4), 24, logprobs=i % len(DIALECTS) < 2))
                for i in range(MANY)]
        asks += [("base", Ask(dialect, "the cat sat on the mat ", 24)) for dialect in DIALECTS]

        def answers(server, work, workers):
            with concurrent.futures.ThreadPoolExecutor(workers) as pool:
                got = list(pool.map(lambda a: ask_for(server.port, server.key, a[0], a[1], False, timeout=PATIENCE), work))
            for one, (name, ask) in zip(got, work):
                self.assertEqual(one.status, 200, (name, ask.dialect, one.data))
            return [said(ask, one.data) for one, (_, ask) in zip(got, work)]

        alone = answers(self.serve(None, "--threads", "1"), asks, 1)
        server = self.serve(None, "--threads", "2")
        for _ in range(2):  # cold and warm
            self.assertEqual(answers(server, asks, 24), alone)
        self.assertGreater(len({str(a) for a in alone[:MANY]}), MANY // 2, "the adapters do nothing")
        # One base for all of them, and each adapter costs its own memory.
        metrics = server.ask("GET", "/metrics")[2].decode()
        self.assertIn("\nfreehold_model_loads_total 1\n", metrics)
        adapters = self.get(server, "/freehold/v1/adapters")["adapters"]
        self.assertEqual(len(adapters), MANY)
        self.assertTrue(all(a["loaded"] for a in adapters))
        # Two panels' worth for each layer of each block, at most.
        vocab, panels = len(ChatGguf().tokens), lambda r, c: 4 * 2 * (16 * max(32, c) + 16 * ((r + 15) // 16) * 32)
        most = LAYERS * sum(panels(r, c) for r, c in SHAPES.values()) + panels(vocab, WIDTH) + panels(WIDTH, vocab) + 8192
        self.assertLess(max(a["memory_bytes"] for a in adapters), most)

    def test_every_list_names_them(self):
        server = self.serve()
        for path in ("/v1/models", "/v1beta/models", "/api/tags", "/freehold/v1/models"):
            self.assertIn("bot:1", json.dumps(self.get(server, path)), path)
            self.assertNotIn("lora:1", json.dumps(self.get(server, path)), path)
        status, _, data = server.post("/v1/chat/completions", {"model": "lora:1", "messages": [{"role": "user", "content": "x"}]})
        self.assertEqual(status, 404, data)
        status, _, data = server.post("/v1/embeddings", {"model": "bot:1", "input": "the cat"})
        self.assertEqual(status, 200, data)
        base = json.loads(server.post("/v1/embeddings", {"model": "base", "input": "the cat"})[2])
        self.assertNotEqual(json.loads(data)["data"], base["data"])

    def test_attached_and_detached_while_it_runs(self):
        expected = None
        for model in (None, "base"):
            server = self.serve(model)
            ask = lambda name: server.post("/v1/completions", {"model": name, "prompt": "the cat", "max_tokens": 16, "seed": 1})
            self.assertEqual(ask("mine:v1")[0], 404)
            attach = {"name": "mine:v1", "model": "base", "adapter": "lora:2"}
            self.assertEqual(server.post("/freehold/v1/adapters", attach)[0], 200)
            status, _, data = ask("mine:v1")
            self.assertEqual(status, 200, data)
            text = json.loads(data)["choices"][0]["text"]
            expected = expected or text
            self.assertEqual(text, expected)
            self.assertNotEqual(json.loads(ask("base")[2])["choices"][0]["text"], expected)
            self.assertIn("mine:v1", json.dumps(self.get(server, "/v1/models")))
            self.assertEqual(server.ask("DELETE", "/freehold/v1/adapters/mine:v1")[0], 200)
            self.assertEqual(ask("mine:v1")[0], 404)
            self.assertEqual(server.ask("DELETE", "/freehold/v1/adapters/mine:v1")[0], 404)
            for wrong, status in (({"name": "x", "model": "nowhere", "adapter": "lora:2"}, 404),
                                  ({"name": "x", "model": "base", "adapter": "nowhere"}, 404),
                                  ({"name": "x", "model": "base", "adapter": "base"}, 400),
                                  ({"name": "x", "model": "base", "adapter": "/etc/passwd"}, 400),
                                  ({"name": "base", "model": "base", "adapter": "lora:2"}, 400),
                                  ({"name": "x", "model": "base"}, 400), ({"name": "x", "model": "base", "adapter": "lora:2", "rank": 3}, 400)):
                got, _, data = server.post("/freehold/v1/adapters", wrong)
                self.assertEqual(got, status, (wrong, data))

    def test_in_the_words_of_others(self):
        server = self.serve()
        load = lambda body: server.post("/v1/load_lora_adapter", body)
        ask = lambda name: server.post("/v1/completions", {"model": name, "prompt": "the cat", "max_tokens": 16, "seed": 1})
        body = {"lora_name": "mine:v1", "lora_path": "lora:2", "base_model_name": "base", "load_inplace": False}
        status, headers, data = load(body)
        self.assertEqual((status, headers.get_content_type(), data), (200, "text/plain", b"Success: LoRA adapter 'mine:v1' added successfully."))
        text = json.loads(ask("mine:v1")[2])["choices"][0]["text"]
        self.assertNotEqual(text, json.loads(ask("base")[2])["choices"][0]["text"])
        self.assertIn("mine:v1", json.dumps(self.get(server, "/v1/models")))
        listed = self.get(server, "/lora-adapters")
        self.assertEqual([a["id"] for a in listed], list(range(len(listed))))
        self.assertIn({"path": "mine:v1", "scale": 0}, [{k: a[k] for k in ("path", "scale")} for a in listed])
        for wrong, expected, param in ((body, 400, "lora_name"), ({**body, "lora_name": "base"}, 400, "lora_name"), ({"lora_path": "lora:2"}, 400, "lora_name"),
                                       ({"lora_name": "x"}, 400, "lora_path"), ({"lora_name": 5}, 400, "lora_name"), ([], 400, None),
                                       ({"lora_name": "x", "lora_path": "nowhere", "base_model_name": "base"}, 404, "lora_path"),
                                       ({"lora_name": "x", "lora_path": "/etc/passwd", "base_model_name": "base"}, 404, "lora_path"),
                                       ({"lora_name": "x", "lora_path": "lora:2", "base_model_name": "nowhere"}, 404, "base_model_name"),
                                       ({"lora_name": "x", "lora_path": "base", "base_model_name": "base"}, 400, None)):
            status, _, data = load(wrong)
            self.assertEqual((status, json.loads(data)["error"]["param"]), (expected, param), (wrong, data))
        unload = lambda: server.post("/v1/unload_lora_adapter", {"lora_name": "mine:v1"})
        self.assertEqual(unload()[::2], (200, b"Success: LoRA adapter 'mine:v1' removed successfully."))
        self.assertEqual((ask("mine:v1")[0], unload()[0]), (404, 404))
        # What is changed over HTTP is in the audit log, by whatever address.
        log = e2e.run("audit", "query", "--kind", "admin", "--json", home=self.store).text
        changed = [e for e in map(json.loads, log.splitlines()) if e["act"].endswith("load_lora_adapter")]
        self.assertEqual([e["details"]["lora_name"] for e in changed[-2:]], ["mine:v1", "mine:v1"])
        # One that a request names by its number is not applied, so it is not taken.
        chat = {"model": "base", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
        for lora, expected in (([], 200), ([{"id": 0, "scale": 0}], 200), ([{"id": 0, "scale": 1}], 400), ("x", 400)):
            self.assertEqual(server.post("/v1/chat/completions", {**chat, "lora": lora})[0], expected, lora)

    def test_detached_under_load(self):
        server = self.serve()
        attach = {"name": "mine", "model": "base", "adapter": "lora:0"}
        body = {"model": "mine", "prompt": "the dog", "max_tokens": 100, "seed": 1, "temperature": 1}
        self.assertEqual(server.post("/freehold/v1/adapters", attach)[0], 200)
        expected = json.loads(server.post("/v1/completions", body)[2])["choices"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in range(4):
                asked = [pool.submit(server.post, "/v1/completions", body) for _ in range(8)]
                self.assertEqual(server.ask("DELETE", "/freehold/v1/adapters/mine")[0], 200)
                self.assertEqual(server.post("/freehold/v1/adapters", attach)[0], 200)
                for one in asked:
                    status, _, data = one.result()
                    self.assertIn(status, (200, 404, 503))
                    if status == 200:
                        self.assertEqual(json.loads(data)["choices"], expected)

    def test_keys_that_may_not(self):
        server = self.serve(role="user")
        self.assertEqual(server.post("/freehold/v1/adapters", {"name": "x", "model": "base", "adapter": "lora:0"})[0], 403)
        self.assertEqual(server.ask("DELETE", "/freehold/v1/adapters/x")[0], 403)
        for verb in ("load", "unload"):
            self.assertEqual(server.post(f"/v1/{verb}_lora_adapter", {"lora_name": "x", "lora_path": "lora:0"})[0], 403)
        self.assertEqual(self.get(server, "/freehold/v1/adapters")["adapters"][0]["name"], "bot:0")


if __name__ == "__main__":
    e2e.main()
