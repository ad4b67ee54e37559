"""Hostile Hugging Face folders: rows T7 (index files, shards, what is no file), T8 (pickles), T4 (config.json)."""

import json
import os

from corpus.build import ACCEPT, BOUNDED, HUGE, Folder, Special, folder_case, safetensors
from corpus.hostile_gguf import ESCAPE
from corpus.hostile_safetensors import single


WEIGHTS = "model.safetensors"


def shards():
    good = Folder()
    parts, index = good.parts(3)
    names = [n for n, _ in parts]
    first = list(index["weight_map"])[0]

    def case(label, expect="refuse", index_text=None, **replaced):
        files = good.files(3)
        if index_text is not None:
            files["hf/model.safetensors.index.json"] = index_text
        for key, content in replaced.items():
            where = names[int(key[1])] if key[0] == "s" and key[1].isdigit() else key.replace("__", ".")
            files[f"hf/{where}"] = content
        return folder_case("T7 index", label, {k: v for k, v in files.items() if v is not None}, expect)

    def moved(target, label, **more):
        changed = json.loads(json.dumps(index))
        changed["weight_map"][first] = target
        return case(label, index_text=json.dumps(changed), **more)

    yield case("good", ACCEPT)
    outside = os.path.abspath("/etc/passwd")
    for i, target in enumerate(
        (
            "../model-00001-of-00003.safetensors",
            "../../etc/passwd",
            outside,
            "/dev/zero",
            "./" + names[0],
            "sub/" + names[0],
            "sub/../" + names[0],
            "",
            ".",
            "..",
            "\0.safetensors",
            names[0] + "\0",
            names[0] + "/",
            "\\..\\x.safetensors",
            "C:\\x.safetensors",
            "~/x.safetensors",
            "file:///etc/passwd",
            "http://127.0.0.1/x.safetensors",
            "none.safetensors",
            "model.bin",
            "pytorch_model.bin",
            "config.json",
            ESCAPE + ".safetensors",
            "x" * 300 + ".safetensors",
            "x" * 100000,
            "$HOME.safetensors",
            "*.safetensors",
            "-rf.safetensors",
            names[1],
            None,
            1,
            [names[0]],
            {"a": 1},
            True,
            "/proc/self/mem",
            "/proc/self/fd/0",
            "..%2f" + names[0],
            "\u2025/x.safetensors",
            names[0].upper(),
        )
    ):
        yield moved(target, f"shard-{i}")
    yield case("up-by-link", s0=Special.link("../../" + names[0]))
    for label, special in (
        ("missing", None),
        ("empty", b""),
        ("fifo", Special.fifo()),
        ("folder", Special.folder()),
        ("loop", Special.link(names[0])),
        ("dev-zero", Special.link("/dev/zero")),
        ("passwd", Special.link("/etc/passwd")),
        ("dangling", Special.link("none")),
        ("hole", Special.hole(1 << 40)),
        ("text", b"hello"),
        ("proc-mem", Special.link("/proc/self/mem")),
        ("relative-out", Special.link("../outside.safetensors")),
        ("other-shard", safetensors(parts[1][1])),
        ("whole", safetensors(good.tensors)),
        ("cut", safetensors(parts[0][1])[:-64]),
        ("link-to-link", Special.link("../l2")),
    ):
        yield case(f"first-{label}", s0=special)
    for label, text in (
        ("empty", ""),
        ("list", "[]"),
        ("no-map", "{}"),
        ("map-null", '{"weight_map": null}'),
        ("map-list", '{"weight_map": []}'),
        ("map-empty", '{"weight_map": {}}'),
        ("map-string", '{"weight_map": "x"}'),
        ("cut", json.dumps(index)[:-10]),
        ("nul", json.dumps(index) + "\0"),
        ("garbage", json.dumps(index) + "x"),
        ("twice", json.dumps(index)[:-1] + ', "weight_map": {}}'),
        ("tensor-twice", json.dumps(index).replace('"weight_map": {', '"weight_map": {"%s": "%s", ' % (first, names[1]))),
        ("deep", '{"weight_map":' * 50000),
        ("big", '{"a":"' + "x" * 30_000_000 + '"}'),
        ("many", json.dumps({"weight_map": {f"t{i}": names[0] for i in range(300000)}})),
        ("many-shards", json.dumps({"weight_map": {f"t{i}": f"m{i}.safetensors" for i in range(10000)}})),
    ):
        yield case(f"index-{label}", index_text=text)
    extra = json.loads(json.dumps(index))
    extra["weight_map"]["ghost.weight"] = names[0]
    yield case("ghost-tensor", index_text=json.dumps(extra))
    less = json.loads(json.dumps(index))
    del less["weight_map"][first]
    yield case("tensor-not-in-index", index_text=json.dumps(less))
    yield case("index-is-a-fifo", index_text=Special.fifo())
    yield case("index-is-a-folder", index_text=Special.folder())
    for total in (-1, 0, 1, "x", 1 << 63):
        wrong = json.loads(json.dumps(index))
        wrong["metadata"]["total_size"] = total
        yield case(f"total-size-{total}", BOUNDED, index_text=json.dumps(wrong))
    for name in (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        WEIGHTS,
        "chat_template.jinja",
        "tokenizer.model",
    ):
        for label, special in (
            ("fifo", Special.fifo()),
            ("folder", Special.folder()),
            ("dangling", Special.link("none")),
            ("dev-zero", Special.link("/dev/zero")),
            ("passwd", Special.link("/etc/passwd")),
            ("loop", Special.link(name)),
            ("hole", Special.hole(1 << 40)),
            ("empty", b""),
            ("nul", bytes(100)),
        ):
            if (
                (name, label) in (("chat_template.jinja", "empty"), ("chat_template.jinja", "nul"))
                or name == "tokenizer.model"
                and label in ("empty", "nul")
            ):
                continue  # an empty template is one; tokenizer.json is read before tokenizer.model
            yield folder_case("T7 special files", f"{name}-{label}", Folder().files(**{name.replace(".", "__"): special}))
    for name in ("config.json", WEIGHTS):
        yield folder_case("T7 special files", f"{name}-missing", Folder().files(**{name.replace(".", "__"): None}))
    for name in (
        "pytorch_model.bin",
        "consolidated.00.pth",
        "model.pt",
        "pytorch_model.bin.index.json",
        "model.pkl",
        "tf_model.h5",
        "flax_model.msgpack",
        "model.onnx",
    ):
        yield folder_case(
            "T8 pickled", name, {**Folder().files(model__safetensors=None), f"hf/{name}": b"\x80\x02cos\nsystem\nX\x04\0\0\0echo\x85R."}
        )
    yield single("T8 pickled", "pickle-called-safetensors", b"\x80\x02cos\nsystem\n(S'echo'\ntR.")
    yield single("T8 pickled", "zip-called-safetensors", b"PK\3\4" + bytes(200))


