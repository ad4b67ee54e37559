"""How long `freehold cost report` takes over a million events on disk. One JSON line a report, as the other benchmarks print them.

    python3 bench/cost_report.py [--events 1000000] [--days 365] [--home FOLDER to keep the events in]
"""

import argparse
import json
import pathlib
import statistics
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
    parser.add_argument("--home")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freehold-cost-") as folder:
        home = pathlib.Path(asked.home or folder) / "home"
        if not (home / "usage.db").exists():
            model = pathlib.Path(folder) / "m.gguf"
            model.write_bytes(ChatGguf().write())
            begin = time.monotonic()
            ledger_events.insert(ledger_events.make_record(home, model), ledger_events.events(asked.events, "2026-01-01", asked.days))
            e2e.run("cost", "machine", "--price", "2400", "--tariff", "0.31", "--watts", "60/320", "--from", "2026-01-01", home=home)
            print(json.dumps({"name": "insert", "events": asked.events, "seconds": round(time.monotonic() - begin, 2)}))
        for report in REPORTS:
            times = []
            for _ in range(5):
                begin = time.monotonic()
                ended = e2e.run("cost", "report", *report, home=home)
                times.append(time.monotonic() - begin)
                assert ended.code == 0, ended.message
            print(json.dumps({"name": "cost report " + " ".join(report), "events": asked.events, "median_s": round(statistics.median(times), 3),
                              "least_s": round(min(times), 3), "most_s": round(max(times), 3), "bytes": (home / "usage.db").stat().st_size}), flush=True)


if __name__ == "__main__":
    main()
