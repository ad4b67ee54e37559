"""The same request gives the same bytes: alone and among 64 others, some of which leave midway, streamed and whole, with a cold and a
warm prefix cache, with other numbers of places and threads, and from `freehold run` with and without guesses ahead."""

import json
import random
import threading
import time
from dataclasses import replace

import e2e
from chat_model import ChatGguf
from dialects import CONSTRAINED, DIALECTS, SEEDED, Ask, ask_for, said
from serving import KEY, Server

NEIGHBOURS = 64
# Each key is a tenant of its own, and prefixes are kept by tenant: what one has asked is cold for the others.
WARM, COLD, CROWD = "the-warm-one-asks", "the-cold-one-asks", "the-crowd-asks-too"
SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "n": {"type": "integer"},
                                           "tags": {"type": "array", "items": {"type": "string", "maxLength": 6}, "maxItems": 3}},
          "required": ["name", "n", "tags"], "additionalProperties": False}
LONG = "the cat sat on the mat and a dog sat on a cat 日本 " * 12


def probes():
    """In every dialect: sampled where it has a seed, greedy elsewhere; plain, with a schema, with a tool, with a stop string."""
    out = []
    for number, dialect in enumerate(DIALECTS):
        warm = {"temperature": 1, "seed": 100 + number} if dialect in SEEDED else {}
        out.append(Ask(dialect, f"{number} first " + LONG, 40 + 13 * number, **warm, logprobs=dialect in ("chat", "completions")))
        if dialect != "responses":
            out.append(Ask(dialect, f"stop {number}", 90, **warm, stop="e"))
        if dialect in CONSTRAINED:
            out.append(Ask(dialect, f"as JSON {number} " + LONG, 70, **warm, schema=SCHEMA))
            out.append(Ask(dialect, f"a tool {number}", 95 + number, **warm, tool=True))
    return out


def some_ask(draw):
    dialect = draw.choice(list(DIALECTS))
    ask = {"text": "the dog " * draw.randrange(60) + str(draw.random()), "max_tokens": draw.randrange(1, 120), "temperature": draw.choice([0, 0.8, 1]),
           "seed": draw.randrange(10 ** 6), "stop": draw.choice([None, None, "th"]) if dialect != "responses" else None}
    if dialect in CONSTRAINED:
        ask.update(draw.choice([{}, {}, {"schema": SCHEMA, "max_tokens": 60}, {"tool": True, "max_tokens": 60}]))
    return Ask(dialect, **ask)