def configs():
    def changed(key, content, label, expect="refuse"):
        return folder_case("T4 config.json", f"{key}-{label}", Folder().set("config", key, content).files(), expect)

    integers = (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "max_position_embeddings",
        "vocab_size",
    )
    for key in integers:
        true = Folder().config[key]
        for content in (
            0,
            -1,
            true + 1,
            true - 1,
            1 << 31,
            1 << 32,
            1 << 63,
            HUGE,
            -(1 << 63),
            10**30,
            float(true),
            true + 0.5,
            1e300,
            str(true),
            "",
            True,
            [true],
            {},
            {"a": true},
        ):
            if key == "max_position_embeddings" and content in (true + 1, true - 1):
                continue
            yield changed(key, content, str(content)[:24])
        if key not in ("num_key_value_heads", "vocab_size"):
            yield folder_case("T4 config.json", f"{key}-missing", Folder().drop("config", key).files())
    for key in ("rms_norm_eps", "rope_theta"):
        for content in (0, -1, -1e-5, 1e300, "1e-5", True, [1e-5], {}):
            yield changed(key, content, str(content))
        for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x10", "1e", ".5", "01", "+1", "1_000", "--1"):
            files = Folder().files()
            true = json.dumps(Folder().config[key])
            files["hf/config.json"] = files["hf/config.json"].replace(f'"{key}": {true}', f'"{key}": {text}')
            yield folder_case("T4 config.json", f"{key}-text-{text}", files)
    for key, contents in (
        ("model_type", ("", "none-such", ESCAPE, None, 1, ["llama"], "LLAMA", "bert", "x" * 100000)),
        ("architectures", (1.5, "LlamaForCausalLM", [1 << 31], {"a": 1})),
        ("torch_dtype", (-1, ["float32"], {"a": 1})),
        ("use_cache", ({"a": 1}, ["x"], "yes")),
        ("initializer_range", ({"a": 1}, ["x"], "0.02")),
        ("pretraining_tp", ({"a": 1}, "1")),
        ("transformers_version", (4.4, True)),
        ("hidden_act", ("relu", "", ESCAPE, 1, ["silu"], "gelu")),
        ("tie_word_embeddings", (1, "true", [], "no")),
        ("attention_bias", (True, 1, "false")),
        ("mlp_bias", (True,)),
        ("head_dim", (0, 1, 7, 16, 1 << 20, -8, "8", 8.0)),
        (
            "rope_scaling",
            (
                1,
                "linear",
                [],
                {"rope_type": "none-such", "factor": 2.0},
                {"rope_type": "linear", "factor": 0},
                {"rope_type": "linear", "factor": -2},
                {"rope_type": "linear", "factor": "2"},
                {"rope_type": "llama3", "factor": 8.0},
                {"rope_type": "dynamic", "factor": 2.0},
                {
                    "rope_type": "llama3",
                    "factor": 8.0,
                    "low_freq_factor": 4.0,
                    "high_freq_factor": 1.0,
                    "original_max_position_embeddings": 64,
                },
                {"rope_type": ESCAPE, "factor": 2.0},
                {"rope_type": "longrope", "short_factor": [1] * 4, "long_factor": [1] * 4},
                {"rope_type": "yarn", "factor": 1e30},
                {"rope_type": "linear", "factor": 2.0, "secret": 1},
            ),
        ),
        ("partial_rotary_factor", (0.5, 0, 2, "1")),
        ("sliding_window", (-1, "x")),
        ("secret_sauce", (1, {"a": 1}, "x", [1])),
        ("quantization_config", ({"quant_method": "gptq", "bits": 4}, {"quant_method": "fp8"})),
        ("bos_token_id", (264, -1, 1 << 31, 1 << 63, "262", [262], 1.5, True, {}, {"a": 1}, [1.5])),
        ("eos_token_id", (264, -1, 1 << 31, 1 << 63, "263", [263, 264], [263, "x"], 1.5, True, {}, [[263]], {"a": 263})),
    ):
        for i, content in enumerate(contents):
            lenient = key == "bos_token_id" and content == [262] or (key, content) == ("mlp_bias", 1)
            yield changed(key, content, f"{i}", BOUNDED if lenient else "refuse")
    good = json.dumps(Folder().config)
    for label, text in (
        ("array", "[]"),
        ("string", '"x"'),
        ("null", "null"),
        ("number", "1"),
        ("empty-object", "{}"),
        ("cut", good[:-20]),
        ("garbage", good + "x"),
        ("two", good + good),
        ("nul", good + "\0"),
        ("not-utf8", good.encode().replace(b"silu", b"si\xff")),
        ("utf16", good.encode("utf-16")),
        ("twice", good[:-1] + ', "hidden_size": 64}'),
        ("twice-same", good[:-1] + ', "hidden_size": 32}'),
        ("twice-escaped", good[:-1] + ', "hidden\\u005fsize": 64}'),
        ("dotted", good[:-1] + ', "rope_scaling": {"factor": 2.0, "type": "linear"}, "rope_scaling.factor": 4.0}'),
        ("deep", good[:-1] + ', "x": ' + "[" * 100000 + "]" * 100000 + "}"),
        ("deep-objects", good[:-1] + ', "x": ' + '{"a":' * 100000 + "1" + "}" * 100001),
        ("large", good[:-1] + ', "x": "' + "y" * 2_000_000 + '"}'),
        ("many-keys", good[:-1] + "".join(f', "k{i}": 1' for i in range(50000)) + "}"),
        ("lone-surrogate", good.replace("silu", "\\ud800")),
        ("comment", "// x\n" + good),
        ("control", good.replace("silu", "si\nlu")),
        ("escape-key", good[:-1] + ', "\\u001b[31m": 1}'),
    ):
        yield folder_case("T4 config.json", f"text-{label}", Folder().files(config__json=text))
    good = json.dumps(Folder().generation)
    for label, text in (
        ("array", "[]"),
        ("cut", good[:-3]),
        ("eos-far", '{"eos_token_id": 9999}'),
        ("eos-string", '{"eos_token_id": "x"}'),
        ("eos-object", '{"eos_token_id": {"a": 263}}'),
        ("bos-object", '{"bos_token_id": {"a": 262}}'),
        ("eos-negative", '{"eos_token_id": [-1]}'),
        ("twice", good[:-1] + ', "eos_token_id": 1}'),
        ("nan", '{"temperature": NaN}'),
        ("deep", '{"a":' * 90000),
    ):
        yield folder_case("T4 generation_config.json", label, Folder().files(generation_config__json=text))


def cases():
    for group in (shards, configs):
        yield from group()
