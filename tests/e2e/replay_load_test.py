"""What was answered under load comes out again, byte for byte, at every instruction set of this machine, with one thread and with two.

$FREEHOLD_REPLAYS answers (40, sanitized 12; 1,000 in `./dev nightly replay`).
"""

import concurrent.futures
import json
import os
import random

import e2e
from dialects import request
from identical_bytes_test import LONG, some_ask
from replay_test import Replays, levels, without_seed

SEED = int(os.environ.get("FREEHOLD_SEED", "1"))
ANSWERS = int(os.environ.get("FREEHOLD_REPLAYS", "12" if e2e.SANITIZED else "40"))
TOGETHER = 12


class Load(Replays):
    def one(self, number):
        draw = random.Random(f"{SEED} {number}")
        ask = some_ask(draw)
        path, body = request(ask, draw.choice(("base", "bot")), draw.random() < 0.5)
        if draw.random() < 0.7:
            body = without_seed(body)
        if path.startswith(("/v1/chat", "/v1/completions")) and draw.random() < 0.3:
            body["n"] = draw.randrange(2, 5)
        if draw.random() < 0.5:  # beginnings that several have in common
            begin = LONG[:draw.choice((200, 400, 600))]
            if "messages" in body:
                body["messages"][0]["content"] = begin + body["messages"][0]["content"]
            elif "prompt" in body:
                body["prompt"] = begin + body["prompt"]
        return path, body

    def test_what_was_answered_under_load(self):
        with self.serve("--keep-content", "--sequences", "6", "--speculative", "ngram") as server:
            with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
                receipts = list(pool.map(lambda i: self.send(server, *self.one(i))[0], range(ANSWERS)))
            lines = server.ask("GET", "/metrics")[2].decode().splitlines()
            guessed = sum(int(line.split()[-1]) for line in lines if line.startswith("freehold_accepted_tokens_total"))
        self.assertEqual(len(set(receipts)), ANSWERS)
        entries = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "request", "--json", "--limit", "1000000").text.splitlines()]
        # It was the load that was meant.
        self.assertGreater(guessed, 0)
        self.assertTrue(any(e["cached_tokens"] for e in entries))
        self.assertTrue(any("adapter" in e for e in entries) and any("adapter" not in e for e in entries))
        self.assertGreater(len({e["answer_digest"] for e in entries}), ANSWERS // 2)
        for level in levels():
            for threads in ("1", "2"):
                with self.subTest(level=level, threads=threads):
                    ended = self.run_freehold("audit", "replay", "--sample", "100%", "--json", "--threads", threads, env={"FREEHOLD_ISA": level}, timeout=3000)
                    self.assertEqual(ended.code, e2e.OK, ended.message)
                    said = json.loads(ended.text)
                    wrong = [r for r in said["replays"] if r["verdict"] != "equal"]
                    self.assertEqual((said["drawn"], said["equal"], wrong), (ANSWERS, ANSWERS, []))
        print(f"{ANSWERS:,} answers, {sum(bool(e['cached_tokens']) for e in entries):,} with a cached beginning, "
              f"{sum('adapter' in e for e in entries):,} with an adapter; {guessed:,} tokens guessed right; {', '.join(levels())}", end=" ", flush=True)


if __name__ == "__main__":
    e2e.main()
