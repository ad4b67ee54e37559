#!/usr/bin/env python3
"""freehold eval with vendors' models: Freehold's own server plays the vendors behind a proxy that makes trouble. Nothing is lost,
counted twice or paid beyond a budget."""

import collections
import contextlib
import http.client
import http.server
import json
import sqlite3
import threading
import time

import e2e
import serving
from chat_model import ChatGguf
from evaluating import Tiny


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
        if trouble == "page":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"<html>Please sign in.</html>")
            return
        if trouble == "plain":  # what takes the request for one that wants no stream
            body = json.dumps({k: v for k, v in json.loads(body).items() if k not in ("stream", "stream_options")}).encode()
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
        counted = collections.Counter(row[2:4] for row in mine if row[4] in ("stop", "length") and row[1] == 200)
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

    def test_a_key_may_be_kept_sealed_and_goes_to_its_own_host_alone(self):
        _, task = self.choices(3)
        environment = self.environment("openai")
        environment.pop("OPENAI_API_KEY")
        host, secret = f"127.0.0.1:{self.proxy.server_port}", serving.KEY
        options = ["eval", task, "--method", "letter", "--shots", 0, "-m", "gateway:openai/m"]
        refused = self.run_freehold(*options, env=environment)
        self.assertNotEqual(refused.code, e2e.OK)
        self.assertIn("neither $OPENAI_API_KEY nor freehold keys vendor has one", refused.message)
        # One for the vendor itself is not sent elsewhere.
        self.succeeds("keys", "vendor", "set", "openai", "--key-file", "-", stdin=b"sk-of-openai\n")
        self.assertIn("neither", self.run_freehold(*options, env=environment).message)
        for key in ("sk-wrong", secret):
            said = self.succeeds("keys", "vendor", "set", "openai", "--at", host, "--key-file", self.put("key.txt", key + "\n"))
            self.assertNotIn(key, said.message + said.text)
            if key == secret:
                break
            wrong = self.run_freehold(*options, env=environment)
            self.assertIn("the key comes from freehold keys vendor", wrong.message)
            self.assertNotIn(key, wrong.message)
        self.put("key.txt", "")
        said = self.succeeds(*options, "--items", self.folder / "items.jsonl", "--html", self.folder / "page.html", env=environment)
        self.assertIn("3 requests", said.message)
        listed = self.succeeds("keys", "vendor", "list", "--json").text
        self.assertEqual(json.loads(listed)["keys"], [{"vendor": "openai", "host": host}, {"vendor": "openai", "host": "api.openai.com"}])
        # It is in no file and no output.
        for path in [p for p in self.folder.rglob("*") if p.is_file()]:
            for key in (secret, "sk-of-openai", "sk-wrong"):
                self.assertNotIn(key.encode(), path.read_bytes(), path)
        self.assertNotIn(secret, said.text + said.message + listed)
        self.assertEqual((self.home / "keys" / "vendors").stat().st_mode & 0o777, 0o600)
        acts = [json.loads(line) for line in self.succeeds("audit", "query", "--json").text.splitlines() if "keys.vendor.set" in line]
        self.assertGreater(len(acts), 0)
        # The environment comes first; another master key opens nothing; what is taken away is gone.
        first = self.run_freehold(*options, "--fresh", env={**environment, "OPENAI_API_KEY": "sk-other"})
        self.assertIn("the key comes from $OPENAI_API_KEY", first.message)
        self.put("master.key", "freehold-master-key 1 " + "A" * 43 + "=\n").chmod(0o600)
        self.fails(e2e.CORRUPT, *options, "--fresh", "--master-key", self.folder / "master.key", env=environment, names="--master-key")
        self.succeeds("keys", "vendor", "remove", "openai", "--at", host)
        self.fails(e2e.NOT_FOUND, "keys", "vendor", "remove", "openai", "--at", host, names=host)
        self.assertIn("neither", self.run_freehold(*options, "--fresh", env=environment).message)
        # 443 is the usual port, and no other host.
        for at in ("h.example:443", "h.example"):
            self.succeeds("keys", "vendor", "set", "openai", "--at", at, "--key-file", "-", stdin=b"k\n")
        hosts = [key["host"] for key in json.loads(self.succeeds("keys", "vendor", "list", "--json").text)["keys"]]
        self.assertEqual(hosts.count("h.example"), 1)
        self.assertNotIn("h.example:443", hosts)
        for wrong, names in ((["opnai"], "openai, anthropic, gemini"), (["openai", "--at", "http://x/"], "--at")):
            self.fails(e2e.USAGE, "keys", "vendor", "set", *wrong, "--key-file", "-", stdin=b"k\n", names=names)
        for key in (b"", b"two words\n", "schl\u00fcssel\n".encode()):
            self.fails(e2e.USAGE, "keys", "vendor", "set", "openai", "--key-file", "-", stdin=key, names="was expected")

    def test_an_answer_that_is_no_stream_is_understood(self):
        _, task = self.choices(3)
        self.proxy.troubles[:] = ["plain"] * 3
        out = self.folder / "items.jsonl"
        options = ["eval", task, "--method", "letter", "--shots", 0, "-m", "gateway:openai/m", "--parallel", 1]
        said = self.succeeds(*options, "--items", out, env=self.environment("openai"))
        self.assertIn("3 requests", said.message)
        plain = [json.loads(line)["letter"] for line in out.read_text().splitlines()]
        self.succeeds(*options, "--items", out, "--fresh", env=self.environment("openai"))
        self.assertEqual(plain, [json.loads(line)["letter"] for line in out.read_text().splitlines()])
        self.proxy.seen.clear()
        self.proxy.troubles[:] = ["page"]
        self.fails(e2e.CORRUPT, *options, "--fresh", env=self.environment("openai"), names="not a stream of events")
        self.assertEqual(len(self.proxy.seen), 1, "what would be the same again is not asked again")

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
        self.assertGreater(got["score"], 0, "or there is no right answer to price")
        self.assertAlmostEqual(float(got["cost_per_correct"]), float(got["spent"]) / round(12 * got["score"]), 12)


if __name__ == "__main__":
    e2e.main()
