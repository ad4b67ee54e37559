"""The ledger through the program: what the machine costs, reports that add up, explanations, budgets that nobody passes.

Expected amounts are worked out here with Python's decimals, from the same inputs."""

import csv
import io
import json
import os
import pty
import select
import signal
import sqlite3
import subprocess
import threading
import time
from decimal import ROUND_CEILING, Decimal

import e2e
import ledger_events
import tenancy_test
from chat_model import ChatGguf
from corpus import build
from ledger_events import DAY
from serving import Server
from tenancy_test import CHAT, COMPLETIONS, user

MACHINE = ("--price", "3153.60", "--years", "1", "--tariff", "0.36", "--watts", "10/100", "--hosting", "26.28", "--from", "2026-01-01")
BUSY = Decimal("0.00012")  # USD a second: 0.0001 depreciation, 0.00001 hosting, 0.00001 power
BIG = {"prompt": Decimal("2.5"), "cached": Decimal("1.25"), "answer": Decimal(10)}  # openai/gpt-4o-2024-08-06, a million


class Machine(e2e.Case):
    def test_five_questions_in_a_terminal_once(self):
        leader, follower = pty.openpty()
        process = subprocess.Popen([e2e.FREEHOLD, "cost", "machine"], stdin=follower, stdout=subprocess.PIPE, stderr=follower,
                                   env={**os.environ, "FREEHOLD_HOME": str(self.home)}, close_fds=True)
        os.close(follower)
        said = b""

        def until(word):
            nonlocal said
            end = time.monotonic() + 60
            while word not in said and time.monotonic() < end:
                if select.select([leader], [], [], 1)[0]:
                    said += os.read(leader, 4096)
            self.assertIn(word, said)

        for word, answer in ((b"What did this machine cost", b"2400"), (b"how many years", b"0"), (b"years of use", b"4"), (b"kWh", b"0.31"),
                             (b"watts", b"60/320"), (b"upkeep", b"")):
            until(word)
            said = b"" if answer != b"0" else said.split(b"how many years")[-1]
            os.write(leader, answer + b"\n")
        out = process.communicate(timeout=60)[0]
        os.close(leader)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn(b"2400.00", out)
        shown = json.loads(self.succeeds("cost", "machine", "--json").text)
        self.assertEqual(shown["current"]["price_usd"], "2400.00")
        self.assertEqual(shown["current"]["life_days"], 4 * 365)
        self.assertEqual((shown["current"]["idle_watts"], shown["current"]["load_watts"]), (60, 320))
        self.assertEqual(len(shown["rows"]), 1)

    def test_rows_are_superseded_never_edited(self):
        self.assertIn("not known", self.succeeds("cost", "machine").message)
        self.succeeds("cost", "machine", *MACHINE)
        self.succeeds("cost", "machine", "--tariff", "0.72", "--from", "2026-03-01", "--note", "a new contract")
        rows = json.loads(self.succeeds("cost", "machine", "--json").text)["rows"]
        self.assertEqual([r["usd_per_kwh"] for r in rows], ["0.36", "0.72"])
        self.assertEqual(rows[1]["price_usd"], "3153.60", "what is not said stays")
        self.assertEqual(rows[0]["usd_per_second"]["busy"], "0.00012")
        for wrong, names in ((("--watts", "100"), "60/200"), (("--watts", "200/100"), "fewer"), (("--price", "a lot"), "--price"),
                             (("--years", "0"), "years"), (("--from", "soon"), "no day"), (("--tariff", "-1"), "kWh"),
                             (("--price", "1", "--ask"), "--ask")):
            self.fails(e2e.USAGE, "cost", "machine", *wrong, names=names)
        self.assertEqual(len(json.loads(self.succeeds("cost", "machine", "--json").text)["rows"]), 2)


