"""Minutes of mixed hostile load on one server, and its memory meanwhile: python3 tests/e2e/hostile_soak.py [SECONDS].

Ends with 1 if the server does not answer as it did at the beginning, or if the least memory it has in the last fifth is more than in the
second by a tenth and 32 MiB. (What it has at the most depends on which large requests come together.)"""

import concurrent.futures
import json
import pathlib
import random
import struct
import socket
import sys
import tempfile
import time

from chat_model import ChatGguf
from hostile import DIALECTS, OTHER_KEY, Client, resident
from serving import KEY, Server


def attack(client, number):
    """One of many, by its number."""
    dice = random.Random(number)
    dialect = dice.choice(DIALECTS)
    good = client.post(dialect, dialect.body())
    kind = dice.randrange(12)
    if kind == 0:  # damaged anywhere
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
    elif kind == 1:
        data = client.chunked(dialect, bytes(dice.choice(b"0123456789abcdef\r\n;=\"x ") for _ in range(200)))
    elif kind == 2:
        data = client.post(dialect, b"[" * dice.choice([10, 1000, 1_000_000]))
    elif kind == 3:
        data = client.post(dialect, b" " * dice.choice([1_000_000, 20_000_000]) + b"{}")
    elif kind == 4:
        data = client.head(dialect, "x: " + "a" * dice.choice([10_000, 100_000]))
    elif kind == 5:
        data = client.post(dialect, dialect.with_schema({"type": "string", "pattern": f"(a{{1,{dice.randint(2, 50)}}}b){{1,{number % 1000 + 2}}}"}))
    elif kind == 6:
        data = client.post(dialect, dialect.body(), key=f"wrong-key-{number}")
    elif kind == 7:
        data = client.post(dialect, dialect.body(), target=f"/{number}/%{number % 256:02x}")
    elif kind == 8:
        data = client.post(dialect, b'{"model": "m", "messages": [' + b"1," * 500_000 + b"1]}")
    elif kind == 9:  # gone in the middle
        with client.connect() as connection:
            connection.sendall(client.post(dialect, dialect.body(stream=True) if dialect.name != "gemini" else dialect.body()))
            if dice.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return 0
    elif kind == 10:
        data = client.head(dialect, "content-length: 99999999") + b"x" * 2_000_000
    else:
        data = good
    try:
        return client.ask(bytes(data), timeout=5, linger=0.001).status
    except (OSError, ValueError):
        return -1


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    with tempfile.TemporaryDirectory(prefix="freehold-soak-") as place:
        model = pathlib.Path(place) / "model.gguf"
        model.write_bytes(ChatGguf().write())
        with Server(model, "--alias", "chatty", "--api-key", OTHER_KEY) as server:
            client = Client(server.port, KEY)
            ask = client.post(DIALECTS[0], DIALECTS[0].body())
            first = json.loads(client.ask(ask).body)["choices"]
            begin, counts, samples, number = time.monotonic(), {}, [], 0
            print(json.dumps({"seconds": 0, "resident_mib": resident(server.process.pid) >> 20}), flush=True)
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                while (passed := time.monotonic() - begin) < seconds:
                    for status in pool.map(lambda n: attack(client, n), range(number, number + 160)):
                        counts[status] = counts.get(status, 0) + 1
                    number += 160
                    samples.append((passed, resident(server.process.pid)))
                    if int(passed / 15) != int((time.monotonic() - begin) / 15):
                        print(json.dumps({"seconds": round(passed), "requests": number, "resident_mib": samples[-1][1] >> 20}), flush=True)
            last = json.loads(client.ask(ask).body)["choices"]
            fifths = [[m for t, m in samples if seconds * i / 5 <= t < seconds * (i + 1) / 5] or [0] for i in range(5)]
            print(json.dumps({"requests": number, "statuses": dict(sorted(counts.items())), "least_and_most_mib_of_each_fifth": [[min(f) >> 20, max(f) >> 20] for f in fifths]}))
            return 0 if first == last and min(fifths[4]) < min(fifths[1]) * 1.1 + (32 << 20) and server.process.poll() is None else 1


if __name__ == "__main__":
    sys.exit(main())
