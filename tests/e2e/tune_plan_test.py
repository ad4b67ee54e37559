"""`freehold tune plan`: a recipe is checked key by key, the data is read and shown, and nothing is cut silently."""

import json

import e2e


class Plan(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "m.gguf"
        self.succeeds("models", "synth", "--shape", "tiny-qwen3", "--type", "f32", self.model)

    def rows(self, *answers):
        return "".join(json.dumps({"messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": a}]}) + "\n"
                       for a in answers)

    def recipe(self, more=""):
        return self.put("r.yaml", "base_model: " + str(self.model) + "\nlearning_rate: 2e-4\nadapter: lora\nflash_attention: true\n"
                        "datasets:\n  - path: d.jsonl\n    type: chat_template\n" + more)

    def test_the_answers_are_what_is_learned(self):
        self.put("d.jsonl", self.rows("the first", "a second", "some third"))
        text = self.succeeds("tune", "plan", self.recipe("val_set_size: 1\n")).text
        self.assertIn("2 examples to learn from, 1 held out", text)
        self.assertRegex(text, r"\[\[(the first|a second|some third)<\|im_end\|>\]\]")
        self.assertNotRegex(text, r"\[\[[^\]]*Which")
        self.assertRegex(text, r"flash_attention +attention is exact")
        facts = json.loads(self.succeeds("tune", "plan", self.recipe(), "--json").text)
        self.assertEqual(facts["train_examples"], 3)
        self.assertEqual(facts["sources"][0]["rows"], 3)
        self.assertRegex(facts["sources"][0]["sha256"], "^[0-9a-f]{64}$")
        self.assertGreater(facts["sources"][0]["learned_tokens"], 3)

    def test_what_it_costs(self):
        self.put("d.jsonl", self.rows("the first", "a second"))
        cost = lambda *more: json.loads(self.succeeds("tune", "plan", self.recipe(), "--json", *more).text)["cost"]
        here, vendors = (cost("--watts", "200", "--kwh-price", "0.40")[k] for k in ("here", "vendors"))
        self.assertEqual((here["watts"], here["usd_per_kwh"]), (200, "0.40"))
        self.assertAlmostEqual(float(here["usd"]), here["kwh"] * 0.4, places=9)
        self.assertGreater(here["kwh"], 0)
        self.assertTrue(all(v["source"] and float(v["usd"]) > 0 for v in vendors), vendors)
        self.assertIsNone(cost()["here"])
        self.assertIsNone(cost("--no-measure", "--watts", "200", "--kwh-price", "0.40")["here"])
        text = self.succeeds("tune", "plan", self.recipe(), "--watts", "200", "--kwh-price", "0.40").text
        self.assertRegex(text, r"cost:   USD \S+ here: .* at 200 W .*\n.*what vendors charge")
        self.fails(e2e.USAGE, "tune", "plan", self.recipe(), "--watts", "200", names="--kwh-price")
        self.fails(e2e.USAGE, "tune", "plan", self.recipe(), "--watts", "200", "--kwh-price", "cheap", names="--kwh-price")

    def test_what_is_too_long_is_refused_unless_allowed_by_name(self):
        self.put("d.jsonl", self.rows("short", "long " * 200))
        ended = self.fails(e2e.USAGE, "tune", "plan", self.recipe("sequence_len: 128\n"), names="d.jsonl line 2")
        self.assertIn("1 of 2 examples are longer than sequence_len 128", ended.message)
        self.assertIn("1 too long", ended.text)
        self.assertIn("1 dropped", self.succeeds("tune", "plan", self.recipe("sequence_len: 128\nexcess_length_strategy: drop\n")).text)
        self.assertIn("1 cut", self.succeeds("tune", "plan", self.recipe("sequence_len: 128\nexcess_length_strategy: truncate\n")).text)

    def test_every_wrong_key_is_named_with_its_line(self):
        self.put("d.jsonl", self.rows("a"))
        ended = self.fails(e2e.USAGE, "tune", "plan", self.recipe("lora_rnk: 8\ndeepspeed: z.json\n"), names="2 things are wrong")
        self.assertIn("line 8: 'lora_rnk' is not known", ended.message)
        self.assertIn("line 9: 'deepspeed' is not supported", ended.message)
        self.fails(e2e.UNSUPPORTED, "tune", "plan", self.recipe("wandb_project: mine\n"), names="nothing leaves this machine")

    def test_hostile_data(self):
        for content, code, name in (("", e2e.USAGE, "no rows"), ("{}\n", e2e.USAGE, "there is no list 'messages'"),
                                    ('{"messages":[]}\n', e2e.USAGE, "empty"), ("\xff\n", e2e.CORRUPT, "line 1"),
                                    ('{"messages":[{"role":"user","content":"x"}]}\n', e2e.USAGE, "nothing to learn"),
                                    (self.rows("a") + "{", e2e.CORRUPT, "line 2"), ("x" * 10_000_000, e2e.CORRUPT, "line 1")):
            self.put("d.jsonl", content.encode("latin-1"))
            self.fails(code, "tune", "plan", self.recipe(), names=name)
        (self.folder / "d.jsonl").unlink()
        self.fails(e2e.NOT_FOUND, "tune", "plan", self.recipe(), names="d.jsonl")


if __name__ == "__main__":
    e2e.main()