class Report(e2e.Case):
    def setUp(self):
        super().setUp()
        self.record = ledger_events.make_record(self.home, self.put("m.gguf", ChatGguf().write()))
        self.rows = list(ledger_events.events(900, "2026-02-01", 20))
        ledger_events.insert(self.record, self.rows)
        self.succeeds("cost", "machine", *MACHINE)

    def report(self, *arguments):
        return json.loads(self.succeeds("cost", "report", *arguments, "--vendor", "openai/gpt-4o-2024-08-06", "--json").text)

    def expected(self, rows):
        million = Decimal(1_000_000)
        return (sum(Decimal(r[9]) / million * BUSY for r in rows),
                sum((Decimal(r[6] - r[7]) * BIG["prompt"] + r[7] * BIG["cached"] + r[8] * BIG["answer"]) / million for r in rows))

    def check(self, row, rows):
        here, there = self.expected(rows)
        self.assertEqual(row["requests"], len(rows))
        self.assertEqual(Decimal(row["local"]["usd"]), here)
        self.assertEqual(Decimal(row["would_have_cost"]["openai/gpt-4o-2024-08-06"]["usd"]), there)

    def test_every_grouping_adds_up_to_the_last_digit(self):
        columns = {"key": 2, "model": 3, "adapter": 4, "tag": 5}
        for by, column in columns.items():
            got = self.report("--by", by)
            groups = {r[column] for r in self.rows}
            self.assertEqual({g[by] for g in got["groups"]}, groups)
            for g in got["groups"]:
                self.check(g, [r for r in self.rows if r[column] == g[by]])
            self.check(got["total"], self.rows)
            self.assertEqual(sum(Decimal(g["local"]["usd"]) for g in got["groups"]), Decimal(got["total"]["local"]["usd"]))
        days = self.report("--by", "day", "--since", "2026-02-03", "--until", "2026-02-10")
        begin, end = ledger_events.micros("2026-02-03"), ledger_events.micros("2026-02-10")
        self.check(days["total"], [r for r in self.rows if begin <= r[1] < end])
        self.assertEqual([g["day"] for g in days["groups"]], [f"2026-02-{d:02}" for d in range(3, 10)])
        self.check(self.report("--key", "key3", "--tag", "tag1")["total"], [r for r in self.rows if (r[2], r[5]) == ("key3", "tag1")])

    def test_idle_and_working_are_what_the_machine_cost(self):
        got = self.report("--since", "2026-02-03", "--until", "2026-02-04")
        busy = Decimal(got["total"]["compute_us"]) / 1_000_000
        idle = (86_400 - busy) * Decimal("0.000111")
        self.assertEqual(Decimal(got["idle"]["usd"]), idle)
        self.assertEqual(Decimal(got["idle"]["machine_usd"]), idle + busy * BUSY)
        self.assertIsNone(self.report("--key", "key1")["idle"])

    def test_csv_has_the_same_amounts(self):
        text = self.succeeds("cost", "report", "--by", "tag", "--vendor", "none", "--csv").text
        rows = list(csv.DictReader(io.StringIO(text)))
        got = self.report("--by", "tag")
        self.assertEqual({r["tag"]: r["local_usd"] for r in rows}, {g["tag"]: g["local"]["usd"] for g in got["groups"]})

    def test_what_is_not_known_is_unpriced(self):
        ledger_events.insert(self.record, [(f"early-{i}", ledger_events.micros("2025-12-01") + i, "k", "m", "", "", 10, 0, 5, 1000) for i in range(3)])
        got = self.report("--until", "2026-01-01")
        self.assertEqual(got["total"]["local"], {"usd": None, "unpriced_requests": 3})
        got = json.loads(self.succeeds("cost", "report", "--vendor", "openai/gpt-5.5", "--json").text)
        self.assertEqual(got["total"]["would_have_cost"]["openai/gpt-5.5"], {"usd": None, "unpriced_requests": 903}, "not there yet")
        self.assertIn("unpriced", self.succeeds("cost", "report", "--by", "day").text)
        self.fails(e2e.NOT_FOUND, "cost", "report", "--vendor", "openai/gtp-4o", names="did you mean")
        explained = json.loads(self.succeeds("cost", "explain", "early-1", "--json").text)
        self.assertIsNone(explained["local"]["usd"])
        self.assertIn("not known", explained["local"]["unpriced"])

    def test_every_factor_is_explained_and_they_add_up(self):
        row = self.rows[17]
        got = json.loads(self.succeeds("cost", "explain", row[0], "--vendor", "openai/gpt-4o-2024-08-06", "--json").text)
        here, there = self.expected([row])
        for cost, want in ((got["local"], here), (got["would_have_cost"]["openai/gpt-4o-2024-08-06"], there)):
            self.assertEqual(Decimal(cost["usd"]), want)
            self.assertEqual(sum(Decimal(f["usd"]) for f in cost["factors"]), want)
            self.assertTrue(all(f["source"] for f in cost["factors"]))
        text = self.succeeds("cost", "explain", row[0]).text
        for word in ("depreciation", "hosting", "watts", "largest remainder", "tokens of the local model", "confidence"):
            self.assertIn(word, text)
        self.fails(e2e.NOT_FOUND, "cost", "explain", "nobody", names="nobody")

    def test_a_vendors_count_is_estimated_by_a_measured_ratio(self):
        text = "".join(f"the cat sat on the mat, {'on and ' * (i % 7)}on\n" for i in range(900))
        vendor, model = "openai/gpt-4o-2024-08-06", self.put("local.gguf", ChatGguf().write())
        other = self.put("tokenizer.json", json.dumps(build.tokenizer_json()).encode())
        measure = ("cost", "tokenizer", "--vendor", vendor, "--model", model, "--called", "model1", "--tokenizer", other)
        self.fails(e2e.USAGE, *measure, self.put("short.txt", b"the cat\n"), names="too few")
        self.fails(e2e.USAGE, *measure, self.put("bytes.txt", b"\xff" * 100), names="not UTF-8")
        self.fails(e2e.CORRUPT, *measure[:-1], self.put("broken.json", b"{"), self.put("long.txt", text.encode()), names="broken.json")
        self.fails(e2e.USAGE, "cost", "tokenizer", "--vendor", vendor, names="--model")
        got = json.loads(self.succeeds(*measure, self.folder / "long.txt", "--json").text)
        # By the vocabularies themselves: of the local model and of a folder that has the other one.
        build.put(self.folder, build.Folder().files())
        counts = [int(self.succeeds("tokenize", m, "--file", self.folder / "long.txt", "--no-bos", "--count").text) for m in (self.folder / "hf", model)]
        ratio = Decimal(str(got["ratio"]))
        self.assertAlmostEqual(got["ratio"], counts[0] / counts[1], delta=0.01)
        self.assertNotEqual(ratio, 1)
        self.assertGreater(got["error"], 0)
        here = [self.expected([r])[1] * (ratio if r[3] == "model1" else 1) for r in self.rows]
        for by in ("key", "day", "model"):
            total = self.report("--by", by)
            self.assertEqual(Decimal(total["total"]["would_have_cost"][vendor]["usd"]), sum(here), by)
            self.assertEqual([e["model"] for e in total["estimated_tokens"]], ["model1"])
        row = next(r for r in self.rows if r[3] == "model1")
        self.assertIn(f"x {ratio}", self.succeeds("cost", "explain", row[0], "--vendor", vendor).text)
        self.assertIn("model1", self.succeeds("cost", "tokenizer").text)

    def test_own_or_rent(self):
        got = json.loads(self.succeeds("cost", "compare", "--since", "2026-02-01", "--until", "2026-02-21", "--vendor", "openai/gpt-4o-2024-08-06",
                                       "--vendor", "openai/gpt-5.5", "--json").text)
        here, there = self.expected(self.rows)
        self.assertEqual(Decimal(got["here"]["requests_usd"]), here)
        vendor = got["vendors"][0]
        self.assertEqual(Decimal(vendor["would_have_cost"]["usd"]), there)
        self.assertEqual(vendor["blended_usd_per_1m"], {"80/20": "4.00", "3:1": "4.375", "mean": "6.25"})
        # Fixed and idle power of 365/12 days, against what the vendor asks above the power of working, a token.
        tokens = sum(r[6] + r[8] for r in self.rows)
        busy = sum(Decimal(r[9]) for r in self.rows) / 1_000_000
        fixed = 2_628_000 * Decimal("0.000111")
        want = (fixed * tokens / (there - busy * Decimal("0.000009"))).to_integral_value(ROUND_CEILING)
        self.assertEqual(vendor["break_even_tokens_a_month"], int(want))
        self.assertEqual(got["vendors"][1]["would_have_cost"]["usd"], None)
        text = self.succeeds("cost", "compare", "--since", "2026-02-01", "--until", "2026-02-21").text
        self.assertIn("100.0 %", text)
        self.assertIn("█", text)
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--since", "2026-03-01", "--until", "2026-03-02", names="no requests")


    def test_billing_rows_add_up_to_the_report(self):
        ended = self.succeeds("cost", "export", "--since", "2026-02-03", "--until", "2026-02-10")
        rows = list(csv.DictReader(io.StringIO(ended.text)))
        total = self.report("--since", "2026-02-03", "--until", "2026-02-10")["total"]
        self.assertEqual(sum(Decimal(r["EffectiveCost"]) for r in rows), Decimal(total["local"]["usd"]))
        for r in rows:
            for column in ("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "ChargeCategory", "ChargePeriodStart",
                           "ChargePeriodEnd", "ListCost", "ContractedCost", "ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceCategory",
                           "ServiceName", "SkuId", "PricingUnit"):
                self.assertTrue(r[column], column)
            self.assertEqual(Decimal(r["ListUnitPrice"]) * Decimal(r["PricingQuantity"]), Decimal(r["ListCost"]))
            self.assertLess(r["BillingPeriodStart"], r["BillingPeriodEnd"])
        self.assertEqual(len(json.loads(self.succeeds("cost", "export", "--json", "--since", "2026-02-03", "--until", "2026-02-10").text)), len(rows))

    def test_one_billing_row_a_price(self):
        # Lengths of prompts, batches, caches: what has one price is one row, and five columns name it.
        openai, pro = "openai/gpt-4o-2024-08-06", "google/gemini-2.5-pro"
        at = ledger_events.micros("2026-02-05")
        rows, number = [], 0
        for vendor in ("", openai, pro):
            for prompt in (10, 150_000, 250_000):
                for batched in (0, 1):
                    for adapter, tag in (("", "a"), ("support", "a"), ("", "b")):
                        number += 1
                        rows.append((f"bill-{number}", at + number * 1000, "k", "m", adapter, vendor, tag, prompt, prompt // 2, prompt // 5, 7 * number, batched,
                                     1000 * number, 5 * number if number % 2 else None))
        with sqlite3.connect(self.record) as db:
            db.executemany("INSERT INTO events (request_id, time, key_id, model, model_digest, adapter, vendor, tag, dialect, endpoint, prompt_tokens, "
                           "cached_tokens, cache_write_tokens, completion_tokens, batched, compute_us, energy_nwh, sampling, queue_seconds, prefill_seconds, "
                           "decode_seconds, outcome, finish_reason, steered, http_status) VALUES (?, ?, ?, ?, '', ?, ?, ?, 'openai', '/', ?, ?, ?, ?, ?, ?, ?, '', "
                           "0, 0, 0, 'completed', 'stop', 0, 200)", rows)
        db.close()
        got = json.loads(self.succeeds("cost", "export", "--json", "--key", "k").text)
        named = {(r["ChargePeriodStart"], r["SubAccountId"], r["ResourceId"], r["Tags"], r["SkuPriceId"]) for r in got}
        self.assertEqual(len(named), len(got))
        self.assertTrue(all(r["ChargeClass"] is None for r in got))
        self.assertEqual({r["SkuPriceId"] for r in got if r["ProviderName"] == "google"},
                         {f"{pro}/{kind}" for kind in ("input", "output", "cached_input", "input_above_200k", "output_above_200k")} &
                         {f"{pro}/{p['kind']}" for p in json.loads(self.succeeds("cost", "prices", pro, "--on", "2026-02-05", "--json").text)["prices"]})
        report = json.loads(self.succeeds("cost", "report", "--key", "k", "--by", "vendor", "--vendor", "none", "--json").text)
        for group in report["groups"]:
            paid = group["paid_to_vendors" if group["vendor"] else "local"]["usd"]
            name = group["vendor"].split("/")[0] or "Freehold"
            self.assertEqual(sum(Decimal(r["BilledCost"]) for r in got if r["ProviderName"] == name), Decimal(paid))
        for r in got:
            self.assertEqual(Decimal(r["ListUnitPrice"]) * Decimal(r["PricingQuantity"]), Decimal(r["ListCost"]))
        tokens = sum(Decimal(r["ConsumedQuantity"]) for r in got if r["ProviderName"] == "openai")
        self.assertEqual(tokens, sum(r[7] + r[10] for r in rows if r[5] == openai))
        # The same in CSV, in the same order.
        text = list(csv.DictReader(io.StringIO(self.succeeds("cost", "export", "--key", "k").text)))
        self.assertEqual(text, [{name: value or "" for name, value in r.items()} for r in got])

    def test_counts_that_cannot_be_are_named_and_in_no_sum(self):
        before = self.report()
        self.assertEqual(before["left_out"], {"requests": 0, "first": []})
        at = ledger_events.micros("2026-02-05")
        ledger_events.insert(self.record, [("absurd-1", at, "key1", "model1", "", "", 2**63 - 1, 0, 5, 1000), ("absurd-2", at + 1, "key1", "model1", "", "", -5, 0, 5, 1000)])
        after = self.report()
        self.assertEqual(after["left_out"], {"requests": 2, "first": [{"request_id": "absurd-1", "counts": f"prompt_tokens {2**63 - 1}"},
                                                                     {"request_id": "absurd-2", "counts": "prompt_tokens -5"}]})
        self.assertEqual((after["groups"], after["total"]), (before["groups"], before["total"]))
        said = f"2 requests with counts that no request can have are in no sum: absurd-1 (prompt_tokens {2**63 - 1}), absurd-2 (prompt_tokens -5)"
        window = ("--since", "2026-02-01", "--until", "2026-02-21")
        for command in (("cost", "report"), ("cost", "report", "--csv"), ("cost", "report", "--by", "tag"), ("cost", "export"), ("cost", "compare", *window),
                        ("cost", "forecast", *window), ("usage",), ("usage", "--json")):
            self.assertIn(said, self.succeeds(*command).message, command)
        self.assertNotIn("in no sum", self.succeeds("cost", "report", "--key", "key2").message)
        for command in (("cost", "explain", "absurd-1"), ("usage", "--request", "absurd-1")):
            self.fails(e2e.CORRUPT, *command, names=f"holds counts that no request can have, so it is in no sum: prompt_tokens {2**63 - 1}")

    def test_forecast(self):
        got = json.loads(self.succeeds("cost", "forecast", "--until", "2026-02-21", "--json").text)
        self.assertIsNone(got["refused"])
        self.assertEqual((got["history_days"], len(got["days"])), (20, 30))
        band = got["total"]
        self.assertLessEqual(band["low_95"], band["low_50"])
        self.assertLessEqual(band["high_50"], band["high_95"])
        here = float(self.expected(self.rows)[0])
        self.assertTrue(band["low_95"] < here * 30 / 20 < band["high_95"], (band, here))
        twice = json.loads(self.succeeds("cost", "forecast", "--until", "2026-02-21", "--users", "2", "--json").text)["total"]
        self.assertAlmostEqual(twice["median"] / band["median"], 2, delta=0.01)
        self.assertIn("95 %", self.succeeds("cost", "forecast", "--until", "2026-02-21", "--vendor", "openai/gpt-4o").text)
        for what, words in ((("--until", "2026-02-04"), "3 whole days"), (("--until", "2026-02-21", "--days", "90"), "guess"), (("--key", "nobody"), "0 whole")):
            got = json.loads(self.succeeds("cost", "forecast", *what, "--json").text)
            self.assertIn(words, got["refused"])
            self.assertEqual(got["days"], [])


