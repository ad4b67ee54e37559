"""GGUF files that are odd but right: each must be accepted, imported and answer. A strict reader that refuses them is as wrong as
a lax one."""

import itertools
import random
import struct

import tiny
from corpus.build import ACCEPT, Case, Folder, Gguf, Special, f32, file_case, folder_case
from corpus.hostile_gguf import with_vocabulary
from tiny import ARRAY, BOOL, F32, F64, I8, I16, I32, I64, STRING, U8, U16, U32, U64


def ok(kind, name, data, **more):
    return file_case(kind, name, data, ACCEPT, **more)


def containers():
    for version, alignment in itertools.product((1, 2, 3), (None, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 65536)):
        g = Gguf()
        if alignment is None:
            g.drop("general.alignment")
        else:
            g.set("general.alignment", U32, alignment)
        yield ok("valid alignment", f"v{version}-alignment-{alignment}", g.write(version=version, alignment=alignment or 32))
    for alignment in (8, 16, 64):
        # Rows of 31 are whole numbers of neither alignment.
        g = odd_width()
        g.set("general.alignment", U32, alignment)
        yield ok("valid alignment", f"odd-tensors-{alignment}", g.write(alignment=alignment))
    draw = random.Random(5)
    for i in range(24):
        g = Gguf()
        keys = list(g.metadata.items())
        draw.shuffle(keys)
        g.metadata = dict(keys)
        yield ok("valid order", f"metadata-shuffled-{i}", g.write(version=draw.choice((1, 2, 3))))
        g = Gguf()
        draw.shuffle(g.tensors)
        yield ok("valid order", f"table-shuffled-{i}", g.write())
        g = Gguf()
        order = list(range(len(g.tensors)))
        draw.shuffle(order)
        yield ok("valid order", f"data-shuffled-{i}", g.write(order=order))
    for tail in (1, 31, 32, 64, 4096, 65536):
        yield ok("valid padding", f"tail-of-{tail}-zeros", Gguf().write(tail=bytes(tail)))
    g = odd_width()
    data = g.write()
    at, size = next((at, size) for name, at, size in reversed(g.marks) if name.startswith("data "))
    yield ok("valid padding", "last-tensor-not-padded", data[: at + size])
    for i, (kind, content) in enumerate(
        (
            (U8, 255),
            (I8, -128),
            (U16, 65535),
            (I16, -32768),
            (U32, 0xFFFFFFFF),
            (I32, -(1 << 31)),
            (F32, float("nan")),
            (F32, float("inf")),
            (BOOL, 0),
            (BOOL, 1),
            (STRING, ""),
            (STRING, "x" * 1_000_000),
            (STRING, "zero\0within"),
            (STRING, "Grüße 你好 🦙 \u202e\x1b[31m\x07"),
            (U64, (1 << 64) - 1),
            (I64, -(1 << 63)),
            (F64, float("-inf")),
            (F64, 5e-324),
            (ARRAY, (U8, [])),
            (ARRAY, (STRING, [])),
            (ARRAY, (STRING, ["", "a", "é"])),
            (ARRAY, (BOOL, [0, 1])),
            (ARRAY, (F64, [0.0, float("nan")])),
            (ARRAY, (U64, [0, 1 << 63])),
            (ARRAY, (ARRAY, [])),
            (ARRAY, (ARRAY, [(U8, [1]), (STRING, ["x"]), (ARRAY, [(I32, [1, 2]), (F32, [])])])),
            (ARRAY, (U8, [7] * 100000)),
            (ARRAY, (STRING, ["x"] * 50000)),
        )
    ):
        for key in ("somebody.elses.key", "general.note", "tokenizer.ggml.note", "a"):
            yield ok("valid metadata", f"{key}-{i}", Gguf().set(key, kind, content).write(version=1 + i % 3))
    yield ok("valid metadata", "a-long-key", Gguf().set("k" * 65535, U8, 1).write())
    yield ok("valid metadata", "unicode-keys", Gguf().set("schlüssel.名前", STRING, "ja").write())
    yield ok("valid metadata", "key-with-space", Gguf().set("a key with spaces", STRING, "").write())
    many = Gguf()
    for i in range(5000):
        many.set(f"extra.{i}", U32, i)
    yield ok("valid metadata", "5000-keys", many.write())
    for key, kind, content in (
        ("general.name", STRING, "名前 🦙"),
        ("general.name", STRING, ""),
        ("general.name", STRING, "x" * 100000),
        ("general.quantization_version", U32, 2),
        ("general.file_type", U32, 0),
        ("general.file_type", U32, 999),
        ("general.license", STRING, "apache-2.0"),
        ("general.author", STRING, "\x1b]0;x\x07"),
        ("general.tags", ARRAY, (STRING, ["a", "b"])),
        ("general.languages", ARRAY, (STRING, ["en"])),
        ("general.size_label", STRING, "tiny"),
        ("general.base_model.count", U32, 0),
        ("general.source.url", STRING, "https://x"),
        ("general.type", STRING, "model"),
        ("general.parameter_count", U64, 37216),
        ("split.count", U16, 0),
        ("split.count", U16, 1),
        ("split.no", U16, 0),
        ("tokenizer.ggml.seperator_token_id", U32, 0),
        ("tokenizer.ggml.mask_token_id", U32, 0),
        ("tokenizer.ggml.add_bos_token", BOOL, 0),
        ("tokenizer.ggml.add_bos_token", BOOL, 1),
        ("tokenizer.ggml.add_eos_token", BOOL, 0),
        ("tokenizer.ggml.add_space_prefix", BOOL, 0),
        ("tokenizer.ggml.remove_extra_whitespaces", BOOL, 0),
        ("tokenizer.ggml.pre", STRING, "default"),
        ("tokenizer.ggml.padding_token_id", U32, 0),
        ("tokenizer.ggml.eos_token_id", U32, 0xFFFFFFFF),
        ("tokenizer.ggml.padding_token_id", I32, -1),
        ("tokenizer.chat_template", STRING, "{{ messages[0].content }}"),
        ("tokenizer.chat_template", STRING, ""),
        ("tokenizer.huggingface.json", STRING, "{}"),
        ("llama.vocab_size", U32, 291),
        ("llama.attention.head_count", ARRAY, (U32, [4, 4])),
        ("llama.attention.head_count_kv", ARRAY, (I32, [2, 2])),
        ("llama.feed_forward_length", ARRAY, (U32, [64, 64])),
        ("llama.attention.key_length", U32, 8),
        ("llama.attention.value_length", U32, 8),
        ("llama.rope.scaling.type", STRING, "none"),
        ("llama.rope.freq_base", F32, 10000.0),
        ("llama.rope.freq_base", F32, 500000.0),
        ("llama.expert_count", U32, 0),
        ("llama.expert_used_count", U32, 0),
        ("llama.tensor_data_layout", STRING, "Meta AI original pth"),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-6),
        ("llama.attention.layer_norm_rms_epsilon", F64, 1e-5),
        ("llama.block_count", U64, 2),
        ("llama.block_count", U8, 2),
        ("llama.block_count", I32, 2),
        ("llama.embedding_length", U64, 32),
        ("llama.embedding_length", U16, 32),
        ("llama.context_length", U32, 1 << 20),
        ("llama.context_length", U32, 1),
        ("llama.context_length", U64, 4096),
        ("llama.rope.dimension_count", U32, 4),
        ("llama.rope.scale_linear", F32, 2.0),
        ("llama.attention.sliding_window", U32, 16),
        ("llama.attention.head_count_kv", I32, 2),
        ("general.alignment", U32, 32),
    ):
        g = Gguf().set(key, kind, content)
        if (key, content) != ("llama.context_length", 1):
            yield ok("valid hyperparameters", f"{key}-{kind}-{str(content)[:16]}", g.write())
    for key in (
        "general.name",
        "general.alignment",
        "llama.rope.dimension_count",
        "tokenizer.ggml.unknown_token_id",
        "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.token_type",
    ):
        yield ok("valid hyperparameters", f"without-{key}", Gguf().drop(key).write())
    g = Gguf()
    g.tensors.remove(g.tensor("output.weight"))
    yield ok("valid hyperparameters", "tied", g.write())
    factors = Gguf()
    factors.tensors.append(["rope_freqs.weight", [4], 0, f32([1, 2, 4, 8])])
    yield ok("valid hyperparameters", "rope-factors", factors.write())


