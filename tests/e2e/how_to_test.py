"""The recipes for users (docs/how-to): every command line in them is run against a server and does what it says there."""

import json
import os
import re
import shlex
import subprocess
import urllib.request

import e2e
from chat_model import ChatGguf
from serving import Orderly

PAGES = e2e.SOURCE / "docs" / "how-to"
RECEIPT, HOLD, TOKEN = "req_5f0c9a3e7b1d2468aabbccdd", "hold_0123456789abcdef01234567", "EMAIL_mdkcafobhneg"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (PAGES / page).read_text("utf-8"), re.S | re.M)


def lines(page):
    """The command lines, with what they go on to on the next line."""
    return [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines() if line.strip()]


class Recipes(e2e.Case):
    def setUp(self):
        super().setUp()
        self.put("home/policy.yaml", blocks("sensitive-data.md", "yaml")[0])
        self.put("model.gguf", ChatGguf().write())
        for name in ("stick", "mnt", "records"):
            (self.folder / name).mkdir()
        self.put("records/letter.txt", "Dear Ada Lovelace, write to ada@example.org.\n")
        self.put("passphrase", "correct horse battery staple\n")
        (self.folder / "tools").symlink_to(e2e.SOURCE / "tools")
        (self.folder / "freehold").symlink_to(e2e.FREEHOLD)
        self.key = self.succeeds("keys", "create", "--name", "ward", "--label", "health").text.strip()
        self.places = {"~/.freehold": str(self.home), "/media/stick": "stick", "/mnt/backup": "mnt"}

    def serve(self, *more):
        server = Orderly("assistant", "--keep-content", *more, key=None, home=self.home)
        self.places["http://127.0.0.1:11435"] = f"http://127.0.0.1:{server.port}"
        return server

    def works(self, line):
        for said, meant in self.places.items():
            line = line.replace(said, meant)
        environment = {**os.environ, "FREEHOLD_HOME": str(self.home), "PATH": f"{self.folder}:{os.environ['PATH']}", "KEY": self.key}
        ended = subprocess.run(["bash", "-c", line], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120,
                               stdin=subprocess.DEVNULL)
        self.assertEqual(ended.returncode, 0, f"{line}\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def sends(self, line):
        """What a line of curl sends: on a machine that has no curl, too."""
        for said, meant in self.places.items():
            line = line.replace(said, meant)
        words = iter(shlex.split(line.replace("$KEY", self.key))[1:])
        headers, body, address = {}, None, None
        for word in words:
            if word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = next(words).encode()
            elif word != "-s":
                address = word
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60) as answer:
            return answer.read().decode()

    def ask(self, server, **more):
        # Of answers to choose from: what this model would say freely, to a prompt with a pseudonym that was drawn, is now and then no UTF-8, and that has no digest.
        answers = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {"enum": ["yes", "no"]}}}
        body = {"model": "assistant", "user": "patient-4711", "max_tokens": 8, "temperature": 0, "response_format": answers,
                "messages": [{"role": "user", "content": "Write to ada@example.org"}]}
        status, _, data = server.ask("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {self.key}", **more})
        self.assertEqual(status, 200, data)

    def last(self, *arguments):
        return json.loads(self.succeeds("audit", "query", "--json", "-n", "1", *arguments).text)

    def test_audit(self):
        self.succeeds("models", "import", self.folder / "model.gguf", "--name", "assistant")
        with self.serve() as server:
            self.ask(server)
            self.places[RECEIPT] = self.last("--kind", "request")["id"]
            self.places["--sample 1%"] = "--sample 100%"  # of one answer, which as a rule is not drawn at 1 %
            said = {line.split("#")[0].strip(): self.works(line) for line in lines("audit.md")}
        self.assertGreater(len(said), 20)
        for begins, says in (("freehold audit query --subject", "completed"), ("freehold audit query --since 7d --act keys", "keys.create"),
                             ("python3 tools/verify/verify.py ~", "are what was written"), ("python3 tools/verify/report.py", "figures are shown"),
                            ("python3 tools/verify/handed_out.py", "what 1 of them say"),
                             ("freehold audit verify --proof patient", "1 entry is in the log"), ("freehold audit replay --sample", "drawn")):
            self.assertIn(says, next(text for line, text in said.items() if line.startswith(begins)))

    def test_sensitive_data(self):
        done = 0
        for line in lines("sensitive-data.md"):
            words = shlex.split(line, comments=True)
            if words[:2] == ["freehold", "serve"]:
                # On a port that is free, and not sealed: not every kernel that runs tests can.
                self.assertEqual(words[2:], ["assistant", "--sealed", "--keep-content", "--mirror-checkpoints", "/media/stick"])
                server = self.serve("--mirror-checkpoints", str(self.folder / "stick"))
                self.addCleanup(server.__exit__, None, None, None)
                self.ask(server)
            elif words[0] == "curl":
                self.assertIn('"done":true', self.sends(line).replace(" ", ""))
                vault = [row for row in map(json.loads, self.succeeds("guard", "export", "patient-4711").text.splitlines()) if "pseudonym" in row]
                self.places[TOKEN] = vault[0]["pseudonym"].strip("[]")
            elif words[:3] == ["freehold", "guard", "seal-test"]:
                continue  # sealed_test.py, where the kernel can
            else:
                self.works(line)
            if words[:3] == ["freehold", "guard", "hold"]:
                self.places[HOLD] = json.loads(self.succeeds("guard", "holds", "--json").text)[0]["id"]
            done += 1
        self.assertGreater(done, 20)
        self.assertTrue((self.folder / "stick" / "checkpoint").exists())


if __name__ == "__main__":
    e2e.main()
