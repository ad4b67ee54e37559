"""How long `freehold cost report` and `cost export` take over a million events on disk. One JSON line a report, as the other benchmarks print them.

    python3 bench/cost_report.py [--events 1000000] [--days 365] [--tags N, or as many as events: distinct] [--home FOLDER to keep the events in]
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))

import e2e  # noqa: E402
import ledger_events  # noqa: E402
from chat_model import ChatGguf  # noqa: E402

REPORTS = (("--by", "key"), ("--by", "day"), ("--by", "tag", "--vendor", "all", "--json"), ("--by", "model", "--since", "2026-02-03", "--until", "2026-05-07"),
           ("--by", "key", "--since", "2026-03-04T05:06:07Z", "--until", "2026-08-09T10:11:12Z"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--tags", default="5")
    parser.add_argument("--home")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freehold-cost-") as folder:
        home = pathlib.Path(asked.home or folder) / "home"
        if not (home / "usage.db").exists():
            model = pathlib.Path(folder) / "m.gguf"
            model.write_bytes(ChatGguf().write())
            begin = time.monotonic()
            tags = asked.events if asked.tags == "distinct" else int(asked.tags)
            rows = ledger_events.events(asked.events, "2026-01-01", asked.days, tags=tags)
            if asked.tags == "distinct":
                rows = (row[:5] + (f"tag of {row[0]}",) + row[6:] for row in rows)
            ledger_events.insert(ledger_events.make_record(home, model), rows)
            e2e.run("cost", "machine", "--price", "2400", "--tariff", "0.31", "--watts", "60/320", "--from", "2026-01-01", home=home)
            print(json.dumps({"name": "insert", "events": asked.events, "seconds": round(time.monotonic() - begin, 2)}))
        reports = [("report", *report) for report in REPORTS if asked.tags != "distinct" or "all" not in report]
        for command in (*reports, ("report", "--by", "tag"), ("export",)):
            times = []
            for _ in range(5):
                begin = time.monotonic()
                # Not through a pipe: some of these write a gigabyte.
                subprocess.run([e2e.FREEHOLD, "cost", *command], stdout=subprocess.DEVNULL, env={**os.environ, "FREEHOLD_HOME": str(home)}, check=True)
                times.append(time.monotonic() - begin)
            print(json.dumps({"name": "cost " + " ".join(command), "events": asked.events, "median_s": round(statistics.median(times), 3),
                              "least_s": round(min(times), 3), "most_s": round(max(times), 3), "bytes": (home / "usage.db").stat().st_size}), flush=True)


if __name__ == "__main__":
    main()
