#!/usr/bin/env python3
"""freehold eval: scores equal those that this script computes from the logits of `inspect logits`, whatever is shared, killed or
known already; two runs give the same bytes; what cannot be measured is refused by name."""

import array
import collections
import contextlib
import csv
import http.client
import http.server
import json
import math
import random
import signal
import sqlite3
import threading
import time

import e2e
import serving
import tiny
from chat_model import ChatGguf

LETTERS = "ABCD"
WORDS = "the cat sat on a mat dog".split()


def text(draw, words):
    return " ".join(draw.choice(WORDS) for _ in range(words))


class Reference:
    """Log-probabilities by hand: every text alone, tokens from `tokenize`, logits from `inspect logits`."""

    def __init__(self, case, model):
        self.case, self.model, self.rows, self.tokens = case, model, {}, {}

    def ids(self, words):
        if words not in self.tokens:
            out = self.case.succeeds("tokenize", self.model, "--json", "--file", "-", stdin=words.encode()).text
            self.tokens[words] = json.loads(out)
        return self.tokens[words]

    def logits(self, ids):
        key = tuple(ids)
        if key not in self.rows:
            path = self.case.put("ids.json", json.dumps(ids))
            raw = self.case.succeeds("inspect", "logits", self.model, "--ids", path, "--out", "-").out
            self.rows[key] = array.array("f", raw)
        return self.rows[key]

    def score(self, context, answer):
        """(sum of log-probabilities, tokens) of the answer behind the context, in double precision."""
        return self.score_ids(self.ids(context + answer), len(self.ids(context)))

    def score_ids(self, whole, first):
        flat = self.logits(whole[:-1])
        width = len(flat) // (len(whole) - 1)
        total = 0.0
        for position in range(first, len(whole)):
            row = flat[(position - 1) * width:position * width]
            most = max(row)
            total += row[whole[position]] - most - math.log(math.fsum(math.exp(x - most) for x in row))
        return total, len(whole) - first


def best(values):
    return max(range(len(values)), key=lambda i: (values[i], -i))


