"""The glass box (`tokenize`, `inspect …`) from outside: consistent with itself and with what the files hold."""

import json
import math
import os
import stat
import struct

import e2e
import tiny
from tiny import Gguf


class GlassBox(e2e.Case):
    def setUp(self):
        super().setUp()
        self.gguf = Gguf()
        self.model = self.put("tiny.gguf", self.gguf.write())

    def ids(self, text, *options):
        return json.loads(self.succeeds("inspect", "tokens", self.model, "--text", text, "--json", *options).text)

    def logits(self, ids, **more):
        out = self.folder / "logits.f32"
        self.succeeds("inspect", "logits", self.model, "--ids", self.put("ids", " ".join(map(str, ids))), "--out", out, **more)
        return out.read_bytes()

    def test_logits_have_the_stated_shape_and_never_change(self):
        vocabulary = len(tiny.vocabulary()[0])
        ids = [1, 260, 261, 262, 263, 264]
        reference = self.logits(ids)
        self.assertEqual(len(reference), 4 * len(ids) * vocabulary)
        numbers = struct.unpack(f"<{len(reference) // 4}f", reference)
        self.assertTrue(all(math.isfinite(x) for x in numbers))
        self.assertEqual(reference[:4 * 3 * vocabulary], self.logits(ids[:3]), "later tokens change nothing before them")
        for level in ("scalar", "avx2"):
            self.assertEqual(reference, self.logits(ids, env={"FREEHOLD_ISA": level}), level)

    def test_a_tensor_comes_out_as_it_went_in(self):
        out = self.folder / "t"
        for name in ("blk.0.attn_q.weight", "output_norm.weight", "token_embd.weight"):
            self.succeeds("inspect", "tensor", self.model, name, "--out", out)
            self.assertEqual(out.read_bytes(), self.gguf.tensor(name)[3], name)

    def test_pipes_are_read_and_written(self):
        ids = self.put("ids", "1 260 261")
        whole = self.logits([1, 260, 261])
        self.assertEqual(self.succeeds("inspect", "logits", self.model, "--ids", ids, "--out", "-").out, whole)
        fifo = self.folder / "pipe"
        os.mkfifo(fifo)
        process = e2e.start("inspect", "logits", self.model, "--ids", ids, "--out", fifo)
        self.assertEqual(fifo.read_bytes(), whole)
        process.communicate()
        self.assertEqual(process.returncode, e2e.OK)
        self.assertTrue(stat.S_ISFIFO(fifo.stat().st_mode), "what is no file is written to, never replaced")
        process = e2e.start("inspect", "logits", self.model, "--ids", fifo, "--out", "-")
        fifo.write_bytes(b"1 260 261")
        self.assertEqual(process.communicate()[0], whole)
        self.fails(e2e.USAGE, "inspect", "logits", self.model, "--ids", ids, "--out", self.folder, names="folder")

    def test_a_bare_template_needs_no_special_tokens(self):
        messages = self.put("m.json", '[{"role": "user", "content": "hello"}]')
        template = self.put("t.jinja", "{{ bos_token + messages[0].content }}")
        ended = self.succeeds("inspect", "template", template, "--messages", messages)
        self.assertEqual(ended.text, "hello")
        self.assertIn("--bos", ended.message)
        ended = self.succeeds("inspect", "template", template, "--messages", messages, "--bos", "<s>")
        self.assertEqual((ended.text, ended.message), ("<s>hello", ""))

    def test_token_ids_out_of_range_are_refused(self):
        for bad in ("-1", "99999", "4294967296", "x", "1.5"):
            ended = self.run_freehold("inspect", "logits", self.model, "--ids", self.put("ids", bad), "--out", self.folder / "l")
            self.assertEqual(ended.code, e2e.USAGE, ended.message)

    def test_a_template_becomes_text(self):
        self.gguf.metadata["tokenizer.chat_template"] = (
            tiny.STRING, "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}")
        model = self.put("chat.gguf", self.gguf.write())
        messages = self.put("m.json", json.dumps([{"role": "user", "content": "the cat </s> \u001b[1m"}]))
        text = self.succeeds("inspect", "template", model, "--messages", messages).text
        self.assertIn("<user>the cat", text)

    def test_a_saved_conversation_keeps_its_system_message(self):
        template = self.put("t.jinja", "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}")
        saved = self.put("saved.json", json.dumps({"system": "be brief", "messages": [{"role": "user", "content": "hi"}]}))
        self.assertEqual(self.succeeds("inspect", "template", template, "--messages", saved).text, "[system]be brief[user]hi")
        none = self.put("none.json", json.dumps({"system": "", "messages": [{"role": "user", "content": "hi"}]}))
        self.assertEqual(self.succeeds("inspect", "template", template, "--messages", none).text, "[user]hi")

    def test_a_pipe_is_tokenized(self):
        piped = self.succeeds("tokenize", self.model, stdin=b"the cat").text
        self.assertEqual(piped, self.succeeds("tokenize", self.model, "the cat").text)
        self.assertNotEqual(piped, self.succeeds("tokenize", self.model, "the").text)

    def test_hostile_templates_end_soon(self):
        for template in ("{% for i in range(10**12) %}x{% endfor %}", "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s "
                         "= ns.s + ns.s %}{% endfor %}{{ ns.s }}", "{{ " + "(" * 100000, "{% if 1 %}" * 100000, "{{ 'x' * 10**12 }}",
                         "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ none_such.attribute.attribute }}"):
            self.gguf.metadata["tokenizer.chat_template"] = (tiny.STRING, template)
            model = self.put("chat.gguf", self.gguf.write())
            messages = self.put("m.json", '[{"role": "user", "content": "x"}]')
            ended = self.run_freehold("inspect", "template", model, "--messages", messages, timeout=20)
            self.assertGreater(ended.code, 0, template[:60])
            self.check_message(ended, template[:60])
            self.assertLess(ended.seconds, 10, template[:60])


if __name__ == "__main__":
    e2e.main()
