"""What a case is, and builders of tiny but complete models whose every field can be set wrong: a GGUF that knows where each of its
fields lies, a safetensors file, and a Hugging Face folder around it."""

import copy
import dataclasses
import json
import os
import pathlib
import random
import struct

import tiny
from tiny import ARRAY, STRING

HUGE = (1 << 64) - 1
REFUSE = "refuse"  # run, import and inspect must end in an error
ACCEPT = "accept"  # run, import and inspect must succeed
BOUNDED = "bounded"  # either, within the limits: what is wrong may not concern the command


@dataclasses.dataclass
class Case:
    kind: str  # the row of the threat table, and what it attacks: "T2 dimensions"
    name: str
    files: dict  # relative path -> bytes, or a Special
    expect: str = REFUSE
    model: str = "model.gguf"
    also: tuple = ()  # further commands: "chat", "template", "tokenize", "quantize"
    justified_kb: int = 0  # memory that what the case makes the program do may take besides
    spares: tuple = ()  # commands that need not refuse: what is wrong is not what they read


@dataclasses.dataclass
class Special:
    """Something in a folder that is not a plain file."""

    make: object  # called with the path

    @staticmethod
    def link(target):
        return Special(lambda path: os.symlink(target, path))

    @staticmethod
    def fifo():
        return Special(os.mkfifo)

    @staticmethod
    def folder():
        return Special(os.mkdir)

    @staticmethod
    def hole(size, head=b""):
        """A file of `size` bytes that takes no disk."""

        def make(path):
            with open(path, "wb") as f:
                f.write(head)
                f.truncate(size)

        return Special(make)


def put(folder, files):
    for name, content in files.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Special):
            content.make(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


class Gguf(tiny.Gguf):
    """tiny.Gguf, also as version 1, and with `marks`: (name, offset, size) of every field of the last file written."""

    made = {}  # seed -> a plain one: drawing weights takes most of the time

    def __init__(self, seed=1):
        if seed not in Gguf.made:
            Gguf.made[seed] = tiny.Gguf(seed)
        made = Gguf.made[seed]
        self.metadata = dict(made.metadata)
        self.tensors = [[name, list(dims), kind, data] for name, dims, kind, data in made.tensors]
        self.marks = []

    def copy(self):
        return copy.deepcopy(self)

    def set(self, key, kind, content):
        self.metadata[key] = (kind, content)
        return self

    def drop(self, key):
        del self.metadata[key]
        return self

    def change(self, which, **fields):
        tensor = self.tensor(which)
        for place, item in fields.items():
            tensor["name dims kind data".split().index(place)] = item
        return self

    def write(
        self,
        magic=b"GGUF",
        version=3,
        tensor_count=None,
        kv_count=None,
        offsets=None,
        alignment=32,
        extra=b"",
        between=None,
        pad=b"\0",
        tail=b"",
        gaps=0,
        order=None,
    ):
        """`offsets` {index: offset} overrides what the table says; `order` is that of the data; `gaps` bytes lie between tensors."""
        wide = "<I" if version == 1 else "<Q"
        head, marks = bytearray(), []

        def field(name, data):
            marks.append((name, len(head), len(data)))
            head.extend(data)

        def text(name, content):
            data = content if isinstance(content, bytes) else content.encode()
            field(name + ".length", struct.pack(wide, len(data)))
            field(name, data)

        def value(name, kind, content):
            if kind == STRING:
                text(name, content)
            elif kind == ARRAY:
                element, items = content
                field(name + ".element", struct.pack("<I", element))
                field(name + ".count", struct.pack(wide, len(items)))
                if element in (STRING, ARRAY):
                    for item in items:
                        value(name + "[]", element, item) if element == STRING else value(name + "[]", ARRAY, item)
                else:
                    field(name + "[]", b"".join(struct.pack(tiny.PACK[element], item) for item in items))
            else:
                field(name, struct.pack(tiny.PACK[kind], content))

        field("magic", magic)
        field("version", struct.pack("<I", version))
        field("tensors", struct.pack(wide, len(self.tensors) if tensor_count is None else tensor_count))
        field("entries", struct.pack(wide, len(self.metadata) if kv_count is None else kv_count))
        if between is not None:
            field("between", between)
        entries = self.metadata.items() if isinstance(self.metadata, dict) else self.metadata
        for key, (kind, content) in entries:
            text("key " + str(key), key)
            field(f"{key}.type", struct.pack("<I", kind))
            value(str(key), kind, content)
        at, places = 0, {}
        for index in order or range(len(self.tensors)):
            places[index] = at
            at += len(self.tensors[index][3]) + -len(self.tensors[index][3]) % alignment + gaps
        for index, (name, dims, kind, _) in enumerate(self.tensors):
            text("tensor " + str(name), name)
            field(f"{name}.rank", struct.pack("<I", len(dims)))
            for d in dims:
                field(f"{name}.dimension", struct.pack(wide, d))
            field(f"{name}.type", struct.pack("<I", kind))
            field(f"{name}.offset", struct.pack("<Q", (offsets or {}).get(index, places[index])))
        start = len(head) + -len(head) % alignment
        marks.append(("padding", len(head), start - len(head)))
        data = bytearray()
        for index in order or range(len(self.tensors)):
            marks.append((f"data {self.tensors[index][0]}", start + len(extra) + len(data), len(self.tensors[index][3])))
            data += self.tensors[index][3] + b"\0" * (-len(self.tensors[index][3]) % alignment + gaps)
        self.marks = marks
        return bytes(head) + pad * (start - len(head)) + extra + bytes(data) + tail


def f32(numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def safetensors(tensors, metadata=None, header=None, data=None, length=None, pad=0, order=None):
    """`tensors` {name: (dtype, shape, bytes)}; `header` is text that replaces the whole header, `length` what the file says of it."""
    table, blob = {}, b""
    if metadata is not None:
        table["__metadata__"] = metadata
    for name in order or tensors:
        dtype, shape, content = tensors[name]
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(blob), len(blob) + len(content)]}
        blob += content
    text = json.dumps(table, ensure_ascii=False).encode() if header is None else header if isinstance(header, bytes) else header.encode()
    text += b" " * pad
    return struct.pack("<Q", len(text) if length is None else length) + text + (blob if data is None else data)


