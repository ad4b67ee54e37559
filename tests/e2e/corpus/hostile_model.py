"""GGUF files that are right as files and wrong as models: rows T2 (dimensions), T4 (types, shapes, hyperparameters, numbers)."""

import struct

from corpus.build import HUGE, Gguf, f32, file_case
from tiny import ARRAY, BOOL, F32, F64, I32, I64, STRING, U32, U64


def same_shape(dims, true):
    """Dimensions of 1 at the end change nothing: ggml has four everywhere."""
    return dims[: len(true)] == true and all(d == 1 for d in dims[len(true) :])


def shapes():
    g = Gguf()
    overflowing = [
        [HUGE, HUGE],
        [1 << 32, 1 << 32],
        [1 << 63, 2],
        [1 << 40, 1 << 24],
        [1 << 40, 1 << 22],
        [1 << 16] * 4,
        [HUGE],
        [1 << 62],
        [1 << 61, 8],
        [(1 << 40) + 1, 1],
        [1 << 40, 1],
        [1 << 20, 1 << 20],
        [3 << 61, 8],
        [1 << 31, 1 << 31],
        [0x5555555555555556, 3],
    ]
    for name in ("blk.0.attn_q.weight", "blk.1.ffn_down.weight", "token_embd.weight", "output_norm.weight"):
        true = g.tensor(name)[1]
        for dims in [
            *overflowing,
            [],
            [0],
            [0, 32],
            [32, 0],
            [32, 31],
            [31, 32],
            [1024],
            [32, 32, 2],
            [16, 64],
            [1] * 5,
            [32] * 100,
            [1],
            [64, 16],
            true[::-1] + [1],
            [d * 2 for d in true],
            [max(1, d // 2) for d in true],
            [d + 1 for d in true],
        ]:
            if not same_shape(dims, true):
                yield file_case("T2 dimensions", f"{name}-{str(dims)[:40]}", Gguf().change(name, dims=dims).write())
        for rank in (0, 5, 100, 0x80000000, 0xFFFFFFFF):
            data, mark = g.write(), next(m for m in g.marks if m[0] == name + ".rank")
            yield file_case("T2 dimensions", f"{name}-rank-{rank}", data[: mark[1]] + struct.pack("<I", rank) + data[mark[1] + 4 :])
        for kind in [*range(1, 45), 99, 1000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]:
            yield file_case("T4 tensor types", f"{name}-type-{kind}", Gguf().change(name, kind=kind).write())
        # Right bytes for its type, wrong for the model.
        for dims in ([32, 16], [16, 32], [32], [1, 32], [32, 1, 32], [64, 64], [1, 32, 32], [1, 1, 32, 32]):
            if same_shape(dims, true):
                continue
            count = 1
            for d in dims:
                count *= d
            yield file_case("T4 shapes", f"{name}-{dims}", Gguf().change(name, dims=dims, data=f32([0.1] * count)).write())
        less = Gguf()
        less.tensors.remove(less.tensor(name))
        yield file_case("T4 shapes", f"{name}-missing", less.write())
        more = Gguf()
        more.tensors.append([name + ".more", [32], 0, f32([1] * 32)])
        yield file_case("T4 shapes", f"{name}-and-more", more.write())
    for name in (
        "blk.0.attn_q.bias",
        "blk.2.attn_q.weight",
        "blk.0.ffn_gate_inp.weight",
        "blk.0.attn_q.weight.lora_a",
        "rope_freqs.weight",
        "x",
    ):
        more = Gguf()
        more.tensors.append([name, [32], 0, f32([1] * 32)])
        yield file_case("T4 shapes", f"extra-{name}", more.write())


def rope_factors():
    """Divisors of the frequencies: right ones are in valid.py."""
    for factor in (0, -1, 1e-45, 1e-38, 1e-4, 1e10, float("inf"), float("nan")):
        more = Gguf()
        more.tensors.append(["rope_freqs.weight", [4], 0, f32([1, 1, factor, 1])])
        yield file_case("T4 hyperparameters", f"rope-factor-{factor}", more.write(), spares=("tokenize",))


def numbers():
    bad = {"nan": 0x7FC00000, "signalling": 0x7F800001, "negative-nan": 0xFFC00000, "infinity": 0x7F800000, "minus-infinity": 0xFF800000}
    for name in (
        "token_embd.weight",
        "blk.0.attn_norm.weight",
        "blk.0.attn_q.weight",
        "blk.1.attn_v.weight",
        "blk.1.ffn_down.weight",
        "output_norm.weight",
        "output.weight",
    ):
        for label, bits in bad.items():
            data = Gguf().tensor(name)[3]
            for at in (0, len(data) // 8 * 4, len(data) - 4):
                broken = data[:at] + struct.pack("<I", bits) + data[at + 4 :]
                yield file_case("T4 not finite", f"{name}-{label}-{at}", Gguf().change(name, data=broken).write(), spares=("tokenize",))
    halves = {"f16-nan": (1, 0x7E00), "f16-infinity": (1, 0x7C00), "bf16-nan": (30, 0x7FC0), "bf16-infinity": (30, 0xFF80)}
    for label, (kind, bits) in halves.items():
        data = struct.pack("<H", 0x3C00 if kind == 1 else 0x3F80) * 1023 + struct.pack("<H", bits)
        yield file_case("T4 not finite", label, Gguf().change("blk.0.attn_q.weight", kind=kind, data=data).write(), spares=("tokenize",))
    for label, bits in (("nan", 0x7E00), ("infinity", 0x7C00)):
        for kind, block in (
            (8, struct.pack("<H", bits) + b"\1" * 32),
            (2, struct.pack("<H", bits) + b"\1" * 16),
            (3, struct.pack("<HH", 0x3C00, bits) + b"\1" * 16),
        ):
            yield file_case(
                "T4 not finite",
                f"type-{kind}-scale-{label}",
                Gguf().change("blk.0.attn_q.weight", kind=kind, data=block * 32).write(),
                spares=("tokenize",),
            )


def hyperparameters():
    counts = (
        "llama.context_length",
        "llama.embedding_length",
        "llama.block_count",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.head_count_kv",
        "llama.rope.dimension_count",
    )
    for key in counts:
        true = Gguf().metadata[key][1]
        wrong = [
            (U32, 0),
            (U32, true + 1),
            (U32, 0x7FFFFFFF),
            (U32, 0xFFFFFFFF),
            (I32, -1),
            (I32, -(1 << 31)),
            (U64, HUGE),
            (U64, 1 << 32),
            (I64, -(1 << 63)),
            (F32, float(true)),
            (F32, float("nan")),
            (F64, 1e300),
            (STRING, str(true)),
            (STRING, ""),
            (BOOL, 1),
            (ARRAY, (U32, [])),
            (ARRAY, (STRING, ["x"])),
            (ARRAY, (U32, [true, true + 1])),
        ]
        for kind, content in wrong:
            if key == "llama.context_length" and content == true + 1:
                continue
            yield file_case("T4 hyperparameters", f"{key}-{kind}-{str(content)[:20]}", Gguf().set(key, kind, content).write())
        if key not in ("llama.attention.head_count_kv", "llama.rope.dimension_count"):
            yield file_case("T4 hyperparameters", f"{key}-missing", Gguf().drop(key).write())
    for heads, kv in (
        (0, 0),
        (4, 0),
        (4, 3),
        (4, 8),
        (3, 1),
        (5, 5),
        (8, 2),
        (2, 2),
        (1, 1),
        (32, 16),
        (64, 64),
        (0x80000000, 2),
        (4, 0x80000000),
    ):
        yield file_case(
            "T4 hyperparameters",
            f"heads-{heads}-{kv}",
            Gguf().set("llama.attention.head_count", U32, heads).set("llama.attention.head_count_kv", U32, kv).write(),
        )
    for key in ("llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base", "llama.rope.scaling.factor", "llama.rope.scale_linear"):
        for number in (float("nan"), float("-nan"), float("inf"), float("-inf"), -1.0, -1e-5, -0.0, 0.0, 1e38, 1e-45):
            yield file_case("T4 hyperparameters", f"{key}-{number}", Gguf().set(key, F32, number).write())
        for kind, content in ((STRING, "1"), (ARRAY, (F32, [1.0])), (BOOL, 1)):
            yield file_case("T4 hyperparameters", f"{key}-type-{kind}", Gguf().set(key, kind, content).write())
    yield file_case("T4 hyperparameters", "no-epsilon", Gguf().drop("llama.attention.layer_norm_rms_epsilon").write())
    for n in (1, 3, 7, 9, 16, 64, 0xFFFFFFFE):
        yield file_case("T4 hyperparameters", f"rope-dimensions-{n}", Gguf().set("llama.rope.dimension_count", U32, n).write())
    for size in (0, 1, 4, 7, 16, 4096, 1 << 20):
        yield file_case("T4 hyperparameters", f"key-length-{size}", Gguf().set("llama.attention.key_length", U32, size).write())
        yield file_case("T4 hyperparameters", f"value-length-{size}", Gguf().set("llama.attention.value_length", U32, size).write())
    for n, used in ((1, 1), (8, 2), (1 << 31, 2), (0xFFFFFFFF, 1), (8, 9), (8, 0)):
        yield file_case(
            "T4 hyperparameters",
            f"experts-{n}-{used}",
            Gguf().set("llama.expert_count", U32, n).set("llama.expert_used_count", U32, used).write(),
        )
    for vocab in (0, 1, 290, 292, 1 << 31, 0xFFFFFFFF):
        yield file_case("T4 hyperparameters", f"vocab-{vocab}", Gguf().set("llama.vocab_size", U32, vocab).write())
    for key in ("attention.head_count", "attention.head_count_kv", "feed_forward_length"):
        n = Gguf().metadata["llama." + key][1]
        for i, list_ in enumerate(([], [n], [n, n, n], [n, 2 * n], [n, 0], [0, 0], [1 << 31, 1 << 31])):
            yield file_case("T4 hyperparameters", f"{key}-list-{i}", Gguf().set("llama." + key, ARRAY, (U32, list_)).write())
        for kind, list_ in ((F32, [float(n), float(n)]), (STRING, ["4", "4"]), (I32, [n, -n])):
            yield file_case("T4 hyperparameters", f"{key}-list-of-{kind}", Gguf().set("llama." + key, ARRAY, (kind, list_)).write())
    for scaling in ("yarn", "linear", "llama3", "longrope", "dynamic"):
        for factor in (0.0, -1.0, float("nan"), float("inf"), 1e30):
            yield file_case(
                "T4 hyperparameters",
                f"rope-{scaling}-{factor}",
                Gguf().set("llama.rope.scaling.type", STRING, scaling).set("llama.rope.scaling.factor", F32, factor).write(),
            )
    for kind, content in ((U32, 5), (ARRAY, (STRING, ["llama"])), (BOOL, 1), (STRING, "clip"), (STRING, "mamba")):
        yield file_case("T4 hyperparameters", f"architecture-{kind}-{content}", Gguf().set("general.architecture", kind, content).write())
    yield file_case("T4 hyperparameters", "architecture-missing", Gguf().drop("general.architecture").write())
    for architecture in ("qwen2", "qwen3", "gemma2", "gemma3"):
        yield file_case(
            "T4 hyperparameters", f"llama-called-{architecture}", Gguf().set("general.architecture", STRING, architecture).write()
        )
    for window in (1 << 31, 0xFFFFFFFF):
        yield file_case("T4 hyperparameters", f"window-{window}", Gguf().set("llama.attention.sliding_window", U32, window).write())


def cases():
    for group in (shapes, rope_factors, numbers, hyperparameters):
        yield from group()
