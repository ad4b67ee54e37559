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

    def test_what_is_not_known_is_an_error(self):
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "openai/gtp-4", names="did you mean 'openai/gpt-4'")
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "openai/gpt-4", "--on", "2020-01-01", names="unpriced, not free")
        self.fails(e2e.NOT_FOUND, "cost", "compare", "--vendor", "openai/gpt-4", "--on", "2024-01-01", "--batch", names="batch_input")
        self.fails(e2e.USAGE, "cost", "compare", "--vendor", "openai/gpt-4", "--on", "1.1.2024", names="no day")
        self.fails(e2e.USAGE, "cost", "compare", "--vendor", "openai/gpt-4", "--cached-tokens", "5", names="--input-tokens")
        self.fails(e2e.USAGE, "cost", "compare", "--vendor", "llama-3.1-8b-instruct", names="several have")
        self.fails(e2e.USAGE, "cost", "compare", names="vendor")


if __name__ == "__main__":
    e2e.main()
