"""The corpus of hostile and of odd but right model files, through the finished program: refused with one clear message, within a second
of CPU time and 64 MB above the baseline, or accepted where that is right.

A sample of every class by default; everything with FREEHOLD_CORPUS=full, as `./dev nightly` runs it, and with mutants of its own each
night ($FREEHOLD_SEED). $FREEHOLD_CORPUS_REPORT names a file for the figures, as JSON."""

import collections
import json
import os
import unittest

import e2e
from corpus import hostile_folder, hostile_gguf, hostile_model, hostile_safetensors, hostile_store, hostile_template, hostile_vocabulary
from corpus import measure, mutants, valid, valid_folder

FULL = os.environ.get("FREEHOLD_CORPUS") == "full"
OF_EACH_CLASS = 1_000_000 if FULL else 1 if e2e.SANITIZED else 14
MORE = FULL and not e2e.SANITIZED  # commands besides the usual ones: a sanitized program takes ten times as long
MUTANTS = 6000 if MORE else 1500 if FULL else 20 if e2e.SANITIZED else 250
SEED = int(os.environ.get("FREEHOLD_SEED", "11"))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
REPORT = {}


def sample(cases):
    """Up to OF_EACH_CLASS of each kind, spread over all of them."""
    kinds = collections.defaultdict(list)
    for case in cases:
        kinds[case.kind].append(case)
    for of_kind in kinds.values():
        step = max(1, len(of_kind) / OF_EACH_CLASS)
        yield from (of_kind[int(i * step)] for i in range(min(OF_EACH_CLASS, len(of_kind))))


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.runner = measure.Runner(MEMORY)
        cls.runner.measure_baseline()

    @classmethod
    def tearDownClass(cls):
        cls.runner.close()
        if "FREEHOLD_CORPUS_REPORT" in os.environ:
            with open(os.environ["FREEHOLD_CORPUS_REPORT"], "w", encoding="utf-8") as f:
                json.dump(REPORT, f)

    def judge(self, kind, name, results, counted=True):
        row = REPORT.setdefault(kind, {"cases": 0, "runs": 0, "seconds": 0.0, "megabytes": 0.0, "faults": 0})
        row["cases"] += counted
        for ran, faults in results:
            row["runs"] += 1
            row["seconds"] = max(row["seconds"], ran.cpu)
            if ran.code != 0 and kind[0] == "T":  # what is accepted may take what it holds
                row["megabytes"] = max(row["megabytes"], (ran.peak_kb - self.runner.baseline_kb[ran.command]) / 1024)
            row["faults"] += len(faults)
            with self.subTest(kind, name=name, command=ran.command):
                self.assertEqual(faults, [], f"{kind}, {name}, {ran.command}: exit {ran.code}: {ran.err[:2000]!r}")

    def each(self, modules, least, labels=()):
        count = 0
        for module in modules:
            for case in sample(module.cases()):
                count += 1
                self.judge(case.kind, case.name, self.runner.run(case, labels))
        self.assertGreaterEqual(count, least if FULL else 1, "the corpus has shrunk")

    def test_hostile_ggufs(self):
        self.each((hostile_gguf, hostile_model), 2200, ("import", "json", "tokenize", "quantize") if MORE else ("import",))

    def test_hostile_folders(self):
        self.each((hostile_safetensors, hostile_folder), 650, ("import", "json", "tokenize") if MORE else ("import",))

    def test_hostile_vocabularies_and_templates(self):
        self.each((hostile_vocabulary, hostile_template), 800, ("import",))

    def test_what_is_odd_but_right(self):
        self.each((valid, valid_folder), 550, ("import", "json"))

    def test_what_is_no_model_at_all(self):
        empty = self.runner.folder / "empty"
        empty.mkdir(exist_ok=True)
        for path, code in ((empty, e2e.USAGE), (empty / "none.gguf", e2e.NOT_FOUND), ("/dev/zero", e2e.USAGE), ("/dev/null", e2e.USAGE)):
            self.assertEqual(self.runner.command("run", path).code, code, path)

    def test_attacks_on_the_store(self):
        for kind, name, ran, faults in hostile_store.scenarios(self.runner, 1 if FULL else 160 if e2e.SANITIZED else 9):
            self.judge(kind, name, [(ran, faults)])

    def test_mutants(self):
        accepted = collections.Counter()
        for make in (mutants.gguf, mutants.folder):
            for case, differences in make(MUTANTS, SEED):
                results = self.runner.run(case, ("tokenize",) if MORE else ())
                self.judge(case.kind, case.name, results)
                accepted[case.kind] += results[0][0].code == 0
                if results[0][0].code == 0 and differences is not None:
                    wrong = differences() - mutants.RIGHT
                    self.assertEqual(wrong, set(), f"{case.name} was accepted (seed {SEED})")
        self.assertGreater(min(accepted.values()), 0, "mutants that are legal must be among them")


if __name__ == "__main__":
    e2e.main()
