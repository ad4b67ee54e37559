"""Attacks on the store (row T9): names, digests, manifests that were tampered with, and what lies where blobs should. Each is a function
that works on a home with one imported GGUF (case:x) and one imported folder (hf:x), and what the commands after it must do."""

import json
import os
import shutil

from corpus.build import ACCEPT, BOUNDED, REFUSE, Case, Folder, Gguf

ESCAPE = "\x1b]0;owned\x07\u202e"
NAMES = (
    "",
    ":",
    "a:",
    ":a",
    "..",
    "../x",
    "../../etc/x:y",
    "/etc/x",
    "/x:y",
    "a/../../b:c",
    "a//b",
    "a/./b",
    ".hidden",
    "a/.b",
    "-x",
    "a:-x",
    "A",
    "UPPER:x",
    "a b",
    "a\tb",
    "a\nb:c",
    ESCAPE,
    "a:" + ESCAPE,
    "ä:x",
    "x" * 101,
    "x" * 5000,
    "a/" * 100 + "b",
    "sha256",
    "sha256:" + "0" * 64,
    "sha256:../../x",
    "a.json",
    "a:b.json",
    "a.json/b:c",
    "a:b:c",
    "a:b/c",
    "a:b/../../c",
    "con\\x",
    "$HOME",
    "`id`",
    "a;b",
    "a*",
    "~x",
    "%2e%2e",
    "a@b",
    "a|b",
    "\u202ea",
    "\ud7ff",
    "a\u0301",
    "a:\u200f",
)
REFERENCES = (
    "sha256:",
    "sha256:0",
    "sha256:" + "g" * 64,
    "sha256:" + "0" * 64,
    "sha256:" + "A" * 64,
    "sha256:" + "0" * 65,
    "sha256:../../../../etc/passwd",
    "sha256:" + "0" * 60 + "/../",
    "sha256-" + "0" * 64,
    "SHA256:" + "0" * 64,
    "sha512:" + "0" * 128,
    "none:x",
    "case:none",
    "../" * 20 + "etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/environ",
    "/proc/self/mem",
    "/",
    ".",
    "case:x/../../x",
    ESCAPE,
    "\x00"[:0] or " ",
    "case:x\n",
    "case",
    "models/case/x.json",
    "hf:" + "x" * 300,
)


def digits(text, place=0):
    return "sha256:" + (text * 64)[place : place + 64]


