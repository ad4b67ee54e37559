"""`cost prices` and `cost compare`: exact amounts of dated, sourced prices, and nothing that is unknown counts as free."""

import json

import e2e


class Cost(e2e.Case):
    def compare(self, *arguments):
        return json.loads(self.succeeds("cost", "compare", *arguments, "--json").text)

    def test_the_worked_example(self):
        # Mistral 7B on one A100: what the same tokens would have cost at GPT-4's and GPT-3.5's prices.
        tokens = ("--input-tokens", "14253584", "--output-tokens", "1190095", "--on", "2024-01-01")
        bill = self.compare(*tokens, "--vendor", "openai/gpt-4")
        self.assertEqual(bill["total_usd"], "499.01322")
        self.assertEqual([item["usd"] for item in bill["items"]], ["427.60752", "71.4057"])
        self.assertTrue(all(item["price"]["source"] for item in bill["items"]))
        self.assertIn("499.01322", self.succeeds("cost", "compare", *tokens, "--vendor", "openai/gpt-4").text)
        # 40 minutes of it at 4 USD an hour.
        for vendor, times in (("openai/gpt-4", 187), ("openai/gpt-3.5-turbo", 8.9)):
            own = self.compare(*tokens[:4], "--on", "2024-02-01", "--vendor", vendor, "--seconds", "2400", "--rent", "4")["own"]
            self.assertEqual(round(float(own["usd"]), 2), 2.67)
            self.assertAlmostEqual(own["vendor_costs_times"], times, delta=0.2)
        self.fails(e2e.USAGE, "cost", "compare", *tokens, "--vendor", "openai/gpt-4", "--rent", "4", names="--seconds")

    def test_blended_prices_by_name(self):
        blended = self.compare("--vendor", "openai/gpt-4", "--on", "2024-01-01")["blended_usd_per_1m"]
        self.assertEqual(blended, {"80/20": "36.00", "3:1": "37.50", "mean": "45.00"})
        blended = self.compare("--vendor", "openai/gpt-4o-2024-05-13", "--on", "2024-06-01")["blended_usd_per_1m"]
        self.assertEqual((blended["80/20"], blended["3:1"]), ("7.00", "7.50"))

    def test_the_price_of_the_day(self):
        rows = json.loads(self.succeeds("cost", "prices", "openai/gpt-4o", "--json").text)["prices"]
        days = sorted({r["effective_from"] for r in rows if r["kind"] == "input" and r["effective_from"]})
        self.assertGreater(len(days), 0)
        on = json.loads(self.succeeds("cost", "prices", "openai/gpt-4o", "--on", "2030-01-01", "--json").text)["prices"]
        self.assertEqual(len({r["kind"] for r in on}), len(on), "one row a kind")
        for r in on:
            self.assertIn(r, rows)

    def test_prices_of_ones_own(self):
        add = ("cost", "prices", "add", "openai/gpt-4o-2024-08-06", "input")
        self.succeeds(*add, "2.25", "--from", "2025-01-01", "--source", "a contract")
        self.succeeds(*add, "2.0", "--from", "2025-01-01", "--source", "a better contract")
        for day, usd in (("2024-12-31", "2.50"), ("2025-01-01", "2.00")):
            bill = self.compare("--vendor", "openai/gpt-4o-2024-08-06", "--input-tokens", "1000000", "--on", day)
            self.assertEqual(bill["items"][0]["usd"], usd)
        self.assertEqual(bill["items"][0]["price"]["source"], "a better contract")
        self.fails(e2e.USAGE, *add, "0.0000001", "--source", "x", names="six digits")
        self.fails(e2e.USAGE, *add, "1", names="--source")

    def test_what_is_no_price_is_refused(self):
        def add(kind="input", usd="2.5", *more, model="openai/gpt-4o"):
            return ("cost", "prices", "add", model, kind, usd, "--source", "s", *more)

        before = self.succeeds("cost", "prices", "--json").text
        for arguments, names in ((add("inptu"), "did you mean 'input'?"), (add("request"), "'request' is no kind of price. Known are input, output, cached_input"),
                                 (add(usd="2.5EUR"), "another currency"), (add(usd="nan"), "plain decimal"), (add(usd="1e3"), "plain decimal"),
                                 (add(usd="inf"), "plain decimal"), (add(usd="10000.01"), "a cent a token"), (add(usd="1000001"), "from 0 to 1000000"),
                                 (add("input", "1", "--from", "2026-02-30"), "no day"), (add("input", "1", "--from", "0001-01-01"), "cannot apply from"),
                                 (add("input", "1", "--retrieved", "2199-01-01"), "cannot have been read"), (add(model="gpt-4o"), "PROVIDER/MODEL"),
                                 (add(model="/m"), "the provider"), (add(model="openai/"), "the model"), (add(model="openai/ m"), "spaces"),
                                 (add(model="openai/a\tb"), "control characters"), (("cost", "prices", "add", "openai/gpt-4o", "input", "--", "-1"), "--source")):
            self.fails(e2e.USAGE, *arguments, names=names)
        self.fails(e2e.USAGE, "cost", "prices", "add", "--source", "s", "--", "openai/gpt-4o", "input", "-1", names="from 0 to")
        self.assertEqual(self.succeeds("cost", "prices", "--json").text, before, "nothing was added")
        told = self.succeeds("cost", "prices", "add", "--help").text
        for kind in json.loads(self.succeeds("cost", "prices", "--json").text)["prices"]:
            self.assertIn(kind["kind"], told)

    def test_slips_of_the_hand_are_said(self):
        add = ("cost", "prices", "add")
        self.assertIn("did you mean 'openai/gpt-4o'", self.succeeds(*add, "openai/gtp-4o", "input", "2.5", "--source", "s").message)
        self.assertNotIn("note:", self.succeeds(*add, "openai/gtp-4o", "output", "10", "--source", "s", "--from", "2026-01-01").message)
        self.assertIn("takes the place of 10.00 USD", self.succeeds(*add, "openai/gtp-4o", "output", "9", "--source", "s", "--from", "2026-01-01").message)
        self.assertIn("more than 20 times the 9.00 USD", self.succeeds(*add, "openai/gtp-4o", "output", "900", "--source", "s", "--from", "2026-02-01").message)
        self.assertIn("less than a twentieth", self.succeeds(*add, "openai/gtp-4o", "output", "0.000009", "--source", "s", "--from", "2026-03-01").message)

    def test_a_book_with_what_is_not_known_is_refused_whole(self):
        row = {"provider": "ours", "model": "m", "kind": "input", "usd_per_1m_tokens": 1.5, "effective_from": "2026-01-01", "source": "s",
               "retrieved": "2026-01-01", "confidence": "high"}
        for change, code, names in (({"kind": "inptu"}, e2e.CORRUPT, "row 2: 'inptu' is no kind of price; did you mean 'input'"),
                                    ({"currency": "EUR"}, e2e.CORRUPT, "row 2: 'currency' must be \"USD\""),
                                    ({"effective_until": "2025-01-01"}, e2e.CORRUPT, "row 2: 'effective_until' is no member"),
                                    ({"usd_per_1m_tokens": -1}, e2e.CORRUPT, "row 2"), ({"usd_per_1m_tokens": 20000}, e2e.USAGE, "a cent a token"),
                                    ({"retrieved": "2199-01-01"}, e2e.USAGE, "cannot have been read"), ({}, e2e.CORRUPT, "two rows of ours/m")):
            book = self.put("book.json", json.dumps([row, {**row, **({"model": "n"} if change else {}), **change}]))
            self.fails(code, "cost", "prices", "import", book, names=names)
            self.fails(e2e.NOT_FOUND, "cost", "prices", "ours/m", names="no price")

    def test_signed_prices(self):
        rows = json.dumps([{"provider": "ours", "model": "m", "kind": kind, "usd_per_1m_tokens": 1.5, "effective_from": "2026-01-01", "source": "s",
                            "retrieved": "2026-01-01", "confidence": "high"} for kind in ("input", "output")])
        book = self.put("book.json", rows)
        key = self.succeeds("cost", "prices", "sign", book).text.strip()
        self.assertEqual((self.home / "price-signing.key").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.succeeds("cost", "prices", "sign", book).text.strip(), key)
        other = self.folder / "other"
        self.fails(e2e.USAGE, "cost", "prices", "import", book, "--trust", "0" * 64, names="another key", home=other)
        self.put("book.json", rows.replace("1.5", "0.5"))
        self.fails(e2e.CORRUPT, "cost", "prices", "import", book, "--trust", key, names="not what was signed", home=other)
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "ours/m", "--on", "2026-02-01", home=other)
        self.put("book.json", rows)
        self.succeeds("cost", "prices", "import", book, "--trust", key, home=other)
        bill = json.loads(self.succeeds("cost", "compare", "--vendor", "ours/m", "--on", "2026-02-01", "--input-tokens", "10", "--json", home=other).text)
        self.assertEqual(bill["total_usd"], "0.000015")

    def test_what_is_not_known_is_an_error(self):
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "openai/gtp-4", names="did you mean 'openai/gpt-4'")
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "openai/gpt-4", "--on", "2020-01-01", names="unpriced, not free")
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "openai/gpt-4", "--on", "2024-01-01", "--batch", names="batch_input")
        self.fails(e2e.USAGE, "cost", "compare", "--vendor", "openai/gpt-4", "--on", "1.1.2024", names="no day")
        self.fails(e2e.USAGE, "cost", "compare", "--vendor", "openai/gpt-4", "--cached-tokens", "5", names="--input-tokens")
        self.fails(e2e.USAGE, "cost", "compare", "--vendor", "llama-3.1-8b-instruct", names="several have")
        self.fails(e2e.USAGE, "cost", "compare", names="what this machine costs is not known")
        self.fails(e2e.USAGE, "cost", "compare", "--input-tokens", "5", names="one --vendor")
        self.fails(e2e.USAGE, "cost", "compare", "--input-tokens", "5", "--vendor", "openai/gpt-4", "--tag", "x", names="--tag")


if __name__ == "__main__":
    e2e.main()
