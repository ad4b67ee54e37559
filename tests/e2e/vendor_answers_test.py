#!/usr/bin/env python3
"""freehold eval with vendors that count wrongly or not at all, break, refuse and cut: budgets hold, paid answers are kept, and reports say
what is no answer."""

import contextlib
import http.server
import json
import signal
import sqlite3
import threading
import time

import e2e

COUNTED = {"prompt_tokens": 100, "completion_tokens": 5}


def event(value):
    return "data: " + (value if isinstance(value, str) else json.dumps(value)) + "\n\n"


def said(text, usage=COUNTED, why="stop"):
    out = [event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}),
           event({"choices": [{"index": 0, "delta": {}, "finish_reason": why}]})]
    return out + ([event({"choices": [], "usage": usage})] if usage is not None else []) + [event("[DONE]")]


def error(message, code):
    return json.dumps({"error": {"message": message, "code": code}})


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers as the test's function says: a list of pieces of a stream, or a status and a body."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append(self.path)
            number = len(self.server.seen)
        answer = self.server.script(number, self.path, body)
        status, pieces = (200, answer) if isinstance(answer, list) else (answer[0], [answer[1]])
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece.encode())

    def log_message(self, *_):
        pass


class Answers(e2e.Case):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        self.server.daemon_threads, self.server.seen, self.server.lock = True, [], threading.Lock()
        self.seen = self.server.seen
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (self.server.shutdown(), self.server.server_close()))

    def vendor(self, script):
        self.server.script = script

    def questions(self, count):
        return self.put("q.csv", "question,answer\n" + "".join(f"What colour is number {i}?,blue\n" for i in range(count)))

    def command(self, task, *more, dialect="openai"):
        columns = ["--prompt-column", "question", "--answer-column", "answer"] if str(task).endswith(".csv") else []
        return ["eval", task, *columns, "-m", f"gateway:{dialect}/m", "--parallel", 1, *more]

    def environment(self, path=""):
        base = f"http://127.0.0.1:{self.server.server_port}{path}"
        return {"OPENAI_BASE_URL": base + "/v1", "ANTHROPIC_BASE_URL": base, "GOOGLE_GEMINI_BASE_URL": base}

    def ask(self, task, *more, dialect="openai", path=""):
        return self.succeeds(*self.command(task, *more, dialect=dialect), env=self.environment(path))

    def refuses(self, code, task, *more, names="", dialect="openai"):
        return self.fails(code, *self.command(task, *more, dialect=dialect), names=names, env=self.environment())

    def events(self, columns):
        with contextlib.closing(sqlite3.connect(f"file:{self.home}/usage.db?mode=ro", uri=True)) as db:
            return db.execute(f"SELECT {columns} FROM events ORDER BY time").fetchall()

    def price(self):
        for kind, usd in (("input", 2), ("output", 8)):
            self.succeeds("cost", "prices", "add", f"127.0.0.1:{self.server.server_port}/m", kind, usd, "--from", "2026-01-01", "--source", "a contract")


class Budgets(Answers):
    def test_a_budget_of_one_worst_case_lets_one_request_out(self):
        start = "event: message_start\n" + event({"type": "message_start", "message": {"usage": {"input_tokens": 100, "output_tokens": 1}}})
        text = event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "bl"}})
        for dialect, broken in (("openai", (500, "{}")), ("openai", said("blue blue")[:1]), ("anthropic", [start, text])):
            self.seen.clear()
            self.vendor(lambda *_, broken=broken: broken)
            self.refuses(e2e.EXHAUSTED, self.questions(1), "--max-tokens", 10, "--token-budget", 110, dialect=dialect, names="budget of 110 tokens")
            self.assertEqual(len(self.seen), 1, (dialect, broken))
        # What it wrote before it broke off nobody knows: all that it may have.
        self.assertEqual(self.events("outcome, completion_tokens, finish_reason"), [("failed", 10, "uncounted")] * 3)
        self.assertEqual(self.events("prompt_tokens")[2], (100,))

    def test_answers_that_nobody_counted_are_held_to_budgets(self):
        self.price()
        self.succeeds("cost", "budget", "set", "--usd", "0.001")
        self.vendor(lambda *_: said("blue", usage={"prompt_tokens": None}))
        self.refuses(e2e.EXHAUSTED, self.questions(60), "--max-tokens", 10, names="0.001 USD")
        events = self.events("request_id, outcome, prompt_tokens, completion_tokens, finish_reason")
        self.assertEqual({row[1:] for row in events}, {("completed", 88, 10, "uncounted")})
        self.assertEqual(len(events), len(self.seen))
        self.assertLessEqual(sum(2 * row[2] + 8 * row[3] for row in events) / 1e6, 0.001)
        self.assertIn("the vendor did not count this request", self.succeeds("cost", "explain", events[0][0]).text)
        self.seen.clear()
        self.refuses(e2e.EXHAUSTED, self.questions(60), "--fresh", "--max-tokens", 10, "--token-budget", 300, names="budget")
        self.assertLessEqual(len(self.seen), 3)

    def test_absurd_counts_are_none(self):
        self.succeeds("cost", "budget", "set", "--tokens", 1000)
        self.vendor(lambda *_: said("blue", usage={"prompt_tokens": 2**62, "completion_tokens": 5}))
        self.refuses(e2e.EXHAUSTED, self.questions(40), "--max-tokens", 10, names="1000 tokens")
        self.assertEqual(set(self.events("prompt_tokens, completion_tokens, finish_reason")), {(88, 5, "uncounted")})
        self.assertIn(str(93 * len(self.seen)), self.succeeds("cost", "budget", "list", "--json").text)


