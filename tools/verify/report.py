#!/usr/bin/env python3
"""Checks a report made by `freehold audit report`, without Freehold: verify.py beside it and Python 3.8 are enough.

usage: report.py REPORT [LOG] [--key KEY] [--against CHECKPOINT]...

REPORT is the .pdf, the .html or the .json; LOG the folder $FREEHOLD_HOME/audit, a copy of it, or a file with all of it made by
`freehold audit export`. KEY and CHECKPOINT are what you have kept yourself (README.md). With LOG every figure is counted again, without it
only signatures and proofs are checked; in both cases what the file shows is compared with its claims.
Exit status: 0 all is well; 1 something is wrong (it is said what); 2 it could not be looked at; 3 nothing is wrong, but what the file says
beside its figures is not shown to be what was written: only an entry of the log about this very file shows that, and LOG has none (it is
older than the report, or the file was changed), or there was no LOG.
"""

import argparse
import base64
import html
import json
import pathlib
import re
import sys

import verify
from verify import Wrong

# --- what is in the file: its claims, and what it shows


def pdf_text(data):
    """The bytes of a literal string between its parentheses, as text."""
    data = re.sub(rb"\\([0-7]{3}|.)", lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else m[1], data, flags=re.S)
    return data.decode("cp1252", "replace")


def from_pdf(data):
    attached = re.findall(rb"/Type /EmbeddedFile /Subtype /application#2Fjson [^\n]*?/Length ([0-9]+)>>\nstream\n", data)
    if len(attached) != 1:
        raise Wrong("the PDF has no claims")
    at = data.index(b"stream\n", data.index(b"/Type /EmbeddedFile")) + 7
    shown = {}
    for name, text in re.findall(rb"/Claim <</Id \(([A-Z0-9.]+)\)>> BDC\nBT [^\n]*\n[^\n]*? Td \(((?:\\.|[^\\()])*)\) Tj ET\nEMC", data, re.S):
        shown.setdefault(name.decode(), []).append(pdf_text(text))
    return data[at:at + int(attached[0])], shown


def from_html(data):
    text = data.decode("utf-8")
    claims = re.findall(r'<pre id="claims">(.*?)</pre>', text, re.S)
    if len(claims) != 1:
        raise Wrong("the HTML has no claims")
    shown = {}
    for name, figure in re.findall(r'data-claim="([^"]*)">([^<]*)<', text):
        shown.setdefault(name, []).append(html.unescape(figure))
    return html.unescape(claims[0]).encode(), shown


