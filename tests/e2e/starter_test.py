"""The model that the program carries in itself: it answers on a machine that has nothing, wherever a model is named."""

import hashlib
import json

import e2e
from serving import Server

WEIGHTS = e2e.SOURCE / "models" / "starter.gguf"


class Starter(e2e.Case):
    def setUp(self):
        super().setUp()
        if not WEIGHTS.exists():
            self.skipTest(f"no {WEIGHTS}: this build has no starter")

    def test_answers_without_a_model(self):
        ended = self.succeeds("run", "--max-tokens", 30, "--seed", 1, stdin=b"Tell me a story.", env={"FREEHOLD_HOME": str(self.folder / "nothing")})
        self.assertIn("built-in starter model", ended.message)
        self.assertTrue(ended.text.strip())
        self.assertFalse((self.folder / "nothing").exists(), "nothing is written")

    def test_is_the_file_in_the_repository(self):
        question = ("Hello!", "--temperature", 0, "--max-tokens", 20, "--json")
        built_in = json.loads(self.succeeds("run", "starter", *question).text)
        self.assertIn("sha256:" + hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(), json.dumps(built_in))
        from_file = json.loads(self.succeeds("run", WEIGHTS, *question).text)
        self.assertEqual(built_in["text"], from_file["text"])

    def test_is_listed_and_looked_into(self):
        self.assertEqual(json.loads(self.succeeds("models", "list", "--json").text)["built_in"], ["starter"])
        self.assertIn("built in: starter", self.succeeds("models", "list").message)
        self.assertTrue(json.loads(self.succeeds("models", "inspect", "starter", "--json").text)["built_in"])
        self.assertIn("is sound", self.succeeds("models", "verify", "starter").message)
        self.succeeds("tokenize", "starter", "Once upon a time")
        self.fails(e2e.NOT_FOUND, "run", "starters", "x", names="starters")
        self.fails(e2e.NOT_FOUND, "run", "starter:big", "x", names="starter:big")

    def test_has_a_label_once_it_is_in_the_store(self):
        said = self.fails(e2e.USAGE, "models", "label", "starter", "internal", names="the built-in starter is not in the store")
        self.assertIn("freehold models import starter", said.message)
        self.succeeds("models", "import", "starter")
        self.assertIn("ceiling internal", self.succeeds("models", "label", "starter", "internal").text)

    def test_comes_into_the_store(self):
        self.fails(e2e.NOT_FOUND, "models", "alias", "bot", "=", "starter", names="models import starter")
        self.succeeds("models", "import", "starter")
        self.succeeds("models", "alias", "bot", "=", "starter")
        self.assertEqual(self.succeeds("run", "bot", "Hello!", "--max-tokens", 4, "--temperature", 0).text,
                         self.succeeds("run", "starter", "Hello!", "--max-tokens", 4, "--temperature", 0).text)

    def test_what_is_in_the_store_comes_first(self):
        other = self.folder / "other.gguf"
        self.succeeds("models", "synth", "--shape", "tiny-llama", other)
        self.succeeds("models", "import", other, "--name", "starter")
        self.assertFalse(json.loads(self.succeeds("models", "inspect", "starter", "--json").text)["built_in"])

    def test_is_served(self):
        with Server("starter") as server:
            status, _, body = server.post("/v1/chat/completions", {"model": "starter", "max_tokens": 8, "messages": [{"role": "user", "content": "Hello!"}]})
            self.assertEqual(status, 200, body)
            self.assertTrue(json.loads(body)["choices"][0]["message"]["content"])

    def test_is_named_where_there_is_nothing_to_serve(self):
        process = e2e.start("serve", "--port", "0", "--no-keys", home=self.home)
        try:
            self.assertIn("freehold serve starter", process.stdout.readline().decode())
        finally:
            process.kill()
            process.communicate()

    def test_is_a_base_to_tune(self):
        self.put("d.jsonl", "".join(json.dumps({"messages": [{"role": "user", "content": f"Say {i}"}, {"role": "assistant", "content": str(i)}]}) + "\n" for i in range(8)))
        keys = {"base_model": "starter", "learning_rate": 1e-3, "num_epochs": 1, "sequence_len": 128, "datasets": [{"path": "d.jsonl", "type": "chat_template"}]}
        path = self.put("r.yaml", "".join(f"{k}: {json.dumps(v)}\n" for k, v in {**keys, "output_dir": "all"}.items()))
        self.succeeds("tune", "start", path)
        self.succeeds("run", self.folder / "all" / "model.gguf", "Say 3", "--max-tokens", 4)
        self.put("r.yaml", "".join(f"{k}: {json.dumps(v)}\n" for k, v in {**keys, "output_dir": "lora", "adapter": "lora"}.items()))
        self.succeeds("tune", "start", path)
        self.succeeds("run", "starter", "Say 3", "--max-tokens", 4, "--adapter", self.folder / "lora")
        self.succeeds("tune", "merge", "starter", self.folder / "lora", self.folder / "merged.gguf", "--type", "f16")


if __name__ == "__main__":
    e2e.main()
