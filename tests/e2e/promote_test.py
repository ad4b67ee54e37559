#!/usr/bin/env python3
"""models promote: a name moves to a model that passes its gate, and to no other; rollback is one command, and undoes itself."""

import json
import pathlib
import random
import shutil

import e2e
import tiny
from eval_test import best, text

TASK = """
version: 1
tasks:
  - name: own
    kind: choice
    data: {{file: {data}, format: jsonl}}
    prompt: "{{q}}"
    choices:
      - {{list: choices}}
    right: {{index: gold}}
    metrics: [acc]
"""


class Promote(e2e.Case):
    def setUp(self):
        super().setUp()
        for name, seed in (("good", 5), ("bad", 6)):
            self.succeeds("models", "import", self.put(f"{name}.gguf", tiny.Gguf(seed=seed).write()), "--name", f"{name}:1")
        draw = random.Random(1)
        rows = [{"q": text(draw, 3), "choices": [text(draw, 2) for _ in range(3)], "gold": 0} for _ in range(60)]
        data = self.put("own.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        self.task = self.put("own.yaml", TASK.format(data=data))
        items = self.folder / "items.jsonl"
        self.succeeds("eval", self.task, "-m", "good:1", "--items", items)
        for row, line in zip(rows, items.read_text().splitlines()):  # what the good model says is right
            row["gold"] = best(json.loads(line)["logprobs"])
        self.put("own.jsonl", "".join(json.dumps(r) + "\n" for r in rows))

    def gate(self, more=""):
        return self.put("gate.yaml", f"version: 1\ntasks: [{self.task}]\ntolerance: 1\n{more}")

    def leads_to(self, name):
        listed = json.loads(self.succeeds("models", "list", "--json").text)
        entries = listed["models"] if isinstance(listed, dict) else listed
        return {e["name"]: e["id"] if "id" in e else e["digest"] for e in entries}.get(name)

    def lead(self, to, name):
        """A name that only a promotion makes, as it does."""
        of, at = (self.home / "models" / n.replace(":", "/") for n in (to, name))
        shutil.copy(f"{of}.json", f"{at}.json")

    def recorded(self, start, to):
        """The line of a move of bot:prod that was killed later."""
        line = {"action": "promote", "name": "bot:prod", "from": self.leads_to(start), "to": self.leads_to(to), "passed": True}
        with open(self.home / "promotions.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    def evidence(self):
        return [json.loads(line) for line in (self.home / "promotions.jsonl").read_text().splitlines()]

    def test_a_worse_model_is_refused_and_a_better_one_moves_the_name(self):
        self.succeeds("models", "alias", "good:1", "bot:prod")
        good, bad = self.leads_to("good:1"), self.leads_to("bad:1")
        self.assertNotEqual(good, bad)
        refused = self.run_freehold("models", "promote", "bot:prod", "--to", "bad:1", "--gate", self.gate())
        self.assertEqual(refused.code, e2e.USAGE, refused.message)
        self.assertIn("is not passed", refused.message)
        self.assertIn("FAILED  own", refused.text)
        self.assertEqual(self.leads_to("bot:prod"), good)
        self.assertFalse(self.evidence()[-1]["passed"])

        self.succeeds("models", "alias", "bad:1", "bot:prod", "--force")
        moved = self.succeeds("models", "promote", "bot:prod", "--to", "good:1", "--gate", self.gate("least: {own: 99}\n"))
        self.assertIn("passed  own", moved.text)
        self.assertEqual(self.leads_to("bot:prod"), good)
        self.assertTrue(self.evidence()[-1]["passed"])
        self.assertEqual(len(self.evidence()[-1]["identities"]), 2)
        self.assertEqual([self.evidence()[-1][key] for key in ("method", "fit")], ["likelihood", "refuse"])

        self.succeeds("models", "rm", "bad:1")  # its other name goes; rollback must not need it
        said = self.succeeds("models", "rollback", "bot:prod")
        self.assertIn("method likelihood, fit refuse", said.message)
        self.assertEqual(self.evidence()[-1]["undoes"]["gate_sha256"], self.evidence()[1]["gate_sha256"])
        self.assertEqual(self.leads_to("bot:prod"), bad)
        self.succeeds("models", "rollback", "bot:prod")
        self.assertIsNone(self.evidence()[-1]["undoes"], "nothing promoted the name to that one")
        self.assertEqual(self.leads_to("bot:prod"), good)
        self.assertEqual([e["action"] for e in self.evidence()], ["promote", "promote", "rollback", "rollback"])

    def test_the_evidence_says_how_it_was_measured(self):
        self.succeeds("models", "alias", "bad:1", "bot:prod")
        long = pathlib.Path(self.task).read_text().replace("prompt: \"{q}\"", "prompt: \"{q}\"\n    shots: {count: 3}")
        gate = self.put("gate.yaml", f"version: 1\ntasks: [{self.put('long.yaml', long)}]\ntolerance: 100\n")
        self.succeeds("models", "promote", "bot:prod", "--to", "good:1", "--gate", gate, "--method", "both", "--fit", "cut", "--context", 12)
        said = self.evidence()[-1]
        self.assertEqual([said[key] for key in ("method", "fit", "context")], ["both", "cut", 12])
        task, = said["tasks"]
        self.assertEqual((task["metric"], task["shots"]), ("acc", 3))
        self.assertGreater(task["shortened_items"][0], 0)
        self.assertEqual(len(task["cut_items"]), 2)
        self.assertEqual(self.succeeds("models", "rollback", "bot:prod").message.count("method both, fit cut"), 1)

    def test_what_a_kill_left_is_settled_by_the_next_command(self):
        # The names as they are after each write of a promotion of bot:prod from good to bad, with the step back to other
        # (promotion.h); promotion_test.cpp kills there.
        self.succeeds("models", "import", self.put("other.gguf", tiny.Gguf(seed=7).write()), "--name", "other:1")
        good, bad, other = self.leads_to("good:1"), self.leads_to("bad:1"), self.leads_to("other:1")
        for now, pending, previous, moved in (("good:1", "good:1", "other:1", False), ("bad:1", "good:1", "other:1", True),
                                              ("bad:1", "good:1", "good:1", True)):
            self.succeeds("models", "alias", now, "bot:prod", "--force")
            for name, to in (("bot:prod.pending", pending), ("bot:prod.previous", previous)):
                self.lead(to, name)
            self.recorded("good:1", "bad:1")
            said = self.succeeds("models", "rollback", "bot:prod")
            self.assertIn("killed after it had" if moved else "killed before it had", said.message)
            self.assertEqual(self.leads_to("bot:prod"), good if moved else other)
            self.assertEqual(self.leads_to("bot:prod.previous"), bad if moved else good)
            self.assertIsNone(self.leads_to("bot:prod.pending"))
            self.assertEqual([line["what"] for line in self.evidence() if line["action"] == "recover"][-1], "moved" if moved else "not moved")
        # What an older version may have left: the step back leads nowhere else.
        self.lead("bot:prod", "bot:prod.previous")
        self.fails(e2e.NOT_FOUND, "models", "rollback", "bot:prod", names="nothing to go back to")
        # A promotion settles, too, and is then one of what the name leads to.
        self.succeeds("models", "alias", "bad:1", "bot:prod", "--force")
        for name, to in (("bot:prod.pending", "other:1"), ("bot:prod.previous", "good:1")):
            self.lead(to, name)
        self.recorded("other:1", "bad:1")
        self.succeeds("models", "promote", "bot:prod", "--to", "good:1", "--gate", self.gate())
        self.assertEqual([self.leads_to(f"bot:prod{tag}") for tag in ("", ".previous", ".pending")], [good, bad, None])

    def test_names_that_promotions_make_are_given_by_nobody_else(self):
        gguf = self.put("more.gguf", tiny.Gguf(seed=8).write())
        for ending in ("previous", "pending"):
            name = f"bot:prod.{ending}"
            self.fails(e2e.USAGE, "models", "alias", "good:1", name, names=name)
            self.fails(e2e.USAGE, "models", "import", gguf, "--name", name, names=name)
            self.fails(e2e.USAGE, "models", "promote", name, "--to", "good:1", "--gate", self.gate(), names=name)
        # One of an older version stays as it is, and stops a move.
        self.succeeds("models", "alias", "good:1", "bot:prod")
        self.lead("good:1", "bot:prod.previous")
        self.succeeds("models", "alias", "bad:1", "bot:prod", "--force")
        self.lead("good:1", "bot:prod.pending")
        self.fails(e2e.USAGE, "models", "rollback", "bot:prod", names="bot:prod.pending")
        self.assertEqual([self.leads_to(f"bot:prod{t}") for t in ("", ".pending")], [self.leads_to("bad:1"), self.leads_to("good:1")])
        self.succeeds("models", "rm", "bot:prod.pending")
        self.assertIsNone(self.leads_to("bot:prod.pending"))
        self.succeeds("models", "rollback", "bot:prod")

    def test_a_tag_that_leaves_no_room_is_refused_at_once(self):
        name = "bot:" + "x" * 92
        self.succeeds("models", "alias", "good:1", name)
        self.fails(e2e.USAGE, "models", "promote", name, "--to", "bad:1", "--gate", self.gate(), names="too long")
        self.assertEqual(self.leads_to(name), self.leads_to("good:1"))

    def test_a_new_name_needs_only_what_the_gate_demands(self):
        refused = self.run_freehold("models", "promote", "new:prod", "--to", "bad:1", "--gate", self.gate("least: {own: 99}\n"))
        self.assertEqual(refused.code, e2e.USAGE, refused.message)
        self.assertIsNone(self.leads_to("new:prod"))
        self.succeeds("models", "promote", "new:prod", "--to", "good:1", "--gate", self.gate("least: {own: 99}\n"))
        self.assertEqual(self.leads_to("new:prod"), self.leads_to("good:1"))
        self.fails(e2e.NOT_FOUND, "models", "rollback", "new:prod", names="never promoted")

    def test_the_interval_can_be_asked_for(self):
        self.succeeds("models", "alias", "good:1", "bot:prod")
        # A name that leads to the model already is left alone.
        said = self.succeeds("models", "promote", "bot:prod", "--to", "good:1", "--gate", self.gate("judge: interval\n"))
        self.assertIn("already", said.message)
        compared = json.loads(self.succeeds("eval", self.task, "-m", "good:1,bad:1", "--json").text)["comparisons"][0]
        # Between what is lost on these items and what may be lost at most.
        tolerance = -50 * (compared["difference"] + compared["interval"][0])
        self.assertLess(compared["interval"][0], compared["difference"])
        gate = f"version: 1\ntasks: [{self.task}]\ntolerance: {tolerance}\n"
        refused = self.run_freehold("models", "promote", "bot:prod", "--to", "bad:1", "--gate", self.put("i.yaml", gate + "judge: interval\n"))
        self.assertEqual(refused.code, e2e.USAGE, refused.message)
        self.assertEqual(self.leads_to("bot:prod"), self.leads_to("good:1"))
        self.succeeds("models", "promote", "bot:prod", "--to", "bad:1", "--gate", self.put("s.yaml", gate))
        self.assertEqual(self.leads_to("bot:prod"), self.leads_to("bad:1"))

    def groups(self, text):
        return self.put("groups.yaml", pathlib.Path(self.task).read_text() + "groups:\n" + text)

    def promote(self, gate, *more):
        return self.run_freehold("models", "promote", "bot:prod", "--to", "bad:1", "--gate", self.put("g.yaml", "version: 1\n" + gate), *more)

    def test_nothing_passes_unjudged(self):
        self.succeeds("models", "alias", "good:1", "bot:prod")
        task = self.groups("  - {name: gi, mean: items, members: [own]}\n  - {name: gm, mean: members, members: [own]}\n")
        refused = self.promote(f"tasks: [{task}]\ntolerance: 0\n")
        self.assertEqual(refused.code, e2e.USAGE, refused.message)
        for name in ("own", "gi", "gm"):
            self.assertIn(f"FAILED  {name}:", refused.text)
        for few in (1, 3):
            refused = self.promote(f"tasks: [{self.task}]\ntolerance: 60\njudge: interval\nlimit: {few}\n")
            self.assertEqual(refused.code, e2e.USAGE, refused.text)
        self.assertEqual(self.leads_to("bot:prod"), self.leads_to("good:1"))

    def test_slips_in_a_gate_and_its_groups_are_errors_before_anything_is_measured(self):
        self.succeeds("models", "alias", "good:1", "bot:prod")
        before = (self.home / "promotions.jsonl").exists()
        for gate, said in (("least: {owm: 99}", "did you mean own?"), ("tolerance: {defualt: 5}", "did you mean default?"),
                           ("tolerance: {default: 100, onw: 0}", "'onw'")):
            refused = self.promote(f"tasks: [{self.task}]\n{gate}\n")
            self.assertEqual((refused.code, refused.text), (e2e.USAGE, ""), refused.message)
            self.assertIn(said, refused.message)
        for group, said in (("members: [own, oen]", "did you mean own?"), ("members: [mine]", "'mine' contains itself"),
                            ("members: [own, other]}\n  - {name: other, members: [mine]", "'mine' contains itself, by way of 'other'")):
            task = self.groups("  - {name: mine, " + group + "}\n")
            refused = self.promote(f"tasks: [{task}]\ntolerance: 100\n")
            self.assertEqual((refused.code, refused.text), (e2e.USAGE, ""), refused.message)
            self.assertIn(said, refused.message)
            self.fails(e2e.USAGE, "eval", task, "-m", "good:1", names=said)
        for option in (["--limit", 1], ["--shots", 0], ["--seed", 3], ["--chat"]):
            refused = self.promote(f"tasks: [{self.task}]\ntolerance: 100\n", *option)
            self.assertEqual(refused.code, e2e.USAGE, refused.message)
            self.assertIn(f"{option[0]} is for the gate to say", refused.message)
        self.assertEqual(before, (self.home / "promotions.jsonl").exists())
        self.assertEqual(self.leads_to("bot:prod"), self.leads_to("good:1"))

    def test_what_is_wrong_is_said(self):
        self.succeeds("models", "alias", "good:1", "bot:prod")
        gate = self.put("broken.yaml", "version: 1\ntasks: [own]\ntolerence: 1\n")
        self.fails(e2e.USAGE, "models", "promote", "bot:prod", "--to", "bad:1", "--gate", gate, names="did you mean tolerance")
        self.fails(e2e.USAGE, "models", "promote", "bot:prod", "--to", self.folder / "bad.gguf", "--gate", self.gate(), names="import it first")
        self.fails(e2e.NOT_FOUND, "models", "promote", "bot:prod", "--to", "none:1", "--gate", self.gate(), names="none:1")


if __name__ == "__main__":
    e2e.main()
