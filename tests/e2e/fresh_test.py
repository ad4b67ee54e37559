"""From text to a model that has learned nothing yet: `tokenizer train` and `models init`."""

import e2e


class Fresh(e2e.Case):
    def test_a_tokenizer_and_a_model_for_it(self):
        text = self.put("t.txt", "".join(f"The quick brown fox jumps over the lazy dog, number {i}.\n" for i in range(500)))
        tok = self.folder / "tok.model"
        self.assertIn("310 tokens", self.succeeds("tokenizer", "train", text, "--vocab-size", "310", "--chatml", "-o", tok).text)
        self.fails(e2e.USAGE, "tokenizer", "train", text, "-o", tok, names="exists already")
        shape = ("--tokenizer", tok, "--layers", "2", "--width", "64", "--head-size", "16", "--kv-heads", "2", "--tied")
        model, again = self.folder / "m.gguf", self.folder / "n.gguf"
        self.succeeds("models", "init", model, *shape, "--chat-template", "chatml")
        self.succeeds("models", "init", again, *shape, "--chat-template", "chatml")
        self.assertEqual(model.read_bytes(), again.read_bytes())
        other = self.folder / "o.gguf"
        self.succeeds("models", "init", other, *shape, "--chat-template", "chatml", "--seed", "1")
        self.assertNotEqual(model.read_bytes(), other.read_bytes())
        self.assertIn("can be run     yes", self.succeeds("inspect", model).text)
        self.assertTrue(self.succeeds("run", model, "The quick", "--max-tokens", "4", "--temperature", "0").out)
        self.assertIn("<|im_start|>", self.succeeds("inspect", "tokens", model, "--text", "<|im_start|>user").text)

    def test_shapes_that_cannot_be(self):
        text = self.put("t.txt", "some words and more of them\n" * 50)
        tok = self.folder / "tok.model"
        self.succeeds("tokenizer", "train", text, "--vocab-size", "300", "-o", tok)
        out = self.folder / "m.gguf"
        for more in (("--width", "100"), ("--heads", "5"), ("--kv-heads", "4"), ("--feed-forward", "33"), ("--head-size", "7")):
            self.fails(e2e.USAGE, "models", "init", out, "--tokenizer", tok, *more)
        self.fails(e2e.CORRUPT, "models", "init", out, "--tokenizer", text, names="t.txt")
        self.assertFalse(out.exists())


if __name__ == "__main__":
    e2e.main()
