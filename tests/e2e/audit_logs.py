"""A writer of audit logs of its own, after docs/formats/audit.md, and ways to damage one: for the tests of those who verify."""

import base64
import hashlib
import json
import pathlib
import struct
import sys
import zlib

import e2e

sys.path.insert(0, str(e2e.SOURCE / "tools" / "verify"))
import verify  # noqa: E402


def encoded(point):
    x, y, z, _ = point
    inverse = pow(z, verify.P - 2, verify.P)
    return ((y * inverse % verify.P) | (x * inverse % verify.P & 1) << 255).to_bytes(32, "little")


class Signer:
    """A key of a log (RFC 8032, section 5.1.6)."""

    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        self.seed, self.prefix = seed, digest[32:]
        self.scalar = (int.from_bytes(digest[:32], "little") & ((1 << 254) - 8)) | 1 << 254
        self.public = encoded(verify.times(self.scalar, verify.BASE))
        self.name = "freehold.audit/" + hashlib.sha256(self.public).hexdigest()[:32]
        self.id = hashlib.sha256(self.name.encode() + b"\n\1" + self.public).digest()[:4]

    def text(self, secret=False):
        data = base64.b64encode(b"\1" + (self.seed if secret else self.public)).decode()
        return ("PRIVATE+KEY+" if secret else "") + f"{self.name}+{self.id.hex()}+{data}\n"

    def signature(self, message):
        def number(data):
            return int.from_bytes(hashlib.sha512(data).digest(), "little") % verify.L

        r = number(self.prefix + message)
        point = encoded(verify.times(r, verify.BASE))
        return point + ((r + number(point + self.public + message) * self.scalar) % verify.L).to_bytes(32, "little")

    def note(self, size, root, previous, time=1801396800):
        text = (f"{self.name}\n{size}\n{base64.b64encode(root).decode()}\nprevious {base64.b64encode(previous).decode()}\n"
                f"time {verify.time.strftime('%Y-%m-%dT%H:%M:%SZ', verify.time.gmtime(time))}\n").encode()
        return text + f"\n\u2014 {self.name} ".encode() + base64.b64encode(self.id + self.signature(text)) + b"\n"


def record(kind, payload):
    head = kind + b" %08x " % len(payload)
    return head + b"%08x " % zlib.crc32(head + payload) + payload + b"\n"


class Log:
    """A log in memory: `files` by name."""

    def __init__(self, signer, segment=20_000):
        self.signer, self.limit = signer, segment
        self.files, self.tree, self.note = {}, [], b""
        self.segment, self.offsets, self.notes = None, [], []

    def root(self):
        tree = verify.Tree()
        for entry in self.tree:
            tree.add(entry)
        return tree.root()

    def add(self, entries, time=1801396800):
        if self.segment is None or len(self.files[self.segment]) >= self.limit:
            self.segment = f"entries-{len(self.tree):012}"
            self.files[self.segment] = record(b"S", b"freehold-audit 1\n%d\n" % len(self.tree) + self.note)
        for entry in entries:
            self.offsets.append(len(self.files[self.segment]))
            self.tree.append(entry)
            self.files[self.segment] += record(b"E", entry)
        self.note = self.signer.note(len(self.tree), self.root(), hashlib.sha256(self.note).digest() if self.note else bytes(32), time)
        self.notes.append(self.note)
        self.files[self.segment] += record(b"C", self.note)

    def content(self):
        """All files, with those that are made from the entries."""
        level = [verify.leaf(e) for e in self.tree]
        out = dict(self.files, **{"checkpoint": self.note, "key.pub": self.signer.text().encode(),
                                  "tree/index": b"".join(struct.pack("<Q", o) for o in self.offsets)})
        for height in range(25):
            if height % 8 == 0:
                out[f"tree/level-{height:02}"] = b"".join(level)
            level = [verify.node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        return out


def sample(draw, signer, entries, part=0.5):
    """A log of so many entries, and what its files were before."""
    log, before = Log(signer), None
    while len(log.tree) < entries:
        group = [json.dumps({"id": f"req_{len(log.tree) + i}", "text": "x" * draw.randrange(200)}, separators=(",", ":")).encode()
                 for i in range(draw.randrange(1, 25))]
        log.add(group)
        if before is None and len(log.tree) >= entries * part:
            before = log.content()
    return log, before


def write(folder, content):
    folder = pathlib.Path(folder)
    (folder / "tree").mkdir(parents=True, exist_ok=True)
    for path in [p for p in folder.rglob("*") if p.is_file() and p.name not in ("lock", "key")]:
        path.unlink()
    for name, data in content.items():
        (folder / name).write_bytes(data)


def split(data):
    return [data[at:at + 21 + len(payload)] for _, payload, at in verify.records(data, "")]


def some(draw, data):
    """A place in the data and a length behind it."""
    at = draw.randrange(len(data)) if data else 0
    return at, draw.randrange(1, 200)


def change_bytes(draw, log, before):
    name = draw.choice(sorted(n for n, data in log.items() if data))
    data = log[name]
    at, length = some(draw, data)
    kind = draw.choice(["flip", "delete", "truncate", "insert", "overwrite"])
    if kind == "flip":
        data = data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1:]
    elif kind == "delete":
        data = data[:at] + data[at + length:]
    elif kind == "truncate":
        data = data[:at]
    elif kind == "insert":
        data = data[:at] + data[max(0, at - length):at + 1] + data[at:]
    else:
        other = some(draw, data)[0]
        data = data[:at] + data[other:other + length] + data[at + len(data[other:other + length]):]
    return dict(log, **{name: data}), f"{kind} in {name}"


