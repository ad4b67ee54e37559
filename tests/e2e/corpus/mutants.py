"""Structure-aware mutants: a field is made nasty, taken from elsewhere, doubled, dropped or cut. What is accepted is classified, so that
somebody can say of each class whether accepting it is right."""

import json
import random
import struct

import tiny
from corpus.build import BOUNDED, HUGE, Folder, Gguf, file_case, folder_case, safetensors, table_of

NASTY = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 32,
    1 << 40,
    1 << 61,
    (1 << 63) - 1,
    1 << 63,
    HUGE - 31,
    HUGE,
)
VALUES = (None, True, False, 0, -1, 1, 1.5, 1 << 31, 1 << 63, HUGE, 1e308, "", "x", "\x1b[31m", "../x", [], {}, [[]], {"a": 1}, "null")


def gguf(count, seed):
    """(the fields that were changed, case)"""
    draw = random.Random(seed)
    for i in range(count):
        g = Gguf(seed)
        good = g.write(version=draw.choice((1, 2, 3, 3, 3)))
        data = bytearray(good)
        marks = [m for m in g.marks if m[2] > 0]
        # A vocabulary of 291 tokens would take nearly all mutants.
        weight = [0.05 if "[]" in m[0] else 1 for m in marks]
        touched = []
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            name, at, size = draw.choices(marks, weight)[0]
            kind = draw.randrange(8)
            if at >= len(data):
                continue
            if kind < 3 and size <= 8:
                data[at : at + size] = (draw.choice(NASTY) & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            elif kind < 5:
                where = at + draw.randrange(size)
                if where < len(data):
                    data[where] ^= 1 << draw.randrange(8)
            elif kind == 5:
                other = draw.choice(marks)
                data[at : at + size] = data[other[1] : other[1] + other[2]]
            elif kind == 6:
                data[at : at + size] = draw.choice((b"", bytes(data[at : at + size]) * 2))
            else:
                a, b = sorted((at, draw.randrange(len(data))))
                data[a:b] = draw.choice((b"", bytes(data[a:b])[::-1])) if b - a < 4096 else data[a:b]
            touched.append(name.split("[]")[0] if "[]" in name else name)
        if data == good:
            continue
        case = file_case("mutant GGUF", f"{seed}-{i}-{','.join(touched)}", bytes(data), BOUNDED)
        yield case, lambda good=good, data=bytes(data): gguf_differences(good, data)


class Reader:
    """A second reader of GGUF, of nothing but what a right file holds: any surprise is an exception."""

    def __init__(self, data):
        self.data, self.at = data, 4
        self.version = self.number("<I")
        self.length = "<I" if self.version == 1 else "<Q"
        tensors, entries = self.number(self.length), self.number(self.length)
        self.metadata = [(self.text(), *self.value()) for _ in range(entries)]
        self.table = [
            (self.text(), tuple(self.number(self.length) for _ in range(self.number("<I"))), self.number("<I"), self.number("<Q"))
            for _ in range(tensors)
        ]
        alignment = dict((k, v) for k, _, v in self.metadata).get("general.alignment", 32)
        self.start = self.at + -self.at % alignment
        self.padding = data[self.at : self.start]

    def number(self, form):
        (n,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return n

    def text(self):
        size = self.number(self.length)
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def value(self, kind=None):
        kind = self.number("<I") if kind is None else kind
        if kind == tiny.STRING:
            return kind, self.text()
        if kind == tiny.ARRAY:
            element = self.number("<I")
            return kind, (element, [self.value(element)[1] for _ in range(self.number(self.length))])
        return kind, self.number(tiny.PACK[kind])

    def weights(self):
        out = {}
        for name, dims, kind, offset in self.table:
            size = (2 if kind in (1, 30) else 4) * struct.unpack("<Q", struct.pack("<Q", dims[0] * (dims[1] if len(dims) > 1 else 1)))[0]
            out[name] = self.data[self.start + offset : self.start + offset + size]
        return out


def gguf_differences(good, data):
    """What a mutant that was accepted says otherwise: {"weights", "value KEY", "without KEY", "also KEY", "shape", …}."""
    a, b = Reader(good), Reader(data)
    out = set()
    old, new = {k: (t, v) for k, t, v in a.metadata}, {k: (t, v) for k, t, v in b.metadata}
    if len(new) != len(b.metadata):
        out.add("a key twice")
    for key in old.keys() | new.keys():
        if key not in new:
            out.add(f"without {key}")
        elif key not in old:
            out.add("also " + ("a key of the family" if key.startswith("llama.") else "another key"))
        elif repr(old[key]) != repr(new[key]):
            out.add(f"value {key}")
    table_a, table_b = ({t[0]: t[1:3] for t in x.table} for x in (a, b))
    if len(table_b) != len(b.table):
        out.add("a tensor twice")
    if table_a.keys() != table_b.keys():
        out.add("tensor names")
    elif table_a != table_b:
        out.add("shape or type")
    elif a.weights() != b.weights():
        out.add("weights")
    if any(b.padding):
        out.add("padding")
    return out


# Accepting these is right: numbers are numbers, and what a key says within its range is the file's to say. Another key is nobody's
# business unless it is the family's; one that is missing has a default.
RIGHT = {
    "weights",
    "also another key",
    *(
        f"value {key}"
        for key in (
            "general.name",
            "llama.context_length",
            "llama.attention.layer_norm_rms_epsilon",
            "llama.rope.dimension_count",
            "llama.attention.head_count",
            "llama.attention.head_count_kv",
            "general.alignment",
            "llama.embedding_length",
            "llama.block_count",
            "llama.feed_forward_length",
            "tokenizer.ggml.tokens",
            "tokenizer.ggml.scores",
            "tokenizer.ggml.token_type",
            "tokenizer.ggml.bos_token_id",
            "tokenizer.ggml.eos_token_id",
            "tokenizer.ggml.unknown_token_id",
            "tokenizer.ggml.model",
        )
    ),
    *(
        f"without {key}"
        for key in (
            "general.name",
            "general.alignment",
            "llama.rope.dimension_count",
            "llama.attention.head_count_kv",
            "tokenizer.ggml.bos_token_id",
            "tokenizer.ggml.eos_token_id",
            "tokenizer.ggml.unknown_token_id",
            "tokenizer.ggml.token_type",
            "tokenizer.ggml.model",
            "tokenizer.ggml.tokens",
            "tokenizer.ggml.scores",
        )
    ),
}


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for key, item in enumerate(value):
            yield from places(item, (*path, key))


def change_json(value, draw, paths):
    path = draw.choice(paths)
    if not path:
        return draw.choice(VALUES), path
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    key, kind = path[-1], draw.randrange(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[draw.choice((str(key).upper(), key + "x", "x", ""))] = holder.pop(key)
    elif kind == 2 and isinstance(holder[key], int) and not isinstance(holder[key], bool):
        holder[key] = draw.choice((holder[key] + 1, holder[key] - 1, -holder[key], holder[key] * 2, holder[key] << 32))
    elif kind == 3 and isinstance(holder, list):
        holder.append(holder[key])
    else:
        holder[key] = draw.choice(VALUES)
    return value, path


def bytes_changed(data, draw):
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at, kind = draw.randrange(len(data)), draw.randrange(4)
        if kind == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at : at + draw.choice((1, 2, 4, 8))] = draw.choice(NASTY).to_bytes(8, "little")[: draw.choice((1, 2, 4, 8))]
        elif kind == 2:
            size = draw.choice((1, 2, 8, 100))
            data[at : at + size] = draw.choice((b"", bytes(data[at : at + size]) * 2))
        else:
            del data[at:]
        if not data:
            break
    return bytes(data)


def folder(count, seed):
    draw = random.Random(seed)
    base = Folder(seed)
    vocab = ("model", "vocab")
    some = {
        name: [p for p in places(value) if p[:2] != vocab or len(p) < 3 or draw.random() < 0.05]
        for name, value in (
            ("config", base.config),
            ("generation", base.generation),
            ("tokenizer", base.tokenizer),
            ("tokenizer_config", base.tokenizer_config),
        )
    }
    for i in range(count):
        f = Folder.__new__(Folder)
        f.tensors = base.tensors
        for part in some:
            setattr(f, part, json.loads(json.dumps(getattr(base, part))))
        kind = draw.randrange(10)
        shards = draw.choice((0, 0, 3))
        if kind < 6:
            part = draw.choice(("config", "config", "tokenizer", "tokenizer", "tokenizer_config", "generation"))
            changed, path = change_json(getattr(f, part), draw, some[part])
            setattr(f, part, changed)
            touched, files = (part, *map(str, path[:3])), f.files(shards)
        elif kind < 8:
            table = table_of(f.tensors)
            table, path = change_json(table, draw, list(places(table)))
            touched, files = ("header", *map(str, path[1:2])), f.files(
                model__safetensors=safetensors(f.tensors, header=json.dumps(table))
            )
        elif kind == 8:
            files = f.files(3)
            index, path = change_json(
                json.loads(files["hf/model.safetensors.index.json"]),
                draw,
                list(places(json.loads(files["hf/model.safetensors.index.json"]))),
            )
            files["hf/model.safetensors.index.json"] = json.dumps(index)
            touched = ("index", *map(str, path[:1]))
        else:
            files = f.files(shards)
            name = draw.choice(sorted(files))
            data = files[name] if isinstance(files[name], bytes) else files[name].encode()
            files[name] = bytes_changed(data, draw)
            touched = ("bytes of " + name.split("/")[1],)
        yield folder_case("mutant folder", f"{seed}-{i}-{','.join(touched)}", files, BOUNDED), None
