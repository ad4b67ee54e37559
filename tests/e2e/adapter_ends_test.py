"""Adapters on lm_head and embed_tokens, from the outside: made elsewhere and here, served, written for others, merged."""

import json
import shutil
import struct

import e2e
from adapters_test import EMBEDDING, ENDS, HEAD, end_tensors, peft, tensors_of
from chat_model import ChatGguf
from tiny import WIDTH
from tuning import adapter, recipe, texts

RANK = 3


def floats(data):
    return struct.unpack(f"<{len(data) // 4}f", data)


class Ends(e2e.Case):
    def setUp(self):
        super().setUp()
        self.gguf = ChatGguf()
        self.vocab = len(self.gguf.tokens)
        self.model = self.put("model.gguf", self.gguf.write())
        self.ids = self.put("ids.json", json.dumps(list(range(5, 60))))

    def logits(self, model, *more):
        out = self.folder / "logits.f32"
        self.succeeds("inspect", "logits", model, "--ids", self.ids, "--out", out, *more)
        return out.read_bytes()

    def ends(self, name, targets=ENDS, tensors=None, **config):
        tensors = tensors or end_tensors(self.vocab, WIDTH, RANK, targets=targets, dora=config.get("use_dora", False))
        return peft(self.folder / name, rank=RANK, sites=targets, tensors=tensors, **config)

    def near(self, a, b, most):
        self.assertLess(max(abs(x - y) for x, y in zip(floats(a), floats(b), strict=True)), most)

    def test_means_what_peft_means(self):
        """The head's rows W + s B A, the embedding's row i W[i] + s B A[:, i], multiplied out here."""
        tensors = end_tensors(self.vocab, WIDTH, RANK)
        folder = self.ends("lora", tensors=tensors)
        scale = 2 * RANK / RANK
        by_name = {name: values for name, (_, values) in tensors.items()}
        merged = ChatGguf()
        for name, rows, columns in (("output.weight", by_name[HEAD + ".lora_B.weight"], by_name[HEAD + ".lora_A.weight"]),
                                    ("token_embd.weight", None, None)):
            tensor = merged.tensor(name)
            weight = list(floats(tensor[3]))
            if rows is None:
                a, b = by_name[EMBEDDING + ".lora_embedding_A"], by_name[EMBEDDING + ".lora_embedding_B"]
                rows = [a[j * self.vocab + i] for i in range(self.vocab) for j in range(RANK)]
                columns = [b[c * RANK + j] for j in range(RANK) for c in range(WIDTH)]
            for i in range(self.vocab):
                for c in range(WIDTH):
                    weight[i * WIDTH + c] += scale * sum(rows[i * RANK + j] * columns[j * WIDTH + c] for j in range(RANK))
            tensor[3] = struct.pack(f"<{len(weight)}f", *weight)
        with_it = self.logits(self.model, "--adapter", folder)
        self.near(with_it, self.logits(self.put("merged.gguf", merged.write())), 2e-4)
        self.assertEqual(with_it, self.logits(self.model, "--adapter", folder, "--threads", "2"))
        self.assertGreater(max(abs(x - y) for x, y in zip(floats(with_it), floats(self.logits(self.model)))), 0.1)
        # The frozen weights that PEFT saves beside them are the base's, or it is refused.
        for name, own in ((HEAD, "output.weight"), (EMBEDDING, "token_embd.weight")):
            weight = list(floats(self.gguf.tensor(own)[3]))
            tensors[name + ".base_layer.weight"] = ((self.vocab, WIDTH), weight)
        self.assertEqual(self.logits(self.model, "--adapter", self.ends("saved", tensors=tensors)), with_it)
        tensors[HEAD + ".base_layer.weight"] = ((self.vocab, WIDTH), [-w for w in weight])
        self.fails(e2e.UNSUPPORTED, "run", self.model, "hello", "--adapter", self.ends("replaced", tensors=tensors), names="is another weight")

    def test_every_format_gives_the_same_bits(self):
        folder = self.ends("lora", use_rslora=True)
        expected = self.logits(self.model, "--adapter", folder)
        out = self.folder / "lora.gguf"
        self.succeeds("tune", "export", self.model, folder, out)
        self.assertEqual(self.logits(self.model, "--adapter", out), expected)
        self.succeeds("tune", "export", self.model, out, self.folder / "back")
        self.assertEqual(self.logits(self.model, "--adapter", self.folder / "back"), expected)
        self.succeeds("models", "import", self.model, "--name", "base")
        self.succeeds("models", "import", folder, "--name", "ends")
        self.succeeds("models", "alias", "bot", "=", "base", "+", "ends")
        self.assertEqual(self.logits("bot"), expected)
        for reference, layers in ((folder, ["embed_tokens", "lm_head"]), (out, ["output", "token_embd"])):
            facts = json.loads(self.succeeds("models", "inspect", reference, "--on", "base", "--json").text)
            self.assertEqual([facts["ranks"], facts["layers"], facts["parameters"], facts["fits"]],
                             [[RANK], layers, 2 * RANK * (self.vocab + WIDTH), True])
        # Scores of a text, which ask for logits after the hidden states.
        text = self.put("text.txt", "the cat sat on the mat " * 20)
        score = lambda *more: json.loads(self.succeeds("inspect", "perplexity", self.model, text, "--json", *more).text)["perplexity"]
        self.assertNotEqual(score(), score("--adapter", folder))

    def test_merged(self):
        for name, targets, options in (("lora", ENDS, {}), ("head", ["lm_head"], {"use_dora": True}), ("embedding", ["embed_tokens"], {})):
            folder = self.ends(name, targets, **options)
            out = self.folder / f"{name}.gguf"
            got = json.loads(self.succeeds("tune", "merge", self.model, folder, out, "--json").text)
            self.assertLess(got["mean_kl"], 1e-6, name)
            self.near(self.logits(out), self.logits(self.model, "--adapter", folder), 2e-4)
        self.fails(e2e.UNSUPPORTED, "tune", "export", self.model, self.folder / "head", self.folder / "d.gguf", names="DoRA")

    def test_a_tied_base_becomes_untied(self):
        base = self.folder / "tied.gguf"
        self.succeeds("models", "synth", "--shape", "tiny-qwen2", "--type", "f32", base)
        facts = json.loads(self.succeeds("models", "inspect", base, "--json").text)
        self.assertTrue(facts["architecture"]["tied"] if "architecture" in facts else facts["tied"])
        for targets in (["lm_head"], ["embed_tokens"], ENDS):
            name = "-".join(targets)
            folder = self.ends(name, targets, end_tensors(640, 256, RANK, targets=targets))
            out = self.folder / f"{name}.gguf"
            done = self.succeeds("tune", "merge", base, folder, out, "--json")
            self.assertIn("a weight of its own now", done.message)
            self.assertLess(json.loads(done.text)["mean_kl"], 1e-6, name)
            self.assertIn("output.weight", self.succeeds("models", "inspect", out, "--tensors").text)
            # llama.cpp has nothing to put it on.
            self.fails(e2e.UNSUPPORTED, "tune", "export", base, folder, self.folder / "x.gguf", names="merge the adapter instead")
            self.succeeds("tune", "export", base, folder, self.folder / f"{name}-again")
            again = self.folder / f"{name}-again"
            self.assertEqual(self.logits(base, "--adapter", again), self.logits(base, "--adapter", folder))

    def test_a_folder(self):
        base = e2e.SHARED / "oracle" / "training" / "base-hf"
        if not base.exists():
            self.skipTest(f"no {base}")
        config = json.loads((base / "config.json").read_text())
        vocab, width = config["vocab_size"], config["hidden_size"]
        tied = self.folder / "tied"
        shutil.copytree(base, tied)
        (tied / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
        folder = self.ends("lora", tensors=end_tensors(vocab, width, RANK))
        for number, model in enumerate((base, tied)):
            out = self.folder / f"merged-{number}"
            got = json.loads(self.succeeds("tune", "merge", model, folder, out, "--json").text)
            self.assertLess(got["mean_kl"], 1e-3)  # its type is kept
            self.assertFalse(json.loads((out / "config.json").read_text()).get("tie_word_embeddings", False))
            self.succeeds("tune", "merge", model, folder, self.folder / f"merged-{number}.gguf", "--type", "f32")

    def test_trained(self):
        self.put("d.jsonl", texts(30))
        model = self.folder / "base.gguf"
        self.succeeds("models", "synth", "--shape", "tiny-llama", "--type", "q4_k_m", model)
        keys = {"lora_target_modules": ["q_proj", *ENDS], "lora_dropout": 0.1}
        path = self.put("r.yaml", recipe(model, **keys))
        planned = json.loads(self.succeeds("tune", "plan", path, "--no-measure", "--json").text)["parameters"]
        ended = self.succeeds("tune", "start", path)
        self.assertIn("finished: ", ended.text)
        out = self.folder / "out"
        self.assertEqual(json.loads(self.succeeds("models", "inspect", out, "--json").text)["parameters"], planned)
        said = json.loads((out / "adapter_config.json").read_text())
        self.assertEqual(said["target_modules"], ["q_proj", *ENDS])
        self.assertIn(b"lora_embedding_A", adapter(out))
        text = self.put("t.txt", "the dog sat on the mat and then ran home")
        before, after = (json.loads(self.succeeds("inspect", "perplexity", model, text, "--json", *more).text)["perplexity"]
                         for more in ((), ("--adapter", out)))
        self.assertLess(after, before / 2)
        # Twice the same bytes, whatever the threads; and goes on from where it was.
        self.put("r.yaml", recipe(model, output_dir="again", **keys))
        self.succeeds("tune", "start", path, "--threads", "1")
        self.assertEqual(adapter(self.folder / "again"), adapter(out))
        self.put("r.yaml", recipe(model, output_dir="more", lora_model_dir="out", max_steps=2))
        self.succeeds("tune", "start", path)

    def test_refused(self):
        tensors = end_tensors(self.vocab, WIDTH, RANK)
        nan = end_tensors(self.vocab, WIDTH, RANK)
        nan[EMBEDDING + ".lora_embedding_A"][1][5] = float("nan")
        small = end_tensors(self.vocab - 1, WIDTH, RANK)
        half = {k: v for k, v in tensors.items() if not k.endswith("lora_embedding_B")}
        some = {**tensors_of(1, RANK, ["q_proj"]), **tensors}
        for number, (code, names, folder) in enumerate((
                (e2e.CORRUPT, "embed_tokens.lora_embedding_A': an infinity or NaN", lambda n: self.ends(n, tensors=nan)),
                (e2e.CORRUPT, "does not fit", lambda n: self.ends(n, tensors=small)),
                (e2e.CORRUPT, "embed_tokens' is incomplete", lambda n: self.ends(n, tensors=half)),
                (e2e.CORRUPT, "'base_model.model.lm_head' is missing", lambda n: self.ends(n, tensors=end_tensors(self.vocab, WIDTH, RANK, targets=["embed_tokens"]))),
                (e2e.UNSUPPORTED, "DoRA on the embedding", lambda n: self.ends(n, use_dora=True)),
                (e2e.UNSUPPORTED, "modules_to_save", lambda n: self.ends(n, modules_to_save=["lm_head"])),
                (e2e.UNSUPPORTED, "ensure_weight_tying", lambda n: self.ends(n, ensure_weight_tying=True)),
                (e2e.UNSUPPORTED, "belongs to no layer",
                 lambda n: self.ends(n, ["q_proj", *ENDS], some, layers_to_transform=[0])),
        )):
            with self.subTest(names):
                self.fails(code, "run", self.model, "hello", "--adapter", folder(f"bad-{number}"), names=names)
        self.put("d.jsonl", texts(4))
        for names, keys in (("lora_modules_to_save", {"lora_modules_to_save": ["lm_head"]}),
                            ("PEFT would leave them out", {"lora_target_modules": ["lm_head"], "peft_layers_to_transform": [0]}),
                            ("embed_tokens in 'lora_target_modules'", {"lora_target_modules": ["embed_tokens"], "peft_use_dora": True})):
            self.fails(e2e.UNSUPPORTED, "tune", "plan", self.put("r.yaml", recipe(self.model, **keys)), names=names)


if __name__ == "__main__":
    e2e.main()