def change_records(draw, log, before):
    """As somebody does who knows the format: every sum is right."""
    name = draw.choice(sorted(n for n in log if n.startswith("entries-")))
    records = split(log[name])
    i, j = draw.randrange(len(records)), draw.randrange(len(records))
    kind = draw.choice(["remove", "reorder", "repeat", "forge", "splice"])
    if kind == "remove":
        del records[i]
    elif kind == "reorder":
        records[i], records[j] = records[j], records[i]
    elif kind == "repeat":
        records.insert(i, records[j])
    elif kind == "forge":
        payload = bytearray(records[i][20:-1])
        payload[draw.randrange(len(payload))] ^= 1 << draw.randrange(7)
        records[i] = record(records[i][:1], bytes(payload))
    else:
        records.insert(draw.randrange(len(records) + 1), record(b"E", b'{"id":"req_spliced"}'))
    return dict(log, **{name: b"".join(records)}), f"{kind} a record"


def swap_files(draw, log, before):
    names = sorted(n for n, data in log.items() if data)  # an empty one is as good as none
    one, two = draw.sample(names, 2)
    kind = draw.choice(["lose", "swap", "copy"])
    if kind == "lose":
        out = {n: d for n, d in log.items() if n != one}
        return (log, "nothing") if one == "checkpoint" else (out, f"lose {one}")  # which is a copy: the log has it, too
    return dict(log, **({one: log[two], two: log[one]} if kind == "swap" else {one: log[two]})), f"{kind} {one} and {two}"


def roll_back(draw, log, before):
    if draw.random() < 0.5:
        return dict(before), "roll back"
    mixed = {n: (before if draw.random() < 0.5 and n in before else log)[n] for n in log}
    # The file checkpoint is a copy for mirrors, and may be older than the log.
    return (log, "nothing") if all(mixed[n] == log[n] for n in log if n != "checkpoint") else (mixed, "roll back in part")


def make_anew(draw, log, before):
    """By somebody with all rights on the machine: every file fits, the key is another or the same entries are others."""
    forged, _ = sample(draw, Signer(draw.randbytes(32)), 20)
    return forged.content(), "make anew"


WAYS = [change_bytes, change_bytes, change_bytes, change_records, change_records, change_records, swap_files, roll_back, make_anew]


def tamper(draw, log, before):
    way = draw.choice(WAYS)
    return way(draw, log, before)
