"""Hugging Face folders that are odd but right: each must be accepted."""

import json
import random
import struct

from corpus.build import ACCEPT, Case, Folder, Special, f32, folder_case, proto, safetensors, sentencepiece, table_of


def folders():
    def case(label, files, **more):
        return folder_case("valid folder", label, files, ACCEPT, **more)

    t = Folder().tensors
    draw = random.Random(7)
    yield case("plain", Folder().files(), also=("chat", "template", "tokenize"))
    for metadata in ({}, {"format": "pt"}, {"a": "", "é": "🦙", "x" * 1000: "y" * 100000}, {str(i): "v" for i in range(1000)}):
        yield case(f"metadata-{len(metadata)}-{len(str(metadata))}", Folder().files(model__safetensors=safetensors(t, metadata)))
    for pad in (1, 7, 8, 64, 4096):
        yield case(f"header-padded-{pad}", Folder().files(model__safetensors=safetensors(t, pad=pad)))
    for i in range(16):
        order = list(t)
        draw.shuffle(order)
        yield case(f"tensors-shuffled-{i}", Folder().files(model__safetensors=safetensors(t, order=order)))
        table = list(table_of(t).items())
        draw.shuffle(table)
        table = {k: dict(draw.sample(list(v.items()), 3)) for k, v in table}
        yield case(
            f"header-shuffled-{i}",
            Folder().files(model__safetensors=safetensors(t, header=json.dumps(table, indent=draw.choice((None, 1))))),
        )
    for key in ("rope_scaling", "rope_parameters", "quantization_config", "generation_config", "layer_types_by_name"):
        f = Folder()
        f.config[key] = {}
        yield case(f"{key}-empty", f.files())
        f.config[key] = None
        yield case(f"{key}-null", f.files())
    for shards in (1, 2, 3, 5, 21):
        yield case(f"{shards}-shards", Folder().files(shards))
        files = Folder().files(shards)
        index = json.loads(files["hf/model.safetensors.index.json"])
        index.pop("metadata")
        files["hf/model.safetensors.index.json"] = json.dumps(index, indent=2)
        yield case(f"{shards}-shards-without-index-metadata", files)
    parts, index = Folder().parts(2)
    index["weight_map"] = {k: v.replace("model-", "wéights ") for k, v in index["weight_map"].items()}
    files = Folder().files(model__safetensors=None)
    files["hf/model.safetensors.index.json"] = json.dumps(index)
    files.update({"hf/" + name.replace("model-", "wéights "): safetensors(tensors) for name, tensors in parts})
    yield case("shards-of-other-names", files, spares=("import",))
    f = Folder()
    cached = {"snapshots/abc/" + k[3:]: v for k, v in f.files().items()}
    blob = {f"blobs/{i}": v for i, v in enumerate(cached.values())}
    links = {k: Special.link(f"../../blobs/{i}") for i, k in enumerate(cached)}
    yield Case("valid folder", "hugging-face-cache", {**blob, **links}, ACCEPT, model="snapshots/abc")
    yield Case(
        "valid folder",
        "links-within",
        {**{f"hf/real-{k[3:]}": v for k, v in f.files().items()}, **{k: Special.link("real-" + k[3:]) for k in f.files()}},
        ACCEPT,
        model="hf",
    )
    for name in (
        "README.md",
        "LICENSE",
        "vocab.json",
        "merges.txt",
        "special_tokens_map.json",
        "added_tokens.json",
        ".gitattributes",
        "pytorch_model.bin",
        "onnx/model.onnx",
        "tokenizer.model",
        "original/params.json",
    ):
        yield case(f"beside-{name}", {**f.files(), f"hf/{name}": "{}" if name.endswith(".json") else "hello"})
    for name in ("tokenizer_config.json", "generation_config.json"):
        yield case(f"without-{name}", f.files(**{name.replace(".", "__"): None}))
    yield case("one-line-more", {k: v + "\n" if k.endswith("config.json") else v for k, v in f.files().items()})
    for key, content in (
        ("architectures", None),
        ("architectures", []),
        ("_name_or_path", "a/b"),
        ("transformers_version", "4.40.0"),
        ("use_cache", True),
        ("use_cache", False),
        ("initializer_range", 0.02),
        ("pad_token_id", None),
        ("pad_token_id", -1),
        ("rope_scaling", None),
        ("attention_dropout", 0.0),
        ("mlp_bias", False),
        ("pretraining_tp", 1),
        ("torch_dtype", "bfloat16"),
        ("head_dim", 8),
        ("head_dim", None),
        ("rope_theta", 500000),
        ("rope_theta", 500000.0),
        ("rms_norm_eps", 1e-06),
        ("eos_token_id", [262, 263]),
        ("eos_token_id", None),
        ("bos_token_id", None),
        ("max_position_embeddings", 131072),
        ("hidden_act", None),
        ("rope_scaling", {"rope_type": "default"}),
        ("rope_scaling", {"type": "linear", "factor": 2.0}),
        ("rope_scaling", {"rope_type": "linear", "factor": 2}),
        (
            "rope_scaling",
            {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
        ("rope_scaling", {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 64}),
        ("quantization_config", None),
        ("auto_map", {"AutoModel": "modeling.X"}),
        ("is_llama_config", True),
        ("neftune_noise_alpha", 5),
        ("max_sequence_length", 2048),
        ("transformers.js_config", {"kv_cache_dtype": {"q4f16": "float16", "fp16": "float16"}}),
        ("id2label", {"0": "A"}),
        ("dtype", "float32"),
        ("layer_types", None),
    ):
        yield case(f"config-{key}-{str(content)[:20]}", Folder().set("config", key, content).files())
    for dtype, encode in (("F16", lambda x: struct.pack("<e", x)), ("BF16", lambda x: struct.pack("<f", x)[2:])):
        for which in ("all", "model.norm.weight", "lm_head.weight"):
            f = Folder()
            for name, (_, shape, data) in list(f.tensors.items()):
                if which in ("all", name):
                    f.tensors[name] = (dtype, shape, b"".join(encode(x) for x in struct.unpack(f"<{len(data) // 4}f", data)))
            yield case(f"{dtype}-{which}", f.files())
    f = Folder().set("config", "tie_word_embeddings", True)
    yield case("tied-and-stored", f.files())
    del f.tensors["lm_head.weight"]
    yield case("tied", f.files())
    f = Folder()
    f.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ("F32", [4], f32([1, 0.1, 0.01, 0.001]))
    yield case("old-buffer", f.files())
    for label, change in (
        ("merges-as-lists", lambda k: k["model"].__setitem__("merges", [m.split(" ") for m in k["model"]["merges"]])),
        ("no-added", lambda k: None),
        ("normalizer-nfc", lambda k: k.__setitem__("normalizer", {"type": "NFC"})),
        ("normalizer-empty-sequence", lambda k: k.__setitem__("normalizer", {"type": "Sequence", "normalizers": []})),
        (
            "post-byte-level",
            lambda k: k.__setitem__(
                "post_processor", {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
            ),
        ),
        (
            "template",
            lambda k: k.__setitem__(
                "post_processor",
                {
                    "type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                    "special_tokens": {"<s>": {"id": "<s>", "ids": [262], "tokens": ["<s>"]}},
                },
            ),
        ),
        (
            "truncation",
            lambda k: k.__setitem__("truncation", {"direction": "Right", "max_length": 512, "strategy": "LongestFirst", "stride": 0}),
        ),
        (
            "padding",
            lambda k: k.__setitem__(
                "padding",
                {
                    "strategy": "BatchLongest",
                    "direction": "Right",
                    "pad_to_multiple_of": None,
                    "pad_id": 0,
                    "pad_type_id": 0,
                    "pad_token": "<s>",
                },
            ),
        ),
        (
            "split-regex",
            lambda k: k.__setitem__(
                "pre_tokenizer",
                {
                    "type": "Sequence",
                    "pretokenizers": [
                        {
                            "type": "Split",
                            "pattern": {"Regex": "(?i:'s|'t)|\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+"},
                            "behavior": "Isolated",
                            "invert": False,
                        },
                        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
                    ],
                },
            ),
        ),
        ("no-type", lambda k: k["model"].pop("type")),
        ("ignore-merges", lambda k: k["model"].__setitem__("ignore_merges", True)),
        ("dropout-0", lambda k: k["model"].__setitem__("dropout", 0.0)),
        ("version", lambda k: k.__setitem__("version", "2.0")),
        ("emoji-token", lambda k: k["added_tokens"].__setitem__(0, {**k["added_tokens"][0], "content": "<s>"})),
        ("no-merges", lambda k: k["model"].__setitem__("merges", [])),
    ):
        f = Folder()
        change(f.tokenizer)
        yield case(f"tokenizer-{label}", f.files(), also=("tokenize",))
    f = Folder()
    f.config.update(bos_token_id=1, eos_token_id=2, vocab_size=300)
    f.generation = {}
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        f.change(name, shape=[300, 32], data=(t[name][2] * 2)[: 300 * 128])
    for label, data in (
        ("plain", sentencepiece()),
        ("with-unknown-fields", sentencepiece() + proto(4, b"") + proto(200, 5) + proto(300, "x")),
        ("no-normalizer", sentencepiece(normalizer=b"")),
        ("first-normalizer", sentencepiece(normalizer=b"") + proto(3, proto(1, "identity") + proto(4, 0))),
    ):
        yield case(
            f"sentencepiece-{label}",
            f.files(
                tokenizer__json=None, tokenizer__model=data, tokenizer_config__json=json.dumps({"bos_token": "<s>", "eos_token": "</s>"})
            ),
            also=("tokenize",),
        )
        yield case(
            f"sentencepiece-{label}-alone",
            f.files(tokenizer__json=None, tokenizer__model=data, tokenizer_config__json=None, generation_config__json=None),
            also=("tokenize",),
        )
    for key, content in (
        (
            "bos_token",
            {"content": "<s>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "__type": "AddedToken"},
        ),
        ("model_max_length", 1e30),
        ("unk_token", None),
        ("pad_token", None),
        ("chat_template", None),
        ("extra_special_tokens", {}),
        ("added_tokens_decoder", {}),
        ("legacy", False),
        ("chat_template", [{"name": "default", "template": "{{ messages[0].content }}"}, {"name": "rag", "template": "x"}]),
        ("add_prefix_space", None),
        ("sp_model_kwargs", {}),
        ("tokenizer_class", "LlamaTokenizer"),
        ("add_eos_token", False),
        ("add_bos_token", None),
        ("clean_up_tokenization_spaces", True),
    ):
        yield case(
            f"tokenizer-config-{key}-{str(content)[:12]}", Folder().set("tokenizer_config", key, content).files(), also=("tokenize",)
        )


def cases():
    for group in (folders,):
        yield from group()
