"""Hostile and damaged model files, given to `run` and `models inspect`: one clear message each, within a second of CPU time and
64 MB above the baseline; no signal, no hang, no silent yes. And files that are odd but right: accepted."""

import random
import resource
import struct

import e2e
import tiny
from tiny import ARRAY, BOOL, F32, I32, STRING, U8, U32, U64, Gguf

HUGE = (1 << 64) - 1
QUESTION = ["--raw", "--temperature", "0", "--max-tokens", "2", "the cat"]


def changed(**metadata):
    g = Gguf()
    for key, item in metadata.items():
        g.metadata[key.replace("__", ".")] = item
    return g.write()


def without(key):
    g = Gguf()
    del g.metadata[key]
    return g.write()


def with_tensor(which, **fields):
    g = Gguf()
    tensor = g.tensor(which)
    for place, item in fields.items():
        tensor["name dims kind data".split().index(place)] = item
    return g.write()



def hostile_files():
    """(name, bytes): each must be refused."""
    good = Gguf().write()
    g = Gguf()
    yield "empty", b""
    yield "magic", b"GGML" + good[4:]
    for size in (1, 3, 4, 7, 8, 12, 16, 20, 23, 24, 25, 31, 32, 40, 60, 100, 1000, 5000, 9000, len(good) // 2, len(good) - 4):
        yield f"cut-at-{size}", good[:size]
    for version in (0, 4, 99, 0x03000000, 0xFFFFFFFF):
        yield f"version-{version}", g.write(version=version)
    for count in (1, 10 ** 6, 1 << 31, 1 << 40, 1 << 60, 1 << 63, HUGE):
        yield f"tensors-{count}", g.write(tensor_count=len(g.tensors) + count if count == 1 else count)
        yield f"metadata-{count}", g.write(kv_count=len(g.metadata) + count if count == 1 else count)
    yield "no-tensors", g.write(tensor_count=0)
    for length in (1 << 16, 1 << 31, 1 << 48, 1 << 63, HUGE):
        yield f"key-length-{length}", good[:24] + struct.pack("<Q", length) + good[32:]
    for count in (1 << 31, 1 << 61, HUGE):
        yield f"array-count-{count}", good[:24] + tiny.string("a.b") + struct.pack("<IIQ", ARRAY, U8, count) + good[24:]
    yield "value-type", good[:24] + tiny.string("a.b") + struct.pack("<I", 13) + good[24:]
    deep = struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, 1) * 100000
    yield "nested-arrays", good[:24] + tiny.string("a.b") + deep
    for index, offset in ((0, HUGE), (1, 1 << 63), (2, len(good)), (3, 1), (4, 0), (5, HUGE - 31), (6, 1 << 40)):
        yield f"offset-{index}-{offset}", g.write(offsets={index: offset})
    name = "blk.0.attn_q.weight"
    data = g.tensor(name)[3]
    for dims in ([], [0, 32], [HUGE, HUGE], [1 << 32, 1 << 32], [1 << 63, 2], [32, 31], [31, 32], [1024], [32, 32, 2], [1] * 5,
                 [32] * 100, [1 << 40, 1]):
        yield f"dims-{str(dims)[:30]}", with_tensor(name, dims=dims)
    for kind in (1, 2, 12, 4, 5, 16, 24, 26, 31, 40, 1000, 0xFFFFFFFF):
        yield f"tensor-type-{kind}", with_tensor(name, kind=kind)
    yield "tensor-missing", with_tensor(name, name="blk.0.attn_x.weight")
    yield "tensor-twice", with_tensor(name, name="blk.0.attn_k.weight")
    yield "tensor-name-empty", with_tensor(name, name="")
    yield "tensor-name-long", with_tensor(name, name="x" * 100000)
    yield "tensor-name-nul", with_tensor(name, name="blk.0.attn_q\0.weight")
    yield "tensor-name-escape", with_tensor(name, name="blk.0.\x1b[2J\x1b]0;owned\x07attn_q.weight")
    yield "tensor-name-not-utf8", with_tensor(name, name=b"blk.0.\xff\xfe.weight")
    for label, bits in (("nan", 0x7FC00000), ("infinity", 0x7F800000)):
        yield f"weight-{label}", with_tensor(name, data=struct.pack("<I", bits) + data[4:])
        yield f"norm-{label}", with_tensor("output_norm.weight", data=struct.pack("<I", bits) + g.tensor("output_norm.weight")[3][4:])
    twice = Gguf()
    yield "key-twice", twice.write(kv_count=len(twice.metadata) + 1)[:24] + tiny.string("general.name") + \
        struct.pack("<I", STRING) + tiny.string("other") + good[24:]
    for alignment in ((U32, 0), (U32, 3), (U32, 33), (U32, 1 << 31), (STRING, "32"), (U64, 1 << 40), (I32, -32)):
        yield f"alignment-{alignment}", changed(general__alignment=alignment)
    yield "architecture-unknown", changed(general__architecture=(STRING, "none-such"))
    yield "architecture-escape", changed(general__architecture=(STRING, "\x1b[31mllama\u202e"))
    yield "architecture-number", changed(general__architecture=(U32, 5))
    yield "architecture-missing", without("general.architecture")
    for key in ("embedding_length", "block_count", "feed_forward_length", "attention.head_count", "context_length"):
        yield f"{key}-missing", without("llama." + key)
        dotted = "llama__" + key.replace(".", "__")
        for number in (0, 1 << 20, 0xFFFFFFFF):
            if (key, number) != ("context_length", 1 << 20):
                yield f"{key}-{number}", changed(**{dotted: (U32, number)})
        yield f"{key}-string", changed(**{dotted: (STRING, "32")})
        yield f"{key}-negative", changed(**{dotted: (I32, -1)})
    for heads, kv_heads in ((0, 0), (4, 0), (4, 3), (4, 8), (3, 1), (0xFFFFFFFF, 0xFFFFFFFF)):
        yield f"heads-{heads}-{kv_heads}", changed(llama__attention__head_count=(U32, heads),
                                                   llama__attention__head_count_kv=(U32, kv_heads))
    for number in (float("nan"), float("inf"), -1.0, -1e-5):
        yield f"eps-{number}", changed(llama__attention__layer_norm_rms_epsilon=(F32, number))
        yield f"rope-base-{number}", changed(llama__rope__freq_base=(F32, number))
    yield "rope-dimensions-odd", changed(llama__rope__dimension_count=(U32, 7))
    yield "rope-dimensions-large", changed(llama__rope__dimension_count=(U32, 64))
    yield "rope-scaling-unknown", changed(llama__rope__scaling__type=(STRING, "none-such"))
    yield "rope-scaling-zero", changed(llama__rope__scaling__type=(STRING, "linear"), llama__rope__scaling__factor=(F32, 0.0))
    yield "experts", changed(llama__expert_count=(U32, 1 << 31), llama__expert_used_count=(U32, 2))
    tokens, types, scores = tiny.vocabulary()
    yield "tokens-missing", without("tokenizer.ggml.tokens")
    yield "tokens-fewer", changed(tokenizer__ggml__tokens=(ARRAY, (STRING, tokens[:-1])))
    yield "tokens-numbers", changed(tokenizer__ggml__tokens=(ARRAY, (U32, list(range(len(tokens))))))
    yield "scores-fewer", changed(tokenizer__ggml__scores=(ARRAY, (F32, scores[:-1])))
    yield "types-fewer", changed(tokenizer__ggml__token_type=(ARRAY, (I32, types[:-1])))
    yield "type-unknown", changed(tokenizer__ggml__token_type=(ARRAY, (I32, [77] + types[1:])))
    for token in (len(tokens), 0xFFFFFFFE, 1 << 31):  # 0xFFFFFFFF is how some writers say "none"
        yield f"bos-{token}", changed(tokenizer__ggml__bos_token_id=(U32, token))
        yield f"eos-{token}", changed(tokenizer__ggml__eos_token_id=(U32, token))
    yield "tokenizer-unknown", changed(tokenizer__ggml__model=(STRING, "none-such"))
    yield "pre-unknown", changed(tokenizer__ggml__model=(STRING, "gpt2"), tokenizer__ggml__pre=(STRING, "\x1b[1mnone"))


