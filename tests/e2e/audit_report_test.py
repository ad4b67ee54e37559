"""Reports for auditors: every figure is counted again by a program that shares nothing with ours, and one that is altered is found."""

import base64
import collections
import hashlib
import json
import re
import shutil
import subprocess
import sys
import unittest

import audit_logs
import e2e

REPORT = e2e.SOURCE / "tools" / "verify" / "report.py"
DAY = 86400
JANUARY = 1798761600  # 2027-01-01


def check(*arguments):
    return subprocess.run([sys.executable, str(REPORT), *map(str, arguments)], capture_output=True, text=True, timeout=60)


def moment(seconds, part=0):
    return audit_logs.verify.time.strftime("%Y-%m-%dT%H:%M:%S", audit_logs.verify.time.gmtime(seconds)) + f".{part:06}Z"


def entries_of(day):
    """What a small practice does in a day; every number is different, so that a mistake in one shows."""
    at, out = JANUARY + day * DAY + 8 * 3600, []

    def add(kind, seconds, **more):
        out.append({"id": f"{'req' if kind == 'request' else 'adm'}_{day}_{len(out)}", "kind": kind, "time": moment(at + seconds), **more})

    if day in (0, 4):
        add("admin", 0, act="serve.start", name="owner", role="local", subject="m",
            details={"address": "127.0.0.1", "keys": True, "keeps_content": False, "policy": "default", "sealed": day == 4, "tls": False, "version": "1"})
    for i in range(3 + day % 4 if day % 7 < 5 else 0):
        add("request", 60 + i, key=f"key{i % 3}", name="Łukasz (night)", role="user", label=("public", "health", "personal")[i % 3], model="m:q4",
            model_digest="sha256:" + "0" * 64, **({"sealed": True, "seal": "seccomp"} if day >= 4 else {}), outcome="completed" if i else "cancelled", status=200, prompt_tokens=10 + i, completion_tokens=day)
    if day % 5 == 1:
        add("refusal", 900, status=403, rule="model.ceiling", label="health", ceiling="internal", key="key1", reason="Forbidden", more=day)
    if day == 8:
        add("request", 950, key="glass", role="break-glass", name="Dr. Ürün", model="m:q4", outcome="completed", break_glass="ward (3) \\ down", status=200)
        add("admin", 951, act="break-glass", key="glass", name="Dr. Ürün", role="break-glass", details={"reason": "ward (3) \\ down", "request": "req_8_4"})
    if day == 9:
        add("admin", 955, act="guard.erase.begin", subject="sub_1", name="owner", role="local", details={"subjects": 2})
        add("admin", 959, act="guard.erase", subject="sub_2", name="owner", role="local", details={"entries": 1, "key": "key2"})
        add("admin", 957, act="guard.reveal", subject="EMAIL_abcdefghijkl", name="owner", role="local", details={"reason": "a doctor asks", "found": 1})
        add("admin", 958, act="audit.show", subject="req_4_1", name="owner", role="local", details={"reason": "complaint 17"})
        add("admin", 960, act="guard.erase", subject="sub_1", name="owner", role="local", details={"entries": 3, "key": "key1"})
        add("admin", 961, act="audit.replay", subject="sample of 1%", name="owner", role="local", details={"equal": 40, "different": 1, "impossible": 2, "beginning": 0})
        for i in range(2):  # one answer, twice
            add("admin", 962 + i, act="audit.replay", subject="req_4_1", name="owner", role="local", details={"equal": 1})
    if day == 10:
        add("admin", 970, act="keys.create", subject="key9", name="<b>owner</b>", role="local", details={"role": "user"})
        for act in ("POST /api/create", "DELETE /freehold/v1/adapters/m/a", "POST /v1/fine_tuning/jobs", "POST /v1/files"):
            add("admin", 980, act=act, key="key1", name="Łukasz (night)", role="user")
    return out


