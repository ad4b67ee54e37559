#!/usr/bin/env python3
"""Checks what `freehold guard export` wrote, without Freehold and without the log: that each entry is in the log that KEY signs, and that what
was asked and answered, as far as it stands beside it, has the digests of its entry. Needs verify.py beside it.

usage: handed_out.py FILE --key KEY          KEY is the log's public key, or a file with it (key.pub), as you have kept it

Exit status: 0 all is well, 1 something is wrong (it is said what), 2 it could not be looked at.
"""

import argparse
import hashlib
import json
import pathlib
import sys

from verify import Wrong, check_proof, given_key, read

LOST = "\ufffd"  # stands for bytes that were no UTF-8: their digest cannot be told any more


def once(pairs):
    """An object none of whose members occurs twice: of two, each reader might show another."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError
    return out


def name(digest):
    return "sha256:" + digest.hex()


def sha256(data):
    return hashlib.sha256(data).digest()


def compare(entry, content):
    """Whether what was said could be compared with its entry, and is the same."""
    if "body" not in content and "answers" not in content:
        return False  # erased, or the key that it is under is elsewhere
    if "log" in entry.get("personal_data", {}):
        return False  # a rule changed it before it was kept
    body, answers = content["body"], content["answers"]
    if LOST not in body and name(sha256(body.encode())) != entry["request_digest"]:
        raise Wrong("its body is not what was asked: it has another digest than the entry says")
    if LOST in body + "".join(answers):
        return False
    digests = [sha256(answer.encode()) for answer in answers]
    if digests and name(digests[0] if len(digests) == 1 else sha256(b"".join(digests))) != entry["answer_digest"]:
        raise Wrong("its answers are not what was answered: they have another digest than the entry says")
    return True


def check(data, key):
    """Each line: returns how many have a proof, of how many of these what was said is the same, how many have no proof, and the largest checkpoint."""
    proven, same, others, largest = 0, 0, 0, None
    for number, line in enumerate(data.rstrip(b"\n").split(b"\n"), 1):
        try:
            row = json.loads(line, object_pairs_hook=once)
            if "proof" not in row and "entry" not in row:
                others += 1  # a line of a batch, or a value that has a pseudonym: not in the log
                continue
            _, entry, checkpoint = check_proof(row["proof"].encode(), key)
            if not line.startswith(b'{"entry":' + entry + b","):
                raise Wrong("its entry is not the one that its proof is of")
            same += compare(row["entry"], row["content"]) if "content" in row else 0
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Wrong(f"line {number}: this is no line of freehold guard export") from None
        except Wrong as error:
            raise Wrong(f"line {number}: {error}") from None
        proven, largest = proven + 1, max(largest or checkpoint, checkpoint, key=lambda c: c.size)
    if not proven:
        raise Wrong("there is no proof in it")
    return proven, same, others, largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    try:
        key = given_key(options.key)
        proven, same, others, checkpoint = check(read(options.file), key)
        print(f"{proven} entries are in the log of {checkpoint.size} entries signed by {key.name}; what was asked and answered is what {same} of them say; "
              f"{others} lines have no proof: they are of no entry")
        return 0
    except Wrong as error:
        print(f"WRONG: {error}")
        return 1
    except OSError as error:
        print(f"handed_out.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
