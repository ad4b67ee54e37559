"""Hostile GGUF files: rows T1 (counts, lengths, names), T3 (offsets), T7 (parts of a split file), T10 (what is no file)."""

import struct

import tiny
from corpus.build import ACCEPT, BOUNDED, HUGE, Case, Gguf, Special, f32, file_case
from tiny import ARRAY, BOOL, F32, F64, I32, STRING, U8, U16, U32, U64


NASTY = (0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 40, 1 << 61, (1 << 63) - 1, 1 << 63, HUGE)


ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


def truncations():
    for version in (1, 2, 3):
        g = Gguf()
        good = g.write(version=version)
        end = max(at + size for name, at, size in g.marks if name.startswith("data "))
        cuts = set()
        for _, at, size in g.marks:
            cuts |= {at - 1, at, at + 1, at + size // 2, at + size - 1}
        # The vocabulary's boundaries are 900 alike: every 13th of the cuts within the head.
        first = min(at for name, at, _ in g.marks if name.startswith("data "))
        inside = sorted(c for c in cuts if 0 < c < first)
        chosen = inside[:60] + inside[60 : -160 : 37 if version == 3 else 101] + inside[-160 :: 3 if version == 3 else 7]
        chosen += [c for c in sorted(cuts) if first <= c < end][::2]
        for cut in chosen:
            yield file_case("T1 truncated", f"v{version}-cut-at-{cut}", good[:cut])


def counts():
    g = Gguf()
    good = g.write()
    for version in (1, 2, 3):
        limit = 1 << 32 if version == 1 else 1 << 64
        for n in NASTY:
            if n >= limit:
                continue
            if n != 0:
                yield file_case("T1 counts", f"v{version}-tensors-{n}", g.write(version=version, tensor_count=n))
            yield file_case("T1 counts", f"v{version}-entries-{n}", g.write(version=version, kv_count=n))
        for delta in (-2, -1, 1, 2):
            yield file_case("T1 counts", f"v{version}-tensors{delta:+}", g.write(version=version, tensor_count=len(g.tensors) + delta))
            yield file_case("T1 counts", f"v{version}-entries{delta:+}", g.write(version=version, kv_count=len(g.metadata) + delta))
    yield file_case("T1 counts", "no-tensors", g.write(tensor_count=0))
    yield file_case("T1 counts", "no-tensors-no-entries", g.write()[:8] + bytes(16))
    for version in (0, 4, 5, 0x03000000, 0x01000000, 0x7FFFFFFF, 0xFFFFFFFF):
        yield file_case("T1 version", f"version-{version}", g.write(version=3)[:4] + struct.pack("<I", version) + good[8:])
    for a, b in ((1, 2), (1, 3), (2, 1), (3, 1)):
        yield file_case("T1 version", f"version-{a}-written-as-{b}", good[:4] + struct.pack("<I", b) + g.write(version=a)[8:])
    for magic in (
        b"GGML",
        b"FUGG",
        b"ggjt",
        b"gguf",
        b"GGU\0",
        b"\0\0\0\0",
        b"PK\3\4",
        b"\x80\x02cc",
        b"<htm",
        b"\x7fELF",
        b"#!/b",
        b"vers",
    ):
        yield file_case("T1 magic", f"magic-{magic!r}", magic + good[4:])
    for name, data in (
        ("empty", b""),
        ("zeros", bytes(4096)),
        ("ones", b"\xff" * 4096),
        ("text", b"hello\n" * 99),
        ("lfs-pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4000\n"),
        ("elf", b"\x7fELF" + bytes(999)),
        ("zip", b"PK\3\4" + bytes(999)),
        ("gzip", b"\x1f\x8b\x08" + bytes(999)),
        ("json", b'{"a": 1}'),
        ("only-magic", b"GGUF"),
    ):
        yield file_case("T1 magic", name, data)


def lengths():
    g = Gguf()
    good = g.write()
    marks = g.marks
    for version in (1, 2, 3):
        data = g.write(version=version)
        width = 4 if version == 1 else 8
        seen = {}
        for name, at, size in g.marks:
            if not name.endswith((".length", ".count")) or size != width:
                continue
            what = (
                "array item"
                if "[]" in name
                else "key"
                if name.startswith("key ")
                else "tensor name"
                if name.startswith("tensor ")
                else "array"
                if name.endswith(".count")
                else "string"
            )
            seen[what] = seen.get(what, 0) + 1
            if seen[what] > (3 if version == 3 else 1):
                continue
            true = int.from_bytes(data[at : at + size], "little")
            for n in {*NASTY, true - 1, true + 1, len(data), 65536, 64, 1 << 17}:
                if 0 <= n < 1 << 8 * width and n != true:
                    broken = data[:at] + n.to_bytes(width, "little") + data[at + size :]
                    yield file_case("T1 lengths", f"v{version}-{what}-{seen[what]}-{n}", broken)
    g.write()
    for element in [*range(13), 13, 14, 99, 0x80000000, 0xFFFFFFFF]:
        for count in (1 << 20, 1 << 31, 1 << 61, HUGE):
            entry = tiny.string("a.b") + struct.pack("<IIQ", ARRAY, element, count)
            yield file_case("T1 arrays", f"array-of-{element}-{count}", g.write(kv_count=len(g.metadata) + 1, between=entry))
    for depth in (5, 10, 100, 1000, 100000):
        entry = tiny.string("a.b") + struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, 1) * depth + struct.pack("<IQ", U8, 0)
        yield file_case("T1 arrays", f"nested-{depth}", g.write(kv_count=len(g.metadata) + 1, between=entry))
    wide = tiny.string("a.b") + struct.pack("<IIQ", ARRAY, ARRAY, 500000) + struct.pack("<IQ", U8, 0) * 500000
    yield file_case("T1 arrays", "half-a-million-empty-arrays", g.write(kv_count=len(g.metadata) + 1, between=wide), BOUNDED)
    wide = tiny.string("a.b") + struct.pack("<IIQ", ARRAY, STRING, 5000000) + bytes(8 * 5000000)
    yield file_case("T1 arrays", "five-million-empty-strings", g.write(kv_count=len(g.metadata) + 1, between=wide), BOUNDED)
    many = b"".join(tiny.string(f"k{i}") + struct.pack("<IB", U8, 0) for i in range(200000))
    yield file_case("T1 counts", "200000-entries", g.write(kv_count=len(g.metadata) + 200000, between=many), BOUNDED)
    for kind in (13, 14, 255, 0x80000000, 0xFFFFFFFF):
        entry = tiny.string("a.b") + struct.pack("<I", kind) + bytes(8)
        yield file_case("T4 value types", f"value-type-{kind}", g.write(kv_count=len(g.metadata) + 1, between=entry))
    for byte in (2, 255):
        for entry in (struct.pack("<IB", BOOL, byte), struct.pack("<IIQBB", ARRAY, BOOL, 2, 1, byte)):
            yield file_case(
                "T4 value types", f"bool-{byte}-{len(entry)}", g.write(kv_count=len(g.metadata) + 1, between=tiny.string("a.b") + entry)
            )
    assert marks and good


