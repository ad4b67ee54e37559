#!/usr/bin/env python3
"""Checks an audit log of Freehold, or a proof taken from one, without Freehold: Python 3.8 and its standard library are enough.

usage: verify.py FOLDER [--key KEY] [--against CHECKPOINT]...     the folder $FREEHOLD_HOME/audit, or a copy of it
       verify.py --proof FILE --key KEY                           a file made by `freehold audit prove`

KEY is the log's public key, or a file with it (key.pub), as you have kept it; CHECKPOINT a file with a checkpoint that you have kept.
Without them the log is checked against what lies beside it, which tells damage, but not somebody who has made all of it anew.
Exit status: 0 all is well, 1 something is wrong (it is said what), 2 it could not be looked at, or a CHECKPOINT is not what was signed.
README.md explains what is checked.
"""

import argparse
import base64
import calendar
import fcntl
import hashlib
import os
import pathlib
import re
import stat
import sys
import time
import zlib

LEVELS = (0, 8, 16, 24)  # of which tree/ keeps the hashes
TREE = [*(f"level-{level:02}" for level in LEVELS), "index"]  # its files
LONGEST = 1 << 20  # bytes of a record


class Wrong(Exception):
    """What does not fit."""


class Given(Wrong):
    """Not the log, but a checkpoint that was given to compare it with."""


def plain(text):
    """What may be shown on a terminal: what a file says could steer it."""
    return "".join(c if c.isprintable() else f"\\x{{{ord(c):x}}}" for c in str(text))


def sha256(data):
    return hashlib.sha256(data).digest()


def regular(path):
    """A regular file, open; reading anything else (a pipe, a device) could go on for ever."""
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(f"{path}: not a regular file")


def read(path):
    with regular(path) as file:
        return file.read()