def manifests():
    """(label, which, change of the parsed manifest or of its text, must `run` fail)"""

    def at(path, content):
        def change(m):
            for key in path[:-1]:
                m = m[key]
            if content is KeyError:
                del m[path[-1]]
            else:
                m[path[-1]] = content

        return change

    for which in ("case", "hf"):
        files = ("model", "files", 0)
        for path, contents in (
            (("freehold",), (KeyError, 0, 3, -1, "1", None, 1.0, [], True)),
            (("model",), (KeyError, None, [], "x", {})),
            (("from",), (KeyError, None, [], {})),
            (("secret",), (1,)),
            (("model", "secret"), (1,)),
            (("model", "kind"), (KeyError, "x", "", None, 1, ESCAPE, "gguf" if which == "hf" else "hugging_face")),
            (("model", "files"), (KeyError, None, [], {}, "x", [None], [{}], [1])),
            (
                (*files, "name"),
                (
                    KeyError,
                    "",
                    ".",
                    "..",
                    "../x",
                    "/etc/passwd",
                    "a/b",
                    "a\\b",
                    "a\0b",
                    ".hidden",
                    ESCAPE,
                    "x" * 201,
                    None,
                    5,
                    "model-00001-of-00002.gguf",
                ),
            ),
            ((*files, "size"), (KeyError, -1, "1", None, 1.5, 1 << 63, 1 << 64, (1 << 64) - 1)),
            (
                (*files, "digest"),
                (
                    KeyError,
                    "",
                    "x",
                    digits("0"),
                    digits("A"),
                    digits("g"),
                    digits("0")[:-1],
                    digits("0") + "0",
                    "sha256:../../../../../../etc/passwd",
                    "sha512:" + "0" * 64,
                    None,
                    5,
                    "0" * 64,
                    digits("../"),
                    digits("0")[:-1] + "\n",
                ),
            ),
            ((*files, "checks"), (KeyError, "", "x", "sha256:../../x", None, 5)),
            ((*files, "weights"), (KeyError, None, 1, "true")),
            ((*files, "secret"), (1,)),
            (("model", "adapter"), ("x", 5, digits("0"))),
            (("model", "chat_template"), ("x", 5)),
            (("model", "tokenizer"), ("x", 5)),
            (("model", "defaults"), (None, [], {"temperature": 1}, KeyError)),
            (("from", "source"), (KeyError, 5, "x" * 5000)),
            (("from", "parameters"), (KeyError, -1, "x")),
            (("from", "secret"), (1,)),
        ):
            for i, content in enumerate(contents):
                lenient = (
                    path in (("model", "adapter"),)
                    and content == digits("0")
                    or which == "hf"
                    and path == (*files, "name")
                    and content == "model-00001-of-00002.gguf"
                )
                yield f"{which}-{'.'.join(map(str, path))}-{i}", which, at(path, content), BOUNDED if lenient else REFUSE
        yield f"{which}-source-escape", which, at(("from", "source"), ESCAPE + "\u202e"), ACCEPT
        yield f"{which}-title-escape", which, at(("from", "title"), ESCAPE), ACCEPT
        yield f"{which}-licence-escape", which, at(("from", "licence"), ESCAPE), ACCEPT
        yield f"{which}-file-twice", which, lambda m: m["model"]["files"].append(m["model"]["files"][0]), REFUSE
        yield f"{which}-no-weights", which, lambda m: [f.__setitem__("weights", False) for f in m["model"]["files"]], REFUSE
        yield f"{which}-many-files", which, lambda m: m["model"].__setitem__("files", m["model"]["files"] * 20000), REFUSE
        for label, text in (
            ("empty", ""),
            ("cut", None),
            ("nul", "\0" * 100),
            ("deep", '{"model":' * 100000),
            ("list", "[]"),
            ("binary", "\xff\xfe"),
            ("large", " " * 9_000_000 + "{}"),
            ("twice", '{"freehold": 1, "freehold": 1}'),
        ):
            yield f"{which}-text-{label}", which, text if text is not None else (lambda t: t[: len(t) // 2]), REFUSE


def scenarios(runner, every=1):
    """Yields (kind, name, Ran, faults) of every attack; of tampering with files, of one in `every`."""
    pristine = runner.folder / "pristine"

    def fresh():
        shutil.rmtree(runner.home, ignore_errors=True)
        shutil.copytree(pristine, runner.home, symlinks=True)

    runner.put(Case("", "", {"model.gguf": Gguf().write(), **Folder().files(2)}))
    shutil.rmtree(runner.home, ignore_errors=True)
    for model, name in (("model.gguf", "case:x"), ("hf", "hf:x")):
        ran = runner.start("import", "models", "import", runner.case_folder / model, "--name", name)
        assert ran.code == 0, ran
    shutil.rmtree(pristine, ignore_errors=True)
    shutil.copytree(runner.home, pristine, symlinks=True)

    def judged(kind, name, expect, label, *arguments):
        ran = runner.start(label, *arguments)
        return kind, name, ran, runner.faults(Case(kind, name, {}, expect), ran)

    fresh()
    before = everything(runner)
    for i, name in enumerate(NAMES):
        yield judged("T9 names", f"import-{i}", REFUSE, "import", "models", "import", runner.case_folder / "model.gguf", "--name", name)
        yield judged("T9 names", f"alias-{i}", REFUSE, "list", "models", "alias", "case:x", name)
    for i, name in enumerate(REFERENCES):
        expect = BOUNDED if name in ("case:x\n", "case", "/dev/stdin") else REFUSE
        for words in (
            ("run", name, "--raw", "--max-tokens", "1", "hi"),
            ("models", "inspect", name),
            ("models", "verify", name),
            ("models", "rm", name),
            ("models", "alias", name, "new:x"),
        ):
            yield judged(
                "T9 references",
                f"{words[-1][:8] if words[0] == 'models' else 'run'}-{i}",
                expect,
                "verify" if words[1] == "verify" else "list",
                *words,
            )
        if everything(runner) != before:
            yield "T9 references", f"changes-{i}", runner.start("list", "version"), ["the store changed"]
            fresh()
    for label, which, change, expect in list(manifests())[::every]:
        fresh()
        path = runner.home / "models" / which / "x.json"
        text = path.read_text()
        if isinstance(change, str):
            text = change
        else:
            try:
                manifest = json.loads(text)
                change(manifest)
                text = json.dumps(manifest)
            except TypeError:
                text = change(text)
        path.write_text(text, errors="surrogateescape")
        name = which + ":x"
        yield judged("T9 manifests", label, expect, "run", "run", name, "--raw", "--max-tokens", "1", "hi")
        yield judged("T9 manifests", label, expect, "inspect", "models", "inspect", name)
        yield judged("T9 manifests", label, expect, "verify", "models", "verify")
        yield judged("T9 manifests", label, BOUNDED, "list", "models", "list")
        yield judged("T9 manifests", label, BOUNDED, "list", "models", "rm", name)
    for label, which, blob, change in list(damaged_blobs(runner))[::every]:
        fresh()
        change(blob)
        yield judged("T9 blobs", label, BOUNDED, "run", "run", which + ":x", "--raw", "--max-tokens", "1", "hi")
        yield judged("T9 blobs", label, REFUSE, "verify", "models", "verify", which + ":x")
    fresh()


def damaged_blobs(runner):
    """(label, model, the blob's path, what to do to it)"""
    changes = {
        "missing": lambda b: b.unlink(),
        "empty": lambda b: b.write_bytes(b""),
        "flipped": lambda b: b.write_bytes(b.read_bytes()[:-1] + bytes([b.read_bytes()[-1] ^ 1])),
        "cut": lambda b: b.write_bytes(b.read_bytes()[:-1]),
        "longer": lambda b: b.write_bytes(b.read_bytes() + b"\0"),
        "fifo": lambda b: (b.unlink(), os.mkfifo(b)),
        "folder": lambda b: (b.unlink(), b.mkdir()),
        "dev-zero": lambda b: (b.unlink(), b.symlink_to("/dev/zero")),
        "passwd": lambda b: (b.unlink(), b.symlink_to("/etc/passwd")),
        "loop": lambda b: (b.unlink(), b.symlink_to(b)),
    }
    for which in ("case", "hf"):
        manifest = json.loads((runner.folder / "pristine" / "models" / which / "x.json").read_text())
        for f in manifest["model"]["files"]:
            for key in ("digest", "checks"):
                for label, change in changes.items():
                    blob = runner.home / "blobs" / f[key].replace(":", "-")
                    yield f"{which}-{f['name']}-{key}-{label}", which, blob, change


def everything(runner):
    return sorted((str(p), p.stat().st_size) for p in runner.home.rglob("*.json"))
