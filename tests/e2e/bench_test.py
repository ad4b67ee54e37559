"""`freehold bench`: every line is JSON with the documented members, comparing refuses other machines, nothing is left behind."""

import json
import os
import pathlib
import signal
import subprocess
import time

import e2e
from chat_model import ChatGguf
from tiny import Gguf

# docs/performance.md lists these.
MEMBERS = {"benchmark", "case", "median", "unit", "low", "high", "spread", "runs", "lost", "flags", "version", "commit", "build",
           "compiler", "machine"}
MACHINE = {"cpu", "cpus", "memory_bytes", "system"}


def descendants(pid):
    """Every process below this one."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(stat.parent.name)
            found += [child, *descendants(child)]
    return found


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Bench(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", Gguf().write())
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()

    def lines(self, *arguments, **more):
        """The results, of rough measurements unless they are to be compared."""
        if "--compare" not in arguments:
            arguments = (*arguments, "--quick")
        text = self.succeeds("bench", *arguments, "--json", timeout=300, env={"TMPDIR": str(self.temporary)}, **more).text
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertTrue(lines)
        for line in lines:
            self.assertLessEqual(MEMBERS, set(line), line)
            self.assertLessEqual(MACHINE, set(line["machine"]), line)
            self.assertLessEqual({"threads", "isa"}, set(line["flags"]), line)
            self.assertLessEqual(line["low"], line["high"], line)
            self.assertGreaterEqual(line["runs"], 1, line)
            self.assertTrue(0 <= line["lost"] <= 1, line)
            if "peak" in line:
                self.assertLessEqual({"rate", "rate_unit", "peak_name", "fraction_of_peak", "steady"}, set(line), line)
                self.assertGreater(line["peak"], 0)
        return lines

    def names(self, lines):
        return [line["benchmark"] for line in lines]

    def test_the_machine(self):
        lines = self.lines("--threads", "1")
        names = self.names(lines)
        for name in ("clock", "clock-check", "memory-latency", "peak-read", "peak-int8", "peak-f32"):
            self.assertIn(name, names)
        self.assertNotIn("core-to-core", names, "one thread has no second core")
        self.assertEqual(len({line["case"] for line in lines}), len(lines), "cases are distinct")
        self.assertTrue(all(line["median"] > 0 for line in lines))

    def test_a_model_and_a_comparison(self):
        arguments = (self.model, "--prompt-tokens", "16", "--tokens", "8", "--repeat", "2")
        lines = self.lines(*arguments)
        for line in lines:
            self.assertIs(line["flags"].pop("quick"), True, "nobody takes it for an exact one")
        for name in ("load", "prefill", "decode", "peak-read-after"):
            self.assertIn(name, self.names(lines))
        prefill = next(line for line in lines if line["benchmark"] == "prefill")
        self.assertEqual(prefill["flags"]["tokens"], 16)
        self.assertEqual(prefill["model"], str(self.model))
        old = self.put("old.json", "".join(json.dumps(line) + "\n" for line in lines))
        for line in self.lines(*arguments, "--compare", old):
            self.assertEqual({"ratio", "low", "high", "verdict"}, set(line["compared"]), line["case"])
            self.assertLessEqual(line["compared"]["low"], line["compared"]["ratio"] * 1.000001)
        table = self.succeeds("bench", *arguments, "--compare", old).text
        self.assertRegex(table, r"prefill tokens=16 .* \d+\.\d{3}x \(")
        # Another machine is refused before anything is measured.
        for part, key, other in (("machine", "cpu", "Another CPU"), ("machine", "cpus", 4096), ("flags", "isa", "none-such")):
            changed = [{**line, part: {**line[part], key: other}} for line in lines]
            path = self.put("other.json", "".join(json.dumps(line) + "\n" for line in changed))
            ended = self.fails(e2e.USAGE, "bench", *arguments, "--compare", path, names="another machine")
            self.assertIn(str(other), ended.message)
            self.assertEqual(ended.out, b"")
        rough = self.put("rough.json", "".join(json.dumps({**line, "flags": {**line["flags"], "quick": True}}) + "\n" for line in lines))
        self.fails(e2e.USAGE, "bench", *arguments, "--compare", rough, names="--quick")
        self.fails(e2e.USAGE, "bench", *arguments, "--compare", old, "--quick", names="--quick")
        self.fails(e2e.USAGE, "bench", *arguments, "--compare", self.put("none.json", "{}\n"), names="line 1")
        self.fails(e2e.NOT_FOUND, "bench", *arguments, "--compare", self.folder / "none-such", names="none-such")

    def test_the_whole_yardstick(self):
        lines = self.lines("--suite", "kernels", "--shape", "tiny-llama", "--types", "q4_0", "--repeat", "1", "--noise")
        cases = [line["case"] for line in lines]
        for kind in ("q4_0",):
            ours = [line for line in lines if line.get("weight_type") == kind]
            prompts = [line["flags"]["tokens"] for line in ours if line["benchmark"] == "prefill"]
            self.assertEqual(prompts[:4], [32, 128, 512, 2048])
            self.assertEqual([line["flags"]["batch"] for line in ours if line["benchmark"] == "decode"][:6], [1, 2, 4, 8, 16, 32])
            for name in ("load", "first-token", "memory-at-first-token", "decode-beside-noise-ratio"):
                self.assertIn(name, self.names(ours))
            self.assertEqual({line["flags"]["cache"] for line in ours if line["benchmark"] == "first-token"}, {"cold", "warm"})
        self.assertEqual(self.names(lines).count("memory-overhead"), 1)
        self.assertEqual(sum("tokens=8192" in case for case in cases), 1, "the first type has the long context")
        self.assertEqual(len(set(cases)), len(cases), "cases are distinct")
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_the_server_beside_the_engine(self):
        lines = self.lines(self.put("chat.gguf", ChatGguf().write()), "--suite", "serve", "--repeat", "1")
        names = self.names(lines)
        for name in ("engine-decode", "serve-decode", "serve-of-engine"):
            self.assertEqual([line["flags"]["as"] for line in lines if line["benchmark"] == name], ["greedy", "sampled", "json"])
        self.assertEqual([line["flags"]["prompt"] for line in lines if line["benchmark"] == "first-token"], [2000, 2000])
        self.assertEqual(names[-2:], ["first-token-ratio", "mask-cost"])
        self.assertTrue(all(line["median"] > 0 for line in lines), lines)
        self.assertEqual(list(self.temporary.iterdir()), [])
        short = self.succeeds("bench", self.model, "--suite", "serve", "--repeat", "1", env={"TMPDIR": str(self.temporary)})
        self.assertIn("no prompt of 2000: the model's context is 128", short.message)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_steps_of_training(self):
        of_model = self.lines(self.model, "--suite", "tune", "--tokens", "32", "--repeat", "1")
        made = self.lines("--suite", "tune", "--shape", "tiny-llama", "--types", "q8_0", "--tokens", "32", "--repeat", "1")
        for lines, kinds in ((of_model, ("tune-lora",)), (made, ("tune-lora", "tune-full"))):
            for name in kinds:
                for part in ("forward", "step", "step-tapes-kept"):
                    ours = [line for line in lines if line["benchmark"] == name and line["flags"]["part"] == part]
                    self.assertTrue(ours, (name, part))
                    self.assertTrue(all(line["median"] > 0 and line["flags"]["tokens"] == 32 for line in ours), ours)
                self.assertIn(name + "-memory", self.names(lines))
            self.assertEqual(len({(line["case"], line.get("model")) for line in lines}), len(lines), "cases are distinct")
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.fails(e2e.USAGE, "bench", self.model, "--suite", "tune", "--tokens", "4096", names="context")

    def test_a_model_with_a_short_context_leaves_the_long_prompts_out_aloud(self):
        ended = self.succeeds("bench", self.model, "--suite", "kernels", "--repeat", "1", "--quick", "--json", timeout=300)
        prompts = [json.loads(line)["flags"]["tokens"] for line in ended.text.splitlines() if '"benchmark":"prefill"' in line]
        self.assertEqual(prompts[:2], [32, 128])
        self.assertIn("no prompt of 512: the model's context is 128", ended.message)

    def test_what_would_be_ignored_is_refused(self):
        for arguments in (["--suite", "start"], ["--suite", "model"], ["--tokens", "3"], ["--noise"], [self.model, "--types", "f16"],
                          [self.model, "--suite", "machine"], ["--suite", "kernels", "--types", "none-such"],
                          ["--suite", "kernels", "--shape", "none-such"], ["--suite", "none-such"],
                          ["--suite", "serve", "--shape", "none-such"], ["--suite", "serve", "--types", "q4_0,f16"],
                          [self.model, "--suite", "serve", "--types", "f16"],
                          [self.model, "--suite", "kernels", "--tokens", "3"]):
            self.fails(e2e.USAGE, "bench", *arguments)
        self.fails(e2e.EXHAUSTED, "bench", self.model, "--tokens", "1000", names="128")
        self.fails(e2e.NOT_FOUND, "bench", "nobody:here", "--suite", "kernels", names="nobody:here")

    def interrupted(self, number, when, *arguments):
        """Starts it, sends a signal once `when`(pid) holds, and returns the exit code and all processes there were."""
        process = e2e.start("bench", *arguments, home=self.home, env={"TMPDIR": str(self.temporary)})
        seen = []
        deadline = time.monotonic() + 120
        while not when(process.pid):
            self.assertLess(time.monotonic(), deadline, "it never came so far")
            self.assertIsNone(process.poll(), "it ended by itself")
            time.sleep(0.01)
        seen += descendants(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode, seen

    def all_gone(self, pids):
        deadline = time.monotonic() + 10
        while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not any(alive(pid) for pid in pids)

    def test_interrupted_or_killed_it_leaves_no_process_and_no_file(self):
        arguments = ("--suite", "kernels", "--shape", "tiny-llama", "--types", "q4_0,f16", "--threads", "1", "--repeat", "20", "--noise", "--quick")
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(signal=number):
                got, children = self.interrupted(number, lambda pid: bool(descendants(pid)), *arguments)
                self.assertEqual(got, code)
                self.assertTrue(self.all_gone(children), children)
                self.assertEqual(list(self.temporary.iterdir()), [])

    def test_the_busy_process_ends_with_the_measurement(self):
        _, children = self.interrupted(signal.SIGKILL, lambda pid: bool(descendants(pid)), self.model, "--threads", "1",
                                       "--prompt-tokens", "8", "--tokens", "100", "--repeat", "1000", "--noise", "--quick")
        self.assertEqual(len(children), 1)
        self.assertTrue(self.all_gone(children), children)

    def test_a_full_disk_is_one_clear_error(self):
        ended = subprocess.run([e2e.FREEHOLD, "bench", "--suite", "kernels", "--shape", "tiny-llama", "--types", "f16"],
                               env={**os.environ, "TMPDIR": str(self.folder / "none-such")}, capture_output=True, timeout=120)
        self.assertEqual(ended.returncode, e2e.IO)
        self.assertIn(b"none-such", ended.stderr)


if __name__ == "__main__":
    e2e.main()
