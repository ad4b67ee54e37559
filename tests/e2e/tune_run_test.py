"""`freehold tune start`, `resume`, `status`, `stop`: from a recipe to a result and a card that says where it comes from."""

import hashlib
import json
import resource
import shutil
import signal
import time

import e2e
from tuning import adapter, measured, recipe, texts


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Runs(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.synth("tiny-llama", "q8_0")
        self.put("d.jsonl", texts(40))
        self.out = self.folder / "out"

    def synth(self, shape, kind):
        path = self.folder / f"{shape}-{kind}.gguf"
        self.succeeds("models", "synth", "--shape", shape, "--type", kind, path)
        return path

    def recipe(self, model=None, **keys):
        return self.put("r.yaml", recipe(model or self.model, **keys))

    def status(self):
        return json.loads(self.succeeds("tune", "status", self.folder / "r.yaml", "--json").text)

    def test_from_start_to_result(self):
        path = self.recipe(save_steps=5, sample_packing=True)
        ended = self.succeeds("tune", "start", path)
        for part in ("36 examples to learn from, 4 held out", "memory: weights", "tokens/s, measured", "finished: "):
            self.assertIn(part, ended.text)
        self.assertIn("evaluated after step", ended.message)
        lines = [json.loads(line) for line in measured(self.out)]
        losses = [line["loss"] for line in lines if "loss" in line]
        self.assertLess(losses[-1], losses[0] - 0.5)
        card = json.loads((self.out / "provenance.json").read_text())
        self.assertEqual(card["data"][0]["sha256"], sha256((self.folder / "d.jsonl").read_bytes()))
        self.assertEqual(card["base_model"]["weights"], ["sha256:" + sha256(self.model.read_bytes())])
        self.assertEqual(card["recipe"], {"sha256": sha256(path.read_bytes()), "text": path.read_text()})
        self.assertEqual({f["name"]: f["sha256"] for f in card["files"]}["adapter_model.safetensors"], sha256(adapter(self.out)))
        self.assertEqual(card["loss"]["last"], losses[-1])
        self.assertEqual(card["versions"]["numerics"], 1)
        self.assertIn(sha256(adapter(self.out)), (self.out / "provenance.md").read_text())
        text = self.succeeds("tune", "status", path).text
        self.assertIn("finished", text)
        self.assertIn("◆", text)
        self.assertIn("finished", self.succeeds("tune", "status", self.out).text)
        self.fails(e2e.USAGE, "tune", "start", path, names="already (finished)")
        self.assertIn("is finished", self.succeeds("tune", "resume", path).message)
        self.assertIn("finished", self.succeeds("tune", "stop", path).message)

    def test_threads_and_runs_give_the_same_bytes(self):
        results = []
        for number, threads in enumerate((1, 2, 2)):
            self.recipe(output_dir=f"out{number}", lora_dropout=0.1, lora_r=16, optimizer="adamw_bnb_8bit")
            self.succeeds("tune", "start", self.folder / "r.yaml", "--threads", threads)
            out = self.folder / f"out{number}"
            results.append((adapter(out), measured(out)))
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[1], results[2])

    def test_stopped_and_resumed(self):
        path = self.recipe(num_epochs=400)
        process = e2e.start("tune", "start", path, home=self.home)
        deadline = time.monotonic() + 60
        while not (self.out / "metrics.jsonl").exists() or (self.out / "metrics.jsonl").stat().st_size < 2000:
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        self.assertEqual((self.status()["status"], self.status()["process"]), ("running", process.pid))
        self.fails(e2e.USAGE, "tune", "start", path, names="being run")
        self.fails(e2e.USAGE, "tune", "resume", path, names=f"process {process.pid}")
        self.assertIn("stopped after step", self.succeeds("tune", "stop", path).text)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn(b"tune resume", said)
        self.assertEqual(self.status()["status"], "stopped")
        stopped = self.status()["step"]
        self.put("d.jsonl", texts(40, seed=2))
        self.fails(e2e.USAGE, "tune", "resume", path, names="the data, the model or the rules for personal data have changed")
        self.put("d.jsonl", texts(40))
        kept = path.read_bytes()
        self.recipe(num_epochs=401)
        self.fails(e2e.USAGE, "tune", "resume", path, names="the recipe has changed")
        path.write_bytes(kept)
        process = e2e.start("tune", "resume", path, home=self.home)
        while self.status()["step"] <= stopped:
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        steps = [json.loads(line)["step"] for line in measured(self.out) if "eval_loss" not in line]
        self.assertEqual(steps, list(range(1, len(steps) + 1)), "no step is missing, none is there twice")

    def test_snapshot(self):
        """What a stopped run has learned so far is what it would have been with so many steps."""
        keys = {"adapter": None, "lora_r": None, "lr_scheduler": "constant", "save_steps": 4, "learning_rate": 1e-3}
        path = self.recipe(**keys, num_epochs=400)
        self.fails(e2e.NOT_FOUND, "tune", "snapshot", path, self.folder / "so-far", names="there is no run")
        process = e2e.start("tune", "start", path, home=self.home)
        deadline = time.monotonic() + 60
        while not list((self.out / "checkpoints").glob("*.state")):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        self.succeeds("tune", "snapshot", path, self.folder / "running")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        metrics = (self.out / "metrics.jsonl").read_bytes()
        text = self.succeeds("tune", "snapshot", path, self.folder / "so-far").text
        step = self.status()["step"]
        self.assertIn(f"until step {step} of", text)
        self.assertEqual((self.out / "metrics.jsonl").read_bytes(), metrics)
        self.assertEqual([p.name for p in (self.folder / "so-far").iterdir()], ["model.gguf"])
        self.fails(e2e.USAGE, "tune", "snapshot", path, self.folder / "so-far", names="has a file 'model.gguf' already")
        self.recipe(**keys, max_steps=step, output_dir="to-here")
        self.succeeds("tune", "start", self.folder / "r.yaml")
        self.assertEqual((self.folder / "to-here" / "model.gguf").read_bytes(), (self.folder / "so-far" / "model.gguf").read_bytes())

    def test_all_weights(self):
        path = self.recipe(adapter=None, lora_r=None, learning_rate=1e-3, optimizer="adamw_torch", lr_scheduler="constant_with_warmup",
                           warmup_steps=2)
        self.succeeds("tune", "start", path)
        trained = self.out / "model.gguf"
        self.assertIn("F32", self.succeeds("models", "inspect", trained).text)
        before, after = (json.loads(self.succeeds("inspect", "perplexity", model, self.put("t.txt", "the dog sat on the mat and then ran home"),
                                                  "--json").text) for model in (self.model, trained))
        self.assertLess(after["perplexity"], before["perplexity"] / 2)

    def test_all_weights_of_a_folder(self):
        base = e2e.SHARED / "oracle" / "training" / "base-hf"
        if not base.exists():
            self.skipTest(f"no {base}")
        path = self.recipe(base, adapter=None, lora_r=None, sequence_len=512)
        self.succeeds("tune", "start", path)
        self.assertEqual(json.loads((self.out / "config.json").read_text())["torch_dtype"], "float32")
        self.assertEqual((self.out / "tokenizer.json").read_bytes(), (base / "tokenizer.json").read_bytes())
        text = self.put("t.txt", "the dog sat on the mat and then ran home")
        before, after = (json.loads(self.succeeds("inspect", "perplexity", model, text, "--json").text) for model in (base, self.out))
        self.assertLess(after["perplexity"], before["perplexity"] / 2)

    def test_going_on_with_an_adapter(self):
        self.recipe()
        self.succeeds("tune", "start", self.folder / "r.yaml")
        last = [json.loads(line)["loss"] for line in measured(self.out) if "eval_loss" not in line][-1]
        self.recipe(lora_model_dir="out", output_dir="more", learning_rate=1e-4)
        self.succeeds("tune", "start", self.folder / "r.yaml")
        first = json.loads(measured(self.folder / "more")[0])["loss"]
        self.assertLess(abs(first - last), 0.7)
        self.assertRegex(json.loads((self.folder / "more" / "provenance.json").read_text())["base_model"]["adapter"], "^sha256:")

    def test_four_bits(self):
        self.recipe(self.synth("tiny-qwen3", "f32"), adapter="qlora", load_in_4bit=True)
        self.assertIn("meets other weights", self.succeeds("tune", "start", self.folder / "r.yaml").text)
        self.recipe(adapter="qlora", load_in_4bit=True, output_dir="other")
        self.fails(e2e.UNSUPPORTED, "tune", "start", self.folder / "r.yaml", names="Q8_0 already")

    def test_four_bits_that_are_kept(self):
        """What is trained on in memory and what is kept to be served are the same bytes."""
        floats, kept, theirs = e2e.SHARED / "oracle" / "training" / "base-hf", self.folder / "kept", self.folder / "theirs"
        if not floats.exists():
            self.skipTest(f"no {floats}")
        shutil.copytree(floats.parent / "base-nf4", theirs)
        shutil.copy(floats / "tokenizer.json", theirs)
        said = self.succeeds("models", "quantize", floats, kept, "--type", "nf4")
        self.assertIn("NF4, the others as they were", said.message)
        self.assertEqual(sorted(p.name for p in kept.glob(".*")), [])
        self.assertLess((kept / "model.safetensors").stat().st_size, (floats / "model.safetensors").stat().st_size)
        self.assertIn("nf4", self.succeeds("models", "inspect", kept).text.lower())
        text = self.put("t.txt", "the dog sat on the mat and then ran home")
        ours, reference = (json.loads(self.succeeds("inspect", "perplexity", model, text, "--json").text)["perplexity"] for model in (kept, theirs))
        self.assertAlmostEqual(ours / reference, 1, 3)  # theirs has the embedding and the output in F32
        results = []
        for base, four in ((floats, True), (kept, None)):
            self.recipe(base, adapter="qlora", load_in_4bit=four, output_dir=f"from-{base.name}")
            text = self.succeeds("tune", "start", self.folder / "r.yaml").text
            self.assertEqual("meets other weights" in text, bool(four))
            results.append((adapter(self.folder / f"from-{base.name}"), measured(self.folder / f"from-{base.name}")))
        self.assertEqual(*results)
        self.succeeds("run", kept, "the", "--raw", "--max-tokens", "3", "--adapter", self.folder / "from-kept")
        self.fails(e2e.USAGE, "models", "quantize", floats, kept, "--type", "nf4", names="kept is there already")
        self.fails(e2e.USAGE, "models", "quantize", floats, "--name", "four:bits", "--type", "nf4", names="say OUT, and not --name")
        self.fails(e2e.USAGE, "models", "quantize", kept, self.folder / "again", "--type", "nf4", names="is NF4 already")
        self.fails(e2e.UNSUPPORTED, "models", "quantize", self.model, self.folder / "again", "--type", "nf4", names="MODEL is a GGUF")
        self.fails(e2e.USAGE, "models", "quantize", floats, self.folder / "again", "--type", "nf4", "--force", names="--force is not for nf4")
        # Beside other weights, under a path with a slash behind it, sealed.
        shutil.copytree(floats, self.folder / "both")
        (self.folder / "both" / "pytorch_model.bin").write_bytes(b"weights")
        said = self.succeeds("models", "quantize", self.folder / "both", f"{self.folder}/slash/", "--type", "nf4", "--sealed", env=e2e.SEALED)
        self.assertIn("pytorch_model.bin is not taken over", said.message)
        self.assertEqual((self.folder / "slash" / "model.safetensors").read_bytes(), (kept / "model.safetensors").read_bytes())
        self.assertFalse((self.folder / "slash" / "pytorch_model.bin").exists())
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith((".quantizing", "again"))], [])

    def test_preferences(self):
        rows = [{"messages": [{"role": "user", "content": f"say {i}"}], "chosen": "the dog", "rejected": "a cat ran"} for i in range(12)]
        self.put("d.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        path = self.recipe(self.synth("tiny-qwen3", "f16"), rl="dpo", datasets=[{"path": "d.jsonl", "type": "chat_template.default"}],
                           num_epochs=6, val_set_size=2)
        self.succeeds("tune", "start", path)
        lines = [json.loads(line) for line in measured(self.out)]
        losses = [line["loss"] for line in lines if "loss" in line]
        self.assertAlmostEqual(losses[0], 0.6931, 3)
        self.assertLess(losses[-1], 0.6)
        self.assertEqual([line["accuracy"] for line in lines if "eval_loss" in line][-1], 1)

    def test_what_goes_wrong_keeps_the_last_good_checkpoint(self):
        self.fails(e2e.USAGE, "tune", "start", self.recipe(learning_rate=1e30), names="learning_rate")
        path = self.recipe(learning_rate=10, max_grad_norm=0, num_epochs=50, save_steps=1, warmup_steps=3)
        kept = path.read_bytes()
        ended = self.run_freehold("tune", "start", path)  # its message stands behind the lines of progress
        self.assertEqual(ended.code, e2e.CORRUPT, ended.message)
        self.assertRegex(ended.message.splitlines()[-1], "hint: what it had learned .*/last-good$")
        self.assertEqual(self.status()["status"], "diverged")
        self.assertFalse((self.out / "adapter_model.safetensors").exists())
        self.assertGreater(len(list((self.out / "checkpoints").iterdir())), 0)
        self.recipe(lora_model_dir="out/last-good", output_dir="again", max_steps=3, learning_rate=1e-4)
        self.succeeds("tune", "start", self.folder / "r.yaml")
        path.write_bytes(kept)
        self.fails(e2e.USAGE, "tune", "resume", path, names="diverged")

    def test_what_cannot_fit_is_refused(self):
        if e2e.SANITIZED:
            self.skipTest("a sanitizer needs more addresses than the limit leaves")
        self.put("d.jsonl", texts(400, longest=100))
        path = self.recipe(micro_batch_size=300, sequence_len=512)
        limit = 700 << 20
        limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))}
        for command in ("plan", "start"):
            ended = self.fails(e2e.EXHAUSTED, "tune", command, path, names="not enough memory", **limited)
            self.assertIn("a smaller micro_batch_size", ended.message)
        self.assertFalse(self.out.exists())

    def test_nothing_of_others_is_overwritten(self):
        path = self.recipe()
        self.put("out/adapter_model.safetensors", "precious")
        self.fails(e2e.USAGE, "tune", "start", path, names="adapter_model.safetensors")
        self.assertEqual(adapter(self.out), b"precious")
        for command in ("status", "resume", "stop"):
            self.fails(e2e.NOT_FOUND, "tune", command, path, names="no run")

    def test_hostile_data_fails_before_anything_runs(self):
        for content in ("", "{}\n", '{"text":""}\n', '{"text":5', "\xff\n", "x" * 10_000_000):
            self.put("d.jsonl", content.encode("latin-1"))
            ended = self.run_freehold("tune", "start", self.recipe())
            self.assertIn(ended.code, (e2e.USAGE, e2e.CORRUPT), ended.message)
            self.check_message(ended, content[:20])
            self.assertFalse(self.out.exists())


if __name__ == "__main__":
    e2e.main()