class Reports(e2e.Case):
    def setUp(self):
        super().setUp()
        self.entries = []
        signer = audit_logs.Signer(bytes(range(32)))
        self.log = audit_logs.Log(signer, segment=6000)
        for day in range(20):
            made = entries_of(day)
            self.entries += made
            lines = [json.dumps(e, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode() for e in made]
            for i in range(0, len(lines), 3):
                self.log.add(lines[i:i + 3], JANUARY + day * DAY + 9 * 3600 + i)
        audit_logs.write(self.home / "audit", self.log.content())
        (self.home / "audit" / "key").write_text(signer.text(secret=True))
        (self.home / "audit" / "key").chmod(0o600)
        self.key = self.put("key.pub", signer.text())
        self.copy = self.folder / "copy"  # as an auditor has it: the report's own entry is not in it
        shutil.copytree(self.home / "audit", self.copy)

    def made(self, name, framework="hipaa", first=4, last=12, *more):
        path = self.folder / name
        self.succeeds("audit", "report", "--framework", framework, "--from", moment(JANUARY + first * DAY)[:10], "--to",
                      moment(JANUARY + last * DAY)[:10], "-o", path, *more)
        return path

    def right(self, *arguments, code=3):
        """By a log that is older than the report: its figures are right, its words are not shown to be."""
        said = check(*arguments)
        self.assertEqual(said.returncode, code, said.stdout + said.stderr)
        return said.stdout

    def wrong(self, text, *arguments):
        said = check(*arguments)
        self.assertEqual(said.returncode, 1, said.stdout + said.stderr)
        self.assertIn(text, said.stdout)

    def test_every_figure_is_counted_again(self):
        for framework in ("hipaa", "gdpr", "ai-act"):
            for form in ("html", "pdf", "json"):
                path = self.made(f"report-{framework}.{form}", framework)
                said = self.right(path, self.copy, "--key", self.key, "--against", self.put("kept", self.log.notes[5]))
                self.assertIn("claims are what the log gives", said)
        # By hand, from what was put in: an entry belongs to the day on which it was signed.
        claims = {c["says"]: c["value"] for c in json.loads(self.made("claims.json").read_text("utf-8"))["claims"]}
        days = [e for day in range(4, 12) for e in entries_of(day)]
        requests = [e for e in days if e["kind"] == "request"]
        self.assertEqual(claims["requests that were let in"], len(requests))
        self.assertEqual(claims["requests by the label of the exchange"], dict(collections.Counter(e.get("label", "") for e in requests)))
        self.assertEqual(claims["tokens of prompts"], sum(e.get("prompt_tokens", 0) for e in requests))
        self.assertEqual(claims["refusals of strangers in a flood, counted but not written one by one"], 6 + 11)
        self.assertEqual(claims["times that an answer came out again; of an answer that is checked twice, two"], 40 + 1 + 1)
        self.assertEqual(claims["different answers that were computed again one by one, whatever came of it"], 1)
        self.assertEqual(claims["requests to a process that was sealed"], len([e for e in requests if e.get("sealed")]))
        self.assertEqual(claims["requests let in under break-glass, however they ended"], 1)
        changed = [i for i, e in enumerate(self.entries) if e.get("act", "").endswith(("create", "/a", "/jobs")) and not e["act"].startswith("keys")]
        self.assertEqual((len(changed), claims["changes of models and their names, at the command line and over HTTP"]), (3, changed))
        facts = {f["id"]: f["value"] for f in json.loads((self.folder / "claims.json").read_text("utf-8"))["facts"]}
        self.assertEqual(facts["L8"], moment(JANUARY + 9 * 3600).split(".")[0] + "Z")
        number = self.entries.index(next(e for e in self.entries if e.get("act") == "break-glass"))
        self.assertEqual(claims["emergency accesses (break-glass)"], [number])
        # Two subjects of one person are two entries, and one erasure.
        begun = next(i for i, e in enumerate(self.entries) if e.get("act") == "guard.erase.begin")
        self.assertEqual(claims["erasures begun (guard erase), whatever came of them"], [begun])
        self.assertEqual([len(v) for says, v in claims.items() if "not one for each erasure" in says], [2])

    def test_who_looked_at_what_was_said(self):
        """What a pseudonym stands for, and what was asked, as break-glass: listed, with the reasons."""
        made = json.loads(self.made("looks.json").read_text("utf-8"))
        claims = {c["says"].partition(",")[0]: c for c in made["claims"]}
        for act, says, words in (("guard.reveal", "looks at what a pseudonym stands for (guard reveal)", "pseudonyms stand for was looked up: 1 look ("),
                                 ("audit.show", "looks at what a request asked and was answered (audit show --content)", "answered was read: 1 look (")):
            self.assertEqual(claims[says]["value"], [i for i, e in enumerate(self.entries) if e.get("act") == act])
            self.assertTrue(any(words + claims[says]["id"] in e for e in made["exceptions"]), made["exceptions"])
        page = self.made("looks.html").read_text("utf-8")
        for reason in ("a doctor asks", "complaint 17"):
            self.assertIn(f"reason: {reason}", page)

    def test_the_seal_is_said_of_each_start(self):
        starts = [i for i, e in enumerate(self.entries) if e.get("act") == "serve.start"]
        mixed = json.loads(self.made("mixed.json", "hipaa", 0, 12).read_text("utf-8"))
        claims = {c["says"]: c for c in mixed["claims"]}
        self.assertEqual([claims[says]["value"] for says in ("starts that were sealed (--sealed)", "starts that were not sealed")], [starts[1:], starts[:1]])
        said = next(e for e in mixed["exceptions"] if "not sealed at" in e)
        for part in (f"sealed at 1 start ({claims['starts that were sealed (--sealed)']['id']}: entry {starts[1]})", f": entry {starts[0]})"):
            self.assertIn(part, said)
        # What the other start had otherwise is said beside the settings, which are the last one's.
        other = next(e for e in mixed["exceptions"] if "settings of a server" in e)
        for part in (f"its last start, entry {starts[1]}.", f"sealed: false (entry {starts[0]})"):
            self.assertIn(part, other)
        before = json.loads(self.made("before.json", "gdpr", 0, 3).read_text("utf-8"))
        self.assertTrue(any("was not sealed at any of its 1 start" in e for e in before["exceptions"]), before["exceptions"])
        after = json.loads(self.made("after.json", "ai-act", 5, 12).read_text("utf-8"))
        self.assertTrue(any(f"its start before it says, entry {starts[1]}" in e for e in after["exceptions"]), after["exceptions"])

    def test_a_log_without_a_start(self):
        """Nothing is said of a start that is not there; of one within the period not that it was before it."""
        def exceptions(keeps, *days):
            log = audit_logs.Log(self.log.signer)
            for day in range(12):
                lines = [json.dumps(e, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode() for e in entries_of(day)
                         if e.get("act") != "serve.start" or day in keeps]
                if lines:
                    log.add(lines, JANUARY + day * DAY + 9 * 3600)
            audit_logs.write(self.home / "audit", log.content())
            return " ".join(json.loads(self.made("report.json", "gdpr", *days).read_text("utf-8"))["exceptions"])

        said = exceptions((), 4, 12)
        self.assertEqual(("has no start of a server: how" in said, "its start before it says" in said), (True, False), said)
        said = exceptions((4,), 3, 12)
        self.assertEqual(("no start of a server before this period" in said, "its start before it says" in said), (True, False), said)

    def test_a_period_that_is_not_over(self):
        path = self.folder / "open.json"
        for begins, nothing in ((moment(JANUARY)[:10], False), ("2998-01-01", True)):
            self.succeeds("audit", "report", "--framework", "hipaa", "--from", begins, "--to", "2999-01-01", "-o", path)
            said = " ".join(json.loads(path.read_text("utf-8"))["exceptions"])
            self.assertEqual(("goes on after this report was made" in said, "signed before this period began" in said), (True, nothing), said)

    def test_nothing_is_said_that_is_not_so(self):
        """What is not encrypted, and what an erasure does not reach, stands beside what is and what it does."""
        pages = {f: self.made(f"{f}.html", f).read_text("utf-8") for f in ("hipaa", "gdpr", "ai-act")}
        for framework, words in (("hipaa", ("Not encrypted by it: the databases", "whoever has that key, only by a checkpoint")),
                                 ("gdpr", ("It does not reach: the entries of the log", "backups and exports made before")),
                                 ("ai-act", ("at the starts that were sealed", "of strangers at most a hundred"))):
            for text in words:
                self.assertIn(text, pages[framework])
        for page in pages.values():
            self.assertNotIn("nobody can alter unseen", page)

    def test_only_their_owner_reads_what_comes_of_the_log(self):
        """A file that is replaced keeps the mode that somebody has given it."""
        out, record, proof = self.folder / "out.jsonl", self.folder / "record.html", self.folder / "proof"
        commands = {out: ("audit", "export", "-o", out), record: ("guard", "record", "-o", record), proof: ("audit", "prove", "3", "-o", proof)}
        for mode in (0o600, 0o640):
            for path in (self.made("report.html"), self.made("report.pdf"), self.made("report.json"), *commands):
                if path in commands:
                    self.succeeds(*commands[path])
                self.assertEqual(path.stat().st_mode & 0o777, mode, path)
                path.chmod(0o640)

    def test_from_an_export_and_without_the_log(self):
        path, out = self.made("report.pdf"), self.folder / "log.jsonl"
        self.succeeds("audit", "export", "--folder", self.copy, "-o", out)
        self.assertIn("claims are what the log gives", self.right(path, out, "--key", self.key))
        self.assertIn("NOT counted again", self.right(path, "--key", self.key))
        whole = out.read_bytes()
        out.write_bytes(whole.replace(b'"cancelled"', b'"completed"', 1))
        self.wrong("the log has not the", path, out, "--key", self.key)
        # That a file is the one that was written, an export shows as far as a checkpoint goes.
        later, kept = self.folder / "later.jsonl", self.folder / "kept"
        self.succeeds("audit", "export", "-o", later)
        self.succeeds("audit", "checkpoint", "-o", kept)
        self.right(path, later, "--key", self.key, "--against", kept, code=0)
        self.assertIn("behind what is signed", self.right(path, later, "--key", self.key))
        forged = self.put("forged.pdf", path.read_bytes() + b" ")
        digest = "sha256:" + hashlib.sha256(forged.read_bytes()).hexdigest()
        later.write_bytes(later.read_bytes() + json.dumps({"act": "audit.report", "details": {"pdf": digest}}).encode() + b"\n")
        self.assertIn("behind what is signed", self.right(forged, later, "--key", self.key, "--against", kept))
        later.write_bytes(later.read_bytes().replace(b"audit.report", b"audit.retort", 1))
        self.wrong("the log has not the", path, later, "--key", self.key, "--against", kept)

    def test_an_altered_figure_is_found(self):
        log = (self.copy, "--key", self.key)
        path = self.made("report.json")
        claims = json.loads(path.read_text("utf-8"))
        found = 0
        for kind in ("claims", "facts"):
            for i, claim in enumerate(claims[kind]):
                other = json.loads(json.dumps(claims))
                value = other[kind][i]["value"]
                if isinstance(value, int):
                    other[kind][i]["value"] += 1
                elif isinstance(value, list):
                    other[kind][i]["value"] = value[1:] or [3]
                elif isinstance(value, dict):
                    other[kind][i]["value"] = {**value, "": value.get("", 0) + 1}
                else:
                    other[kind][i]["value"] = value[:-1] + ("1" if value[-1] != "1" else "2")
                self.wrong(f"{claim['id']} (", self.put("altered.json", json.dumps(other)), *log)
                found += 1
        self.assertGreater(found, 45)
        setting = next(i for i, s in enumerate(claims["settings"]) if s["says"] == "sealed by the kernel at its last start")
        self.assertEqual(claims["settings"][setting]["value"], "true")
        claims["settings"][setting]["value"] = "false"
        self.wrong("sealed by the kernel", self.put("altered.json", json.dumps(claims)), *log)
        # Nor does it help to name an entry that nobody can look at.
        for entry in (99_999_999, "5"):
            claims["settings"][setting]["entry"] = entry
            self.wrong("sealed by the kernel", self.put("altered.json", json.dumps(claims)), *log)

    def test_an_altered_proof_is_found(self):
        claims = json.loads(self.made("report.json").read_text("utf-8"))
        self.assertGreater(len(claims["consistency"]), 0)
        for change in (lambda c: c.update(end=c["end"].replace("\ntime 2027", "\ntime 2026")), lambda c: c.update(begin=self.log.notes[0].decode()),
                       lambda c: c["consistency"].pop(), lambda c: c["entries"][0]["path"].pop(),
                       lambda c: c["entries"][0].update(entry=base64.b64encode(b"{}").decode()), lambda c: c.pop("claims"), lambda c: c.update(end=7)):
            other = json.loads(json.dumps(claims))
            change(other)
            self.wrong("WRONG", self.put("altered.json", json.dumps(other)), self.copy, "--key", self.key)
        self.wrong("another key", self.put("report.json", json.dumps(claims)), self.copy, "--key", audit_logs.Signer(b"x" * 32).text().strip())

    def test_what_is_shown_is_what_is_claimed(self):
        page, paper = self.made("report.html"), self.made("report.pdf")
        html, pdf = page.read_text("utf-8"), paper.read_bytes()
        for name in ("C1", "C4.1", "L3", "S1"):
            changed = re.sub(rf'(data-claim="{re.escape(name)}">)([^<]*)(<)', r"\g<1>\g<2>7\3", html, count=1)
            self.assertTrue(changed != html, name)
            self.wrong(f"{name}: the file shows", self.put("altered.html", changed), "--key", self.key)
            changed = re.sub(rf'(data-claim="{re.escape(name)}">)([^<]+)(<)', r"\g<1>\g<2>\g<2>\3", html, count=1)
            self.wrong(f"{name}: the file shows", self.put("altered.html", changed), "--key", self.key)
            changed = re.sub(rb"(Claim <</Id \(" + re.escape(name).encode() + rb"\)>> BDC\nBT [^\n]*\n[^\n]*Td \(.)", rb"\g<1>7", pdf, count=1)
            self.assertTrue(changed != pdf, name)
            self.wrong(f"{name}: the file shows", self.put("altered.pdf", changed), "--key", self.key)
        self.wrong("does not show", self.put("altered.html", html.replace('data-claim="C1"', 'data-name="C1"')), "--key", self.key)
        self.assertNotIn("<script", html)
        self.assertNotRegex(html, r"(?i)(src|href)=|url\(|@import")
        self.assertNotIn("<b>owner</b>", html)
        self.assertIn("What software cannot show", html)
        self.assertIn("Business associate contracts", html)
        self.assertTrue(rb"ward \(3\)" in pdf)

    @unittest.skipUnless(shutil.which("pdftotext"), "poppler-utils are not here")
    def test_a_reader_of_pdf_finds_the_words(self):
        path = self.made("report.pdf")
        ended = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, timeout=30)
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        text = ended.stdout.decode("utf-8")
        for words in ("45 CFR 164.312(b)", "What software cannot show", "emergency accesses (break-glass)", "Dr. Ürün", self.key.read_text().split("+")[0]):
            self.assertIn(words, text)

    def test_the_report_is_an_entry_and_bad_input_is_told(self):
        path = self.made("report.pdf")
        last = json.loads(self.succeeds("audit", "query", "--kind", "admin", "--json").text.splitlines()[-1])
        self.assertEqual(last["act"], "audit.report")
        self.assertIn("the file is the one that entry", self.right(path, self.home / "audit", "--key", self.key, code=0))
        # Words beside the figures: no claim has them, only the entry does.
        words = path.read_bytes()
        path.write_bytes(words.replace(b"cannot", b"can", 1))
        self.assertNotEqual(path.read_bytes(), words)
        self.assertIn("NOT shown: that the file says what was written", self.right(path, self.home / "audit", "--key", self.key))
        path.write_bytes(words)
        self.succeeds("audit", "verify", "--against", self.put("kept", self.log.note))
        self.fails(e2e.USAGE, "audit", "report", "--framework", "hipaa", "--from", "2027-01-02", "--to", "2027-01-01", names="--from")
        self.fails(e2e.USAGE, "audit", "report", "--framework", "hipaa", "--from", "soon", names="--from")
        self.fails(e2e.USAGE, "audit", "report", "--framework", "iso", "--from", "2027-01-01", names="iso")
        self.fails(e2e.USAGE, "audit", "report", "--framework", "gdpr", "--from", "2027-01-01", "--to", "2027-02-01", "-o", "x.txt", names="x.txt")
        self.fails(e2e.NOT_FOUND, "audit", "report", "--framework", "gdpr", "--from", "2020-01-01", "--to", "2020-02-01", names="2020-02-01")
        self.fails(e2e.NOT_FOUND, "audit", "report", "--framework", "gdpr", "--from", "2020-01-01", home=self.folder / "none")
        segment = sorted((self.home / "audit").glob("entries-*"))[0]
        segment.write_bytes(segment.read_bytes().replace(b'"cancelled"', b'"completed"', 1))
        self.fails(e2e.CORRUPT, "audit", "report", "--framework", "gdpr", "--from", "2027-01-01", "--to", "2027-02-01")


if __name__ == "__main__":
    e2e.main()
