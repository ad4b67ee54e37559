"""Hostile vocabularies, row T5: in a GGUF, a tokenizer.json and a SentencePiece model."""

import json
import struct

import tiny
from corpus.build import ACCEPT, BOUNDED, HUGE, Folder, Gguf, file_case, folder_case, proto, sentencepiece, varint
from corpus.hostile_gguf import ESCAPE, with_vocabulary
from tiny import ARRAY, BOOL, F32, I8, I32, I64, STRING, U8, U32, U64


TEXT = ("tokenize",)


def gguf_vocabularies():
    def case(label, g, expect="refuse", **more):
        return file_case("T5 GGUF vocabulary", label, g.write(), expect, also=TEXT, **more)

    tokens, types, scores = tiny.vocabulary()
    n = len(tokens)
    for key, element, items in (("tokens", STRING, tokens), ("scores", F32, scores), ("token_type", I32, types)):
        name = "tokenizer.ggml." + key
        if key != "token_type":
            yield case(f"{key}-missing", Gguf().drop(name), "refuse" if key == "scores" else BOUNDED)
        for label, some in (
            ("one-fewer", items[:-1]),
            ("one-more", items + items[-1:]),
            ("none", []),
            ("one", items[:1]),
            ("twice-as-many", items * 2),
        ):
            yield case(f"{key}-{label}", Gguf().set(name, ARRAY, (element, some)))
        for kind, content in (
            (STRING, "x"),
            (U32, 5),
            (ARRAY, (BOOL, [1] * n)),
            (ARRAY, (STRING if key != "tokens" else U32, ["x"] * n if key != "tokens" else list(range(n)))),
            (ARRAY, (ARRAY, [(U8, [])] * n)),
            (F32, 1.0),
        ):
            yield case(f"{key}-type-{kind}-{str(content)[:12]}", Gguf().set(name, kind, content))
    for kind in (-1, 7, 8, 77, 0x7FFFFFFF, -(1 << 31)):
        for at in (0, 5, n - 1):
            yield case(
                f"token-{at}-type-{kind}", Gguf().set("tokenizer.ggml.token_type", ARRAY, (I32, types[:at] + [kind] + types[at + 1 :]))
            )
    for what in ("bos", "eos", "unknown", "padding", "eot", "eom"):
        key = f"tokenizer.ggml.{what}_token_id"
        for kind, content in (
            (U32, n),
            (U32, n + 1),
            (U32, 1 << 31),
            (U32, 0xFFFFFFFE),
            (I32, -2),
            (I32, -(1 << 31)),
            (U64, HUGE),
            (U64, 1 << 32),
            (I64, -(1 << 63)),
            (F32, 1.0),
            (F32, float("nan")),
            (STRING, "1"),
            (BOOL, 1),
            (ARRAY, (U32, [1])),
        ):
            yield case(f"{what}-{kind}-{content}", Gguf().set(key, kind, content))
    for text in (
        "<0x-1>",
        "<0x100>",
        "<0xGG>",
        "<0x0>",
        "<0x>",
        "<0xff>",
        "<0x 1>",
        "0x41",
        "<0x41",
        "",
        "<0X41>",
        "<0x41>x",
        "\u0660x41",
        "<0x4\u0661>",
    ):
        g = with_vocabulary(lambda t, s, k, text=text: t.__setitem__(3 + 0x41, text))
        yield case(f"byte-token-{text!r}", g)
    yield case("byte-token-twice", with_vocabulary(lambda t, s, k: t.__setitem__(3 + 0x41, "<0x42>")), BOUNDED)
    yield case("missing-byte-tokens", with_vocabulary(lambda t, s, k: [x.__delitem__(slice(3, 259)) for x in (t, s, k)]), BOUNDED)
    yield case(
        "missing-byte-tokens-and-unknown",
        with_vocabulary(lambda t, s, k: [x.__delitem__(slice(0, 259)) for x in (t, s, k)])
        .drop("tokenizer.ggml.unknown_token_id")
        .drop("tokenizer.ggml.bos_token_id")
        .drop("tokenizer.ggml.eos_token_id"),
        BOUNDED,
    )
    for label, number in (("nan", float("nan")), ("infinity", float("inf")), ("minus-infinity", float("-inf"))):
        for at in (5, n - 3):
            yield case(f"score-{label}-{at}", with_vocabulary(lambda t, s, k, at=at, number=number: s.__setitem__(at, number)), BOUNDED)
        yield case(
            f"scores-all-{label}", with_vocabulary(lambda t, s, k, number=number: s.__setitem__(slice(0, n), [number] * n)), BOUNDED
        )
    yield case("tokens-all-empty", with_vocabulary(lambda t, s, k: t.__setitem__(slice(259, n), [""] * (n - 259))), BOUNDED)
    yield case("tokens-all-alike", with_vocabulary(lambda t, s, k: t.__setitem__(slice(259, n), ["▁the"] * (n - 259))), BOUNDED)
    yield case("token-megabyte", with_vocabulary(lambda t, s, k: t.__setitem__(270, "a" * 1_000_000)), BOUNDED)
    yield case(
        "tokens-of-as",
        with_vocabulary(
            lambda t, s, k: [t.extend("a" * i for i in range(2, 2000)), s.extend(float(i) for i in range(2, 2000)), k.extend([1] * 1998)]
        ),
        spares=TEXT,
    )
    yield case("token-escape", with_vocabulary(lambda t, s, k: t.__setitem__(1, ESCAPE)), BOUNDED)
    yield case("token-nul", with_vocabulary(lambda t, s, k: t.__setitem__(270, "a\0b")), BOUNDED)
    for key in ("add_bos_token", "add_eos_token", "add_space_prefix", "remove_extra_whitespaces"):
        for kind, content in ((U32, 1), (STRING, "true"), (F32, 1.0), (ARRAY, (BOOL, [1]))):
            yield case(f"{key}-{kind}", Gguf().set("tokenizer.ggml." + key, kind, content))
    yield case(
        "add-eos-without-eos",
        with_vocabulary(lambda t, s, k: t.__setitem__(2, "x"))
        .drop("tokenizer.ggml.eos_token_id")
        .set("tokenizer.ggml.add_eos_token", BOOL, 1),
    )
    for i, content in enumerate(
        (
            (U8, [1] * 4),
            (U8, [255] * 4096),
            (I8, [-1] * 64),
            (U8, list(struct.pack("<I", 0xFFFFFFFF)) * 9),
            (STRING, ["x"]),
            (U8, list(struct.pack("<II", 4, 0x80000000))),
        )
    ):
        yield case(f"charsmap-{i}", Gguf().set("tokenizer.ggml.precompiled_charsmap", ARRAY, content))
    for kind in ("none-such", "bert", "t5", "rwkv", "plamo2", "", ESCAPE, "gpt2"):
        yield case(f"model-{kind!r}", Gguf().set("tokenizer.ggml.model", STRING, kind))
    letters = "abcdefghijklmnopqrstuvwxyzĠ"

    def bpe(merges, pre="gpt-2", extra=()):
        words = [*letters, "th", "the", *extra]
        g = Gguf().set("tokenizer.ggml.model", STRING, "gpt2").set("tokenizer.ggml.pre", STRING, pre).drop("tokenizer.ggml.scores")
        words += [f"<filler{i}>" for i in range(len(words), n)]
        return (
            g.set("tokenizer.ggml.tokens", ARRAY, (STRING, words))
            .set("tokenizer.ggml.token_type", ARRAY, (I32, [1] * n))
            .set("tokenizer.ggml.merges", ARRAY, merges)
        )

    yield case("bpe-good", bpe((STRING, ["t h", "th e"])), ACCEPT)
    for i, merge in enumerate(("", " ", "t", "th", " h", "t ", "  ", "t\0h", "t\th", "th", "\u00a0", "t\u00a0h")):
        yield case(f"merge-{i}", bpe((STRING, ["t h", merge])))
    for i, merge in enumerate(("t h", "z q", "no such", "t h e", "t  h", ESCAPE + " x", "e the", "x" * 100000 + " y")):
        yield case(f"merge-odd-{i}", bpe((STRING, ["t h", "th e", merge])), BOUNDED)
    for kind, items in ((U32, [1, 2]), (BOOL, [1]), (F32, [1.0]), (ARRAY, [(STRING, ["t", "h"])])):
        yield case(f"merges-type-{kind}", bpe((kind, items)))
    yield case("merges-missing", bpe((STRING, [])).drop("tokenizer.ggml.merges"))
    yield case("merges-million", bpe((STRING, ["t h"] * 1_000_000)), BOUNDED)
    for pre in ("none-such", "", ESCAPE, "x" * 9999):
        yield case(f"pre-{pre[:9]!r}", bpe((STRING, ["t h"]), pre))
    yield case("pre-number", bpe((STRING, ["t h"])).set("tokenizer.ggml.pre", U32, 5))