def odd_but_right():
    """(name, bytes): each must be accepted."""
    yield "plain", Gguf().write()
    for alignment in (8, 16, 64, 4096):
        g = Gguf()
        g.metadata["general.alignment"] = (U32, alignment)
        yield f"alignment-{alignment}", g.write(alignment=alignment)
    g = Gguf()
    del g.metadata["general.alignment"]
    yield "alignment-default", g.write()
    yield "version-2", Gguf().write(version=2)
    g = Gguf()
    g.metadata["somebody.elses.key"] = (ARRAY, (STRING, ["a", "b"]))
    g.metadata["general.quantized_by"] = (STRING, "\x1b[31mred\x07")
    g.metadata["general.empty"] = (STRING, "")
    g.metadata["general.empty_list"] = (ARRAY, (U8, []))
    g.metadata["general.flag"] = (BOOL, 1)
    yield "strange-metadata", g.write()
    g = Gguf()
    g.tensors = g.tensors[::-1]
    yield "tensors-reversed", g.write()
    g = Gguf()
    g.metadata = dict(reversed(list(g.metadata.items())))
    yield "metadata-reversed", g.write()
    yield "trailing-bytes", Gguf().write() + b"\0" * 64


def mutants(count, seed):
    """Structure-aware: a number somewhere in the head becomes a nasty one, or bytes are swapped, cut, doubled."""
    good = Gguf().write()
    head = good.index(b"blk.1.ffn_down.weight") + 60
    draw = random.Random(seed)
    nasty = [0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 61, (1 << 63) - 1, 1 << 63, HUGE]
    for index in range(count):
        data = bytearray(good)
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            at, size = draw.randrange(head), draw.choice((1, 2, 4, 8))
            kind = draw.randrange(4)
            if kind < 2:
                data[at:at + size] = (draw.choice(nasty) & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            elif kind == 2:
                data[at] ^= 1 << draw.randrange(8)
            else:
                data[at:at + size] = draw.choice((b"", bytes(data[at:at + size]) * 2))
        yield f"mutant-{index}", bytes(data)


class Hostile(e2e.Case):
    def setUp(self):
        super().setUp()
        good = self.put("good.gguf", Gguf().write())
        self.baseline_kb = self.succeeds("models", "inspect", good).peak_kb

    def check_cost(self, ended, name):
        self.assertGreaterEqual(ended.code, 0, f"{name}: killed by signal {-ended.code}: {ended.message}")
        self.assertLess(ended.code, 126, name)
        if not e2e.SANITIZED:
            self.assertLess(ended.peak_kb - self.baseline_kb, 64 * 1024, f"{name}: {ended.peak_kb} KB")

    def cpu(self):
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def test_hostile_files_are_refused(self):
        names = set()
        for name, data in hostile_files():
            self.assertNotIn(name, names)
            names.add(name)
            with self.subTest(name):
                path = self.put("hostile.gguf", data)
                before = self.cpu()
                ended = self.run_freehold("run", path, *QUESTION, timeout=20)
                if not e2e.SANITIZED:
                    self.assertLess(self.cpu() - before, 1.0, f"{name}: too slow")
                self.check_cost(ended, name)
                self.assertNotEqual(ended.code, e2e.OK, f"{name}: accepted: {ended.text!r}")
                self.assertNotEqual(ended.code, e2e.INTERNAL, f"{name}: {ended.message}")
                self.check_message(ended, name)
                self.assertEqual(ended.out, b"", f"{name}: an answer beside the error")
                inspected = self.run_freehold("models", "inspect", path, timeout=20)
                self.check_cost(inspected, name)
                self.assertNotIn(b"\x1b", inspected.out + inspected.err, name)

    def test_odd_but_right_files_are_accepted(self):
        answers = set()
        for name, data in odd_but_right():
            with self.subTest(name):
                path = self.put("odd.gguf", data)
                answers.add(self.succeeds("run", path, *QUESTION).out)
                self.assertNotIn(b"\x1b", self.succeeds("models", "inspect", path).out)
        self.assertEqual(len(answers), 1, "the same weights give the same answer")

    def test_mutants_never_crash(self):
        for name, data in mutants(60 if e2e.SANITIZED else 300, seed=20260101):
            with self.subTest(name):
                path = self.put("mutant.gguf", data)
                ended = self.run_freehold("run", path, *QUESTION, timeout=20)
                self.check_cost(ended, name)
                if ended.code != e2e.OK:
                    self.check_message(ended, name)

    def test_what_is_not_a_model_file(self):
        self.fails(e2e.NOT_FOUND, "run", self.folder / "none.gguf", "x", names="none.gguf")
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertNotEqual(self.run_freehold("run", empty, "x").code, e2e.OK)
        self.assertGreater(self.run_freehold("run", "/dev/zero", "x", timeout=20).code, 0)
        self.assertGreater(self.run_freehold("run", self.put("text.gguf", "hello\n" * 1000), "x").code, 0)


if __name__ == "__main__":
    e2e.main()