def from_base64(text):
    """What canonical base64 stands for; ValueError for anything else."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data) != text:
        raise ValueError
    return data


# --- Ed25519 (RFC 8032): points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1


def point(data):
    """The point that 32 bytes stand for; None if there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    root = pow(square, (P + 3) // 8, P)
    for x in (root, root * ROOT % P):
        if (x * x - square) % P == 0 and (x or not sign):
            x = P - x if x & 1 != sign else x
            return (x, y, 1, x * y % P)
    return None


def plus(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(n, p):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = plus(out, p)
        p, n = plus(p, p), n >> 1
    return out


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    """Whether the holder of `key` has signed `message`."""
    a, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or len(signature) != 64 or s >= L:
        return False
    left, right = times(s, BASE), plus(r, times(int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- keys and checkpoints (C2SP signed-note and tlog-checkpoint)
class Key:
    def __init__(self, text, where):
        parts = text.strip().split("+", 2)
        try:
            data = from_base64(parts[2].encode())
        except (IndexError, ValueError):
            raise Wrong(f"{where}: this is no public key of an audit log") from None
        self.bytes, self.name = data[1:], "freehold.audit/" + sha256(data[1:]).hex()[:32]
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        self.text = f"{self.name}+{self.id.hex()}+{base64.b64encode(data).decode()}"
        if len(data) != 33 or data[0] != 1 or text.rstrip("\r\n ") != self.text:
            raise Wrong(f"{where}: this is no public key of an audit log, or has another's name")


NAME = rb"(freehold\.audit/[0-9a-f]{32})"
LINES = (  # of a checkpoint: what is expected, its form, what it stands for; the last is asked of one that somebody has typed in
    ("freehold.audit/ and 32 hexadecimal digits", NAME, bytes.decode),
    ("the number of entries", rb"(0|[1-9][0-9]*)", int),
    ("44 characters of base64", rb"(.{44})", from_base64),
    ("'previous' and 44 characters of base64", rb"previous (.{44})", from_base64),
    ("'time' and one such as 2027-01-31T12:00:00Z", rb"time ((?:19[7-9]|[2-9]\d\d)\d-\d\d-\d\dT\d\d:\d\d:[0-5]\dZ)", lambda t: calendar.timegm(time.strptime(t.decode(), "%Y-%m-%dT%H:%M:%SZ"))),
    ("an empty line", rb"()", bytes),
    ("a dash, what the first line has, and 92 characters of base64", "\u2014 ".encode() + NAME + rb" [A-Za-z0-9+/]{91}=", bytes.decode))

FORM, TYPED = (re.compile(b"".join(form + b"\n" for _, form, _ in LINES[:n])) for n in (6, 7))


def tidied(note):
    """A checkpoint as it was printed, of what came back from paper, a photograph or an editor."""
    lines = (line.rstrip(b" \t\r") for line in note.rstrip(b" \t\r\n").split(b"\n"))
    return b"".join(re.sub(b"^(--?|\xe2\x80\x93) ", "\u2014 ".encode(), line) + b"\n" for line in lines)


class Checkpoint:
    """What a note says; `check` asks for the signature. Of one that was `given`, its own text may be at fault, and not the log."""

    def __init__(self, note, key, where, given=False):
        self.key, self.where, self.given = key, where, given
        note, form = (tidied(note), TYPED) if given else (note, FORM)
        try:
            name, self.size, self.root, self.previous, self.time, *rest = [line[2](part) for line, part in zip(LINES, form.match(note).groups())]
        except (AttributeError, ValueError):
            raise self.unreadable(note.split(b"\n")[:-1]) from None
        self.text, self.signatures = note[:note.index(b"\n\n") + 1], note[note.index(b"\n\n") + 2:].split(b"\n")
        if given and rest[1] != name:
            raise Given(f"{where}: lines 1 and 7 name different logs: one of them is typed wrongly")
        if name != key.name:
            raise Wrong(f"{where}: the checkpoint is of {name}, not of {key.name}")
        if b"" in self.signatures[:-1]:
            raise Wrong(f"{where}: this is no checkpoint: an empty line is among its signatures")

    def unreadable(self, lines):
        """What the first line is that is not as it should be."""
        for n, (expected, form, value) in enumerate(LINES):
            try:
                value(re.fullmatch(form, lines[n])[1])
            except (IndexError, TypeError, ValueError):
                break
        has = f"is '{lines[n].decode(errors='replace')[:120]}'" if n < len(lines) else "is missing"
        return (Given if self.given else Wrong)(f"{self.where}: this is no checkpoint: line {n + 1} {has}, expected: {expected}")

    def check(self, alone=False):
        """With `alone`, no other signature may be there."""
        begin = f"\u2014 {self.key.name} ".encode()
        for line in self.signatures[:1] if alone else self.signatures[:-1]:
            try:
                data = from_base64(line[len(begin):]) if line.startswith(begin) else b""
            except ValueError:
                continue
            if len(data) == 68 and data[:4] == self.key.id and signed(self.key.bytes, self.text, data[4:]) and (not alone or self.signatures[1:] == [b""]):
                return self
        if self.given:
            raise Given(f"{self.where}: its text is not what was signed: it is typed wrongly (compare it letter by letter), or it is a forged "
                        "checkpoint. This says nothing of the log")
        raise Wrong(f"{self.where}: the checkpoint has no valid signature of {self.key.name}")


def given_key(text):
    """--key: a key, or a file with one."""
    return Key(read(text).decode("utf-8", "replace") if os.path.exists(text) else text, f"--key {text}") if text else None


# --- the tree (RFC 9162, section 2.1)
def leaf(entry):
    return sha256(b"\0" + entry)


def node(left, right):
    return sha256(b"\1" + left + right)


class Tree:
    def __init__(self):
        self.size, self.peaks, self.full = 0, [], {level: bytearray() for level in LEVELS}

    def add(self, entry):
        hash, n, level = leaf(entry), self.size, 0
        self.full[0] += hash
        while n & 1:
            hash, n, level = node(self.peaks.pop(), hash), n >> 1, level + 1
            if level in self.full:
                self.full[level] += hash
        self.peaks.append(hash)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256(b"")
        hash = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            hash = node(peak, hash)
        return hash


def root_of(hash, index, size, path):
    """The root of a tree of `size` leaves whose leaf `index` this is; `path` has what is beside it, from the leaf up."""
    if size == 1 and not path:
        return hash
    if size <= 1 or not path:
        raise Wrong("the entry is not in the tree of this checkpoint")
    half, beside = 1 << (size - 1).bit_length() - 1, path[-1]
    if index < half:
        return node(root_of(hash, index, half, path[:-1]), beside)
    return node(beside, root_of(hash, index - half, size - half, path[:-1]))


def check_inclusion(hash, index, size, path, root):
    """RFC 9162, 2.1.3."""
    if index >= size or root_of(hash, index, size, path) != root:
        raise Wrong("the entry is not in the tree of this checkpoint")


# --- the folder
HEAD = re.compile(rb"([SEC]) ([0-9a-f]{8}) ([0-9a-f]{8}) ")


def records(data, where):
    """(kind, payload, offset) of each record; KIND LENGTH CRC PAYLOAD and a line end."""
    at = 0
    while at < len(data):
        head = HEAD.match(data, at)
        length = int(head[2], 16) if head else LONGEST + 1
        payload = data[at + 20:at + 20 + length]
        if length > LONGEST or data[at + 20 + length:at + 21 + length] != b"\n" or zlib.crc32(data[at:at + 11] + payload) != int(head[3], 16):
            raise Wrong(f"{where}, byte {at}: not a whole record")
        yield head[1], payload, at
        at += 21 + length


def check_log(folder, given, kept, seen=None):
    """Returns the number of entries and the last checkpoint; `seen` is called with each entry, and each checkpoint, in order."""
    with regular(next((p for p in (folder / "lock", folder / "key.pub", *folder.glob("entries-*")) if p.exists()), folder / "key.pub")) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # a writer finishes its group; then the last segment is read at once
        names = sorted(p for p in folder.iterdir() if p.name.startswith("entries-"))
        last = read(names[-1]) if names else b""
        derived = {p.name: read(p) for p in [folder / "tree" / name for name in TREE] if p.exists()}
        mirror = read(folder / "checkpoint") if (folder / "checkpoint").exists() else None
    text = read(folder / "key.pub").decode("utf-8", "replace") if not given or (folder / "key.pub").exists() else given.text + "\n"
    key = Key(text, "key.pub")
    if text != key.text + "\n" or (given and given.text != key.text):
        raise Wrong("key.pub: this is not the key that was given" if given else "key.pub: this is no public key")
    kept = [Checkpoint(note, key, where, given=True).check() for note, where in kept]
    mirrored = [Checkpoint(mirror, key, "the file checkpoint").check()] if mirror is not None else []
    kept += mirrored
    tree, note, index, checkpoint, before = Tree(), b"", bytearray(), None, None
    due = {c.size: [k for k in kept if k.size == c.size] for c in kept}
    for name in names:
        if name.name != f"entries-{tree.size:012}":
            raise Wrong(f"{name.name}: the segment before it ends with {tree.size} entries")
        kind = None
        for kind, payload, at in records(last if name == names[-1] else read(name), name.name):
            where = f"{name.name}, byte {at}"
            if (kind == b"S") != (at == 0):
                raise Wrong(f"{where}: a segment's head belongs at its beginning")
            if kind == b"S" and payload != b"freehold-audit 1\n%d\n" % tree.size + note:
                raise Wrong(f"{where}: the segment does not begin where the one before it ends")
            if kind == b"E":
                tree.add(payload)
                if seen:
                    seen(payload, None)
                index += at.to_bytes(8, "little")
                for c in due.get(tree.size, ()):
                    if c.root != tree.root():
                        raise Wrong(f"{c.where}: the first {c.size} entries are not those of this checkpoint")
            if kind == b"C":
                before, checkpoint = checkpoint, Checkpoint(payload, key, where)
                if checkpoint.size != tree.size or checkpoint.root != tree.root() or tree.size == (before.size if before else 0):
                    raise Wrong(f"{where}: the entries are not those of the checkpoint")
                if checkpoint.previous != (sha256(note) if note else bytes(32)):
                    raise Wrong(f"{where}: the checkpoint continues another one")
                note = payload
                if seen:
                    seen(None, checkpoint)
        if kind != b"C":
            raise Wrong(f"{name.name}: it does not end with a checkpoint")
    for c in kept:
        if c.size > tree.size or (c.size == 0 and c.root != sha256(b"")):
            raise Wrong(f"{c.where} has {c.size} entries, the log {tree.size}: it was cut or rolled back")
    if checkpoint:
        checkpoint.check(alone=True)  # with which all before it are right: each is named by the next
    # tree/ is written behind the entries: of a writer that was killed it may lack what the last group adds.
    least = max([0] + [c.size for c in [*mirrored, before] if c])
    sizes = [(least >> level) * 32 for level in LEVELS] + [least * 8]
    for name, made, size in zip(TREE, [*tree.full.values(), index], sizes):
        if not made.startswith(derived.get(name, b"")) or len(derived.get(name, b"")) < size:
            raise Wrong(f"tree/{name}: not what the entries make")
    return tree.size, checkpoint


def check_proof(data, key):
    """Returns the number of the entry, the entry, and the checkpoint (C2SP tlog-proof; `extra` is the entry)."""
    head, _, note = data.partition(b"\n\n")
    lines = head.split(b"\n")
    try:
        if lines[0] != b"c2sp.org/tlog-proof@v1" or not lines[1].startswith(b"extra ") or not re.fullmatch(rb"index (0|[1-9][0-9]{0,18})", lines[2]):
            raise ValueError
        entry, *path = map(from_base64, [lines[1][6:], *lines[3:]])
    except (IndexError, ValueError):
        raise Wrong("this is no proof made by freehold audit prove") from None
    checkpoint = Checkpoint(note, key, "the proof").check()
    check_inclusion(leaf(entry), int(lines[2][6:]), checkpoint.size, path, checkpoint.root)
    return int(lines[2][6:]), entry, checkpoint


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--proof", type=pathlib.Path)
    parser.add_argument("--key")
    parser.add_argument("--against", action="append", default=[], type=pathlib.Path)
    options = parser.parse_args()
    if (options.folder is None) == (options.proof is None) or (options.proof and not options.key):
        parser.error("name a folder, or --proof FILE and --key KEY")
    if options.key == "":
        parser.error("--key is empty")
    try:
        key = given_key(options.key)
        if options.proof:
            index, entry, checkpoint = check_proof(read(options.proof), key)
            print(f"entry {index} is in the log of {checkpoint.size} entries signed by {key.name}:\n{plain(entry.decode('utf-8', 'replace'))}")
            return 0
        size, checkpoint = check_log(options.folder, key, [(read(p), str(p)) for p in options.against])
        print(f"{size} entries are what was written" + (f", signed by {checkpoint.key.name}" if checkpoint else ""))
        return 0
    except (Given, OSError) as error:
        print(f"verify.py: {plain(error)}", file=sys.stderr)
        return 2
    except Wrong as error:
        print(f"WRONG: {plain(error)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
