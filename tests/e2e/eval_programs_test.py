#!/usr/bin/env python3
"""freehold eval humaneval: answers that are programs are run in the sandbox, their verdicts kept and the same each time; without
what it takes, nothing is run and no model is asked."""

import gzip
import http.server
import json
import threading

import e2e
from evaluating import Tiny

DATA = e2e.SHARED / "data" / "bench"
PROBLEMS = DATA / "humaneval" / "HumanEval.jsonl.gz"
STORIES = e2e.SHARED / "data" / "models" / "stories260K" / "stories260K-f32.gguf"

TASK = """
version: 1
tasks:
  - name: sums
    kind: generate
    data: {{file: {data}}}
    prompt: "{{head}}"
    target: "{{right}}"
    filter: [code]
    max_tokens: 8
    repeats: {repeats}
    program: "{{it}}\\n{{test}}"
    metrics: [{metrics}]
"""


class Chat(http.server.BaseHTTPRequestHandler):
    """Speaks as OpenAI does; what it says is the server's `answer(question)`."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked += 1
        chunk = {"choices": [{"index": 0, "delta": {"content": self.server.answer(body["messages"][0]["content"])}, "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())

    def log_message(self, *_):
        pass


class Programs(Tiny):
    def vendor(self, answer):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
        server.answer, server.asked, server.lock = answer, 0, threading.Lock()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))
        return server, {"OPENAI_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1", "OPENAI_API_KEY": "k"}

    def needs(self, *paths):
        for path in paths:
            if not path.exists():
                self.skipTest(f"no {path}")

    def sums(self, metrics="pass@1", repeats=1):
        rows = [{"head": f"number {i}", "right": f"x = {i}", "test": f"assert x == {i}"} for i in range(6)]
        data = self.put("sums.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
        return self.put("sums.yaml", TASK.format(data=data, metrics=metrics, repeats=repeats))

    def values(self, task, *options, **more):
        return [json.loads(line) for line in self.items(task, *options, **more).splitlines()]

    def test_verdicts_are_kept_and_the_same_each_time(self):
        said = {0: "```python\nx = 0\n```", 1: "x = 1", 2: "x = 3", 3: "exit(0)", 4: "import os; os.fork()", 5: "x = input()"}
        server, env = self.vendor(lambda question: said[int(question.split()[-1])])
        task = self.sums()
        items = self.values(task, "-m", "gateway:openai/m", env=env)
        self.assertEqual([i["verdicts"][0] for i in items], ["passed", "passed", "failed", "failed", "failed", "failed"])
        self.assertEqual([i["values"]["pass@1"] for i in items], [1, 1, 0, 0, 0, 0])
        asked = server.asked
        self.assertEqual(self.values(task, "-m", "gateway:openai/m", env=env), items)
        self.assertEqual(server.asked, asked, "an answer is paid for once")
        table = self.succeeds("eval", task, "-m", "gateway:openai/m", env=env).text
        self.assertIn("pass@1", table)
        self.assertIn("33.3", table)
        page = self.folder / "page.html"
        self.succeeds("eval", task, "-m", "gateway:openai/m,gateway:openai/n", "--html", page, env=env)
        self.assertIn("pass@1", page.read_text())

    def test_several_answers_give_the_unbiased_estimate(self):
        turn = iter(range(1000))
        _, env = self.vendor(lambda question: "x = " + question.split()[-1] if next(turn) % 10 < 3 else "x = None")
        task = self.sums("pass@10, pass@1", repeats=20)
        for item in self.values(task, "-m", "gateway:openai/m", "--parallel", 1, env=env):
            self.assertEqual(item["verdicts"].count("passed"), 6)
            self.assertAlmostEqual(item["values"]["pass@1"], 0.3)
            none = 1.0
            for i in range(15, 21):
                none *= 1 - 10 / i
            self.assertAlmostEqual(item["values"]["pass@10"], 1 - none)

    def test_a_local_model_is_judged_the_same_whatever_was_known(self):
        task = self.sums("pass@1", repeats=3)
        first = self.items(task, "-m", self.model)
        for item in map(json.loads, first.splitlines()):
            self.assertEqual(len(item["verdicts"]), 3)
            self.assertEqual(len(item["texts"]), 3)
        self.assertEqual(self.items(task, "-m", self.model), first)
        self.assertEqual(self.items(task, "-m", self.model, "--fresh", "--threads", 1), first)
        self.assertIn("12 of 12 items were known", self.succeeds("eval", task, "-m", self.model).message)

    def test_without_what_it_takes_no_model_is_asked(self):
        task = self.sums()
        empty = self.folder / "empty"
        empty.mkdir()
        server, env = self.vendor(lambda question: "")
        for options in (["-m", "gateway:openai/m"], ["-m", "/nonexistent/model.gguf"]):
            self.fails(e2e.NOT_FOUND, "eval", task, *options, env={**env, "PATH": str(empty)}, names="no python3")
        fake = empty / "python3"
        fake.write_text("#!/bin/sh\nexit 3\n")
        fake.chmod(0o755)
        self.fails(e2e.UNSUPPORTED, "eval", task, "-m", "/nonexistent/model.gguf", env={"PATH": str(empty)}, names=str(fake))
        self.fails(e2e.UNSUPPORTED, "eval", task, "-m", self.model, "--sealed", env=e2e.SEALED, names="--sealed")
        self.assertEqual(server.asked, 0)

    def test_humaneval_and_its_own_solutions(self):
        self.needs(PROBLEMS)
        rows = [json.loads(line) for line in gzip.open(PROBLEMS, "rt")]
        right = {row["prompt"]: f"Here:\n\n```python\n{row['prompt']}{row['canonical_solution']}```\n" for row in rows}

        def answer(question):
            begin = question.index("```python\n") + 10
            return right[question[begin:question.rindex("\n```")]]

        _, env = self.vendor(answer)
        options = ["humaneval_instruct", "--data", DATA, "-m", "gateway:openai/m", "--json"]
        report = self.succeeds("eval", *options, env=env).text
        score = json.loads(report)["scores"][0]["models"][0]
        self.assertEqual(score["score"], 1.0)
        self.assertEqual(json.loads(report)["scores"][0]["items"], 164)
        self.assertEqual(self.succeeds("eval", *options, "--fresh", env=env).text, report)

    def test_humaneval_with_a_model_that_cannot_program(self):
        self.needs(PROBLEMS, STORIES)
        model = self.folder / "wide.gguf"
        self.succeeds("models", "init", model, "--tokenizer", STORIES.with_name("tok512.model"), "--layers", 1, "--width", 32,
                      "--head-size", 16, "--context", 2048)
        options = ["humaneval", "--data", DATA, "--limit", 4]
        first = self.items(*options, "-m", model)
        for item in map(json.loads, first.splitlines()):
            self.assertEqual(item["verdicts"], ["failed"])
            self.assertFalse(any(stop in item["texts"][0] for stop in ("\nclass", "\ndef", "\n#", "\nif", "\nprint")))
        self.assertEqual(self.items(*options, "-m", model, "--fresh"), first)


if __name__ == "__main__":
    e2e.main()
