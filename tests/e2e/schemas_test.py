"""Random schemas, random models, few tokens: every answer parses and validates, or is refused beforehand with the number it would take.

1,000 of them (200 under a sanitizer), or as many as $FREEHOLD_SCHEMAS says; each is asked in one of five wire formats.
"""

import concurrent.futures
import json
import os
import random
import re

import e2e
from chat_model import ChatGguf
from dialects import CONSTRAINED, SEEDED, Ask, post, request, said
from json_schema import Maker, parsed, problem
from serving import KEY, Server

COUNT = int(os.environ.get("FREEHOLD_SCHEMAS", "200" if e2e.SANITIZED else "1000"))
MODELS = 5
FIRST = 1


class Schemas(e2e.Case):
    def ask(self, port, ask, stream, headers):
        path, body = request(ask, "chatty", stream)
        got = post(port, KEY, path, body, headers=headers)
        return got, said(ask, got.data)[0] if got.status == 200 else ""

    def one(self, port, number):
        """What is wrong with the answers to schema `number`, and what happened."""
        draw = random.Random(number)
        schema = Maker(draw).make()
        dialect = draw.choice(CONSTRAINED)
        ask = Ask(dialect, f"schema {number}", draw.choice([1, 3, 8, 20, 40, 80, 160]), draw.choice([0, 1, 1.5]) if dialect in SEEDED else 0,
                  number, schema)
        stream = draw.random() < 0.5
        got, text = self.ask(port, ask, stream, {"freehold-require": "complete"})
        happened = "answered"
        if got.status == 400:
            needed = re.search(rb"the shortest valid answer has (\d+) tokens, but at most (\d+) may be written", got.data)
            if not needed or int(needed[2]) != ask.max_tokens or int(needed[1]) <= ask.max_tokens:
                return f"refused with {got.data!r}", "refused"
            # The number is the right one: with so many it fits.
            happened = "refused"
            ask = Ask(**{**vars(ask), "max_tokens": int(needed[1])})
            got, text = self.ask(port, ask, stream, {"freehold-require": "complete"})
        if got.status != 200:
            return f"{got.status} {got.data!r}", happened
        try:
            found = problem(schema, parsed(text))
        except ValueError as error:
            found = str(error)
        return found and f"{found} in {text!r}", happened if "freehold-steered" not in got.headers else "steered"

    def test_every_answer_validates(self):
        sums = {}
        for seed in range(MODELS):
            model = self.put(f"model-{seed}.gguf", ChatGguf(seed=20 + seed).write())
            with Server(model, "--alias", "chatty", home=self.home) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
                numbers = list(range(FIRST + seed, FIRST + COUNT, MODELS))
                for number, (wrong, happened) in zip(numbers, pool.map(lambda n: self.one(server.port, n), numbers)):
                    self.assertEqual(wrong, "", f"schema {number}: {json.dumps(Maker(random.Random(number)).make())}")
                    sums[happened] = sums.get(happened, 0) + 1
        print(sums, end=" ", flush=True)
        self.assertGreater(sums["answered"], COUNT / 10)
        self.assertGreater(sums["refused"], COUNT / 10)
        self.assertGreater(sums["steered"], COUNT / 20)

    def test_the_validator_can_fail(self):
        for schema, good, bad in (({"type": "integer", "multipleOf": 3}, "6", "7"), ({"type": "integer"}, "1.0", "1.5"), ({"const": 1}, "1.0", "true"),
                                  ({"type": "string", "pattern": "^a$"}, '"a"', '"a\\n"'), ({"format": "date"}, '"2024-02-29"', '"2023-02-29"'),
                                  ({"uniqueItems": True}, "[1,true]", "[1,1.0]"), ({"maxLength": 1}, '"🙂"', '"ab"'),
                                  ({"required": ["a"]}, '{"a":1}', "{}"), ({"additionalProperties": False}, "{}", '{"a":1}'),
                                  ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "1.5", "1"), ({"prefixItems": [{}], "items": False}, "[1]", "[1,2]"),
                                  ({"properties": {"a": {}}}, '{"a":1,"b":2,"b":3}', '{"a":1,"a":2}')):
            self.assertEqual(problem(schema, parsed(good)), "", schema)
            self.assertNotEqual(problem(schema, parsed(bad)), "", schema)
        for text in ("NaN", "[1,]", '"\n"'):
            self.assertRaises(ValueError, parsed, text)


if __name__ == "__main__":
    e2e.main()