def odd_width():
    """A model with rows of 30 and norms of 30: nothing is a multiple of 32 bytes."""
    g = Gguf()
    g.metadata.update(
        {
            "llama.embedding_length": (U32, 30),
            "llama.attention.head_count": (U32, 3),
            "llama.attention.head_count_kv": (U32, 1),
            "llama.feed_forward_length": (U32, 50),
            "llama.rope.dimension_count": (U32, 10),
        }
    )
    sizes = {32: 30, 16: 10, 64: 50}
    for t in g.tensors:
        t[1] = [sizes.get(d, d) for d in t[1]]
        count = t[1][0] * (t[1][1] if len(t[1]) > 1 else 1)
        t[3] = (t[3] * 2)[: 4 * count]
    return g


def types():
    half = {}
    for kind, encode in ((1, lambda x: struct.pack("<e", x)), (30, lambda x: struct.pack("<f", x)[2:])):
        half[kind] = encode
    for kind, encode in half.items():
        for which in ("all", "token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight"):
            g = Gguf()
            for t in g.tensors:
                if which in ("all", t[0]):
                    t[2], t[3] = kind, b"".join(encode(x) for x in struct.unpack(f"<{len(t[3]) // 4}f", t[3]))
            yield ok("valid types", f"type-{kind}-{which}", g.write())
    blocks = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 20: 18}
    for kind, size in blocks.items():
        for which in ("blk.0.attn_q.weight", "token_embd.weight", "blk.1.ffn_down.weight", "matrices"):
            g = Gguf()
            for t in g.tensors:
                if t[0] == which or which == "matrices" and len(t[1]) == 2:
                    count = t[1][0] * t[1][1] // 32
                    t[2], t[3] = kind, (struct.pack("<e", 0.01) * (2 if kind in (3, 7) else 1) + bytes(range(size)))[:size] * count
            yield ok("valid types", f"type-{kind}-{which}", g.write())
    for dims in ([32, 1], [32, 1, 1], [32, 1, 1, 1]):
        yield ok("valid types", f"norm-{dims}", Gguf().change("output_norm.weight", dims=dims).write())
    for dims in ([32, 32, 1], [32, 32, 1, 1]):
        yield ok("valid types", f"matrix-{dims}", Gguf().change("blk.0.attn_q.weight", dims=dims).write())
    g = Gguf().change("blk.0.attn_q.weight", data=bytes(4096))
    yield ok("valid types", "zeros", g.write())
    for label, bits in (("denormal", 1), ("minus-zero", 0x80000000), ("largest-denormal", 0x007FFFFF), ("large", 0x50000000)):
        yield ok(
            "valid types",
            label,
            Gguf().change("blk.0.attn_q.weight", data=struct.pack("<I", bits) + Gguf().tensor("blk.0.attn_q.weight")[3][4:]).write(),
        )