class Tiny(e2e.Case):
    TASK = """
version: 1
tasks:
  - name: own
    kind: choice
    data: {{file: {data}, format: jsonl}}
    shots: {{count: 2, pick: first}}
    prompt: "{{q}}?"
    choices:
      - {{list: choices}}
    right: {{index: gold}}
    metrics: [acc, acc_byte, acc_token, acc_uncond, letter, ece]
    unconditional: "a"
"""

    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", tiny.Gguf(seed=5).write())

    def choices(self, count, seed=1, uneven=True):
        draw = random.Random(seed)
        rows = [{"q": text(draw, 2 + i % 3), "choices": [text(draw, 1 + (i + c) % 3 if uneven else 2) for c in range(3)], "gold": draw.randrange(3)}
                for i in range(count)]
        data = self.put("own.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        return rows, self.put("own.yaml", self.TASK.format(data=data))

    def items(self, *arguments, **more):
        out = self.folder / "items.jsonl"
        self.succeeds("eval", *arguments, "--items", out, **more)
        return out.read_bytes()


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

    def test_what_is_wrong_is_said(self):
        rows, task = self.choices(4)
        self.fails(e2e.NOT_FOUND, "eval", "helaswag", "-m", self.model, names="hellaswag")
        self.fails(e2e.UNSUPPORTED, "eval", "humaneval", "-m", self.model, names="sandbox")
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


class Troubled(http.server.BaseHTTPRequestHandler):
    """Stands before a real server, and does to the first requests what vendors do: refuses, fails, stalls, breaks off."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            trouble = self.server.troubles.pop(0) if self.server.troubles else ""
            self.server.seen.append(trouble)
        if trouble in ("429", "500"):
            self.send_response(int(trouble))
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        upstream = http.client.HTTPConnection(self.server.behind.host, self.server.behind.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "content-length")}
        upstream.request("POST", self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type"))
        self.send_header("Connection", "close")
        self.end_headers()
        if trouble == "broken":
            content = content[:len(content) // 2]
        if trouble == "slow":
            time.sleep(1)
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Vendors(Tiny):
    """Freehold's own server plays the vendors, behind a proxy that makes trouble."""

    BASES = {"openai": ("OPENAI", "/v1"), "anthropic": ("ANTHROPIC", ""), "gemini": ("GOOGLE_GEMINI", "")}

    def setUp(self):
        super().setUp()
        self.model = self.put("chat.gguf", ChatGguf().write())
        self.server = serving.Server(self.model, "--alias", "m")
        self.addCleanup(self.server.__exit__)
        self.proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Troubled)
        self.proxy.behind, self.proxy.troubles, self.proxy.seen, self.proxy.lock = self.server, [], [], threading.Lock()
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (self.proxy.shutdown(), self.proxy.server_close()))

    def environment(self, vendor):
        name, path = self.BASES[vendor]
        key = "GEMINI" if vendor == "gemini" else name
        return {f"{name}_BASE_URL": f"http://127.0.0.1:{self.proxy.server_port}{path}", f"{key}_API_KEY": serving.KEY}

    def events(self, where, *values, home=None):
        with contextlib.closing(sqlite3.connect(f"file:{home or self.home}/usage.db?mode=ro", uri=True)) as db:
            rows = db.execute(f"SELECT outcome, http_status, prompt_tokens, completion_tokens, finish_reason, vendor, tag FROM events WHERE {where}"
                              " ORDER BY time", values)
            return rows.fetchall()

    def check_record(self, vendor):
        """Each request that went out is an event, with the tokens that the server counted; what broke is an estimate that says so."""
        mine = self.events("dialect = ?", vendor)
        self.assertEqual(len(mine), 12)
        self.assertEqual({(row[5], row[6]) for row in mine}, {(f"127.0.0.1:{self.proxy.server_port}/m", "eval")})
        counted = collections.Counter(row[2:4] for row in mine if row[4] == "" and row[1] == 200)
        self.assertEqual(sum(counted.values()), 9)
        served = collections.Counter(row[2:4] for row in self.events("dialect = ?", vendor, home=self.server.own_home.name))
        self.assertEqual(sum(served.values()), 10, "the broken one was computed too")
        self.assertEqual(counted - served, collections.Counter())
        self.assertEqual([row[2:4] for row in mine if row[1] == 429], [(0, 0)])
        for row in mine:
            self.assertEqual(row[4] == "uncounted", row[0] != mine[-1][0] and row[1] != 429, row)
            if row[4] == "uncounted":
                self.assertGreater(row[2], 0)
        self.assertEqual(sorted(row[1] for row in mine if row[4] == "uncounted"), [200, 500])

    def test_every_dialect_survives_trouble_and_loses_nothing(self):
        _, task = self.choices(9)
        options = [task, "--method", "letter", "--shots", 0]
        answers = {}
        for vendor in self.BASES:
            self.proxy.seen.clear()
            self.proxy.troubles[:] = ["429", "", "500", "broken", "slow"]
            more = {"env": self.environment(vendor)}
            out = self.folder / "items.jsonl"
            said = self.succeeds("eval", *options, "-m", f"gateway:{vendor}/m", "--items", out, "--parallel", 1, **more)
            self.assertEqual(len(self.proxy.seen), 9 + 3, "each that failed is asked once more")
            self.assertIn("12 requests", said.message)
            items = [json.loads(line) for line in out.read_text().splitlines()]
            self.assertEqual([i["item"] for i in items], list(range(9)))
            for item in items:
                self.assertIn(item["letter"], "ABC")
                self.assertEqual(len(item["letter"]), 1)
            answers[vendor] = [i["letter"] for i in items]
            self.check_record(vendor)
            again = self.succeeds("eval", *options, "-m", f"gateway:{vendor}/m", **more)
            self.assertIn("9 answers were known", again.message)
            self.assertEqual(len(self.proxy.seen), 12, "nothing is asked twice")
            self.assertEqual(len(self.events("dialect = ?", vendor)), 12, "what was known costs nothing")
        self.assertEqual(answers["openai"], answers["anthropic"])
        self.assertEqual(answers["openai"], answers["gemini"])

    def test_a_vendor_beside_a_local_model_and_a_budget(self):
        _, task = self.choices(6)
        more = {"env": self.environment("openai")}
        options = ["eval", task, "--method", "letter", "--shots", 0]
        report = json.loads(self.succeeds(*options, "-m", f"{self.model},gateway:openai/m", "--json", **more).text)
        self.assertEqual([m["name"] for m in report["models"]], [str(self.model), "gateway:openai/m"])
        self.assertEqual(len(report["comparisons"]), 1)
        seen = len(self.proxy.seen)
        self.fails(e2e.EXHAUSTED, *options, "-m", "gateway:openai/m", "--fresh", "--token-budget", 20, names="budget", **more)
        self.assertEqual(len(self.proxy.seen), seen, "nothing goes out that the budget does not hold")

    def test_budgets_in_dollars_hold_what_goes_to_vendors(self):
        _, task = self.choices(40)
        more = {"env": self.environment("openai")}
        vendor = f"127.0.0.1:{self.proxy.server_port}/m"
        options = ["eval", task, "--method", "letter", "--shots", 0, "-m", "gateway:openai/m", "--parallel", 8]
        self.succeeds("cost", "budget", "set", "--usd", "0.004")
        self.fails(e2e.EXHAUSTED, *options, names="no known price", **more)
        for kind, usd in (("input", 2), ("output", 8)):
            self.succeeds("cost", "prices", "add", vendor, kind, usd, "--from", "2026-01-01", "--source", "a contract")
        self.assertEqual(self.proxy.seen, [])
        self.proxy.troubles[:] = ["broken"] * 3
        self.fails(e2e.EXHAUSTED, *options, names="0.004 USD", **more)
        spent = sum(2 * row[2] + 8 * row[3] for row in self.events("vendor = ?", vendor)) / 1e6
        self.assertGreater(spent, 0)
        self.assertLessEqual(spent, 0.004)
        self.assertEqual(len(self.events("1 = 1")), len(self.proxy.seen))
        report = json.loads(self.succeeds("cost", "report", "--json").text)
        self.assertEqual(float(report["total"]["paid_to_vendors"]["usd"]), round(spent, 12), report)
        self.succeeds("cost", "budget", "set", "--usd", "5")
        self.assertIn("at most about 0.0215 USD", self.succeeds(*options, "--plan", **more).message)
        before = len(self.proxy.seen)
        scores = json.loads(self.succeeds(*options, "--costs", "--json", **more).text)["scores"]
        events = self.events("1 = 1")
        self.assertEqual(len(events), len(self.proxy.seen))
        got, = scores[0]["models"]
        spent = sum(2 * row[2] + 8 * row[3] for row in events[before:]) / 1e6
        self.assertAlmostEqual(float(got["spent"]), spent, 12)
        computed, right = len(events) - before, round(got["score"] * 40)
        self.assertGreater(right, 0)
        self.assertAlmostEqual(float(got["cost_per_correct"]), spent * 40 / computed / right, 12)
        # What is known costs nothing now, and what it once cost is not made up.
        again = json.loads(self.succeeds(*options, "--costs", "--json", **more).text)["scores"][0]["models"][0]
        self.assertEqual([float(again["spent"]), again["cost_per_correct"]], [0, None])

    def test_what_a_right_answer_costs_here(self):
        _, task = self.choices(12)
        options = ["eval", task, "-m", self.model, "--fresh", "--costs"]
        self.assertIn("unknown", self.succeeds(*options).text)
        self.succeeds("cost", "machine", "--price", 1200, "--years", 4, "--watts", "20/60", "--tariff", "0.30", "--hosting", 0)
        got, = json.loads(self.succeeds(*options, "--json").text)["scores"][0]["models"]
        self.assertGreater(float(got["spent"]), 0)
        if got["score"] > 0:
            self.assertAlmostEqual(float(got["cost_per_correct"]), float(got["spent"]) / round(12 * got["score"]), 12)


class RealData(e2e.Case):
    """Real questions, a real small model and a random one."""

    def setUp(self):
        super().setUp()
        self.bench = e2e.SHARED / "data" / "bench"
        self.model = e2e.SHARED / "data" / "models" / "stories260K" / "stories260K-f32.gguf"
        if not self.bench.exists() or not self.model.exists():
            self.skipTest(f"no {self.bench}")

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