class Kept(Answers):
    def test_paid_answers_survive_kill_9(self):
        task = self.questions(30)
        arrived = threading.Event()

        def script(number, *_):
            if number == 12:
                arrived.set()
                time.sleep(30)  # the program is gone by then
            return said("blue")

        self.vendor(script)
        child = e2e.start(*self.command(task), home=self.home, env=self.environment())
        self.assertTrue(arrived.wait(60))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        self.vendor(lambda *_: said("blue"))
        again = self.ask(task)
        self.assertIn("11 answers were known", again.message)
        self.assertEqual(len(self.seen), 12 + 19)

    def test_answers_before_a_failure_are_kept(self):
        data = self.put("m.jsonl", "".join(json.dumps({"q": f"Q{i}", "a": "7"}) + "\n" for i in range(2)))
        task = self.put("m.yaml", f"""
version: 1
tasks:
  - name: maj
    kind: generate
    data: {{file: {data}, format: jsonl}}
    prompt: "{{q}}"
    target: "{{a}}"
    max_tokens: 20
    temperature: 0.7
    repeats: 8
    filter: [last_number]
    metrics: [exact_match]
""")
        self.vendor(lambda number, *_: (401, error("no such key", "invalid_api_key")) if number == 8 else said("it is 7"))
        self.refuses(e2e.USAGE, task, names="no such key")
        self.assertEqual(len(self.seen), 8)
        self.ask(task)
        self.assertEqual(len(self.seen), 8 + 1 + 8, "seven of the first item were paid for")

    def test_another_address_is_another_model(self):
        task = self.questions(2)
        self.vendor(lambda number, path, body: said("blue" if path.startswith("/a/") else "red"))
        for path, score in (("/a", 1), ("/b", 0), ("/a", 1)):
            report = json.loads(self.ask(task, "--json", path=path).text)
            self.assertEqual(report["scores"][0]["models"][0]["score"], score)
        self.assertEqual(len(self.seen), 4)


class NoAnswers(Answers):
    def unanswered(self, *command, **more):
        report = json.loads(self.ask(*command, "--json", **more).text)
        return {k: v for k, v in report["tasks"][0]["models"][0]["unanswered"].items() if v}

    def test_a_refused_item_does_not_end_the_run(self):
        task = self.questions(5)
        for code in ("content_filter", "bad_request"):
            self.seen.clear()
            self.vendor(lambda number, path, body, code=code: (400, error("not this one", code)) if "number 1?" in body["messages"][0]["content"]
                        else said("blue"))
            self.assertIn("1 item refused by the vendor", self.ask(task, "--fresh").text)
            self.assertEqual(len(self.seen), 5)
            self.assertEqual(self.unanswered(task), {"refused_items": 1})
            self.assertEqual(len(self.seen), 5, "what it refuses it is not asked again")
        self.assertEqual(self.events("outcome").count(("refused",)), 2)

    def test_a_vendor_that_refuses_everything_ends_it(self):
        task = self.questions(9)
        for status, code, names, requests in ((400, "INVALID_ARGUMENT", "API key not valid", 5), (401, "x", "API key", 1), (404, "x", "API key", 1)):
            self.seen.clear()
            self.vendor(lambda *_, status=status, code=code: (status, error("API key not valid", code)))
            self.refuses(e2e.NOT_FOUND if status == 404 else e2e.USAGE, task, names=names)
            self.assertEqual(len(self.seen), requests)
        self.refuses(e2e.NOT_FOUND, task)
        self.vendor(lambda *_: said("blue"))
        self.assertEqual(self.unanswered(task), {}, "nothing of it was kept")

    def test_what_is_no_answer_is_counted_and_recorded(self):
        rows = "".join(json.dumps({"q": f"Q{i}", "c": ["x", "y"], "g": 1}) + "\n" for i in range(6))
        task = self.put("c.jsonl", rows)
        replies = [("", "content_filter"), ('{"answer": "', "length"), ("I would say B", "stop"), ("", "tool_calls"), ('{"answer":"b"}', "stop"), ('{"answer":"B"}', "stop")]
        self.vendor(lambda number, *_: said(replies[number - 1][0], why=replies[number - 1][1]))
        options = [task, "--prompt-column", "q", "--answer-column", "g", "--choices-column", "c", "--method", "letter"]
        expected = {"content_filter": 1, "length": 1, "unparsable": 2, "other": 1}
        page = self.folder / "report.html"
        for _ in range(2):  # asked, and known
            self.assertEqual(self.unanswered(*options, "--html", page), expected)
        self.assertEqual(len(self.seen), 6)
        line = ("1 answer withheld by the vendor's filter, 1 answer cut off at the token limit, 1 answer ended for another reason, "
                "2 answers without anything to judge")
        self.assertIn(line, self.ask(*options).text)
        self.assertIn("1 answer cut off at the token limit", page.read_text())
        self.assertEqual([row[0] for row in self.events("finish_reason")], ["content_filter", "length", "stop", "other", "stop", "stop"])
        self.vendor(lambda *_: said("red", why="length"))
        self.assertEqual(self.unanswered(self.questions(2)), {"length": 2})

    def test_half_a_pair_is_read(self):
        first = event('{"choices":[{"delta":{"content":"bl\\ud83d"}}]}')
        rest = event('{"choices":[{"delta":{"content":"\\ude00ue"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}')
        self.vendor(lambda *_: [first, rest, event("[DONE]")])
        out = self.folder / "items.jsonl"
        self.ask(self.questions(1), "--items", out)
        self.assertEqual(json.loads(out.read_text())["texts"], ["bl\ufffd\ufffdue"])


if __name__ == "__main__":
    e2e.main()
