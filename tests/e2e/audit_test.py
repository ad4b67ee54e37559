"""The audit log from outside: any tamper is found by both verifiers, proofs and checkpoints stand alone.

$FREEHOLD_AUDIT_TAMPERS says how many random tampers (300, under a sanitizer 60; 10,000 in `./dev nightly`), $FREEHOLD_SEED which.
"""

import csv
import io
import json
import os
import random
import subprocess
import sys

import audit_logs
import e2e

TAMPERS = int(os.environ.get("FREEHOLD_AUDIT_TAMPERS", "60" if e2e.SANITIZED else "300"))
SEED = int(os.environ.get("FREEHOLD_SEED", "1"))
VERIFY = e2e.SOURCE / "tools" / "verify" / "verify.py"


def python(*arguments, script=VERIFY):
    return subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def handed_out(*arguments):
    return python(*arguments, script=VERIFY.with_name("handed_out.py"))


class Verifiers(e2e.Case):
    def found(self, folder, note):
        """Whether each verifier finds something wrong, given a checkpoint."""
        kept = self.put("kept", note)
        ours = e2e.run("audit", "verify", "--folder", folder, "--against", kept, home=self.home)
        self.assertIn(ours.code, (e2e.OK, e2e.USAGE, e2e.NOT_FOUND, e2e.CORRUPT, e2e.EXHAUSTED), ours.message)
        try:
            audit_logs.verify.check_log(folder, None, [(note, "kept")])
            theirs = False
        except (audit_logs.verify.Wrong, OSError):
            theirs = True
        return ours.code != e2e.OK, theirs

    def test_every_tamper_is_found_by_both(self):
        draw = random.Random(SEED)
        log, before = audit_logs.sample(draw, audit_logs.Signer(draw.randbytes(32)), 300)
        content, folder = log.content(), self.folder / "log"
        audit_logs.write(folder, content)
        for note in (log.note, log.notes[3]):
            self.assertEqual(self.found(folder, note), (False, False), "nothing is wrong")
        ways = {}
        for number in range(TAMPERS):
            changed, what = audit_logs.tamper(draw, content, before)
            if changed == content:
                continue
            audit_logs.write(folder, changed)
            self.assertEqual(self.found(folder, log.note), (True, True), f"{number}: {what}")
            ways[what.split(" in ")[0]] = ways.get(what.split(" in ")[0], 0) + 1
        self.assertGreater(len(ways), 10)
        print(f"{sum(ways.values())} tampers", end=" ", flush=True)

    def test_what_is_no_regular_file_is_not_read(self):
        """A pipe would be waited for, a device read for ever."""
        signer = audit_logs.Signer(bytes(32))
        log, _ = audit_logs.sample(random.Random(3), signer, 90)
        folder, good, pipe = self.folder / "log", self.put("kept", log.note), self.folder / "pipe"
        audit_logs.write(folder, log.content())
        (folder / "lock").touch()
        os.mkfifo(pipe)
        proof = ("--proof", pipe, "--key", signer.text())
        for arguments in ((folder, "--against", pipe), (folder, "--against", "/dev/zero"), (folder, "--key", pipe), proof):
            said = python(*arguments)
            self.assertEqual(said.returncode, 2, arguments)
            self.assertIn("not a regular file", said.stderr)
            ours = arguments[1:] if arguments is not proof else arguments
            self.fails(e2e.USAGE, "audit", "verify", "--folder", folder, *ours, names="not a regular file")
        for name in ("key.pub", "checkpoint", "lock", "tree/index", "tree/level-00", *log.files):
            data = (folder / name).read_bytes()
            (folder / name).unlink()
            os.mkfifo(folder / name)
            said = python(folder, "--against", good)
            self.assertEqual(said.returncode, 2, name)
            self.assertIn(f"{name}: not a regular file", said.stderr)
            if name != "lock":  # a copy needs none
                for command in ("verify", "query", "export", "checkpoint"):
                    ended = e2e.run("audit", command, "--folder", folder, home=self.home, timeout=60)
                    if command == "verify" or name == "key.pub" or name in log.files:
                        self.assertIn(ended.code, (e2e.USAGE, e2e.CORRUPT), f"{command}, {name}: {ended.message}")
            (folder / name).unlink()
            (folder / name).write_bytes(data)
        self.assertEqual(python(folder, "--against", good, "--key", self.put("key", signer.text())).returncode, 0)

    def test_both_say_the_same_of_what_stands_beside_the_log(self):
        signer = audit_logs.Signer(bytes(32))
        log, _ = audit_logs.sample(random.Random(4), signer, 40)
        folder = self.folder / "log"
        audit_logs.write(folder, log.content())
        (folder / "tree" / "more").mkdir()
        (folder / "key.pub").unlink()
        for key, codes in ((signer.text(), (e2e.OK, 0)), (audit_logs.Signer(bytes([1]) * 32).text(), (e2e.CORRUPT, 1)), ("", (e2e.USAGE, 2))):
            self.assertEqual((e2e.run("audit", "verify", "--folder", folder, "--key", key, home=self.home).code, python(folder, "--key", key).returncode), codes, key)

    def test_what_verifiers_say(self):
        for arguments in ((), ("--proof", "x"), ("a", "b")):
            self.assertEqual(python(*arguments).returncode, 2)
        self.assertEqual(python(self.folder / "nothing").returncode, 2)
        self.fails(e2e.NOT_FOUND, "audit", "verify", names="audit")
        self.fails(e2e.NOT_FOUND, "audit", "show", "0", names="audit")