def splits():
    draw = random.Random(6)
    for count in (1, 2, 3, 7, 21):
        for version in (1, 3):
            parts = []
            for i in range(count):
                g = Gguf()
                if i > 0 and draw.random() < 0.7:
                    g.metadata = {}
                g.tensors = g.tensors[i::count] if count > 1 else g.tensors
                g.set("split.no", U16, i).set("split.count", U16, count).set("split.tensors.count", I32, 21)
                parts.append(g.write(version=version))
            files = {f"a b-{i + 1:05}-of-{count:05}.gguf": data for i, data in enumerate(parts)}
            yield Case("valid split", f"{count}-parts-v{version}", files, ACCEPT, model=f"a b-00001-of-{count:05}.gguf")
    good = Gguf().write()
    for name in (
        "model.GGUF",
        "model",
        "modèle 🦙.gguf",
        "-dash.gguf",
        "a\nb.gguf",
        "x" * 200 + ".gguf",
        "a'b\"c$(id).gguf",
        "%s.gguf",
        "model-00001-of-00001.gguf",
    ):
        yield Case("valid path", repr(name[:20]), {name: good}, ACCEPT, model=name, spares=("import",))
    yield Case("valid path", "link", {"real.gguf": good, "model.gguf": Special.link("real.gguf")}, ACCEPT)
    yield Case(
        "valid path",
        "link-elsewhere",
        {"b/real.gguf": good, "a/model.gguf": Special.link("../b/real.gguf")},
        ACCEPT,
        model="a/model.gguf",
    )