def json_vocabularies():
    def case(label, change=None, expect="refuse", text=None, **more):
        f = Folder()
        if change is not None:
            change(f.tokenizer)
        return folder_case(
            "T5 tokenizer.json", label, f.files(**({} if text is None else {"tokenizer__json": text})), expect, also=TEXT, **more
        )

    good = json.dumps(Folder().tokenizer)
    for label, text in (
        ("array", "[]"),
        ("null", "null"),
        ("empty-object", "{}"),
        ("cut", good[:-20]),
        ("cut-half", good[: len(good) // 2]),
        ("garbage", good + "x"),
        ("two", good + good),
        ("nul", good + "\0"),
        ("not-utf8", good.encode().replace(b"ByteLevel", b"Byte\xff")),
        ("deep", '{"model":' * 100000),
        (
            "deep-sequence",
            good.replace(
                '"normalizer": null', '"normalizer": ' + '{"type":"Sequence","normalizers":[' * 1000 + '{"type":"NFC"}' + "]}" * 1000
            ),
        ),
        ("vocab-twice", good.replace('"vocab": {', '"vocab": {"zz": 1}, "vocab": {')),
        ("token-twice", good.replace('"vocab": {', '"vocab": {"the": 5, ')),
        ("token-twice-escaped", good.replace('"vocab": {', '"vocab": {"\\u0074he": 5, ')),
        ("id-nan", good.replace('"the": 257', '"the": NaN')),
        ("lone-surrogate", good.replace('"the": 257', '"\\ud800": 257')),
    ):
        yield case(f"text-{label}", text=text)
    for i in (-1, 1 << 31, 1 << 32, 1 << 63, HUGE, 10**30, 1.5, "5", None, True, [], 1 << 24, 5, 70000):
        yield case(f"id-{i}", lambda t, i=i: t["model"]["vocab"].__setitem__("the", i))
    for i, merge in enumerate(
        (
            "",
            " ",
            "t",
            "t  h",
            " t h",
            "t h e",
            "t h ",
            "th",
            ["t"],
            ["t", "h", "e"],
            ["t", ""],
            ["", "h"],
            [1, 2],
            {"t": "h"},
            None,
            5,
            ["t", None],
            "zz qq",
            ["zz", "qq"],
            "t zz",
        )
    ):
        yield case(f"merge-{i}", lambda t, merge=merge: t["model"]["merges"].append(merge), "refuse")
    for key in ("model", "decoder"):
        yield case(f"no-{key}", lambda t, key=key: t.pop(key))
        for content in (None, 1, "BPE", [], {}, {"type": "none-such"}, {"type": 5}, {"type": ESCAPE}):
            yield case(f"{key}-{content}", lambda t, key=key, content=content: t.__setitem__(key, content))
    for key, contents in (
        ("type", ("WordPiece", "Unigram", "WordLevel", ESCAPE, 1, [])),
        ("vocab", (None, [], "x", 1, {})),
        ("merges", (None, {}, "x", 1)),
        ("dropout", (0.5, "0", 1, True)),
        ("unk_token", ("none-such", 5, [], ESCAPE)),
        ("fuse_unk", (1, "true")),
        ("byte_fallback", (1, "x", [])),
        ("continuing_subword_prefix", ("##", 1)),
        ("end_of_word_suffix", ("</w>", [])),
        ("ignore_merges", (1, "no")),
        ("secret", (1, {})),
    ):
        for i, content in enumerate(contents):
            yield case(f"model-{key}-{i}", lambda t, key=key, content=content: t["model"].__setitem__(key, content))
    for key in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        for i, content in enumerate(
            (
                {"type": "none-such"},
                {"type": ESCAPE},
                {},
                [],
                1,
                "x",
                {"type": None},
                {"type": "Sequence"},
                {"type": "Sequence", "normalizers": 5, "pretokenizers": 5, "processors": 5, "decoders": 5},
            )
        ):
            yield case(f"{key}-{i}", lambda t, key=key, content=content: t.__setitem__(key, content))
    for i, pattern in enumerate(
        (
            "(",
            "[",
            "(?<x",
            "*",
            "(a+)+$",
            "(.*)*",
            "\\",
            "(?P<a>b)(?P<a>c)",
            "a{100000}",
            "a{1,99999}{1,99999}",
            "((((" * 5000,
            "(?R)",
            "\\1",
            "(?{system})",
            "[[:none:]]",
            "\\p{Nope}",
            "x" * 100000,
            "(?=" * 300 + "a" + ")" * 300,
            "(*LIMIT_MATCH=1)a",
            "\\C",
            "(?|(a)|(b))",
            "",
        )
    ):
        text = {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            ],
        }
        yield case(f"regex-{i}", lambda t, text=text: t.__setitem__("pre_tokenizer", text), BOUNDED)
    for i, part in enumerate(
        (
            {"type": "Split", "pattern": {"Regex": 5}, "behavior": "Isolated"},
            {"type": "Split", "pattern": {}, "behavior": "Isolated"},
            {"type": "Split", "pattern": {"String": "a"}, "behavior": "none-such"},
            {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated"},
            {"type": "Split", "behavior": "Isolated"},
            {"type": "Metaspace", "replacement": "x"},
            {"type": "Metaspace"},
            {"type": "BertPreTokenizer"},
            {"type": "ByteLevel", "add_prefix_space": 1},
            {"type": "ByteLevel", "secret": 1},
            {"type": "Whitespace"},
        )
    ):
        yield case(f"pre-tokenizer-{i}", lambda t, part=part: t.__setitem__("pre_tokenizer", part))
    for i, part in enumerate(
        (
            {"type": "Replace", "pattern": {"String": ""}, "content": "x"},
            {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000},
            {"type": "Replace", "pattern": {"Regex": "a"}, "content": "b"},
            {"type": "Prepend"},
            {"type": "Lowercase"},
            {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
            {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 100},
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"String": "a"}},
        )
    ):
        yield case(f"normalizer-part-{i}", lambda t, part=part: t.__setitem__("normalizer", part))
    bomb = {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 16}] * 30}
    yield case("normalizer-bomb", lambda t: t.__setitem__("normalizer", bomb), BOUNDED)
    for i, token in enumerate(
        (
            {"id": 5, "content": "zz", "special": True},
            {"id": 262, "content": "<t>"},
            {"id": 1 << 31, "content": "zz"},
            {"id": -1, "content": "zz"},
            {"id": 1 << 22, "content": "zz"},
            {"id": "262", "content": "<s>"},
            {"content": "<s>"},
            {"id": 264},
            {"id": 264, "content": 5},
            5,
            "x",
            None,
            [],
            {"id": 264, "content": "x", "special": "yes"},
            {"id": 264, "content": "x", "single_word": True},
            {"id": 264, "content": "x", "secret": 1},
            {"id": 300000, "content": "x"},
            {"id": 264, "content": "beyond the embedding"},
        )
    ):
        yield case(f"added-{i}", lambda t, token=token: t["added_tokens"].append(token), spares=TEXT if i == 17 else ())
    yield case("added-empty", lambda t: t["added_tokens"][0].__setitem__("content", ""))
    yield case("added-escape", lambda t: t["added_tokens"][0].__setitem__("content", ESCAPE))
    yield case("added-not-a-list", lambda t: t.__setitem__("added_tokens", {"a": 1}))
    yield case("added-twice", lambda t: t["added_tokens"].append({"id": 261, "content": "<s>"}))
    yield case("unknown-member", lambda t: t.__setitem__("secret", {"a": 1}))
    for i, single in enumerate(
        (
            [],
            [{"Sequence": {"id": "B", "type_id": 0}}],
            [{"Sequence": {"id": "A", "type_id": 0}}] * 2,
            [{"SpecialToken": {"id": "<none>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "x",
            None,
            [5],
        )
    ):
        yield case(
            f"template-{i}",
            lambda t, single=single: t.__setitem__(
                "post_processor", {"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": {}}
            ),
        )
    for ids in ([-1], [264], [1 << 31], [1 << 63], "x", [], [1.5], None):
        yield case(
            f"template-ids-{ids}",
            lambda t, ids=ids: t.__setitem__(
                "post_processor",
                {
                    "type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                    "pair": [],
                    "special_tokens": {"<s>": {"id": "<s>", "ids": ids, "tokens": ["<s>"]}},
                },
            ),
            BOUNDED if ids == [] else "refuse",
        )

    def config(label, key, content, expect="refuse"):
        return folder_case("T5 tokenizer_config.json", label, Folder().set("tokenizer_config", key, content).files(), expect, also=TEXT)

    for key in ("bos_token", "eos_token"):
        for i, content in enumerate(("none-such", ESCAPE, 5, [], True, {"content": 5}, {"content": "none-such"}, "")):
            yield config(f"{key}-{i}", key, content)
    for key in ("add_bos_token", "add_eos_token", "clean_up_tokenization_spaces"):
        for content in (1, "true", [], {}):
            yield config(f"{key}-{content}", key, content)
    for i, content in enumerate((5, {}, [5], [{"name": "a"}], [{"template": "x"}], [{"name": 5, "template": "x"}], True)):
        yield config(f"chat-template-{i}", "chat_template", content)
    for i, content in enumerate(
        (
            [],
            "x",
            {"x": {}},
            {"-1": {"content": "x"}},
            {"99999999999": {"content": "x"}},
            {"262": 5},
            {"262": {}},
            {"262": {"content": 5}},
        )
    ):
        yield config(f"added-decoder-{i}", "added_tokens_decoder", content)
    for text in ("[]", "null", "{", '{"a":' * 100000, '{"bos_token": "<s>", "bos_token": "</s>"}', "\0", "x" * 100):
        yield folder_case(
            "T5 tokenizer_config.json", f"text-{text[:12]!r}-{len(text)}", Folder().files(tokenizer_config__json=text), also=TEXT
        )
    yield folder_case(
        "T5 tokenizer_config.json",
        "no-tokenizer-at-all",
        Folder().files(tokenizer__json=None, tokenizer_config__json=None),
        BOUNDED,
        also=TEXT,
    )


def sentencepiece_vocabularies():
    good = sentencepiece()
    tokens, types, scores = tiny.vocabulary()
    pieces = list(zip(tokens, scores, types))

    def folder(data):
        f = Folder()
        f.config.update(bos_token_id=1, eos_token_id=2)
        f.generation.update(bos_token_id=1, eos_token_id=[2])
        rows = len(pieces) + 9
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            f.change(name, shape=[rows, 32], data=struct.pack("<f", 0.1) * rows * 32)
        f.config["vocab_size"] = rows
        return f.files(tokenizer__json=None, tokenizer__model=data, tokenizer_config__json='{"bos_token": "<s>", "eos_token": "</s>"}')

    def case(label, data, expect="refuse"):
        return folder_case("T5 tokenizer.model", label, folder(data), expect, also=TEXT)

    yield case("good", good, ACCEPT)
    yield case("empty", b"")
    yield case("zeros", bytes(100))
    yield case("ones", b"\xff" * 100)
    yield case("text", b"hello world\n" * 9)
    for cut in [1, 2, 3, 5, 9, 10, 11, 50, 333, 1000, len(good) // 2, *range(len(good) - 40, len(good), 3)]:
        yield case(f"cut-{cut}", good[:cut], BOUNDED if cut > len(good) - 41 else "refuse")
    for i, extra in enumerate(
        (
            b"\x00",
            b"\x07",
            b"\x0b",
            b"\x0c",
            varint(1 << 3 | 2) + varint(HUGE),
            varint(1 << 3 | 2) + varint(1 << 31) + b"x",
            varint(1 << 3 | 2) + b"\xff" * 11,
            proto(1, 5),
            proto(2, 5),
            proto(3, 5),
            proto(1, b"\x0a\xff"),
            proto(1, proto(2, 5)),
            proto(1, proto(1, 5)),
            proto(1, proto(1, "x") + proto(3, 0)),
            proto(1, proto(1, "x") + proto(3, 7)),
            proto(1, proto(1, "x") + proto(3, -1)),
            proto(1, proto(1, b"\xff\xfe")),
            proto(2, proto(3, 9)),
            proto(2, proto(40, 1 << 40)),
            proto(2, proto(3, "x")),
            b"\x0a\x05\x0a",
        )
    ):
        yield case(f"field-{i}", good + extra)
    for field, label in ((40, "unk"), (41, "bos"), (42, "eos"), (43, "pad")):
        for n in (len(tokens), 1 << 30, -2, -(1 << 31)):
            trainer = proto(
                2,
                proto(3, 2)
                + proto(35, 1)
                + b"".join(proto(f, n if f == field else {40: 0, 41: 1, 42: 2, 43: -1}[f]) for f in (40, 41, 42, 43)),
            )
            yield case(f"{label}-{n}", sentencepiece(trainer=trainer), BOUNDED if label == "pad" else "refuse")
    for kind in (1, 3, 4):
        yield case(f"type-{kind}", sentencepiece(trainer=proto(2, proto(3, kind))))
    yield case("charsmap", sentencepiece(normalizer=proto(3, proto(1, "nmt_nfkc") + proto(2, b"\xff" * 64))))
    for text in ("<0x-1>", "<0x100>", "<0xGG>", ""):
        wrong = list(pieces)
        wrong[3 + 0x41] = (text, 0.0, 6)
        yield case(f"byte-{text}", sentencepiece(wrong))
    for score in (float("nan"), float("inf")):
        wrong = list(pieces)
        wrong[270] = (wrong[270][0], score, 1)
        yield case(f"score-{score}", sentencepiece(wrong), BOUNDED)
    yield case("one-piece", sentencepiece(pieces[:1]), "refuse")
    yield case("many-pieces", sentencepiece([("a", 0.0, 1)] * 300000), "refuse")


def cases():
    for group in (gguf_vocabularies, json_vocabularies, sentencepiece_vocabularies):
        yield from group()