class Budgets(tenancy_test.Tenancy):
    KEYS = {"small": (), "other": (), "tiny": ()}

    @classmethod
    def key_id(cls, name):
        return cls.keys[name].split("-")[1]

    def budget(self, *arguments, code=e2e.OK):
        ended = e2e.run("cost", "budget", *arguments, home=self.kept)
        self.assertEqual(ended.code, code, ended.message)
        return ended

    def standings(self):
        return json.loads(self.budget("list", "--json").text)["budgets"]

    def test_each_dialect_says_it_in_its_words(self):
        self.budget("set", "--key", self.key_id("tiny"), "--tokens", "5", "--every", "forever")
        self.addCleanup(self.budget, "remove", "--key", self.key_id("tiny"), "--measure", "tokens", "--every", "forever")
        asks = ((COMPLETIONS, {"model": "one", "prompt": "the cat", "max_tokens": 50}, 429), (CHAT, {"model": "one", "messages": user("hi")}, 429),
                ("/v1/messages", {"model": "one", "messages": user("hi"), "max_tokens": 50}, 402),
                ("/v1beta/models/one:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, 429),
                ("/api/generate", {"model": "one", "prompt": "hi"}, 429), ("/v1/embeddings", {"model": "one", "input": "the cat sat on the mat " * 5}, 429))
        for path, body, status in asks:
            for stream in (False, True) if "embed" not in path and "v1beta" not in path else (False,):
                fields = {"authorization": f"Bearer {self.keys['tiny']}"}
                if path == "/v1/messages":
                    fields["anthropic-version"] = "2023-06-01"
                got, headers, data = self.server.ask("POST", path, {**body, "stream": stream} if "v1beta" not in path and "embed" not in path else body, fields)
                self.assertEqual(got, status, (path, data))
                error = json.loads(data)["error"]
                if path.startswith("/api/"):
                    self.assertIn("budget", error)
                    continue
                self.assertIn("5 tokens", error["message"], path)
                self.assertEqual(headers["x-should-retry"], "false", path)
                if path == "/v1/messages":
                    self.assertEqual(error["type"], "billing_error")
                elif "v1beta" in path:
                    self.assertEqual(error["status"], "RESOURCE_EXHAUSTED")
                else:
                    self.assertEqual((error["type"], error["code"]), ("insufficient_quota", "insufficient_quota"), path)
        self.good("other", "POST", COMPLETIONS, asks[0][1])
        self.assertEqual(self.standings()[0]["spent"], 0, "nothing ran")

    def test_a_budget_of_vendors_never_stops_this_machine(self):
        self.budget("set", "--usd", "0", "--every", "day")
        self.addCleanup(self.budget, "remove", "--every", "day")
        self.good("small", "POST", COMPLETIONS, {"model": "one", "prompt": "the cat", "max_tokens": 5})

    def test_soft_limits_are_said_in_a_header(self):
        self.budget("set", "--tag", "soft", "--tokens", "1", "--every", "week", "--soft", "--warn", "50")
        self.addCleanup(self.budget, "remove", "--tag", "soft", "--measure", "tokens", "--every", "week")
        for warned in (False, True):
            fields = {"authorization": f"Bearer {self.keys['other']}", "freehold-tag": "soft"}
            status, headers, data = self.server.ask("POST", COMPLETIONS, {"model": "one", "prompt": "the cat", "max_tokens": 5}, fields)
            self.assertEqual(status, 200, data)
            self.assertEqual("tag soft" in headers.get("freehold-budget", ""), warned)

    def test_tags_are_checked_and_reported(self):
        fields = {"authorization": f"Bearer {self.keys['other']}"}
        body = {"model": "one", "prompt": "the cat", "max_tokens": 5}
        status, _, data = self.server.ask("POST", COMPLETIONS, body, {**fields, "freehold-tag": "x" * 65})
        self.assertEqual(status, 400)
        self.assertIn("Freehold-Tag", json.loads(data)["error"]["message"])
        self.assertEqual(self.server.ask("POST", COMPLETIONS, body, {**fields, "freehold-tag": "project 7"})[0], 200)
        got = json.loads(e2e.run("cost", "report", "--by", "tag", "--vendor", "none", "--json", home=self.kept).text)
        row = next(g for g in got["groups"] if g["tag"] == "project 7")
        self.assertEqual((row["requests"], row["completion_tokens"]), (1, 5))
        self.assertGreater(row["compute_us"], 0)

    def test_sixty_four_clients_never_pass_it(self):
        limit = 3000
        self.budget("set", "--tag", "crowd", "--tokens", str(limit), "--every", "forever")
        self.addCleanup(self.budget, "remove", "--tag", "crowd", "--measure", "tokens", "--every", "forever")
        used, refused = [], []

        def client(number):
            for i in range(40):
                status, headers, data = self.server.ask("POST", COMPLETIONS, {"model": "one", "prompt": "the cat sat", "max_tokens": 20 + (number + i) % 20, "temperature": 1, "seed": number * 1000 + i},
                                                        {"authorization": f"Bearer {self.keys['other']}", "freehold-tag": "crowd"}, timeout=240)
                if status == 200:
                    used.append(json.loads(data)["usage"]["total_tokens"])
                    continue
                error = json.loads(data)["error"]
                refused.append((status, error["type"]))
                if error["type"] == "insufficient_quota":
                    return
                time.sleep(0.01)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(64)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual({status for status, _ in refused}, {429})
        self.assertLessEqual(sum(used), limit)
        self.assertGreater(sum(used), limit - 60)
        standing = next(s for s in self.standings() if s["subject"] == "crowd")
        self.assertEqual((standing["spent"], standing["reserved"]), (sum(used), 0))

    def test_wrong_budgets_are_errors(self):
        for arguments in (("set",), ("set", "--usd", "1", "--tokens", "1"), ("set", "--usd", "-1"), ("set", "--key", "a", "--tag", "b", "--usd", "1"),
                          ("set", "--usd", "5", "--of", "local"), ("set", "--tokens", "5", "--every", "hour")):
            self.budget(*arguments, code=e2e.USAGE)
        self.budget("remove", "--tag", "nobody", code=e2e.NOT_FOUND)
        self.assertIn("there is no key 'zzzzzzzz'", self.budget("set", "--key", "zzzzzzzz", "--tokens", "1").message)
        self.budget("remove", "--key", "zzzzzzzz")

    def test_what_is_removed_is_named_and_meant(self):
        self.budget("set", "--tag", "mine", "--tokens", "20", "--every", "day")
        self.budget("remove", code=e2e.USAGE)
        self.assertIn("removed: tag mine: 20 tokens", self.budget("remove", "--tag", "mine").message)
        for every in ("day", "week"):
            self.budget("set", "--tag", "mine", "--tokens", "20", "--every", every)
        self.assertIn("one of 2: ", self.budget("remove", "--tag", "mine", code=e2e.USAGE).message)
        for every in ("day", "week"):
            self.budget("remove", "--tag", "mine", "--every", every)
        log = e2e.run("audit", "query", "--kind", "admin", "--json", home=self.kept).text
        acts = [json.loads(line) for line in log.splitlines()]
        self.assertIn("tag mine: 20 tokens a day", [a["subject"] for a in acts if a["act"] == "cost.budget.remove"])


class Killed(e2e.Case):
    """kill -9 in the middle: what was answered is in the record, and what was reserved is free again."""

    def test_nothing_settled_is_lost_and_reservations_go(self):
        model = self.put("m.gguf", ChatGguf().write())
        e2e.run("cost", "budget", "set", "--tokens", "1000000", "--every", "forever", home=self.home)
        answered = []
        with Server(model, "--context", "512", home=self.home) as server:
            def client(number):
                for i in range(200):
                    try:
                        status, headers, data = server.ask("POST", COMPLETIONS, {"model": "m", "prompt": "the cat", "max_tokens": 30, "ignore_eos": True})
                    except OSError:
                        return
                    except Exception:
                        return
                    if status == 200:
                        try:
                            answered.append((headers["x-request-id"], json.loads(data)["usage"]["total_tokens"]))
                        except ValueError:
                            return

            threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
            for t in threads:
                t.start()
            end = time.monotonic() + 60
            while len(answered) < 40 and time.monotonic() < end:
                time.sleep(0.01)
            server.process.send_signal(signal.SIGKILL)
            for t in threads:
                t.join()
        self.assertGreaterEqual(len(answered), 40)
        got = json.loads(self.succeeds("cost", "budget", "list", "--json").text)["budgets"][0]
        self.assertEqual(got["reserved"], 0)
        self.assertGreaterEqual(got["spent"], sum(tokens for _, tokens in answered))
        for request_id, _ in answered[::7]:
            self.succeeds("cost", "explain", request_id, "--vendor", "none")


if __name__ == "__main__":
    e2e.main()