def table_of(tensors):
    """The header as a dictionary, to be changed and given to safetensors(header=json.dumps(...))."""
    at, table = 0, {}
    for name, (dtype, shape, content) in tensors.items():
        table[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(content)]}
        at += len(content)
    return table


def byte_letters():
    """GPT-2's letters for the 256 bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = {}, 256
    for b in range(256):
        if b in shown:
            letters[b] = chr(b)
        else:
            letters[b] = chr(spare)
            spare += 1
    return letters


def tokenizer_json():
    letters = byte_letters()
    vocab = {letters[b]: b for b in range(256)}
    merges = [("t", "h"), ("th", "e"), ("c", "a"), ("ca", "t"), ("Ġ", "the"), ("Ġ", "cat")]
    for left, right in merges:
        vocab[left + right] = len(vocab)
    added = [
        {
            "id": len(vocab) + i,
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, text in enumerate(("<s>", "</s>"))
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "merges": [f"{a} {b}" for a, b in merges],
            "vocab": vocab,
        },
    }


def varint(n):
    n &= HUGE
    out = b""
    while True:
        out += bytes([n & 0x7F | (0x80 if n > 0x7F else 0)])
        n >>= 7
        if n == 0:
            return out


def proto(number, content, wire=None):
    """One protobuf field: an int, a float, or bytes."""
    if isinstance(content, float):
        return varint(number << 3 | 5) + struct.pack("<f", content)
    if isinstance(content, int):
        return varint(number << 3 | (wire or 0)) + varint(content)
    data = content if isinstance(content, bytes) else content.encode()
    return varint(number << 3 | (2 if wire is None else wire)) + varint(len(data)) + data


def sentencepiece(pieces=None, trainer=None, normalizer=None):
    """A BPE model with the vocabulary of tiny.py. `pieces` [(text, score, type)], the others are encoded messages."""
    if pieces is None:
        pieces = list(zip(*[tiny.vocabulary()[i] for i in (0, 2, 1)]))
    out = b"".join(proto(1, proto(1, text) + proto(2, float(score)) + proto(3, kind)) for text, score, kind in pieces)
    out += proto(
        2, proto(3, 2) + proto(35, 1) + proto(40, 0) + proto(41, 1) + proto(42, 2) + proto(43, -1) if trainer is None else trainer
    )
    return out + proto(3, proto(1, "identity") + proto(3, 1) + proto(4, 0) + proto(5, 1) if normalizer is None else normalizer)


class Folder:
    """A Hugging Face folder of a tiny Llama. Dictionaries and tensors may be changed before files() is called."""

    made = {}  # seed -> a plain one

    def __init__(self, seed=1):
        if seed in Folder.made:
            self.__dict__.update(copy.deepcopy(Folder.made[seed].__dict__))
            return
        draw = random.Random(seed)
        self.tokenizer = tokenizer_json()
        rows = 264
        self.config = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 128,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "vocab_size": rows,
            "bos_token_id": 262,
            "eos_token_id": 263,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "attention_bias": False,
        }
        self.tokenizer_config = {
            "bos_token": "<s>",
            "eos_token": "</s>",
            "add_bos_token": True,
            "clean_up_tokenization_spaces": False,
            "tokenizer_class": "PreTrainedTokenizerFast",
            "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:",
        }
        self.generation = {"bos_token_id": 262, "eos_token_id": [263], "temperature": 0.7}
        self.tensors = {}

        def add(name, *shape):
            count = shape[0] * (shape[1] if len(shape) > 1 else 1)
            numbers = [draw.gauss(0, 0.2) if len(shape) > 1 else 1 + draw.gauss(0, 0.1) for _ in range(count)]
            self.tensors[name] = ("F32", list(shape), f32(numbers))

        add("model.embed_tokens.weight", rows, 32)
        for i in range(2):
            at = f"model.layers.{i}."
            add(at + "input_layernorm.weight", 32)
            for part, n in (("q", 32), ("k", 16), ("v", 16), ("o", 32)):
                add(f"{at}self_attn.{part}_proj.weight", n, 32)
            add(at + "post_attention_layernorm.weight", 32)
            for part, shape in (("gate", (64, 32)), ("up", (64, 32)), ("down", (32, 64))):
                add(f"{at}mlp.{part}_proj.weight", *shape)
        add("model.norm.weight", 32)
        add("lm_head.weight", rows, 32)
        Folder.made[seed] = copy.deepcopy(self)

    def set(self, part, key, content):
        getattr(self, part)[key] = content
        return self

    def drop(self, part, key):
        del getattr(self, part)[key]
        return self

    def change(self, name, dtype=None, shape=None, data=None):
        old = self.tensors[name]
        self.tensors[name] = (dtype or old[0], old[1] if shape is None else shape, old[2] if data is None else data)
        return self

    def parts(self, count=3):
        """[(shard name, its tensors)] and the index."""
        names = list(self.tensors)
        shards = []
        for i in range(count):
            shards.append((f"model-{i + 1:05}-of-{count:05}.safetensors", {n: self.tensors[n] for n in names[i::count]}))
        total = sum(len(t[2]) for t in self.tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": {n: shard for shard, tensors in shards for n in tensors}}
        return shards, index

    def files(self, shards=0, **replaced):
        """`replaced`: file name with "__" for "." -> content; None leaves the file out."""
        out = {
            "config.json": json.dumps(self.config),
            "generation_config.json": json.dumps(self.generation),
            "tokenizer.json": json.dumps(self.tokenizer),
            "tokenizer_config.json": json.dumps(self.tokenizer_config),
        }
        if shards == 0:
            out["model.safetensors"] = safetensors(self.tensors)
        else:
            parts, index = self.parts(shards)
            out["model.safetensors.index.json"] = json.dumps(index)
            out.update({name: safetensors(tensors) for name, tensors in parts})
        for name, content in replaced.items():
            out[name.replace("__", ".")] = content
        return {f"hf/{name}": content for name, content in out.items() if content is not None}


def folder_case(kind, name, files, expect=REFUSE, **more):
    return Case(kind, name, files, expect, model="hf", **more)


def file_case(kind, name, data, expect=REFUSE, **more):
    return Case(kind, name, {"model.gguf": data}, expect, **more)
