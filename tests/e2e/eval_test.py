#!/usr/bin/env python3
"""freehold eval: scores equal those that this script computes from the logits of `inspect logits`, whatever is shared, killed or
known already; two runs give the same bytes; what cannot be measured is refused by name."""

import ast
import csv
import json
import math
import random
import signal
import time

import e2e
import tiny
from chat_model import ChatGguf
from evaluating import LETTERS, Reference, Tiny, best, text


class Eval(Tiny):
    def test_scores_equal_those_of_an_independent_script_from_the_same_logits(self):
        rows, task = self.choices(8)
        found = [json.loads(line) for line in self.items(task, "-m", self.model).splitlines()]
        report = json.loads(self.succeeds("eval", task, "-m", self.model, "--json").text)
        reference = Reference(self, self.model)

        def solved(row):
            return f"{row['q']}? {row['choices'][row['gold']]}"

        right = {m: 0 for m in ("acc", "acc_byte", "acc_token", "acc_uncond")}
        for i, (row, item) in enumerate(zip(rows, found)):
            examples = [0, 1]
            if i in examples:
                examples[examples.index(i)] = 2  # a question is never its own example: the next row takes its place
            shared = "".join(solved(rows[e]) + "\n\n" for e in examples)
            scores = [reference.score(shared + row["q"] + "?", " " + c) for c in row["choices"]]
            alone = [reference.score("a", " " + c) for c in row["choices"]]
            for mine, (theirs, tokens), count in zip(item["logprobs"], scores + alone, item["tokens"]):
                self.assertAlmostEqual(mine, theirs, delta=1e-6)
                self.assertEqual(count, tokens)
            chosen = {"acc": best([s for s, _ in scores]),
                      "acc_byte": best([s / len(c) for (s, _), c in zip(scores, row["choices"])]),
                      "acc_token": best([s / n for s, n in scores]),
                      "acc_uncond": best([s - a for (s, _), (a, _) in zip(scores, alone)])}
            for metric, choice in chosen.items():
                self.assertEqual(item["values"][metric], int(choice == row["gold"]), f"item {i}: {metric}")
                right[metric] += choice == row["gold"]
        metrics = report["tasks"][0]["models"][0]["metrics"]
        for metric, count in right.items():
            self.assertEqual(metrics[metric]["score"], count / len(rows))
            self.assertLessEqual(metrics[metric]["interval"][0], count / len(rows))

    def test_two_runs_threads_and_a_kill_give_the_same_bytes(self):
        _, task = self.choices(300)
        first = self.items(task, "-m", self.model, "--method", "both", "--threads", 1)
        self.assertEqual(self.items(task, "-m", self.model, "--method", "both", "--fresh", "--threads", 2), first)
        for item in map(json.loads, first.splitlines()):
            self.assertIn(item["letter"], "ABC")
            self.assertEqual(len(item["letter"]), 1)
        home = self.folder / "other"
        killed = e2e.start("eval", task, "-m", self.model, "--method", "both", home=home)
        deadline = time.monotonic() + 60
        while not (home / "eval.db").exists() and time.monotonic() < deadline and killed.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        self.assertEqual(self.items(task, "-m", self.model, "--method", "both", home=home), first)
        again = self.succeeds("eval", task, "-m", self.model, "--method", "both", home=home)
        self.assertIn(" 0 tokens computed", again.message)

    def test_examples_left_out_for_a_short_context_stay_apart_from_the_whole_prompts(self):
        _, task = self.choices(20)
        whole = self.items(task, "-m", self.model)
        short = ["-m", self.model, "--context", 24]
        self.fails(e2e.EXHAUSTED, "eval", task, *short, names="do not fit")
        said = self.succeeds("eval", task, *short, "--fit", "fewer-examples")
        self.assertIn("lost examples", said.message)
        self.assertNotEqual(self.items(task, *short, "--fit", "fewer-examples"), whole)
        self.assertEqual(self.items(task, "-m", self.model, "--fit", "fewer-examples"), whole)

    def test_a_beginning_that_does_not_fit_is_cut_when_that_is_asked_for(self):
        rows, task = self.choices(12)
        reference = Reference(self, self.model)
        lengths = [max(len(reference.ids(f"{row['q']}? {c}")) - 1 for c in row["choices"]) for row in rows]
        context = sorted(lengths)[6]
        options = [task, "-m", self.model, "--shots", 0, "--context", context]
        self.fails(e2e.EXHAUSTED, "eval", *options, "--fit", "fewer-examples", names="--fit cut")
        found = [json.loads(line) for line in self.items(*options, "--fit", "cut").splitlines()]
        for row, item, longest in zip(rows, found, lengths):
            gone = max(0, longest - context)
            for choice, logprob, count in zip(row["choices"], item["logprobs"], item["tokens"]):
                whole, before = reference.ids(f"{row['q']}? {choice}"), len(reference.ids(f"{row['q']}?"))
                score, tokens = reference.score_ids(whole[:1] + whole[1 + gone:], before - gone)
                self.assertAlmostEqual(logprob, score, delta=1e-6)
                self.assertEqual(count, tokens)
        cut = sum(longest > context for longest in lengths)
        self.assertGreater(cut, 0)
        self.assertIn(f"{cut} of them the beginning of their own text", self.succeeds("eval", *options, "--fit", "cut").message)
        self.assertEqual(self.items(task, "-m", self.model, "--shots", 0, "--fit", "cut"), self.items(task, "-m", self.model, "--shots", 0))

    def test_texts_are_scored_in_windows_of_the_context(self):
        words = text(random.Random(2), 60)
        data = self.put("text.txt", words)
        task = self.put("text.yaml", f"version: 1\ntasks:\n  - name: text\n    kind: perplexity\n    data: {{file: {data}}}\n"
                                     "    target: '{text}'\n    metrics: [perplexity, bits_per_byte]\n")
        reference = Reference(self, self.model)
        ids = reference.ids(words)
        for window in (16, 128):
            total = 0.0
            for at in range(1, len(ids), window):
                piece = [ids[0]] + ids[at:at + window]
                flat, width = reference.logits(piece[:-1]), len(tiny.vocabulary()[0])
                for i, token in enumerate(piece[1:]):
                    row = flat[i * width:(i + 1) * width]
                    total -= row[token] - max(row) - math.log(math.fsum(math.exp(x - max(row)) for x in row))
            report = json.loads(self.succeeds("eval", task, "-m", self.model, "--context", window, "--json").text)
            found = report["tasks"][0]["models"][0]["metrics"]
            self.assertAlmostEqual(found["perplexity"]["score"], math.exp(total / (len(ids) - 1)), delta=1e-3)
            self.assertAlmostEqual(found["bits_per_byte"]["score"], total / math.log(2) / len(words.encode()), delta=1e-6)

    def test_answers_are_written_filtered_and_judged(self):
        draw = random.Random(3)
        rows = [("prompt,answer")] + [f"{text(draw, 3)},{text(draw, 1)}" for _ in range(12)]
        table = self.put("my.csv", "\n".join(rows) + "\n")
        options = ["eval", table, "--prompt-column", "prompt", "--answer-column", "answer", "--max-tokens", 6, "-m", self.model]
        report = json.loads(self.succeeds(*options, "--json").text)
        self.assertEqual(report["scores"][0]["metric"], "exact_match")
        self.assertEqual(report["scores"][0]["items"], 12)
        items = [json.loads(line) for line in self.items(*options[1:]).splitlines()]
        self.assertEqual(items[3]["texts"], [self.succeeds("run", self.model, "--raw", rows[4].split(",")[0], "--temperature", 0, "--max-tokens", 6,
                                                           "--stop", "\n").text.removesuffix("\n")])

    def test_a_planted_better_model_is_found_and_the_same_model_is_not(self):
        rows, task = self.choices(160, uneven=False)  # or both take the shortest
        plain = [json.loads(line) for line in self.items(task, "-m", self.model, "--shots", 0).splitlines()]
        # The answers that the model gives become the right ones in nine of ten rows.
        draw = random.Random(9)
        for row, item in zip(rows, plain):
            if draw.random() < 0.9:
                row["gold"] = best(item["logprobs"][:3])
        rows[7]["q"] = "<script>x</script>"
        self.put("own.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        other = self.put("other.gguf", tiny.Gguf(seed=6).write())
        page = self.folder / "report.html"
        report = json.loads(self.succeeds("eval", task, "-m", f"{other},{self.model}", "--shots", 0, "--json", "--html", page).text)
        self.assertEqual(report["comparisons"][0]["verdict"], "better")
        same = self.put("same.gguf", tiny.Gguf(seed=5).write())
        report = json.loads(self.succeeds("eval", task, "-m", f"{same},{self.model}", "--shots", 0, "--json").text)
        self.assertEqual(report["comparisons"][0]["verdict"], "no difference shown")
        self.assertEqual(report["comparisons"][0]["p"], 1)
        html = page.read_text()
        self.assertIn("<svg", html)
        for outside in ("http:", "https:", "<script", "src=", "href="):
            self.assertNotIn(outside, html)

    def test_a_group_without_a_line_says_why_and_letters_are_not_asked_for_where_they_tell_nothing(self):
        _, task = self.choices(4)
        whole = task.read_text() + "groups:\n  - {name: mine, members: [own]}\n  - {name: wide, members: [own, piqa]}\n"
        said = self.succeeds("eval", self.put("groups.yaml", whole), "-m", self.model)
        self.assertIn("note: group wide has no line: its member piqa was not measured", said.message)
        self.assertIn("mine", said.text)
        self.assertNotIn("wide", said.text)
        first = task.read_text().replace("list: choices", "list: choices}\n      - {list: more").replace("{index: gold}", "{source: 0}")
        self.put("own.jsonl", json.dumps({"q": "the cat", "choices": ["sat"], "more": ["on", "a mat"]}) + "\n")
        self.fails(e2e.USAGE, "eval", self.put("first.yaml", first), "-m", self.model, names="letter cannot measure this task")
        first = first.replace(", letter, ece", ", mc2").replace("count: 2", "count: 0")
        said = self.succeeds("eval", self.put("first.yaml", first), "-m", self.model, "--method", "letter", "--json")
        self.assertIn("note: own is measured by likelihood alone", said.message)
        self.assertEqual(json.loads(said.text)["scores"][0]["metric"], "acc")
        self.fails(e2e.UNSUPPORTED, "eval", self.folder / "first.yaml", "-m", "gateway:gpt-4o", "--method", "letter", names="log-probabilities")

    def test_what_is_wrong_is_said(self):
        rows, task = self.choices(4)
        self.fails(e2e.NOT_FOUND, "eval", "helaswag", "-m", self.model, names="hellaswag")
        self.fails(e2e.NOT_FOUND, "eval", "humaneval", "-m", self.model, names="HumanEval.jsonl")
        self.fails(e2e.UNSUPPORTED, "eval", task, "-m", "gateway:gpt-4o", names="--method letter")
        self.fails(e2e.USAGE, "eval", task, "-m", "gateway:gpt-4o", "--method", "letter", names="allow-egress")
        self.fails(e2e.UNSUPPORTED, "eval", task, "-m", self.model, "--chat", names="no chat template")
        self.fails(e2e.NOT_FOUND, "eval", "arc_easy", "-m", self.model, "--data", self.folder, names="arc_easy.jsonl")
        self.put("llm-foundry-gauntlet/world_knowledge/arc_easy.jsonl", "{}\n")
        self.fails(e2e.CORRUPT, "eval", "arc_easy", "-m", self.model, "--data", self.folder, names="SHA-256")
        self.fails(e2e.USAGE, "eval", self.put("x.csv", "a,b\n1,2\n"), "-m", self.model, names="--prompt-column")
        self.fails(e2e.USAGE, "eval", self.put("bad.yaml", "version: 1\ntasks:\n  - name: x\n    kin: choice\n"), "-m", self.model,
                   names="bad.yaml: line")
        rows[3]["q"] = text(random.Random(1), 400)
        self.put("own.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        self.fails(e2e.EXHAUSTED, "eval", task, "-m", self.model, names="item 3")
        self.assertIn("eval list", self.succeeds("eval", "--help").text)
        self.assertIn("hellaswag", self.succeeds("eval", "list").text)
        self.assertIn("github.com", self.succeeds("eval", "fetch").text)


class Quantization(Tiny):
    def test_the_divergence_is_the_one_of_the_logits_and_decides(self):
        rows, task = self.choices(12)
        options = ["eval", "quantization", self.model, "--task", task, "--shots", 0, "--types", "q8_0,q4_0", "--json"]
        report = json.loads(self.succeeds(*options, "--kl", 100, "--tolerance", 100).text)
        self.assertEqual([t["type"] for t in report["types"]], ["original", "q8_0", "q4_0"])
        plain, width = Reference(self, self.model), len(tiny.vocabulary()[0])
        for found in report["types"][1:]:
            packed = self.folder / f"{found['type']}.gguf"
            self.succeeds("models", "quantize", self.model, packed, "--type", found["type"])
            other, total = Reference(self, packed), 0.0
            for row in rows:
                ids = plain.ids(row["q"] + "?")
                last = [r.logits(ids)[-width:] for r in (plain, other)]
                p, q = ([x - max(v) - math.log(math.fsum(math.exp(y - max(v)) for y in v)) for x in v] for v in last)
                total += math.fsum(math.exp(x) * (x - y) for x, y in zip(p, q))
            self.assertAlmostEqual(found["kl"], total / len(rows), delta=1e-6)
            self.assertEqual(found["file_bytes"], packed.stat().st_size)
        self.assertIn(report["recommended"], ("q8_0", "q4_0"))
        self.assertIsNone(json.loads(self.succeeds(*options, "--kl", 0).text)["recommended"])
        small = json.loads(self.succeeds(*options, "--memory", "1KiB").text)
        self.assertEqual([t["fits"] for t in small["types"][1:]], [False, False])
        self.assertIsNone(small["recommended"])
        self.assertEqual([p.name for p in self.home.iterdir() if p.name.startswith("quantization")], [])
        self.fails(e2e.USAGE, *options, "--memory", "much", names="--memory")


class RealData(e2e.Case):
    """Real questions, a real small model and a random one."""

    def setUp(self):
        super().setUp()
        self.bench = e2e.SHARED / "data" / "bench"
        self.model = e2e.SHARED / "data" / "models" / "stories260K" / "stories260K-f32.gguf"
        if not self.bench.exists() or not self.model.exists():
            self.skipTest(f"no {self.bench}")

    def test_written_answers_of_all_rows(self):
        """Also where what ends an answer stands in every right one, as in a few of TriviaQA's."""
        said = self.succeeds("eval", "triviaqa", "-m", self.model, "--data", self.bench, "--plan", "--fit", "cut").message
        self.assertIn("of 37 of 3000 items holds: these cannot be right", said)

    def test_a_benchmark_equals_the_independent_script(self):
        count = 12
        data = self.bench / "llm-foundry-gauntlet" / "world_knowledge" / "arc_easy.jsonl"
        with open(data, encoding="utf-8") as lines:
            rows = [json.loads(line) for line, _ in zip(lines, range(count))]
        report = json.loads(self.succeeds("eval", "arc_easy", "-m", self.model, "--data", self.bench, "--limit", count, "--json").text)
        reference = Reference(self, self.model)
        right = 0
        for row in rows:
            scores = [reference.score(row["query"] + "\nAnswer:", " " + c)[0] for c in row["choices"]]
            right += best([s / len(c.encode()) for s, c in zip(scores, row["choices"])]) == row["gold"]
        self.assertEqual(report["tasks"][0]["models"][0]["metrics"]["acc_byte"]["score"], right / count)

    def test_five_shot_mmlu_equals_the_independent_script(self):
        count, subject = 4, "global_facts"
        folder = self.bench / "mmlu"
        model = self.folder / "wide.gguf"  # the stories' own context is too short for five examples
        self.succeeds("models", "init", model, "--tokenizer", self.model.with_name("tok512.model"), "--layers", 2, "--width", 64,
                      "--head-size", 16, "--context", 4096)
        rows = lambda kind: list(csv.DictReader(open(folder / kind / f"{subject}_{kind}.csv", encoding="utf-8", newline="")))

        def prompt(row):
            return row["question"].strip() + "".join(f"\n{l}. {row[f'choice{i}']}" for i, l in enumerate(LETTERS)) + "\nAnswer:"

        shared = "The following are multiple choice questions (with answers) about global facts.\n\n"
        for row in rows("dev")[:5]:
            shared += prompt(row) + " " + LETTERS[int(row["answer"])] + "\n\n"
        found = self.folder / "items.jsonl"
        ended = self.succeeds("eval", f"mmlu/{subject}", "-m", model, "--data", self.bench, "--limit", count, "--items", found)
        self.assertIn("saved by sharing", ended.message)
        reference = Reference(self, model)
        for row, line in zip(rows("test"), found.read_text().splitlines()):
            item = json.loads(line)
            scores = [reference.score(shared + prompt(row), " " + l)[0] for l in LETTERS]
            for mine, theirs in zip(item["logprobs"], scores):
                self.assertAlmostEqual(mine, theirs, delta=1e-6)
            self.assertEqual(item["values"]["acc"], int(best(scores) == int(row["answer"])))

    def test_agieval_with_its_own_examples_equals_the_independent_script(self):
        count, subject = 2, "aqua-rat"
        folder = self.bench / "agieval"
        model = self.folder / "wide.gguf"
        self.succeeds("models", "init", model, "--tokenizer", self.model.with_name("tok512.model"), "--layers", 1, "--width", 32,
                      "--head-size", 16, "--context", 4096)
        with open(folder / "few_shot_prompts.csv", encoding="utf-8", newline="") as table:
            examples = [ast.literal_eval(row[subject]) for row in csv.DictReader(table) if row[""].startswith("sample") and row[subject]]
        self.assertEqual(len(examples), 5)

        def prompt(row, number):
            return (f"Problem {number}.   {row['passage'] or ''} {row['question']}\nChoose from the following options:    "
                    f"{' '.join(row['options'])}\nThe answer is therefore")

        shared = "Here are the answers for the problems in the exam.\n"
        for number, row in enumerate(examples, 1):
            shared += f"{prompt(row, number)} {row['label']}\n\n"
        found = self.folder / "items.jsonl"
        self.succeeds("eval", f"agieval_fewshot/{subject}", "-m", model, "--data", self.bench, "--limit", count, "--items", found)
        reference = Reference(self, model)
        with open(folder / "v1" / f"{subject}.jsonl", encoding="utf-8") as lines:
            for line, item in zip(lines, map(json.loads, found.read_text().splitlines())):
                row = json.loads(line)
                letters = "ABCDE"[:len(row["options"])]
                scores = [reference.score(shared + prompt(row, 6), " " + letter)[0] for letter in letters]
                for mine, theirs in zip(item["logprobs"], scores):
                    self.assertAlmostEqual(mine, theirs, delta=1e-6)
                self.assertEqual(item["values"]["acc"], int(letters[best(scores)] == row["label"]))

    def test_chat_questions_go_through_the_template(self):
        model, rows = self.folder / "chat.gguf", [{"q": "the cat?", "choices": ["sat on", "a dog"], "gold": 0},
                                                  {"q": "<|im_end|> a", "choices": ["mat", "the"], "gold": 1}]
        self.succeeds("models", "init", model, "--tokenizer", self.model.with_name("tok512.model"), "--layers", 1, "--width", 32,
                      "--head-size", 16, "--context", 512, "--chat-template", "chatml")
        data = self.put("chat.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        task = self.put("chat.yaml", f"version: 1\ntasks:\n  - name: chat\n    kind: choice\n    data: {{file: {data}}}\n"
                                     "    prompt: '{q}'\n    choices: [{list: choices}]\n    right: {index: gold}\n"
                                     "    metrics: [acc, letter]\n")
        out = self.folder / "items.jsonl"
        self.succeeds("eval", task, "-m", model, "--chat", "--method", "both", "--items", out)
        reference = Reference(self, model)
        for row, item in zip(rows, map(json.loads, out.read_text().splitlines())):
            messages = self.put("m.json", json.dumps([{"role": "user", "content": row["q"]}]))
            before = json.loads(self.succeeds("inspect", "template", model, "--messages", messages, "--json").text)["ids"]
            for choice, mine in zip(row["choices"], item["logprobs"]):
                ids = before + json.loads(self.succeeds("tokenize", model, choice, "--no-bos", "--json").text)
                flat = reference.logits(ids[:-1])
                width, theirs = len(flat) // (len(ids) - 1), 0.0
                for position in range(len(before), len(ids)):
                    line = flat[(position - 1) * width:position * width]
                    theirs += line[ids[position]] - max(line) - math.log(math.fsum(math.exp(x - max(line)) for x in line))
                self.assertAlmostEqual(mine, theirs, delta=1e-6)
            self.assertIn(item["letter"], "AB")

    def test_random_weights_score_at_chance(self):
        model = self.folder / "random.gguf"
        self.succeeds("models", "init", model, "--tokenizer", self.model.with_name("tok512.model"), "--layers", 1, "--width", 32,
                      "--head-size", 16, "--context", 2048)
        report = json.loads(self.succeeds("eval", "arc_easy,winogrande", "-m", model, "--data", self.bench, "--limit", 300, "--json").text)
        for score, chance in zip(report["scores"], (0.25, 0.5)):
            low, high = score["models"][0]["interval"]
            self.assertTrue(low <= chance <= high, score)


if __name__ == "__main__":
    e2e.main()