class Crowd:
    """Others who ask all the time, in `with`; every third leaves before its answer is over."""

    def __init__(self, server, size=NEIGHBOURS):
        self.server, self.stop, self.wrong, self.answered = server, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(size)]

    def run(self, number):
        draw = random.Random(number)
        try:
            while not self.stop.is_set():
                stream = draw.random() < 0.5
                leaves = draw.randrange(400) if draw.random() < 1 / 3 else None
                got = ask_for(self.server.port, CROWD, "chatty", some_ask(draw), stream, leave_after=leaves)
                if got.whole:
                    self.answered += 1
                    if got.status != 200:
                        self.wrong.append(got)
        except Exception as error:  # noqa: BLE001: a thread's exception is the test's
            self.wrong.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def together(work):
    """Calls all at once and returns what they return, in order."""
    results = [None] * len(work)

    def call(place):
        try:
            results[place] = work[place]()
        except Exception as error:  # noqa: BLE001
            results[place] = error
    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class IdenticalBytes(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("model.gguf", ChatGguf().write())

    def serve(self, *more):
        keys = [word for key in (WARM, COLD, CROWD) for word in ("--api-key", key)]
        return Server(self.model, "--alias", "chatty", *keys, *more)

    def ask(self, server, ask, stream, key):
        """What was said, and how many tokens of the prompt were cached."""
        got = ask_for(server.port, key, "chatty", ask, stream)
        self.assertEqual(got.status, 200, (ask, got.data))
        usage = got.data.decode()
        cached = max([int(part.split(",")[0].split("}")[0]) for name in ('"cached_tokens":', '"cache_read_input_tokens":')
                      for part in usage.split(name)[1:]], default=None)
        return said(ask, got.data), cached

    def test_alone_and_in_a_crowd(self):
        asks = probes()
        with self.serve("--sequences", "20") as server:
            alone, hits = [], 0
            for ask in asks:
                first, cached = self.ask(server, ask, False, WARM)
                if not ask.tool:  # the same tool's definition begins several prompts
                    self.assertIn(cached, (0, None), (ask, "the first time nothing is cached"))
                alone.append(first)
                for stream in (False, True):
                    again, cached = self.ask(server, ask, stream, WARM)
                    self.assertEqual(again, first, (ask, stream, "alone, cached"))
                    hits += bool(cached)
            self.assertGreater(hits, 5, "what was asked before is continued")
            self.assertGreater(len({str(a) for a in alone}), len(alone) * 3 // 4, "answers differ from each other")
            with Crowd(server) as crowd:
                limit = time.monotonic() + 60
                while crowd.answered < 2 * NEIGHBOURS and not crowd.wrong and time.monotonic() < limit:
                    time.sleep(0.01)
                for key in (COLD, WARM):
                    for stream in (True, False):
                        got = together([lambda a=ask: self.ask(server, a, stream, key)[0] for ask in asks])
                        for ask, here, expected in zip(asks, got, alone):
                            self.assertEqual(here, expected, (ask, stream, key))
            self.assertEqual(crowd.wrong, [])
        with self.serve("--sequences", "3", "--threads", "1", "--speculative", "ngram") as other:
            got = together([lambda a=ask, s=bool(i % 2): self.ask(other, a, s, COLD)[0] for i, ask in enumerate(asks)])
            for ask, here, expected in zip(asks, got, alone):
                self.assertEqual(here, expected, (ask, "another server"))

    def test_with_and_without_guesses(self):
        """The command line and the server, each with and without, and told what to expect: right, half right and wrong."""
        text, schema = "the cat sat on the mat the cat sat on the mat", json.dumps(SCHEMA)
        with self.serve("--speculative", "off") as server, self.serve("--speculative", "ngram") as guessing:
            for temperature, more in ((0, {}), (1, {}), (1, {"schema": SCHEMA})):
                ask = Ask("chat", text, 90, temperature, 11, **more)
                served = self.ask(server, ask, True, KEY)[0][0]
                self.assertEqual(self.ask(guessing, ask, True, KEY)[0][0], served, temperature)
                half = len(served) // 2
                for expected in (served, served[:half] + "zzz" + served[half:], "nothing like it"):
                    for at, name in ((guessing, "ngram"), (server, "off")):
                        got = ask_for(at.port, KEY, "chatty", replace(ask, expected=expected))
                        self.assertEqual(said(ask, got.data)[0], served, (temperature, expected, name))
                        accepted = json.loads(got.data)["usage"]["completion_tokens_details"]["accepted_prediction_tokens"]
                        self.assertEqual("prediction" in got.headers.get("freehold-ignored", ""), name == "off")
                        if name == "off":
                            self.assertEqual(accepted, 0)
                        elif expected == served:
                            self.assertGreater(accepted, 10, temperature)
                for guesses in ("off", "ngram"):
                    ended = self.succeeds("run", self.model, text, "--json", "--seed", "11", "--temperature", temperature, "--top-p", "1",
                                          "--min-p", "0", "--max-tokens", "90", "--speculative", guesses,
                                          *(["--schema", schema] if more else []))
                    answer = json.loads(ended.text)
                    self.assertEqual(answer["text"], served, (temperature, guesses))
                    if guesses == "ngram" and temperature == 0:
                        self.assertGreater(json.loads(ended.text)["usage"]["drafted_tokens"], 0)


if __name__ == "__main__":
    e2e.main()
