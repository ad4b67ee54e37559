"""Makes a tiny but complete Llama as GGUF, from nothing but this file: random weights, a byte vocabulary with a few words.

Every number the file states can be overridden, so that wrong files are made in the same way as right ones.
"""

import random
import struct

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q", I64: "<q", F64: "<d"}


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    if kind == STRING:
        return string(content)
    if kind == ARRAY:
        element, items = content
        return struct.pack("<IQ", element, len(items)) + b"".join(value(element, item) for item in items)
    return struct.pack(PACK[kind], content)


WIDTH, HEADS, KV_HEADS, FFN, LAYERS, CONTEXT = 32, 4, 2, 64, 2, 128
WORDS = ["▁", "▁the", "▁a", "▁cat", "▁dog", "▁sat", "▁on", "▁mat", "t", "h", "e", "a", "c", "d", "o", "g", "s", "n", "m", "▁t", "▁th", "he",
         "at", "▁c", "▁ca", "▁d", "▁do", "▁s", "▁sa", "▁o", "▁m", "▁ma"]


def vocabulary():
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + WORDS
    types = [2, 3, 3] + [6] * 256 + [1] * len(WORDS)
    scores = [0.0] * 259 + [-float(len(WORDS) - min(len(w), 5) * 4 + i / 100) for i, w in enumerate(WORDS)]
    return tokens, types, scores


class Gguf:
    """Metadata as {key: (type, value)}, tensors as [name, dims (innermost first), type number, bytes]."""

    def __init__(self, seed=1):
        tokens, types, scores = vocabulary()
        self.metadata = {
            "general.architecture": (STRING, "llama"), "general.name": (STRING, "tiny"), "general.alignment": (U32, 32),
            "llama.context_length": (U32, CONTEXT), "llama.embedding_length": (U32, WIDTH), "llama.block_count": (U32, LAYERS),
            "llama.feed_forward_length": (U32, FFN), "llama.attention.head_count": (U32, HEADS),
            "llama.attention.head_count_kv": (U32, KV_HEADS), "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5),
            "llama.rope.dimension_count": (U32, WIDTH // HEADS),
            "tokenizer.ggml.model": (STRING, "llama"), "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)),
            "tokenizer.ggml.scores": (ARRAY, (F32, scores)), "tokenizer.ggml.token_type": (ARRAY, (I32, types)),
            "tokenizer.ggml.bos_token_id": (U32, 1), "tokenizer.ggml.eos_token_id": (U32, 2),
            "tokenizer.ggml.unknown_token_id": (U32, 0),
        }
        draw = random.Random(seed)
        self.tensors = []
        kv = WIDTH // HEADS * KV_HEADS

        def matrix(name, rows, columns):
            data = struct.pack(f"<{rows * columns}f", *(draw.gauss(0, 1.4 / columns ** 0.5) for _ in range(rows * columns)))
            self.tensors.append([name, [columns, rows], 0, data])

        def gain(name):
            self.tensors.append([name, [WIDTH], 0, struct.pack(f"<{WIDTH}f", *(1 + draw.gauss(0, 0.1) for _ in range(WIDTH)))])

        matrix("token_embd.weight", len(tokens), WIDTH)
        for i in range(LAYERS):
            gain(f"blk.{i}.attn_norm.weight")
            matrix(f"blk.{i}.attn_q.weight", WIDTH, WIDTH)
            matrix(f"blk.{i}.attn_k.weight", kv, WIDTH)
            matrix(f"blk.{i}.attn_v.weight", kv, WIDTH)
            matrix(f"blk.{i}.attn_output.weight", WIDTH, WIDTH)
            gain(f"blk.{i}.ffn_norm.weight")
            matrix(f"blk.{i}.ffn_gate.weight", FFN, WIDTH)
            matrix(f"blk.{i}.ffn_up.weight", FFN, WIDTH)
            matrix(f"blk.{i}.ffn_down.weight", WIDTH, FFN)
        gain("output_norm.weight")
        matrix("output.weight", len(tokens), WIDTH)

    def tensor(self, name):
        return next(t for t in self.tensors if t[0] == name)

    def write(self, magic=b"GGUF", version=3, tensor_count=None, kv_count=None, offsets=None, alignment=32, extra=b""):
        """`offsets` {index: offset} overrides what the table says; `extra` follows the table's padding."""
        head = magic + struct.pack("<IQQ", version, len(self.tensors) if tensor_count is None else tensor_count,
                                   len(self.metadata) if kv_count is None else kv_count)
        for key, (kind, content) in self.metadata.items():
            head += string(key) + struct.pack("<I", kind) + value(kind, content)
        data = b""
        for index, (name, dims, kind, content) in enumerate(self.tensors):
            offset = (offsets or {}).get(index, len(data))
            head += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
            head += struct.pack("<IQ", kind, offset)
            data += content + b"\0" * (-len(content) % alignment)
        return head + b"\0" * (-len(head) % alignment) + extra + data
