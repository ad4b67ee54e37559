"""Hostile safetensors files: row T7."""

import json
import struct

from corpus.build import HUGE, Folder, f32, folder_case, safetensors, table_of
from corpus.hostile_gguf import ESCAPE


def single(kind, name, data, expect="refuse", **more):
    return folder_case(kind, name, Folder().files(model__safetensors=data), expect, **more)


def headers():
    t = Folder().tensors
    good = safetensors(t)
    n = struct.unpack("<Q", good[:8])[0]
    text = good[8 : 8 + n].decode()
    for cut in [
        *range(0, 17),
        64,
        100,
        1000,
        n,
        n + 4,
        n + 7,
        n + 8,
        n + 9,
        n + 100,
        len(good) // 2,
        len(good) - 4097,
        len(good) - 4,
        len(good) - 1,
    ]:
        yield single("T7 safetensors truncated", f"cut-at-{cut}", good[:cut])
    for at in range(8, n + 8, 131):
        yield single("T7 safetensors truncated", f"cut-in-header-{at}", good[:at])
    for length in (
        0,
        1,
        2,
        n - 1,
        n + 1,
        n - 100,
        n + 4,
        len(good),
        len(good) - 8,
        1 << 20,
        100_000_000,
        100_000_001,
        1 << 31,
        1 << 32,
        1 << 40,
        1 << 62,
        1 << 63,
        HUGE,
    ):
        yield single("T7 safetensors header", f"length-{length}", safetensors(t, length=length))
    for label, header in (
        ("empty", ""),
        ("space", " " + text),
        ("array", "[]"),
        ("string", '"x"'),
        ("number", "1"),
        ("null", "null"),
        ("brace", "{"),
        ("braces", "{}"),
        ("two", text + text),
        ("comma", text[:-1] + ",}"),
        ("comment", text[:-1] + "/**/}"),
        ("single-quotes", text.replace('"', "'")),
        ("nul", text[:-1] + "\0}"),
        ("nul-after", text + "\0\0\0"),
        ("garbage-after", text + "  x"),
        ("bom", "\ufeff" + text),
        ("utf16", text.encode("utf-16")),
        ("not-utf8", text.encode().replace(b"norm", b"n\xffrm")),
        ("nan", text.replace("[0,", "[NaN,").replace("[0, ", "[NaN, ")),
        ("deep-list", '{"x":' + "[" * 100000 + "]" * 100000 + "}"),
        ("deep-object", '{"a":' * 100000 + "1" + "}" * 100000),
        ("unclosed", '{"a":' * 100000),
        ("long-string", '{"' + "x" * 5_000_000 + '":1}'),
        ("long-number", '{"x":' + "9" * 1_000_000 + "}"),
    ):
        data = safetensors(t, header=header)
        yield single("T7 safetensors header", f"header-{label}", data)
    yield single("T7 safetensors header", "spaces-60MB", safetensors(t, pad=60_000_000))
    yield single("T7 safetensors header", "brackets-30MB", safetensors({}, header="{" + '"a":[[' * 5_000_000, data=b""))
    yield single(
        "T7 safetensors header",
        "many-tensors",
        safetensors(
            {}, header=json.dumps({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(300000)}), data=b""
        ),
    )


