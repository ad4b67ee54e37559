#!/usr/bin/env python3
"""Checks what `freehold guard export` wrote, without Freehold and without the log: that each entry is in the log that KEY signs, and that what
was asked and answered, as far as it stands beside it, has the digests of its entry. Needs verify.py beside it.

usage: handed_out.py FILE --key KEY          KEY is the log's public key, or a file with it (key.pub), as you have kept it

Exit status: 0 all is well, 1 something is wrong (it is said what), 2 it could not be looked at.
"""

import argparse
import json
import pathlib
import sys

from verify import Wrong, check_proof, given_key, plain, read, sha256

LOST = "\ufffd"  # stands for bytes that were no UTF-8: their digest cannot be told any more
NO_LINE = "this is no line of freehold guard export"


def once(pairs):
    """An object none of whose members occurs twice: of two, each reader might show another."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError
    return out


def name(digest):
    return "sha256:" + digest.hex()


def has_only(value, names, texts=True):
    """Whether these are the members of an object, none else ("?": it may be left out), and all are texts."""
    if not isinstance(value, dict) or not {n for n in names if not n.endswith("?")} <= value.keys() <= {n.rstrip("?") for n in names}:
        return False
    return not texts or all(isinstance(v, str) for v in value.values())


def compare(entry, content):
    """What could be told of what was said: "said" (it is what the entry says), "changed" (it cannot be told), "gone"."""
    if has_only(content, ("unreadable",)):
        return "gone"  # erased, or the key that it is under is elsewhere
    if not has_only(content, ("address", "body", "answers", "earlier?"), texts=False):
        raise Wrong(NO_LINE)
    body, answers, earlier = content["body"], content["answers"], content.get("earlier", {})
    if not isinstance(answers, list) or not all(isinstance(text, str) for text in [body, content["address"], *answers]):
        raise Wrong(NO_LINE)
    if not isinstance(earlier, dict) or not all(isinstance(text, str) for text in earlier.values()):
        raise Wrong(NO_LINE)
    if not answers and entry.get("completion_tokens", 0) > 0:
        raise Wrong("its answers are left out: the entry counts their tokens")
    if "log" in entry.get("personal_data", {}):
        return "changed"  # a rule changed it before it was kept
    if LOST not in body and name(sha256(body.encode())) != entry["request_digest"]:
        raise Wrong("its body is not what was asked: it has another digest than the entry says")
    exact = not any(LOST in answer for answer in answers)
    digests = [sha256(answer.encode()) for answer in answers]
    if exact and digests and name(digests[0] if len(digests) == 1 else sha256(b"".join(digests))) != entry["answer_digest"]:
        raise Wrong("its answers are not what was answered: they have another digest than the entry says")
    return "said" if exact and LOST not in body else "changed"


def check_line(line, key):
    """What can be told of its content, and the proof's checkpoint; None if it is of no entry."""
    row = json.loads(line.decode(), object_pairs_hook=once)
    json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    batch = row.get("batch") if isinstance(row, dict) else None
    if has_only(row, ("pseudonym", "value")) or (has_only(row, ("batch",), texts=False) and has_only(batch, ("file", "key", "request?", "answer?"))):
        return None
    if isinstance(row, dict) and "entry" in row and "proof" not in row:
        raise Wrong("there is no proof in it")
    if not has_only(row, ("entry", "content?", "proof"), texts=False) or not isinstance(row["proof"], str):
        raise Wrong(NO_LINE)
    _, entry, checkpoint = check_proof(row["proof"].encode(), key)
    if not line.startswith(b'{"entry":' + entry + b","):
        raise Wrong("its entry is not the one that its proof is of")
    if "content" in row:
        return compare(row["entry"], row["content"]), checkpoint
    return "gone" if "content" in row["entry"] else "", checkpoint


def check(data, key):
    """Each line: returns what could be told of how many, how many are of no entry, and the largest checkpoint."""
    told, others, largest = {}, 0, None
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip(b" \t\r"):
            continue
        try:
            found = check_line(line, key)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Wrong(f"line {number}: {NO_LINE}") from None
        except Wrong as error:
            raise Wrong(f"line {number}: {error}") from None
        if found is None:
            others += 1  # a line of a batch, or a value that has a pseudonym: not in the log
            continue
        told[found[0]] = told.get(found[0], 0) + 1
        largest = max(largest or found[1], found[1], key=lambda c: c.size)
    return told, others, largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    try:
        key = given_key(options.key)
        if key is None:
            parser.error("--key is empty")
        told, others, checkpoint = check(read(options.file), key)
        if checkpoint is None:
            print("handed_out.py: no line of it is of an entry of the log: there is nothing to prove", file=sys.stderr)
            return 2
        print(f"{sum(told.values())} entries are in the log of {checkpoint.size} entries signed by {key.name}; what was asked and answered is what "
              f"{told.get('said', 0)} of them say")
        for what, words in (("changed", "it cannot be told: a rule on personal data changed it before it was kept, or it was no UTF-8"),
                            ("gone", "what was said is not in it: it was erased, or left out")):
            if told.get(what):
                print(f"of {told[what]} {words}")
        if others:
            print(f"{others} lines have no proof: they are of no entry")
        if told.get("said"):
            print("of what it went on from (`earlier`) and its `address` there is no digest: these are not proven")
        return 0
    except Wrong as error:
        print(f"WRONG: {plain(error)}")
        return 1
    except OSError as error:
        print(f"handed_out.py: {plain(error)}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
