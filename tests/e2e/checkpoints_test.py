"""Checkpoints in other places: as QR codes, mirrored to a folder; and the record of processing that the configuration gives."""

import json
import os
import shutil
import subprocess
import time
import unittest

import audit_logs
import e2e
import serving


class Checkpoints(e2e.Case):
    def wait_for(self, what, seconds=30):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def log(self):
        log = audit_logs.Log(audit_logs.Signer(bytes(32)))
        log.add([b'{"id":"adm_1","kind":"admin","time":"2027-01-31T12:00:00.000000Z"}'])
        audit_logs.write(self.home / "audit", log.content())
        return log

    def code(self):
        """Rows of modules, True for dark, of `audit checkpoint --qr`."""
        note, _, code = self.succeeds("audit", "checkpoint", "--qr").text.rpartition("\n\n")
        rows = []
        for line in code.splitlines():
            rows += [[c in "█▀" for c in line], [c in "█▄" for c in line]]
        return note, rows

    def test_a_code_for_paper(self):
        log = self.log()
        note, rows = self.code()
        self.assertEqual((note + "\n").encode(), log.note)
        width = len(rows[0])
        self.assertEqual((width - 8 - 17) % 4, 0)
        self.assertTrue(all(len(row) == width for row in rows))
        finder = [[max(abs(x - 3), abs(y - 3)) not in (2, 4) for x in range(7)] for y in range(7)]
        for x, y in ((4, 4), (width - 11, 4), (4, width - 11)):
            self.assertEqual([row[x:x + 7] for row in rows[y:y + 7]], finder)
        self.succeeds("audit", "checkpoint", "--qr", "-o", self.folder / "kept")
        self.assertEqual((self.folder / "kept").read_bytes(), log.note)

    @unittest.skipUnless(shutil.which("zbarimg"), "zbar-tools are not here")
    def test_a_camera_reads_it(self):
        log = self.log()
        _, rows = self.code()
        pixels = [[0 if dark else 255 for dark in row for _ in range(4)] for row in rows for _ in range(4)]
        image = self.put("code.pgm", b"P5 %d %d 255\n" % (len(pixels[0]), len(pixels)) + b"".join(map(bytes, pixels)))
        said = subprocess.run(["zbarimg", "-q", "--raw", "--oneshot", str(image)], capture_output=True, timeout=30)
        self.assertEqual(said.stdout.rstrip(b"\n"), log.note.rstrip(b"\n"))

    def test_mirrored_while_serving(self):
        stick = self.folder / "stick"
        with serving.Server(None, "--mirror-checkpoints", stick, home=self.home) as server:
            self.wait_for(lambda: "NOT mirrored" in server.said())
            self.assertFalse(stick.exists(), "it would look like the stick")
            self.assertIn(b"freehold_checkpoint_mirror_up 0", server.ask("GET", "/metrics")[2])
            ended = self.run_freehold("doctor", "--json")
            found = json.loads(ended.text)["findings"]
            self.assertTrue(any(f["level"] == "problem" and str(stick) in f["text"] for f in found), found)
            self.assertEqual(ended.code, e2e.FOUND, ended.message)
            stick.mkdir()
            self.wait_for(lambda: (stick / "checkpoint").exists() and b"mirror_up 1" in server.ask("GET", "/metrics")[2])
            self.assertIn("mirrored to", server.said())
            server.interrupt()
            server.process.wait(30)
        note = self.succeeds("audit", "checkpoint").out
        self.assertEqual((stick / "checkpoint").read_bytes(), note, "also the last, of the stop")
        self.succeeds("audit", "verify", "--against", stick / "checkpoint")
        self.assertEqual(len(list(stick.glob("checkpoint-20*"))), 1)
        shutil.rmtree(self.home / "audit")
        with serving.Server(None, "--mirror-checkpoints", stick, home=self.home) as server:
            self.wait_for(lambda: "not of this log" in server.said())
        self.assertEqual((stick / "checkpoint").read_bytes(), note, "what was kept of the log that was made anew stays")


class Started(e2e.Case):
    """What the log knows of how a server was started, as `doctor` looks at it."""

    def test_a_folder_is_written_down_from_the_root_on(self):
        self.home.mkdir()
        stick = self.folder / "stick"
        stick.mkdir()
        with serving.Server(None, "--mirror-checkpoints", os.path.relpath(stick), home=self.home) as server:
            server.interrupt()
            server.process.wait(30)
        start, = [json.loads(row) for row in self.succeeds("audit", "query", "--act", "serve.start", "--json").text.splitlines()]
        self.assertEqual(start["details"]["mirror"], str(stick))
        self.assertNotIn("problem", [f["level"] for f in json.loads(self.succeeds("doctor", "--json").text)["findings"]])

    def test_a_policy_that_was_changed_since_is_said(self):
        self.home.mkdir()
        said = lambda: "another policy" in self.succeeds("doctor").text  # noqa: E731
        with serving.Server(None, home=self.home) as server:
            self.assertFalse(said())
            policy = self.put("home/policy.yaml", "version: 1\n")
            self.assertTrue(said())
            policy.unlink()
            self.assertFalse(said())
            policy = self.put("home/policy.yaml", "version: 1\n")
            server.interrupt()
            server.process.wait(30)
        self.assertFalse(said(), "the next server has it")


class Record(e2e.Case):
    def test_what_nobody_said_is_said_to_be_missing(self):
        self.home.mkdir()
        out = self.folder / "record.json"
        self.succeeds("guard", "record", "-o", out)
        lines = {line["what"]: line for line in json.loads(out.read_text("utf-8"))["lines"]}
        self.assertIsNone(lines["controller"]["value"])
        self.assertEqual(lines["labels of data, lowest first"]["value"], "public, internal, personal, health")
        self.assertIn("not stated (processing.controller in policy.yaml)", self.succeeds("guard", "record").text)

    def test_from_the_configuration(self):
        self.put("home/jwks.json", '{"keys": []}')
        self.put("home/policy.yaml", "version: 1\nvendors: {\"openai/*\": internal}\nsign_in:\n  - {issuer: \"https://login.example.org/clinic\", audience: freehold, keys: jwks.json, "
                 "role: {claim: groups, map: {doctors: user}}}\ncertificates:\n  - {dns: \"*.ward.clinic.example\", role: operator}\nprocessing:\n  controller: Praxis <Weber>\n"
                 "  purposes:\n    - {purpose: letters, people: patients, data: findings, label: health}\n")
        for name in ("record.html", "record.pdf", "record.json"):
            out = self.folder / name
            self.succeeds("guard", "record", "-o", out)
            data = out.read_bytes()
            self.assertTrue(b"openai/*: internal" in data, name)
            for text in (b"patients", b"https://login.example.org/clinic", b"doctors as user", b"dns *.ward.clinic.example as operator"):
                self.assertTrue(text in data, (name, text))
            self.assertEqual(b"<Weber>" in data, not name.endswith("html"), name)
        self.fails(e2e.USAGE, "guard", "record", "-o", self.folder / "record.txt", names="record.txt")
        self.put("home/policy.yaml", "version: 1\nprocessing:\n  contoller: x\n")
        self.fails(e2e.USAGE, "guard", "record", names="line 3")


if __name__ == "__main__":
    e2e.main()
