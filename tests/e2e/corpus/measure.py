"""Runs the program on cases and judges what it did: exit code, signal, time, memory, what it printed."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import e2e
from corpus import build

TIMEOUT = 30
SECONDS = 1.0
MEMORY_KB = 64 * 1024
ESCAPES = dict.fromkeys(("\x1b", "\x9b", "\x07", "\x00", "\x7f", "\u202e", "\u2066", "\u200f"))
MESSAGES = json.dumps([{"role": "user", "content": "the cat"}])


@dataclasses.dataclass
class Ran:
    command: str
    code: int
    seconds: float
    cpu: float
    peak_kb: int
    out: bytes
    err: bytes


class Runner:
    """One worker: a folder of its own and the process that starts the program."""

    def __init__(self, parent=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="freehold-corpus-", dir=parent))
        self.spawner = subprocess.Popen(
            [sys.executable, "-I", "-S", pathlib.Path(__file__).with_name("spawner.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.case_folder = self.folder / "case"
        self.home = self.folder / "home"
        (self.folder / "messages.json").write_text(MESSAGES)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FREEHOLD")}
        environment["FREEHOLD_HOME"] = str(self.home)
        self.environment = [f"{k}={v}" for k, v in environment.items()]
        self.baseline_kb = {}

    def close(self):
        self.spawner.stdin.close()
        self.spawner.wait()
        self.spawner.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, label, *arguments):
        out, err = self.folder / "out", self.folder / "err"
        words = [out, err, TIMEOUT, len(self.environment), *self.environment, e2e.FREEHOLD, *arguments]
        request = b"\0".join(os.fsencode(str(w)) for w in words)
        self.spawner.stdin.write(b"%8d" % len(request) + request)
        self.spawner.stdin.flush()
        code, seconds, cpu, peak = self.spawner.stdout.readline().split()
        return Ran(label, int(code), float(seconds), float(cpu), int(peak), out.read_bytes(), err.read_bytes())

    def command(self, label, model):
        question = ["--temperature", "0", "--max-tokens", "1", "the cat"]
        arguments = {
            "run": ["run", model, "--raw", *question],
            "chat": ["run", model, *question],
            "inspect": ["models", "inspect", model],
            "json": ["inspect", model, "--tensors", "--json"],
            "import": ["models", "import", model, "--name", "case:x", "--force"],
            "verify": ["models", "verify"],
            "list": ["models", "list"],
            "tokenize": ["tokenize", model, "the cat\n"],
            "template": ["inspect", "template", model, "--messages", self.folder / "messages.json"],
            "quantize": ["models", "quantize", model, self.folder / "quantized.gguf", "--type", "q8_0", "--force"],
        }[label]
        return self.start(label, *arguments)

    def measure_baseline(self):
        for label in ("run", "chat", "inspect", "json", "import", "verify", "list", "tokenize", "quantize", "template"):
            folder = build.Folder() if label == "template" else None
            self.put(build.Case("", "", folder.files() if folder else {"model.gguf": build.Gguf().write()}))
            ran = self.command(label, self.case_folder / ("hf" if folder else "model.gguf"))
            assert ran.code == 0, (label, ran.err)
            self.baseline_kb[label] = ran.peak_kb

    def put(self, case):
        shutil.rmtree(self.case_folder, ignore_errors=True)
        self.case_folder.mkdir()
        build.put(self.case_folder, case.files)
        self.size_kb = sum(len(c) for c in case.files.values() if not isinstance(c, build.Special)) // 1024

    def run(self, case, labels=()):
        """[(Ran, [faults])] of every command that the case wants."""
        if not self.baseline_kb:
            self.measure_baseline()
        self.put(case)
        results = []
        for label in dict.fromkeys(("run", "inspect", *labels, *case.also)):
            ran = self.command(label, self.case_folder / case.model)
            results.append((ran, self.faults(case, ran)))
        if self.home.exists():
            shutil.rmtree(self.home)
        return results

    def faults(self, case, ran):
        out = []
        message = ran.err.decode("utf-8", "replace")
        if ran.code < 0:
            out.append(f"signal {-ran.code}")
        if ran.code >= 126 or ran.code == e2e.INTERNAL:
            out.append(f"exit {ran.code}")
        if not e2e.SANITIZED:
            if ran.cpu > SECONDS:
                out.append(f"{ran.cpu:.2f} s of CPU")
            # A large file that is accepted may take what it holds.
            accepted = ran.code == 0 and case.expect != build.REFUSE
            justified = case.justified_kb + (8 * self.size_kb if accepted else 0)
            if ran.peak_kb - self.baseline_kb[ran.command] > MEMORY_KB + justified:
                out.append(f"{(ran.peak_kb - self.baseline_kb[ran.command]) // 1024} MB above the baseline")
        if ran.seconds > (TIMEOUT if e2e.SANITIZED else 10):
            out.append(f"{ran.seconds:.1f} s")
        for word in ("AddressSanitizer", "runtime error:", "LeakSanitizer", "terminate called", "FH_CHECK"):
            if word in message:
                out.append(word)
        out += self.printed_faults(case, ran, message)
        if (
            ran.code == 0
            and case.expect == build.REFUSE
            and ran.command not in case.spares
            and not (ran.command == "tokenize" and not case.kind.startswith(("T1", "T3", "T5")))
        ):
            out.append("a silent yes")
        if ran.code != 0 and case.expect == build.ACCEPT:
            out.append("refused")
        return out

    def printed_faults(self, case, ran, message):
        out = []
        lines = message.splitlines()
        if ran.code != 0:
            if not lines:
                out.append("no message")
            if len(lines) > 4 or any(len(line) > 4100 for line in lines):
                out.append(f"a message of {len(lines)} lines and {len(message)} bytes")
            if not message.startswith("freehold: ") and ran.command not in ("verify",):
                out.append("the message does not begin with the program's name")
            if ran.out and ran.command in ("run", "chat", "tokenize", "import"):
                out.append("output beside the error")
            model = str(self.case_folder / case.model)
            if lines and lines[0].count(pathlib.Path(case.model).name + ":") > 1 or message.count(model) > 1:
                out.append("the file is named twice")
        for where, data in (("stdout", ran.out), ("stderr", ran.err)):
            # What a model says and what its template makes is passed on as it is when no terminal shows it.
            if where == "stdout" and ran.command in ("run", "chat", "template"):
                continue
            text = data.decode("utf-8", "replace")
            if any(c in text for c in ESCAPES) or any(ord(c) < 0x20 and c not in "\n\t" or 0x80 <= ord(c) < 0xA0 for c in text):
                out.append(f"a raw control character on {where}")
            if where == "stderr" and "\ufffd" in text and b"\xef\xbf\xbd" not in data:
                out.append("invalid UTF-8 on stderr")
        return out