def names():
    g = Gguf()
    entry = struct.pack("<IB", U8, 0)
    for label, key in (
        ("empty", b""),
        ("nul", b"a\0b"),
        ("only-nul", b"\0"),
        ("overlong", b"\xc0\x80"),
        ("surrogate", b"\xed\xa0\x80"),
        ("latin", b"caf\xe9"),
        ("cut", b"\xe2\x82"),
        ("beyond", b"\xf4\x90\x80\x80"),
        ("65536", b"k" * 65536),
        ("million", b"k" * 1000000),
    ):
        yield file_case("T1 names", f"key-{label}", g.write(kv_count=len(g.metadata) + 1, between=tiny.string(key) + entry))
    for key in ("general.name", "llama.block_count", "tokenizer.ggml.tokens", "general.alignment"):
        kind, content = g.metadata[key]
        again = tiny.string(key) + struct.pack("<I", kind) + tiny.value(kind, content)
        yield file_case("T1 names", f"key-twice-{key}", g.write(kv_count=len(g.metadata) + 1, between=again))
        other = tiny.string(key) + struct.pack("<IB", U8, 1)
        yield file_case("T1 names", f"key-twice-other-type-{key}", g.write(kv_count=len(g.metadata) + 1, between=other))
    for i, bad in enumerate(
        (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\x80", b"\xe2\x82", b"\xf8\x88\x80\x80\x80")
    ):
        yield file_case("T1 names", f"value-not-utf8-{i}", Gguf().set("general.name", STRING, bad).write())
        yield file_case("T1 names", f"token-not-utf8-{i}", with_vocabulary(lambda t, s, k, bad=bad: t.__setitem__(270, bad)).write())
        yield file_case("T1 names", f"tensor-not-utf8-{i}", Gguf().change("blk.0.attn_q.weight", name=b"blk.0." + bad).write())
    for name in ("blk.0.attn_q.weight", "token_embd.weight", "output_norm.weight"):
        for label, other in (
            ("empty", ""),
            ("nul", name[:5] + "\0" + name[5:]),
            ("nul-end", name + "\0"),
            ("escape", ESCAPE),
            ("long-64", "x" * 64),
            ("long", "x" * 100000),
            ("twice", "blk.1.attn_q.weight"),
            ("unknown", "blk.0.attn_x.weight"),
            ("upper", name.upper()),
            ("space", " " + name),
            ("block-2", "blk.2.attn_q.weight"),
            ("block-00", "blk.00.attn_q.weight"),
            ("block-minus", "blk.-1.attn_q.weight"),
            ("traversal", "../../etc/passwd"),
            ("newline", "a\nfreehold: all is well"),
            ("format", "%s%n{}{0}"),
        ):
            yield file_case("T4 tensor names", f"{name}-{label}", Gguf().change(name, name=other).write())
    for key in ("general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.pre", "llama.rope.scaling.type"):
        g = (
            Gguf().set("tokenizer.ggml.model", STRING, "gpt2").set("tokenizer.ggml.merges", ARRAY, (STRING, ["t h"]))
            if key.endswith("pre")
            else Gguf()
        )
        for i, text in enumerate((ESCAPE, "none-such", "", "x" * 100000, "a\nfreehold: fine", "llama\0", "LLAMA", "../x", "{}%s")):
            if (key, text) != ("llama.rope.scaling.type", ""):
                yield file_case("T4 strings", f"{key}-{i}", g.copy().set(key, STRING, text).write())
    g = Gguf().set("llama." + ESCAPE, U32, 1)
    yield file_case("T4 strings", "unknown-key-of-the-family-with-escapes", g.write())
    yield file_case("T4 strings", "unknown-key-of-the-family", Gguf().set("llama.secret_sauce", U32, 1).write())


def with_vocabulary(change):
    g = Gguf()
    tokens, types, scores = tiny.vocabulary()
    change(tokens, scores, types)
    return (
        g.set("tokenizer.ggml.tokens", ARRAY, (STRING, tokens))
        .set("tokenizer.ggml.scores", ARRAY, (F32, scores))
        .set("tokenizer.ggml.token_type", ARRAY, (I32, types))
    )


def placement():
    g = Gguf()
    size = len(g.write())
    for index in (0, 1, len(g.tensors) // 2, len(g.tensors) - 1):
        for offset in (
            1,
            4,
            31,
            32,
            33,
            size - 32,
            size,
            size + 32,
            1 << 31,
            1 << 40,
            1 << 62,
            (1 << 63) - 32,
            1 << 63,
            HUGE - 31,
            HUGE - 4095,
            HUGE,
        ):
            if not (index == 0 and offset == 0):
                yield file_case("T3 offsets", f"tensor-{index}-at-{offset}", g.write(offsets={index: offset}))
        if index != 0:
            yield file_case("T3 offsets", f"tensor-{index}-at-0", g.write(offsets={index: 0}))
    places = [0]
    for t in g.tensors:
        places.append(places[-1] + len(t[3]) + -len(t[3]) % 32)
    for a, b in ((0, 1), (2, 3), (5, 9), (1, len(g.tensors) - 1)):
        yield file_case("T3 overlap", f"{a}-and-{b}-change-places", g.write(offsets={a: places[b], b: places[a]}))
        yield file_case("T3 overlap", f"{b}-lies-on-{a}", g.write(offsets={b: places[a]}))
        yield file_case("T3 overlap", f"{b}-lies-half-in-{a}", g.write(offsets={b: places[a] + 32}))
    yield file_case("T3 overlap", "all-at-0", g.write(offsets={i: 0 for i in range(len(g.tensors))}))
    yield file_case("T3 overlap", "all-shifted", g.write(offsets={i: p + 32 for i, p in enumerate(places[:-1])}))
    yield file_case("T3 holes", "gaps", g.write(gaps=32))
    yield file_case("T3 holes", "large-gaps", g.write(gaps=4096))
    yield file_case("T3 holes", "before-the-data", g.write(extra=bytes(32)))
    yield file_case("T3 holes", "before-the-data-4096", g.write(extra=b"x" * 4096))
    for tail in (b"x" * 32, b"\0" * 31 + b"x", b"x" * 100000, b"PK\3\4" + bytes(99), b"GGUF" + bytes(99)):
        yield file_case("T3 polyglot", f"tail-{len(tail)}-{tail[:1]!r}", g.write(tail=tail))
    for kind, content in (
        (U32, 0),
        (U32, 1),
        (U32, 2),
        (U32, 3),
        (U32, 33),
        (U32, 48),
        (U32, 1 << 31),
        (U32, 0xFFFFFFFF),
        (STRING, "32"),
        (STRING, ""),
        (U64, 32),
        (U64, 1 << 40),
        (I32, -32),
        (I32, 32),
        (F32, 32.0),
        (BOOL, 1),
        (ARRAY, (U32, [32])),
        (F64, 0.0),
        (U8, 32),
        (U16, 32),
    ):
        yield file_case(
            "T4 alignment",
            f"alignment-{kind}-{content}",
            Gguf().set("general.alignment", kind, content).write(),
            BOUNDED if content in (32, 1, 2) and kind in (U64, U16, I32) else "refuse",
        )
    for alignment in (4096, 1 << 20):
        yield file_case("T4 alignment", f"says-{alignment}-is-32", Gguf().set("general.alignment", U32, alignment).write(alignment=32))
    yield file_case(
        "T4 alignment",
        "says-8-is-32-with-norms",
        Gguf().set("general.alignment", U32, 8).change("blk.0.attn_norm.weight", dims=[31], data=f32([1] * 31)).write(alignment=32),
    )


def special_files():
    good = Gguf().write()
    for name, special in (
        ("fifo", Special.fifo()),
        ("dangling", Special.link("none")),
        ("loop", Special.link("model.gguf")),
        ("dev-zero", Special.link("/dev/zero")),
        ("dev-null", Special.link("/dev/null")),
        ("dev-tty", Special.link("/dev/tty")),
        ("proc-mem", Special.link("/proc/self/mem")),
        ("folder", Special.folder()),
        ("hole-1T", Special.hole(1 << 40)),
        ("magic-and-hole", Special.hole(1 << 40, b"GGUF")),
        ("head-and-hole", Special.hole(1 << 38, good[:9000])),
        ("good-and-hole", Special.hole(1 << 38, good)),
    ):
        yield Case("T10 special files", name, {"model.gguf": special})
    part = [Gguf() for _ in range(3)]
    for i, g in enumerate(part):
        g.tensors = g.tensors[i * 7 : (i + 1) * 7]
        g.set("split.no", U16, i).set("split.count", U16, 3).set("split.tensors.count", I32, 21)
    names = [f"m-0000{i}-of-00003.gguf" for i in (1, 2, 3)]

    def split(label, expect="refuse", model=names[0], **change):
        files = {n: g.write() for n, g in zip(names, part)}
        for n, content in change.items():
            files[names[int(n[1])]] = content
        return Case("T7 split", label, {n: c for n, c in files.items() if c is not None}, expect, model=model)

    yield split("good", ACCEPT)
    yield split("second-missing", _1=None)
    yield split("third-missing", _2=None)
    yield split("third-empty", _2=b"")
    yield split("third-cut", _2=part[2].write()[:-3000])
    yield split("third-is-second", _2=part[1].write())
    yield split("third-is-first", _2=part[0].write())
    yield split("third-not-split", _2=Gguf().write())
    yield split("third-fifo", _2=Special.fifo())
    yield split("third-folder", _2=Special.folder())
    yield split("third-loop", _2=Special.link(names[2]))
    yield split("third-zero", _2=Special.link("/dev/zero"))
    yield split("third-outside", _2=Special.link("/etc/passwd"))
    yield split("third-up", _2=Special.link("../elsewhere.gguf"))
    yield split("third-hole", _2=Special.hole(1 << 40, b"GGUF"))
    yield split("opened-by-the-second", model=names[1])
    yield split("opened-by-the-third", model=names[2])
    for key, wrong in (
        ("split.no", 1),
        ("split.no", 3),
        ("split.count", 2),
        ("split.count", 4),
        ("split.count", 65535),
        ("split.tensors.count", 20),
        ("split.tensors.count", -1),
    ):
        g = part[0].copy()
        g.metadata[key] = (I32, wrong)
        yield split(f"first-{key}-{wrong}", _0=g.write())
        g = part[2].copy()
        g.metadata[key] = (I32, wrong)
        yield split(f"third-{key}-{wrong}", _2=g.write())
    for kind, content in ((STRING, "3"), (ARRAY, (U16, [3])), (F32, 3.0), (U64, HUGE), (U32, 1 << 20)):
        yield split(f"first-count-type-{kind}", _0=part[0].copy().set("split.count", kind, content).write())
        yield split(f"first-no-type-{kind}", _0=part[0].copy().set("split.no", kind, content).write())
    g = part[2].copy()
    g.metadata["llama.block_count"] = (U32, 3)
    yield split("third-contradicts", _2=g.write())
    g = part[2].copy()
    g.tensors.append(part[0].tensors[0])
    yield split("tensor-in-two-parts", _2=g.write())
    yield Case("T7 split", "split-without-a-name", {"model.gguf": part[0].write()})
    yield Case("T7 split", "split-named-of-4", {"m-00001-of-00004.gguf": part[0].write()}, model="m-00001-of-00004.gguf")


def cases():
    for group in (truncations, counts, lengths, names, placement, special_files):
        yield from group()
