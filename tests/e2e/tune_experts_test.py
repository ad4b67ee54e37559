"""Mixtures of experts: adapters on any of their layers and all weights are learned, and what was learned is served, exported and merged."""

import json
import shutil

import e2e
from tuning import adapter, measured, recipe, texts
from tuning_jobs_test import Tuning

FOLDER = e2e.SHARED / "oracle" / "models" / "mixtral-moe" / "hf"


class Experts(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.synth("tiny-mixtral", "q4_k_m")
        self.put("d.jsonl", texts(24))
        self.ids = self.put("ids.json", json.dumps(list(range(5, 60))))

    def synth(self, shape, kind):
        path = self.folder / f"{shape}-{kind}.gguf"
        self.succeeds("models", "synth", "--shape", shape, "--type", kind, path)
        return path

    def tune(self, model=None, out="out", threads=2, **keys):
        path = self.put("r.yaml", recipe(model or self.model, output_dir=out, num_epochs=1, **keys))
        self.succeeds("tune", "start", path, "--threads", threads)
        losses = [line["loss"] for line in map(json.loads, measured(self.folder / out)) if "loss" in line]
        self.assertLess(losses[-1], losses[0] - 0.5)
        return self.folder / out

    def refused(self, code, names, model=None, **keys):
        path = self.put("bad.yaml", recipe(model or self.model, output_dir="bad", **keys))
        self.fails(code, "tune", "start", path, names=names)
        self.assertFalse((self.folder / "bad").exists())

    def logits(self, model, *more):
        out = self.folder / "logits.f32"
        self.succeeds("inspect", "logits", model, "--ids", self.ids, "--out", out, *more)
        return out.read_bytes()

    def test_learned_served_exported_and_merged(self):
        one, two = (self.tune(out=f"out{threads}", threads=threads, lora_dropout=0.1, learning_rate=1e-2) for threads in (1, 2))
        self.assertEqual(adapter(one), adapter(two))
        self.assertEqual(measured(one), measured(two))
        targets = json.loads((one / "adapter_config.json").read_text())["target_modules"]
        self.assertEqual(sorted(targets), ["gate", "k_proj", "o_proj", "q_proj", "v_proj", "w1", "w2", "w3"])
        self.assertIn(b'"base_model.model.model.layers.1.block_sparse_moe.experts.3.w2.lora_B.weight"', adapter(one))
        expected = self.logits(self.model, "--adapter", one)
        self.assertNotEqual(expected, self.logits(self.model))
        self.assertEqual(expected, self.logits(self.model, "--adapter", one, "--threads", "2"))
        file, back = self.folder / "lora.gguf", self.folder / "back"
        self.succeeds("tune", "export", self.model, one, file)
        self.assertIn("ffn_down_exps, ffn_gate_exps, ffn_gate_inp, ffn_up_exps", self.succeeds("models", "inspect", file, "--on", self.model).text)
        self.assertEqual(self.logits(self.model, "--adapter", file), expected)
        self.succeeds("tune", "export", self.model, file, back)
        self.assertEqual(self.logits(self.model, "--adapter", back), expected)
        self.succeeds("models", "import", self.model, "--name", "base")
        for name, path in (("peft-lora", one), ("gguf-lora", file)):
            self.succeeds("models", "import", path, "--name", name)
            self.succeeds("models", "alias", f"bot:{name}", "=", "base", "+", name)
            self.assertEqual(self.logits(f"bot:{name}"), expected)
        merged = json.loads(self.succeeds("tune", "merge", self.model, one, self.folder / "merged.gguf", "--type", "f32", "--requantize", "--json").text)
        self.assertLess(merged["mean_kl"], 2e-3)

    def test_some_layers(self):
        for number, targets in enumerate((["q_proj", "v_proj"], ["w2", "gate"])):
            out = self.tune(out=f"out{number}", lora_target_modules=targets, learning_rate=5e-2)
            self.assertEqual(sorted(json.loads((out / "adapter_config.json").read_text())["target_modules"]), sorted(targets))
            got = json.loads(self.succeeds("tune", "merge", self.model, out, self.folder / f"{number}.gguf", "--type", "f32", "--requantize",
                                           "--json").text)
            self.assertLess(got["mean_kl"], 2e-3)

    def test_a_folder(self):
        if not FOLDER.exists():
            self.skipTest(f"no {FOLDER}")
        text = self.put("t.txt", "the dog sat on the mat and then ran home")
        keys = {"learning_rate": 5e-3, "optimizer": "adamw_torch", "warmup_steps": 1}
        out = self.tune(FOLDER, adapter=None, lora_r=None, **keys)
        before, after = (json.loads(self.succeeds("inspect", "perplexity", model, text, "--json").text)["perplexity"] for model in (FOLDER, out))
        self.assertLess(after, before / 2)
        four = self.tune(FOLDER, out="four", adapter="qlora", load_in_4bit=True, peft_use_dora=True, learning_rate=5e-2)
        self.assertIn(b"experts.0.w1.lora_magnitude_vector", adapter(four))
        self.succeeds("tune", "merge", FOLDER, four, self.folder / "merged", "--max-kl", "1")
        self.assertGreater((self.folder / "merged" / "model.safetensors").stat().st_size, 0)

    def test_a_job(self):
        with Tuning(self.model, self.folder / "home", "--threads", "2") as server:
            rows = [{"prompt": f"say {i}", "completion": " the dog sat on the mat"} for i in range(20)]
            job = server.over(server.job(rows, hyperparameters={"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 20}))
            self.assertEqual(job["status"], "succeeded", job)
            losses = [m["train_loss"] for m in server.metrics(job)]
            self.assertLess(losses[-1], losses[0] - 0.5)
            ask = {"prompt": "say 3", "max_tokens": 8, "temperature": 0}
            before, after = (server.good("POST", "/v1/completions", {"model": model, **ask})["choices"][0]["text"]
                             for model in ("m", job["fine_tuned_model"]))
            self.assertNotEqual(before, after)

    def test_planned(self):
        for targets, said in ((None, "q_proj, k_proj, v_proj, o_proj, w1, w3, w2, gate"), (["w2", "q_proj"], "q_proj, w2")):
            path = self.put("r.yaml", recipe(self.model, lora_target_modules=targets))
            text = self.succeeds("tune", "plan", path).text
            self.assertIn(f"experts: 2 of 4 take a token; adapters on {said} (w1, w2, w3: of every expert)", text)
        self.assertIn("experts: 2 of 4 take a token\n", self.succeeds("tune", "plan", self.put("r.yaml", recipe(self.model, adapter=None, lora_r=None))).text)

    def test_refused(self):
        dense = self.synth("tiny-llama", "q8_0")
        self.refused(e2e.USAGE, "'gate_proj' is none of the layers of", lora_target_modules=["q_proj", "gate_proj"])
        self.refused(e2e.USAGE, "'w1' is none of the layers of", dense, lora_target_modules=["w1"])
        if FOLDER.exists():
            for key, value, names in (("output_router_logits", True, "auxiliary loss"), ("router_jitter_noise", 0.1, "router_jitter_noise")):
                folder = self.folder / key
                shutil.copytree(FOLDER, folder)
                config = json.loads((folder / "config.json").read_text())
                (folder / "config.json").write_text(json.dumps({**config, key: value}))
                self.refused(e2e.UNSUPPORTED, names, folder)
        of_dense, of_experts = (self.tune(model, out=out, learning_rate=1e-2) for model, out in ((dense, "dense"), (self.model, "experts")))
        self.fails(e2e.UNSUPPORTED, "run", self.model, "x", "--adapter", of_dense, names="layers.0.mlp")
        self.fails(e2e.UNSUPPORTED, "run", dense, "x", "--adapter", of_experts, names="layers.0.block_sparse_moe")
        path = self.put("r.yaml", recipe(self.model, output_dir="more", lora_model_dir="dense"))
        self.fails(e2e.UNSUPPORTED, "tune", "start", path, names="layers.0.mlp")


if __name__ == "__main__":
    e2e.main()