def records():
    t = Folder().tensors
    name = "model.layers.0.self_attn.q_proj.weight"
    size = sum(len(x[2]) for x in t.values())

    def changed(key, content, label, expect="refuse"):
        table = table_of(t)
        table[name][key] = content
        return single("T7 safetensors records", label, safetensors(t, header=json.dumps(table)), expect)

    for dtype in (
        "",
        "f32",
        "F33",
        "FLOAT32",
        "I32",
        "I64",
        "U8",
        "BOOL",
        "F64",
        "F16",
        "BF16",
        "F8_E4M3",
        "F4",
        "F6_E2M3",
        "C64",
        "\x1b[31m",
        "F32\0",
        "x" * 100000,
        None,
        1,
        ["F32"],
        {"F32": 1},
        True,
    ):
        yield changed("dtype", dtype, f"dtype-{str(dtype)[:12]!r}")
    for shape in (
        [],
        [0],
        [0, 32],
        [32],
        [32, 31],
        [31, 32],
        [1024],
        [16, 64],
        [32, 32, 1],
        [1] * 9,
        [1] * 1000,
        [HUGE, HUGE],
        [1 << 32, 1 << 32],
        [1 << 63, 2],
        [1 << 62, 4, 0],
        [-32, -32],
        [-1],
        [32.0, 32.0],
        ["32", "32"],
        [None],
        [[32, 32]],
        [True, 1024],
        {},
        "32",
        None,
        1024,
        [1 << 64, 1],
        [1e300],
        [32, 32, 0],
        [10**30, 1],
    ):
        yield changed("shape", shape, f"shape-{str(shape)[:24]}")
    begin = table_of(t)[name]["data_offsets"][0]
    for offsets in (
        [],
        [begin],
        [begin, begin + 4096, 1],
        [begin + 4096, begin],
        [begin, begin],
        [begin, begin + 4095],
        [begin, begin + 4097],
        [begin + 1, begin + 4097],
        [begin - 4, begin + 4092],
        [0, 4096],
        [size - 4096, size],
        [size, size + 4096],
        [size - 100, size + 3996],
        [HUGE - 4095, HUGE],
        [1 << 63, (1 << 63) + 4096],
        [-4096, 0],
        [0, HUGE],
        [0.0, 4096.0],
        ["0", "4096"],
        [None, None],
        {"0": 1},
        "0,4096",
        None,
        7,
        [[0, 4096]],
        [begin, begin + (1 << 32) + 4096],
        [1 << 64, (1 << 64) + 4096],
    ):
        yield changed("data_offsets", offsets, f"offsets-{str(offsets)[:40]}")
    for key in ("dtype", "shape", "data_offsets"):
        table = table_of(t)
        del table[name][key]
        yield single("T7 safetensors records", f"without-{key}", safetensors(t, header=json.dumps(table)))
        table = json.dumps(table_of(t))
        again = table.replace('"%s": ' % key, '"%s": 0, "%s": ' % (key, key), 1)
        yield single("T7 safetensors records", f"twice-{key}", safetensors(t, header=again))
        table = json.loads(table)
        table[name][key.upper()] = table[name].pop(key)
        yield single("T7 safetensors records", f"upper-{key}", safetensors(t, header=json.dumps(table)))
    yield changed("extra", 1, "unknown-member")
    for content in (None, 1, "x", [], {}, {"dtype": "F32"}):
        table = table_of(t)
        table[name] = content
        yield single("T7 safetensors records", f"record-{content}", safetensors(t, header=json.dumps(table)))
    for metadata in (None, 1, "x", [], {"a": 1}, {"a": None}, {"a": {"b": "c"}}, {"a": ["b"]}):
        table = {"__metadata__": metadata, **table_of(t)}
        yield single("T7 safetensors records", f"metadata-{metadata}", safetensors(t, header=json.dumps(table)))
    text = json.dumps(table_of(t))
    yield single("T7 safetensors records", "metadata-twice", safetensors(t, header='{"__metadata__":{},"__metadata__":{},' + text[1:]))
    yield single("T7 safetensors records", "metadata-key-twice", safetensors(t, header='{"__metadata__":{"a":"b","a":"c"},' + text[1:]))
    record = json.dumps(table_of(t)[name])
    yield single("T7 safetensors records", "tensor-twice", safetensors(t, header='{"%s": %s,' % (name, record) + text[1:]))
    yield single(
        "T7 safetensors records",
        "tensor-twice-escaped",
        safetensors(t, header='{"%s": %s,' % (name.replace("q_proj", "q\\u005fproj"), record) + text[1:]),
    )
    for label, other in (
        ("empty", ""),
        ("nul", "a\0b"),
        ("escape", ESCAPE),
        ("long", "x" * 100000),
        ("traversal", "../../x"),
        ("newline", "a\nfreehold: fine"),
        ("unknown", "model.layers.0.secret.weight"),
        ("layer-2", "model.layers.2.self_attn.q_proj.weight"),
        ("bias", "model.layers.0.self_attn.q_proj.bias"),
        ("surrogate", "\\ud800"),
    ):
        renamed = {other if k == name else k: v for k, v in t.items()}
        data = safetensors(t, header=text.replace(name, "\\ud800")) if label == "surrogate" else safetensors(renamed)
        yield single("T7 safetensors names", f"name-{label}", data)
    for data in (b"x" * 64, bytes(64), b"PK\3\4"):
        yield single("T7 safetensors polyglot", f"tail-{data[:4]!r}", safetensors(t) + data)
    hole = table_of(t)
    for record in hole.values():
        record["data_offsets"] = [x + 64 for x in record["data_offsets"]]
    yield single(
        "T7 safetensors polyglot",
        "hole-before",
        safetensors(t, header=json.dumps(hole), data=bytes(64) + b"".join(x[2] for x in t.values())),
    )
    last = list(hole)[-1]
    hole = table_of(t)
    hole[last]["data_offsets"] = [x + 64 for x in hole[last]["data_offsets"]]
    blobs = [x[2] for x in t.values()]
    yield single(
        "T7 safetensors polyglot",
        "hole-within",
        safetensors(t, header=json.dumps(hole), data=b"".join(blobs[:-1]) + bytes(64) + blobs[-1]),
    )
    one = table_of(t)
    one["model.layers.1.self_attn.q_proj.weight"]["data_offsets"] = one[name]["data_offsets"]
    yield single("T7 safetensors overlap", "two-on-one", safetensors(t, header=json.dumps(one)))
    for which in ("model.embed_tokens.weight", "model.norm.weight", name, "lm_head.weight", "model.layers.1.mlp.down_proj.weight"):
        for label, bits in (("nan", 0x7FC00000), ("infinity", 0xFF800000)):
            data = t[which][2]
            yield folder_case(
                "T7 not finite",
                f"{which}-{label}",
                Folder().change(which, data=data[:-4] + struct.pack("<I", bits)).files(),
                spares=("tokenize",),
            )
        for shape in ([32], [32, 16], [16, 32], [64, 32], [1, 32, 32]):
            if shape != t[which][1]:
                count = 1
                for d in shape:
                    count *= d
                yield folder_case("T7 shapes", f"{which}-{shape}", Folder().change(which, shape=shape, data=f32([0.1] * count)).files())
        less = Folder()
        del less.tensors[which]
        yield folder_case("T7 shapes", f"{which}-missing", less.files())
    more = Folder()
    more.tensors["model.layers.0.extra.weight"] = ("F32", [32], f32([1] * 32))
    yield folder_case("T7 shapes", "extra", more.files())
    more = Folder()
    more.tensors["model.layers.0.self_attn.q_proj.bias"] = ("F32", [32], f32([1] * 32))
    yield folder_case("T7 shapes", "extra-bias", more.files())


def cases():
    for group in (headers, records):
        yield from group()