class Reading(e2e.Case):
    def setUp(self):
        super().setUp()
        def entry(number, **more):
            return {"id": f"req_{number:024x}", "key": "k7m2xw9q" if number % 2 else "a2b3c4d5", "kind": "request", "model": "m",
                    "outcome": "completed", "time": f"2027-01-{1 + number % 28:02}T12:00:00.000000Z", **more}

        self.entries = [entry(i) for i in range(40)]
        self.entries[5] = {"act": "keys.create", "details": {"name": "=Alice Müller"}, "id": "adm_5", "kind": "admin", "subject": "k7m2xw9q",
                           "time": "2027-01-06T12:00:00.000000Z"}
        self.log = audit_logs.Log(audit_logs.Signer(bytes(32)), segment=4000)
        lines = [json.dumps(e, separators=(",", ":"), ensure_ascii=False).encode() for e in self.entries]
        for at in range(0, len(lines), 7):
            self.log.add(lines[at:at + 7])
        audit_logs.write(self.home / "audit", self.log.content())

    def lines(self, *arguments):
        return [json.loads(line) for line in self.succeeds("audit", *arguments).text.splitlines()]

    def test_show_query_export(self):
        self.assertEqual(self.lines("query", "--json"), self.entries)
        self.assertEqual(self.lines("query", "--json", "--limit", "3"), self.entries[-3:], "the newest, in the order of the log")
        self.assertEqual(self.lines("query", "--json", "-n", "3", "-r"), self.entries[:-4:-1])
        self.assertEqual(self.lines("query", "--json", "--kind", "admin"), [self.entries[5]])
        self.assertEqual(self.lines("query", "--json", "--key", "a2b3c4d5", "--model", "m"), self.entries[0::2])
        self.assertEqual(self.lines("query", "--json", "--model", "other"), [])
        between = self.lines("query", "--json", "--since", "2027-01-03", "--until", "2027-01-05")
        self.assertEqual(between, [e for e in self.entries if "2027-01-03" <= e["time"] < "2027-01-05"])
        self.assertIn("keys.create k7m2xw9q", self.succeeds("audit", "query").text)
        self.fails(e2e.USAGE, "audit", "query", "--since", "soon", names="--since")
        self.assertEqual(self.lines("show", self.entries[9]["id"], "--json"), [self.entries[9]])
        self.assertEqual(self.lines("show", "39", "--json"), [self.entries[39]])
        self.assertIn("details.name", self.succeeds("audit", "show", "adm_5").text)
        self.assertEqual(self.lines("show", "chatcmpl-" + self.entries[9]["id"][4:], "--json"), [self.entries[9]], "by an answer's id")
        self.fails(e2e.NOT_FOUND, "audit", "show", "adm_none", names="adm_none")
        self.fails(e2e.NOT_FOUND, "audit", "show", "40")
        out = self.folder / "out"
        self.succeeds("audit", "export", "-o", out)
        self.assertEqual(out.read_bytes(), b"".join(e + b"\n" for e in self.log.tree), "byte for byte")
        rows = list(csv.DictReader(io.StringIO(self.succeeds("audit", "export", "--format", "csv").text, newline="")))
        self.assertEqual([r["id"] for r in rows], [e["id"] for e in self.entries])
        self.assertEqual(rows[5]["details.name"], "'=Alice Müller", "no formula for a spreadsheet")

    def test_filters_and_what_is_said_when_nothing_fits(self):
        more = [{"act": "models.rm", "id": "adm_6", "kind": "admin", "name": "root", "role": "local", "subject": "m:q4", "time": "2027-01-29T12:00:00.000000Z"},
                {"act": "keysmith", "id": "adm_7", "kind": "admin", "name": "root", "subject": "x", "time": "2027-01-29T12:00:00.000000Z"},
                {**self.entries[1], "id": "req_l", "label": "health", "name": "ward", "subject": "sub_1"},
                {"id": "ref_l", "kind": "refusal", "key": "k7m2xw9q", "label": "health", "name": "ward", "status": 403, "time": "2027-01-29T12:00:00.000000Z"}]
        for entry in more:
            self.log.add([json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()])
        audit_logs.write(self.home / "audit", self.log.content())

        def ids(*arguments):
            return [e["id"] for e in self.lines("query", "--json", *arguments)]

        self.assertEqual(ids("--act", "keys"), ["adm_5"], "the part before a full stop, not the letters")
        self.assertEqual(ids("--act", "keys.create"), ["adm_5"])
        self.assertEqual(ids("--act", "models."), ["adm_6"])
        self.assertEqual(ids("--label", "health"), ["req_l", "ref_l"])
        self.assertEqual(ids("--label", "health", "--kind", "refusal"), ["ref_l"])
        self.assertEqual(ids("--subject", "sub_1"), ["req_l"])
        self.assertEqual(ids("--subject", "m:q4"), ["adm_6"])
        self.assertEqual(ids("--name", "root"), ["adm_6", "adm_7"])
        self.assertEqual(self.lines("export", "--label", "health"), more[2:])
        for command in (("query",), ("query", "--json"), ("export",)):
            for arguments, says in ((("--key", "ward"), "no entry of the log has the key 'ward': it is the name of k7m2xw9q"),
                                    (("--key", "nobody"), "no entry of the log has the key 'nobody'\n"), (("--act", "keys.c"), "the act 'keys.c'"),
                                    (("--key", "k7m2xw9q", "--subject", "patient-4711"), "the subject 'patient-4711': who asked"),
                                    (("--act", "keys", "--label", "health"), "no entry is like that")):
                said = self.succeeds("audit", *command, *arguments)
                self.assertEqual(said.text, "")
                self.assertIn(says, said.message)

    def test_people_of_one_issuer_are_told_apart(self):
        people = [f"https://id.clinic.example.org/realms/health|f8e2a1d0-9b7c-4e3d-8a6f-11223344556{i}" for i in range(2)]
        for i, person in enumerate(people):
            for entry in ({**self.entries[0], "id": f"req_p{i}", "key": person}, {**self.entries[5], "act": "keys.block", "id": f"adm_p{i}", "subject": person}):
                self.log.add([json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()])
        audit_logs.write(self.home / "audit", self.log.content())
        text = self.succeeds("audit", "query").text
        for i, person in enumerate(people):
            self.assertIn(f"request  {person}  ", text)
            self.assertIn(f"keys.block {person}", text)
            self.assertEqual([e["id"] for e in self.lines("query", "--json", "--key", person)], [f"req_p{i}"])
            self.assertIn(person, self.succeeds("audit", "query", "--key", person).text)

    def test_the_list_says_why(self):
        """As docs/how-to/audit.md has it: who broke the glass and why, what was refused and by which rule."""
        long = "w\u001bard " + "x" * 300
        entries = [{"act": "break-glass", "details": {"reason": long, "request": "req_1"}, "id": "adm_1", "kind": "admin", "name": "Dr. A", "role": "break-glass",
                    "subject": "POST /v1/chat/completions"},
                   {"act": "guard.reveal", "details": {"found": 1, "reason": "complaint 17"}, "id": "adm_2", "kind": "admin", "subject": "EMAIL_abcdefghijkl"},
                   {"break_glass": "ward 3", "id": "req_1", "kind": "request", "model": "m", "outcome": "completed", "role": "break-glass"},
                   {"ceiling": "internal", "endpoint": "/v1/chat/completions", "id": "req_2", "kind": "refusal", "label": "health", "method": "POST",
                    "reason": "Forbidden", "rule": "models.m", "status": 403},
                   {"endpoint": "/v1/chat/completions", "id": "req_3", "kind": "refusal", "kinds": "card (1)", "method": "POST", "reason": "Forbidden",
                    "rule": "personal_data.0", "status": 403},
                   {"endpoint": "/v1/models", "id": "req_4", "kind": "refusal", "method": "GET", "reason": "Unauthorized", "status": 401}]
        self.log.add([json.dumps({**e, "time": "2027-02-01T12:00:00.000000Z"}, separators=(",", ":"), sort_keys=True).encode() for e in entries])
        audit_logs.write(self.home / "audit", self.log.content())
        lines = self.succeeds("audit", "query", "-n", "6").text.splitlines()[1:]
        for line, says in zip(lines, ("break-glass POST /v1/chat/completions, reason: w\\x1bard xxx", "guard.reveal EMAIL_abcdefghijkl, reason: complaint 17",
                                      "completed m, reason: ward 3", "403 Forbidden: POST /v1/chat/completions, rule models.m, label health, ceiling internal",
                                      "403 Forbidden: POST /v1/chat/completions, rule personal_data.0, personal data: card (1)",
                                      "401 Unauthorized: GET /v1/models")):
            self.assertIn(says, line)
        self.assertLess(len(lines[0]), 300, "a long reason is cut")

    def test_nothing_is_shown_of_a_log_that_was_changed(self):
        """By somebody who knows the format: sums fit, and in the end the tree and every checkpoint, too. Only the signature cannot."""
        def other(line):
            return line.replace(b"completed", b"forgotten")

        right, log = self.log.content(), audit_logs.Log(self.log.signer, segment=4000)
        lines = [other(line) if i in (9, 12) else line for i, line in enumerate(self.log.tree)]
        for at in range(0, len(lines), 7):
            log.add(lines[at:at + 7])
        forged = log.content()
        own = {name: data for name, data in forged.items() if name.startswith("entries-")}
        last = max(own)
        end = right[last][right[last].rindex(b"\nC ") + 1:]
        own[last] = own[last][:own[last].rindex(b"\nC ") + 1] + end
        for changed, names in ((dict(right, **own), "entry 9"), ({**forged, "checkpoint": right["checkpoint"], **own}, "not those of")):
            audit_logs.write(self.home / "audit", changed)
            out = self.folder / "out"
            for arguments in (("query",), ("query", "--json", "--limit", "1"), ("export",), ("export", "--format", "csv", "-o", out)):
                said = self.fails(e2e.CORRUPT, "audit", *arguments, names=names)
                self.assertEqual(said.text, "")
                self.assertIn("evidence", said.message)
            self.assertFalse(out.exists())
            self.fails(e2e.CORRUPT, "audit", "show", "9", names="entry 9")
        for number in (9, 25):  # the record of one, with nothing else
            changed = dict(right)
            name = max(n for n in changed if n.startswith("entries-") and int(n[8:]) <= number)
            line = self.log.tree[number]
            changed[name] = changed[name].replace(audit_logs.record(b"E", line), audit_logs.record(b"E", other(line)))
            audit_logs.write(self.home / "audit", changed)
            self.fails(e2e.CORRUPT, "audit", "query", names=f"entry {number}")
            self.fails(e2e.CORRUPT, "audit", "show", number, names=f"entry {number}")

    def test_only_answers_can_be_computed_again(self):
        """Whether the body is given or not."""
        common = {"time": "2027-01-29T12:00:00.000000Z"}
        for entry in ({"id": "req_r", "kind": "refusal", "status": 403, **common},
                      {"id": "req_f", "kind": "request", "model": "m", "numerics": 1, "outcome": "failed", "status": 500, **common}):
            self.log.add([json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()])
        audit_logs.write(self.home / "audit", self.log.content())
        for more in ((), ("--request", self.put("body", "{}"))):
            self.fails(e2e.USAGE, "audit", "replay", "5", *more, names="adm_5 is an act (keys.create): there is no answer")
            self.fails(e2e.USAGE, "audit", "replay", "req_r", *more, names="req_r is a refusal")
            said = self.run_freehold("audit", "replay", "req_f", "--folder", self.home / "audit", *more)
            self.assertEqual((said.code, "failed when it was asked (status 500)" in said.text), (8, True), said.message)
        self.fails(e2e.USAGE, "audit", "replay", "9", names="--request")

    def test_what_guard_export_writes_is_checked_line_by_line(self):
        key = self.put("log.pub", self.succeeds("audit", "key").text)
        good = [b'{"entry":%s,"proof":%s}' % (self.log.tree[n], json.dumps(self.succeeds("audit", "prove", n).text).encode()) for n in (3, 17, 39)]
        pseudonym = b'{"pseudonym":"[Person 1]","value":"Ada"}'
        lines = self.put("export.jsonl", b"\n".join([*good, pseudonym, b""]))
        said = json.loads(self.succeeds("audit", "verify", "--proof", lines, "--key", key, "--json", home=self.folder / "other").text)
        self.assertEqual((said["proofs"], said["without"], said["entries"]), (3, 1, 40))
        self.assertIn("3 entries are in the log of 40 entries", self.succeeds("audit", "verify", "--proof", lines).text)
        self.assertIn("3 entries are in the log of 40 entries", handed_out(lines, "--key", key).stdout)
        for at, other in ((1, good[1].replace(b'"m"', b'"n"', 1)), (1, good[1].replace(b"index 17", b"index 16")), (2, good[2].replace(b'"proof"', b'"poof"')),
                          (2, b"x"), (0, b'{"entry": ' + good[0][9:])):
            lines = self.put("export.jsonl", b"\n".join([*good[:at], other, *good[at + 1:]]))
            self.fails(e2e.CORRUPT, "audit", "verify", "--proof", lines, "--key", key, names=f"line {at + 1}")
            said = handed_out(lines, "--key", key)
            self.assertEqual((said.returncode, f"line {at + 1}" in said.stdout), (1, True), said.stdout)
        # Both take the same lines, and no others.
        deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        for other in (b"[]", b'"x"', b"3", b'{"a":NaN}', b'{"a":1e999}', b'{"value":"\\ud800","pseudonym":"x"}', b'{"pseudonym":"\xed\xa0\x80","value":""}', b"{\0}\0", deep,
                      b'{"pseudonym":"x"}', b'{"pseudonym":"x","value":3}', b'{"batch":"x"}', b'{"batch":{"file":"f","key":"k","more":"m"}}', good[0][:-1] + b',"more":1}',
                      good[0].replace(b',"proof"', b',"content":null,"proof"'), good[0].replace(b',"proof"', b',"content":["body","answers"],"proof"')):
            lines = self.put("export.jsonl", b"\n".join([good[1], other]))
            self.fails(e2e.CORRUPT, "audit", "verify", "--proof", lines, "--key", key, names="line 2")
            said = handed_out(lines, "--key", key)
            self.assertEqual((said.returncode, "line 2" in said.stdout, said.stderr), (1, True, ""), (other[:80], said.stdout))
        lines = self.put("export.jsonl", b"\n \t\n".join([good[0], b'{"batch":{"file":"f","key":"k","request":"{}"}}', good[1]]))
        self.succeeds("audit", "verify", "--proof", lines, "--key", key)
        self.assertEqual(handed_out(lines, "--key", key).returncode, 0)
        # What steers a terminal is not shown as it is.
        for bad in ("\x1b[31m", "\x9b", "\u202e"):
            proof = json.loads(good[0])["proof"].replace("\n\n", f"\n\n{bad}", 1)
            for said in (handed_out(self.put("export.jsonl", good[0][:good[0].index(b',"proof"')] + b',"proof":' + json.dumps(proof).encode() + b"}"), "--key", key),
                         python("--proof", self.put("proof", proof), "--key", key)):
                self.assertEqual((said.returncode, bad in said.stdout), (1, False), said.stdout)
        self.assertEqual(python("--proof", self.put("proof", json.loads(good[0])["proof"].replace("index 3", "index " + "3" * 5000)), "--key", key).returncode, 1)
        lines = self.put("export.jsonl", pseudonym)
        self.fails(e2e.NOT_FOUND, "audit", "verify", "--proof", lines, "--key", key, names="nothing to prove")
        self.assertEqual(handed_out(lines, "--key", key).returncode, 2)

    def test_proofs_and_checkpoints_stand_alone(self):
        key, proof, kept = self.folder / "log.pub", self.folder / "proof", self.folder / "kept"
        key.write_text(self.succeeds("audit", "key").text)
        for number in (0, 5, 17, 39):
            self.succeeds("audit", "prove", number, "-o", proof)
            said = json.loads(self.succeeds("audit", "verify", "--proof", proof, "--key", key, "--json", home=self.folder / "other").text)
            self.assertEqual((said["number"], said["entries"], json.loads(said["entry"])), (number, 40, self.entries[number]))
            self.assertIn(self.entries[number]["id"], python("--proof", proof, "--key", key).stdout)
        text = proof.read_text("utf-8")
        for other in (text.replace("index 39", "index 38"), text.replace("extra eyJ", "extra eyK"), text[:-30], ""):
            proof.write_text(other)
            self.fails(e2e.CORRUPT, "audit", "verify", "--proof", proof, "--key", key)
            self.assertEqual(python("--proof", proof, "--key", key).returncode, 1)
        self.succeeds("audit", "checkpoint", "-o", kept)
        self.assertEqual(kept.read_bytes(), self.log.note)
        self.log.add([b'{"id":"req_later"}'])
        audit_logs.write(self.home / "audit", self.log.content())
        self.succeeds("audit", "verify", "--against", kept, "--key", key)
        self.assertEqual(python(self.home / "audit", "--against", kept, "--key", key.read_text().strip()).returncode, 0)
        other = audit_logs.Signer(b"x" * 32).text().strip()
        self.fails(e2e.CORRUPT, "audit", "verify", "--key", other)
        self.assertEqual(python(self.home / "audit", "--key", other).returncode, 1)
        for given in ("no-key", self.put("empty", "")):
            self.fails(e2e.USAGE, "audit", "verify", "--key", given, names=str(given))
        # What was given by mistake says nothing about the log; a checkpoint of another one may say much.
        said = self.fails(e2e.USAGE, "audit", "verify", "--against", kept, "--against", key, names=f"{key}: this is no checkpoint")
        self.assertNotIn("evidence", said.message)
        foreign, _ = audit_logs.sample(random.Random(1), audit_logs.Signer(b"x" * 32), 20)
        said = self.fails(e2e.CORRUPT, "audit", "verify", "--against", self.put("foreign", foreign.note), names="foreign: the checkpoint is of")
        self.assertIn("evidence", said.message)
        self.fails(e2e.NOT_FOUND, "audit", "verify", "--against", self.folder / "nothing", names="nothing")

    def test_a_checkpoint_from_paper(self):
        """Both take what an editor makes of blanks and dashes. A letter that is typed wrongly says nothing of the log."""
        note = self.log.note.decode()
        dash = "\n\u2014 "
        for typed in (note.replace("\n", "\r\n"), note.replace("\n", "  \t\n"), note.rstrip("\n"), note + "\r\n \n", note.replace(dash, "\n- "),
                      note.replace(dash, "\n-- "), note.replace(dash, "\n\u2013 ").replace("\n", " \r\n")):
            kept = self.put("kept", typed.encode())
            self.succeeds("audit", "verify", "--against", kept)
            self.assertEqual(python(self.home / "audit", "--against", kept).returncode, 0, typed)

        lines = note.splitlines()

        def typed(number, *change):
            return "\n".join(line.replace(*change, 1) if i + 1 == number else line for i, line in enumerate(lines))

        def other(line, at):
            return line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1:]

        number, root = lines[1], lines[2]
        cases = {typed(1, ".audit", ".audlt"): "line 1 is 'freehold.audlt/", typed(2, number, "4O"): "line 2 is '4O', expected: the number of entries",
                 typed(3, root, root[:-1]): "line 3 is ", typed(4, "previous", "previuos"): "line 4 is 'previuos ", typed(5, "T", " "): "line 5 is 'time ",
                 "\n".join(lines[:5] + lines[6:]): "expected: an empty line", "\n".join(lines[:6]): "line 6 is missing", typed(7, "=", ""): "line 7 is ",
                 "\n".join(lines[:5]): "line 6 is missing", "": "line 1 is ",
                 typed(3, root, other(root, 7)): "not what was signed", typed(2, number, "41"): "not what was signed",
                 typed(7, lines[6], other(lines[6], 70)): "not what was signed",
                 typed(1, lines[0], lines[0][:-1] + ("0" if lines[0][-1] != "0" else "1")): "lines 1 and 7 name different logs"}
        for text, names in cases.items():
            kept = self.put("kept", text.encode())
            said = self.fails(e2e.USAGE, "audit", "verify", "--against", kept, names=names)
            self.assertNotIn("evidence", said.message)
            theirs = python(self.home / "audit", "--against", kept)
            self.assertEqual(theirs.returncode, 2, theirs.stdout)
            self.assertIn(names, theirs.stderr)


if __name__ == "__main__":
    e2e.main()