def no_repeats(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def opened(path):
    """(claims, the pieces that are shown by name; None for the claims alone)"""
    data = verify.read(path)
    text, shown = from_pdf(data) if data[:5] == b"%PDF-" else from_html(data) if data[:1] == b"<" else (data, None)
    try:
        claims = json.loads(text, object_pairs_hook=no_repeats)
        if claims["format"] != "freehold-audit-report 1":
            raise ValueError("another format")
    except (ValueError, KeyError, TypeError) as error:
        raise Wrong(f"{path}: these are no claims of a report ({error})") from None
    return claims, shown


# --- counting


def members(value, path=""):
    """{"details.role": "admin"} of an entry; all as text."""
    if isinstance(value, dict):
        return {name: text for key, one in value.items() for name, text in members(one, f"{path}.{key}" if path else key).items()}
    return {path: ("true" if value else "false") if isinstance(value, bool) else str(value)}


def value_of(entry, name):
    return entry.get("time", "")[:10] if name == "day" else entry.get(name, "")


class Counter:
    """One claim, counted again."""

    def __init__(self, claim):
        self.claim, self.n, self.by, self.list = claim, 0, {}, []
        self.before, self.after = claim.get("before", "\uffff"), claim.get("after", "")
        # Of each condition: what is exactly right ("" is: not there), and what it may begin with.
        self.where = [(name, {w for w in wanted if not w.endswith("*")}, tuple(w[:-1] for w in wanted if w.endswith("*")))
                      for name, wanted in claim["where"].items()]

    def add(self, number, entry):
        for name, exactly, beginnings in self.where:
            value = value_of(entry, name)
            if value not in exactly and not (value and value.startswith(beginnings)):
                return
        time = entry.get("time", "")
        if not time < self.before or (self.after and not time > self.after):
            return
        own = value_of(entry, self.claim["member"]) if "member" in self.claim else ""
        self.n += (int(own) if own.isascii() and own.isdigit() else 0) if self.claim["op"] == "sum" else 1
        self.list.append(number)
        if self.claim["op"] == "by" or own:
            self.by[own] = self.by.get(own, 0) + 1

    def answer(self):
        return {"count": self.n, "sum": self.n, "distinct": len(self.by), "by": self.by, "list": self.list}[self.claim["op"]]


class Recount:
    def __init__(self, claims, first, last, kept=()):
        self.counters, self.first, self.last = [Counter(c) for c in claims["claims"]], first, last
        self.settings, self.size, self.tree, self.notes, self.roots = claims["settings"], 0, verify.Tree(), [], {}
        self.sizes = {first, last, *kept}
        self.report, self.unseen = None, [s for s in claims["settings"] if "entry" in s]

    def seen(self, payload, checkpoint):
        if checkpoint:
            self.notes.append(checkpoint)
            return
        number, self.size = self.size, self.size + 1
        self.tree.add(payload)
        if self.size in self.sizes:
            self.roots[self.size] = self.tree.root()
        try:
            entry = members(json.loads(payload))
        except ValueError:
            raise Wrong(f"entry {number} is no JSON") from None
        if self.first <= number < self.last:
            for counter in self.counters:
                counter.add(number, entry)
        if self.unseen and number < self.last:
            self.unseen = [s for s in self.unseen if s["entry"] != number]
        for s in self.settings:
            if s.get("entry") == number and number < self.last and entry.get(s["member"]) != s["value"]:
                raise Wrong(f"{s['id']} ({s['says']}): the report has '{s['value']}', entry {number} '{entry.get(s['member'], '')}'")
        if entry.get("act") == "audit.report" and number >= self.last:
            self.report = (number, entry) if self.digest in entry.values() else self.report


# --- what must fit


def same(name, says, claimed, computed):
    if claimed != computed:
        raise Wrong(f"{name} ({says}): the report has {claimed}, it is {computed}")


def moment(checkpoint):
    return verify.time.strftime("%Y-%m-%dT%H:%M:%SZ", verify.time.gmtime(checkpoint.time))


def check_proofs(claims, key):
    """The signatures and proofs that need no log. Returns the checkpoints of the beginning and the end."""
    end = verify.Checkpoint(claims["end"].encode(), key, "the checkpoint of the end").check()
    begin = verify.Checkpoint(claims["begin"].encode(), key, "the checkpoint of the beginning").check() if claims["begin"] else None
    if begin:
        check_consistency(begin, end, [verify.from_base64(h.encode()) for h in claims["consistency"]])
    for proof in claims["entries"]:
        entry, path = verify.from_base64(proof["entry"].encode()), [verify.from_base64(h.encode()) for h in proof["path"]]
        try:
            verify.check_inclusion(verify.leaf(entry), proof["number"], end.size, path, end.root)
        except Wrong:
            raise Wrong(f"entry {proof['number']} of the report is not in the log") from None
    first = begin.size if begin else 0
    values = {"L1": first, "L2": end.size, "L3": end.size - first, "L4": base64.b64encode(end.root).decode(), "L5": moment(end)}
    for fact in claims["facts"]:
        if fact["id"] in values:
            same(fact["id"], fact["says"], fact["value"], str(values[fact["id"]]))
    return begin, end


def check_consistency(old, new, path):
    """RFC 9162, 2.1.4.2."""
    wrong = Wrong("the log at the end does not continue the one at the beginning")
    if old.size in (0, new.size):
        if path or (old.size and old.root != new.root):
            raise wrong
        return
    if old.size & (old.size - 1) == 0:
        path = [old.root] + path
    if old.size > new.size or not path:
        raise wrong
    fn, sn = old.size - 1, new.size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for hash in path[1:]:
        if sn == 0:
            raise wrong
        if fn & 1 or fn == sn:
            fr, sr = verify.node(hash, fr), verify.node(hash, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = verify.node(sr, hash)
        fn, sn = fn >> 1, sn >> 1
    if fr != old.root or sr != new.root or sn:
        raise wrong


def recount(claims, log, key, kept, begin, end, digest):
    """Counts everything again. Returns what could not be."""
    against = [verify.Checkpoint(note, key, where, given=True).check() for note, where in kept]
    work = Recount(claims, begin.size if begin else 0, end.size, [c.size for c in against])
    work.digest, folder = digest, log.is_dir()
    if folder:
        verify.check_log(log, key, kept, work.seen)
    else:
        for line in verify.read(log).splitlines():
            work.seen(line, None)
    for c in filter(None, (begin, end, *(c for c in against if not folder and c.size <= work.size))):
        if c.size and work.roots.get(c.size) != c.root:
            raise Wrong(f"the log has not the {c.size} entries of {c.where}")
    for s in work.unseen:
        raise Wrong(f"{s['id']} ({s['says']}): the log has no entry {s['entry']} until the end of the report")
    for counter in work.counters:
        same(counter.claim["id"], counter.claim["says"], counter.claim["value"], counter.answer())
    listed = {n for counter in work.counters if counter.claim["op"] == "list" for n in counter.list}
    if not {proof["number"] for proof in claims["entries"]} <= listed:
        raise Wrong("the report proves an entry that none of its lists has")
    notes = [c for c in work.notes if work.first < c.size <= work.last]
    before = [c.time for c in work.notes if c.size == work.first] + [c.time for c in notes]
    facts = {"L6": len(notes), "L7": sum(b < a for a, b in zip(before, before[1:]))} if folder else {}
    if folder and work.notes:
        facts["L8"] = moment(work.notes[0])
    for fact in claims["facts"]:
        if fact["id"] in facts:
            same(fact["id"], fact["says"], fact["value"], str(facts[fact["id"]]))
    # Of an export nothing is sure behind the last checkpoint that it fits.
    sure = work.size if folder else max(c.size for c in (end, *against) if c.size <= work.size)
    if work.report and work.report[0] >= sure:
        print(f"entry {work.report[0]} names the file, but lies behind what is signed: give a later checkpoint with --against, or the log's folder")
        work.report = None
    return work.report, [] if folder else ["L6, L7, L8 (an export has no checkpoints)"]


def check_shown(claims, shown):
    """That the file shows what is claimed: each figure, and no other."""
    expected = {}
    for claim in claims["claims"]:
        value, name = claim["value"], claim["id"]
        if isinstance(value, int):
            expected[name] = str(value)
            continue
        parts = list(value.values()) if isinstance(value, dict) else value
        expected[name] = str(len(parts))
        expected.update({f"{name}.{i}": str(part) for i, part in enumerate(parts)})
    expected.update({one["id"]: one["value"] for one in claims["settings"] + claims["facts"]})
    for name, pieces in shown.items():
        def plain(t):
            return re.sub(r"\s", "", "".join(c if c.encode("cp1252", "ignore") else f"[U+{ord(c):04X}]" for c in t))

        if name not in expected:
            raise Wrong(f"the file shows a figure {name} that is no claim")
        # A figure that goes over several lines is several pieces, and it may be shown several times; never twice in one piece.
        want, part = plain(expected[name]), ""
        for piece in pieces:
            part += plain(piece)
            if not want.startswith(part):
                raise Wrong(f"{name}: the file shows {''.join(pieces)}, the claim is {expected[name]}")
            part = "" if part == want else part
        if part:
            raise Wrong(f"{name}: the file shows {''.join(pieces)}, the claim is {expected[name]}")
    for name in expected:
        if "." not in name and name not in shown and f"{name}.0" not in shown and expected[name] != "0":
            raise Wrong(f"{name}: the file does not show it")
    return sum(1 for _ in shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("log", nargs="?", type=pathlib.Path)
    parser.add_argument("--key")
    parser.add_argument("--against", action="append", default=[], type=pathlib.Path)
    options = parser.parse_args()
    try:
        claims, shown = opened(options.report)
        given = verify.given_key(options.key)
        key = given or verify.Key(claims["key"], "the report's key")
        if key.text != claims["key"]:
            raise Wrong("the report is of a log with another key than the one that was given")
        kept = [(verify.read(p), str(p)) for p in options.against]
        begin, end = check_proofs(claims, key)
        print(f"the checkpoints, {'the consistency proof and ' if begin else ''}{len(claims['entries'])} inclusion proofs are right")
        if options.log:
            digest = "sha256:" + verify.sha256(verify.read(options.report)).hex()
            report, left = recount(claims, options.log, key, kept, begin, end, digest)
            print(f"all {len(claims['claims'])} claims are what the log gives{', but not looked at: ' + verify.plain('; '.join(left)) if left else ''}")
            print(f"the file is the one that entry {report[0]} is about" if report else
                  "NOT shown: that the file says what was written. No entry of this log is about it: the log is older, or the file was changed")
        else:
            report = None
            print("NOT counted again, and NOT shown that the file says what was written: no log was given")
        for c in [verify.Checkpoint(note, key, where, given=True).check() for note, where in kept]:
            if not options.log or not options.log.is_dir():
                print(f"{verify.plain(c.where)}: signed; of what an export has, only what is before it is sure")
        if shown is not None:
            print(f"{check_shown(claims, shown)} figures are shown as they are claimed")
        said = [s["id"] for s in claims["settings"] if "entry" not in s]
        print(f"{len(said)} settings are as the program read them, which no log shows: {verify.plain(', '.join(said))}" if said else
              "all settings are of the log" if options.log else "all settings name an entry of the log")
        if not given:
            print("the key was the report's own: keep it elsewhere, and give it with --key")
        return 0 if report else 3
    except (verify.Given, OSError) as error:
        print(f"report.py: {verify.plain(error)}", file=sys.stderr)
        return 2
    except Wrong as error:
        print(f"WRONG: {verify.plain(error)}")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        print(f"WRONG: the claims are not formed as they should be ({error!r})")
        return 1


if __name__ == "__main__":
    sys.exit(main())
