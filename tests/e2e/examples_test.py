"""The examples, end to end in a short form: a tiny model, little data, a few steps; what they print and leave behind is right.
That they reach what they promise takes minutes, and the starter model: the README beside each names the command."""

import csv
import gzip
import json
import lzma
import os
import random
import subprocess
import sys

import e2e

EXAMPLES = e2e.SOURCE / "examples"
WORDS = {"card_lost": "my card is lost gone stolen wallet", "balance": "how much money balance account left", "greeting": "hello hi good morning there"}


class Examples(e2e.Case):
    def setUp(self):
        super().setUp()
        if e2e.SANITIZED and self._testMethodName != "test_intents":
            self.skipTest("the program does the same in test_intents")
        text = self.put("text.txt", "".join(" ".join(self.sentence(random.Random(i))) + "\n" for i in range(300)))
        tokens, self.model = self.folder / "tok.model", self.folder / "base.gguf"
        self.succeeds("tokenizer", "train", text, "--vocab-size", "340", "--chatml", "-o", tokens)
        self.succeeds("models", "init", "--tokenizer", tokens, "--chat-template", "chatml", "--layers", "2", "--width", "64", "--head-size", "16",
                      "--context", "512", "--tied", self.model)

    def sentence(self, draw, label=None):
        words = (WORDS[label] if label else " ".join(WORDS.values()) + " store docs fix add file").split()
        return [draw.choice(words) for _ in range(6)]

    def example(self, script, *arguments):
        settings = [f"--set={s}" for s in (f"base_model={self.model}", "micro_batch_size=1", "num_epochs=8", "learning_rate=4e-3")]
        environment = dict(os.environ, FREEHOLD_HOME=str(self.folder / "home"))
        done = subprocess.run([sys.executable, EXAMPLES / script, *map(str, arguments), "--freehold", e2e.FREEHOLD, *settings],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def rows(self, name, count, seed):
        path = self.folder / name
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "category"])
            for i in range(count):
                label = sorted(WORDS)[i % 3]
                writer.writerow([" ".join(self.sentence(random.Random(seed + i), label)), label])
        return path

    def test_intents(self):
        out = self.folder / "intents"
        text = self.example("banking77/intents.py", self.rows("train.csv", 240, 1), self.rows("test.csv", 30, 5000), out)
        report = json.loads((out / "report.json").read_text())
        self.assertEqual((report["intents"], report["train"], report["test"]), (3, 240, 30))
        self.assertGreater(report["after"]["accuracy"], 0.9)
        self.assertGreater(report["after"]["low"], report["before"]["high"])
        self.assertLess(report["after"]["low"], report["after"]["accuracy"])
        self.assertIn(f"after: {100 * report['after']['accuracy']:.1f} %", text)
        self.assertEqual(json.loads((out / "schema.json").read_text())["properties"]["intent"]["enum"], sorted(WORDS))
        for line in (out / "before.jsonl").read_text().splitlines():  # even a model that knows nothing keeps to the schema
            self.assertIn(json.loads(json.loads(line)["text"])["intent"], WORDS)

    def test_a_tenth_of_the_training_file_to_develop_on(self):
        out = self.folder / "develop"
        train = self.rows("train.csv", 240, 1)
        self.example("banking77/intents.py", train, self.folder / "not-there.csv", out, "--develop", "--skip-before")
        report = json.loads((out / "report.json").read_text())
        self.assertEqual(report["train"] + report["test"], 240)
        self.assertGreater(report["test"], 5)
        learned = (out / "train.jsonl").read_text()
        for line in (out / "test.jsonl").read_text().splitlines():
            self.assertNotIn(json.dumps(json.loads(line)["messages"][0]["content"]), learned)

    def test_clauses(self):
        draw = random.Random(3)
        kinds = {"Governing Law": "this agreement is governed by the laws of the state", "Insurance": "the supplier shall keep insurance of a million"}
        names, contracts = [f"Contract {i}.pdf" for i in range(70)], []
        with gzip.open(self.folder / "clauses.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Filename", *[c for kind in kinds for c in (kind, kind + "-Answer")]])
            for name in names:
                marked = {kind: " ".join(words.split() + [draw.choice(words.split()) for _ in range(4)]) for kind, words in kinds.items()}
                writer.writerow([name, *[c for clause in marked.values() for c in (str([clause]), "Yes")]])
                other = "\n\n".join(" ".join(self.sentence(draw) * 4) for _ in range(10))
                contracts.append({"file": name.replace(".pdf", ".txt"), "text": "\n\n".join(marked.values()) + "\n\n" + other})
        with lzma.open(self.folder / "contracts.jsonl.xz", "wt") as file:
            file.writelines(json.dumps(c) + "\n" for c in contracts)
        out = self.folder / "cuad"
        self.example("cuad/clauses.py", self.folder / "contracts.jsonl.xz", self.folder / "clauses.csv.gz", out)
        report = json.loads((out / "report.json").read_text())
        self.assertGreater(report["after"]["low"], report["before"]["high"])
        self.assertEqual(set(json.loads((out / "schema.json").read_text())["properties"]["intent"]["enum"]), {*kinds, "none"})

    def test_commits(self):
        repository = self.folder / "repository"
        git = lambda *a: subprocess.run(["git", "-C", repository, "-c", "user.name=A", "-c", "user.email=a@example.org", *a], check=True, stdout=subprocess.DEVNULL)
        repository.mkdir()
        git("init", "-q")
        for i in range(60):
            area = ("store", "docs")[i % 2]
            (repository / f"{area}.txt").write_text(f"{area} file {i}\n")
            git("add", ".")
            git("commit", "-q", "-m", f"{area}: fix file")
        out = self.folder / "commits"
        text = self.example("commit-messages/commits.py", repository, out)
        report = json.loads((out / "report.json").read_text())
        self.assertEqual((report["train"], report["test"]), (54, 6))
        self.assertGreater(report["after"]["accuracy"], report["before"]["accuracy"])
        self.assertIn("suggested: ", text)


if __name__ == "__main__":
    e2e.main()