def vocabularies():
    tokens, types, scores = tiny.vocabulary()
    n = len(tokens)

    def case(label, change):
        return ok("valid vocabulary", label, with_vocabulary(change).write(), also=("tokenize",))

    for label, text in (
        ("empty", ""),
        ("space", " "),
        ("newline", "\n"),
        ("nul", "a\0b"),
        ("emoji", "🦙🦙"),
        ("rtl", "\u202eabc"),
        ("escape", "\x1b[31m"),
        ("long", "a" * 10000),
        ("duplicate", "▁the"),
        ("like-a-byte", "<0x-1>"),
        ("combining", "e\u0301\u0301"),
        ("special", "<|im_end|>"),
    ):
        for at in (270, n - 1):
            yield case(f"token-{label}-{at}", lambda t, s, k, text=text, at=at: t.__setitem__(at, text))
    for number in (0.0, -0.0, 1e38, -1e38, 1e-45, 123.0):
        yield case(f"score-{number}", lambda t, s, k, number=number: s.__setitem__(slice(259, n), [number] * (n - 259)))
    for kind in (0, 1, 3, 4, 5):
        yield case(f"type-{kind}", lambda t, s, k, kind=kind: k.__setitem__(270, kind))
    g = Gguf().set("tokenizer.ggml.merges", ARRAY, (STRING, []))
    yield ok("valid vocabulary", "merges-empty-with-scores", g.write())
    for kind in (I8, I16, I64, U8, U32, U64):
        yield ok("valid vocabulary", f"token-types-as-{kind}", Gguf().set("tokenizer.ggml.token_type", ARRAY, (kind, types)).write())
    yield ok("valid vocabulary", "scores-as-f64", Gguf().set("tokenizer.ggml.scores", ARRAY, (F64, scores)).write())
    for kind in (U8, U16, I32, U64, I64):
        yield ok(
            "valid vocabulary",
            f"ids-as-{kind}",
            Gguf().set("tokenizer.ggml.bos_token_id", kind, 1).set("tokenizer.ggml.eos_token_id", kind, 2).write(),
        )
    for source in (
        "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m.content | trim }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
        "{%- for m in messages -%}{{ m.content }}{%- endfor -%}",
        "{# only a comment #}x",
        "{% set ns = namespace(a=1) %}{{ ns.a }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}",
        "plain text",
        "{{ messages|length }}",
        "{{ strftime_now('%Y') }}",
        "{{ messages|tojson }}",
        "Grüße 🦙 {{ 'é'|upper }}",
    ):
        yield ok(
            "valid template", f"{source[:24]!r}", Gguf().set("tokenizer.chat_template", STRING, source).write(), also=("chat", "template")
        )
        yield folder_case(
            "valid template", f"jinja-{source[:24]!r}", Folder().files(chat_template__jinja=source), ACCEPT, also=("chat", "template")
        )
    yield ok(
        "valid template",
        "several",
        Gguf()
        .set("tokenizer.chat_template", STRING, "{{ messages[0].content }}")
        .set("tokenizer.chat_template.tool_use", STRING, "x")
        .set("tokenizer.chat_templates", ARRAY, (STRING, ["tool_use"]))
        .write(),
        also=("chat", "template"),
    )


def cases():
    for group in (containers, types, splits, vocabularies):
        yield from group()
