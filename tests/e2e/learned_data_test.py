"""Personal data in what a model learns and in what `freehold run` asks, as the policy says: reported, taken out or refused, never silently;
and what may not go although somebody asks for it anew: evaluations that are held, and erasures nobody has confirmed."""

import json
import os
import pty
import re
import select
import signal

import e2e
from chat_model import ChatGguf
from evaluating import Tiny
from tiny import Gguf
from tuning import recipe
from tuning_jobs_test import Tuning

MAIL, CARD = "ann@example.org", "4111 1111 1111 1111"
SEEN = "masked=2 kinds=card,email"


class Policed(e2e.Case):
    def policy(self, *rules):
        self.home.mkdir(exist_ok=True)
        (self.home / "policy.yaml").write_text("version: 1\npersonal_data:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules))

    def log(self, kind):
        return [json.loads(line) for line in self.succeeds("audit", "query", "--json", "--kind", kind).text.splitlines()]


class Learned(Policed):
    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", Gguf().write())

    def data(self, mail=MAIL, card=CARD):
        self.put("d.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in (f"the cat sat {mail}", f"dog {card} ran", "a mat on the hill", "see the red dog")))

    def recipe(self, name="r.yaml", **keys):
        return self.put(name, recipe(self.model, val_set_size=0, num_epochs=1, **keys))

    def provenance(self, folder="out"):
        return json.loads((self.folder / folder / "provenance.json").read_text())

    def test_without_a_rule_nothing_is_looked_for(self):
        self.data()
        self.policy("where: request, kinds: [email], do: block")
        self.succeeds("tune", "start", self.recipe())
        self.assertNotIn("personal_data", self.provenance())

    def test_what_is_taken_out_is_not_learned(self):
        self.policy("where: training, kinds: [email, card], do: mask")
        self.data()
        plan = self.succeeds("tune", "plan", self.recipe(), "--no-measure").text
        self.assertIn(f"personal data, by the policy's rules for training: {SEEN}", plan)
        self.assertIn("[email]", plan)
        self.assertNotIn(MAIL, plan)
        self.assertEqual(json.loads(self.succeeds("tune", "plan", self.recipe(), "--no-measure", "--json").text)["personal_data"], SEEN)
        self.succeeds("tune", "start", self.recipe())
        self.assertEqual(self.provenance()["personal_data"], {"mask": {"card": 1, "email": 1}})
        self.assertIn("personal data in the data", (self.folder / "out" / "provenance.md").read_text())
        acts = [a for a in self.log("admin") if a["act"] == "tune.personal_data"]
        self.assertEqual([a["details"] for a in acts], [{"mask": {"card": 1, "email": 1}}])
        # The same is learned from data without them; and another run than that.
        self.data("[email]", "[card]")
        self.succeeds("tune", "start", self.recipe("clean.yaml", output_dir="clean"))
        weights = [(self.folder / name / "adapter_model.safetensors").read_bytes() for name in ("out", "clean")]
        self.assertEqual(weights[0], weights[1])
        self.assertNotIn("personal_data", self.provenance("clean"))

    def test_a_run_goes_on_under_the_rules_that_it_began_with(self):
        self.policy("where: training, kinds: [email], do: mask")
        self.data()
        self.succeeds("tune", "start", self.recipe())
        self.assertIn("finished", self.succeeds("tune", "resume", self.recipe()).message)
        self.policy("where: training, kinds: [email], do: report")
        self.fails(e2e.USAGE, "tune", "resume", self.recipe(), names="the rules for personal data have changed")

    def test_what_is_blocked_is_refused_with_counts(self):
        self.policy("where: training, kinds: financial, do: block, label: personal", "where: training, kinds: [email], do: report")
        self.data()
        self.assertIn("reported=1 kinds=email", self.succeeds("tune", "plan", self.recipe(), "--no-measure").text)
        for arguments in (("tune", "start", self.recipe(), "--label", "personal"),
                          ("tune", "plan", self.recipe("l.yaml", datasets=[{"path": "d.jsonl", "type": "completion", "label": "health"}]), "--no-measure")):
            ended = self.fails(e2e.USAGE, *arguments, names="no model may learn here: card (1)")
            self.assertNotIn("4111", ended.message)
        self.assertFalse((self.folder / "out").exists())
        refusals = self.log("refusal")
        self.assertEqual([(r["rule"], r["label"]) for r in refusals], [("personal_data.1", "personal")])
        self.assertNotIn("4111", json.dumps(refusals))
        self.succeeds("tune", "start", self.recipe())
        self.assertEqual(self.provenance()["personal_data"], {"report": {"email": 1}})

    def test_rules_that_cannot_be(self):
        for rule, names in (("where: training, kinds: [email], do: pseudonymise", "cannot be done where: training"),
                            ("where: request, kinds: [email], do: report", "cannot be done where: request"),
                            ("where: learning, kinds: [email], do: mask", "training or run")):
            self.policy(rule)
            self.fails(e2e.USAGE, "run", self.model, "hello", names=names)


class Jobs(Policed):
    """The same over HTTP."""

    def test_jobs_are_held_to_them(self):
        self.policy("where: training, kinds: [card], do: block", "where: training, kinds: [email], do: mask")
        model = self.put("m.gguf", ChatGguf().write())
        rows = lambda *texts: [{"messages": [{"role": "user", "content": t}, {"role": "assistant", "content": "dog sat"}]} for t in texts]
        with Tuning(model, self.home) as server:
            refused = server.over(server.job(rows("hello", f"pay with {CARD}")))
            self.assertEqual((refused["status"], refused["error"]["param"]), ("failed", "training_file"), refused)
            self.assertIn("no model may learn here: card (1)", refused["error"]["message"])
            done = server.over(server.job(rows("hello", f"write to {MAIL}"), hyperparameters={"n_epochs": 1}))
            self.assertEqual(done["status"], "succeeded", done)
            events = server.good("GET", f"/v1/fine_tuning/jobs/{done['id']}/events?limit=1000")["data"]
            self.assertTrue(any("personal data: masked=1 kinds=email" in e["message"] for e in events), events)
            server.end(signal.SIGTERM)
        refusals = [r for r in self.log("refusal") if r.get("rule")]
        self.assertEqual([(r["rule"], r["kinds"]) for r in refusals], [("personal_data.1", "card (1)")])


class Run(Policed):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.gguf", ChatGguf().write())

    def run_it(self, text, *more):
        return self.succeeds("run", self.model, text, "--temperature", "0", "--max-tokens", "3", *more)

    def test_what_is_asked_is_treated_where_a_rule_says_so(self):
        plain, masked = self.run_it(f"write to {MAIL}"), self.run_it("write to [email]")
        self.policy("where: run, kinds: [card], do: block", "where: run, kinds: [email], do: mask")
        treated = self.run_it(f"write to {MAIL}", "--system", "of bob@example.org")
        self.assertEqual(treated.message.count("personal data in what is asked: masked=1 kinds=email"), 2, treated.message)
        treated = self.run_it(f"write to {MAIL}")
        self.assertEqual(treated.out, masked.out)
        raw = self.run_it(f"{MAIL} and", "--raw", "--echo").text
        self.assertIn("[email] and", raw)
        ended = self.fails(e2e.USAGE, "run", self.model, f"pay with {CARD}", names="may not be asked here: card (1)")
        self.assertNotIn("4111", ended.message)
        self.policy("where: run, kinds: [email], do: report")
        reported = self.run_it(f"write to {MAIL}")
        self.assertEqual(reported.out, plain.out)
        self.assertIn("personal data in what is asked: reported=1 kinds=email", reported.message)


class Held(Tiny):
    def test_fresh_does_not_drop_what_is_held(self):
        _, task = self.choices(4)
        evaluate = ("eval", task, "-m", self.model, "--label", "personal")
        self.succeeds(*evaluate)
        self.succeeds(*evaluate, "--fresh")
        hold = json.loads(self.succeeds("guard", "hold", "--label", "personal", "--reason", "case 12", "--json").text)["id"]
        self.fails(e2e.USAGE, *evaluate, "--fresh", names=hold)
        self.succeeds(*evaluate)
        self.succeeds("guard", "release", hold, "--reason", "over")
        self.succeeds(*evaluate, "--fresh")


    def test_models_made_of_what_would_go_are_named(self):
        self.succeeds("models", "import", self.model, "--name", "m")
        self.succeeds("models", "label", "m", "--data", "personal")
        (self.home / "policy.yaml").write_text("version: 1\nretention: {labels: {personal: {delete_after: 1 month}}}\n")
        self.assertNotIn("made of data", self.succeeds("guard", "retain", "--dry-run").message)
        for file in (self.home / "models").rglob("*"):
            if file.is_file() and b'"imported"' in file.read_bytes():
                file.write_text(re.sub(r'("imported": ?)"[^"]*"', r'\1"2020-01-01T00:00:00Z"', file.read_text()))
        self.assertIn("m:latest was made of data labelled personal, and is here since 2020-01-01", self.succeeds("guard", "retain", "--dry-run").message)
        (self.home / "policy.yaml").write_text("version: 1\nretention: {labels: {personal: {drop_content_after: 1 month}}}\n")
        self.assertNotIn("made of data", self.succeeds("guard", "retain", "--dry-run").message)


class Erasing(e2e.Case):
    """`guard erase` in a terminal."""

    def erase(self, typed, *more):
        pid, terminal = pty.fork()
        if pid == 0:
            kept = {k: v for k, v in os.environ.items() if not k.startswith("FREEHOLD")}
            os.execve(e2e.FREEHOLD, [e2e.FREEHOLD, "guard", "erase", "alice", *more], {**kept, "TERM": "dumb", "FREEHOLD_HOME": str(self.home)})
        shown = b""
        try:
            while select.select([terminal], [], [], 20)[0]:
                part = os.read(terminal, 65536)
                shown += part
                if typed and b"to go on: " in shown:
                    os.write(terminal, typed)
                    typed = b""
                if not part:
                    break
        except OSError:
            pass
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_the_subject_is_typed_again(self):
        code, shown = self.erase(b"alic\n")
        self.assertIn("Type alice to go on", shown)
        self.assertIn("nothing is erased", shown)
        self.assertIn("--yes", shown)
        self.assertEqual(code, 130)
        for typed, more in ((b"alice\n", ()), (b"", ("--yes",))):
            code, shown = self.erase(typed, *more)
            self.assertEqual(code, e2e.NOT_FOUND, shown)
            self.assertIn("nothing is kept of 'alice'", shown)
        # Without a terminal nobody is asked.
        self.fails(e2e.NOT_FOUND, "guard", "erase", "alice", names="nothing is kept")


if __name__ == "__main__":
    e2e.main()
