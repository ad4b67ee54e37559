"""`freehold batch`: whole files of prompts, killed and gone on with, wrong lines among right ones."""

import json
import signal
import time

import e2e
from tiny import STRING, Gguf

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"


def chat_model():
    gguf = Gguf()
    gguf.metadata["tokenizer.chat_template"] = (STRING, TEMPLATE)
    return gguf.write()


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class Batch(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", chat_model())
        self.out = self.folder / "out.jsonl"

    def given(self, *texts, name="in.jsonl"):
        return self.put(name, "".join((t if isinstance(t, str) else json.dumps(t)) + "\n" for t in texts))

    def command(self, given, out=None, *options):
        return ("batch", given, out or self.out, "--model", self.model, "--max-tokens", "6", *options)

    def test_answers_every_kind_of_line_in_order(self):
        chat = {"model": "anything", "messages": [{"role": "user", "content": "the cat"}], "max_tokens": 4}
        given = self.given(
            '"the cat"', "", {"prompt": "a dog", "max_tokens": 3, "custom_id": "mine"},
            {"messages": [{"role": "user", "content": "sat"}], "seed": 11}, {"prompt": [1, 260, 262]},
            {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {**chat, "n": 2}},
            {"custom_id": "b", "method": "POST", "url": "/v1/completions",
             "body": {"model": "m", "prompt": "the", "echo": True, "max_tokens": 2}})
        self.succeeds(*self.command(given))
        first, mine, seeded, ids, chat, completion = lines(self.out)
        for plain in (first, mine, seeded, ids):
            self.assertLessEqual({"id", "text", "finish_reason", "usage", "seed"}, set(plain))
        self.assertEqual(mine["custom_id"], "mine")
        self.assertLessEqual(mine["usage"]["completion_tokens"], 3)
        self.assertEqual(seeded["seed"], 11)
        self.assertEqual(ids["usage"]["prompt_tokens"], 3)
        self.assertNotEqual(first["seed"], mine["seed"])
        self.assertEqual((chat["custom_id"], chat["response"]["status_code"], chat["error"]), ("a", 200, None))
        body = chat["response"]["body"]
        self.assertEqual((body["object"], body["model"], len(body["choices"])), ("chat.completion", "anything", 2))
        self.assertEqual(body["choices"][0]["message"]["role"], "assistant")
        self.assertTrue(completion["response"]["body"]["choices"][0]["text"].startswith("the"))

    def test_the_same_bytes_whatever_runs_beside_it(self):
        given = self.given(*(json.dumps(f"the cat sat on mat {i % 5}") for i in range(40)))
        other = self.folder / "other.jsonl"
        self.succeeds(*self.command(given, None, "--sequences", "1", "--threads", "1"))
        self.succeeds(*self.command(given, other, "--sequences", "13"))
        self.assertEqual(self.out.read_bytes(), other.read_bytes())
        self.succeeds(*self.command(given, other))
        self.assertEqual(self.out.read_bytes(), other.read_bytes(), "all is there already")
        changed = self.folder / "changed.jsonl"
        self.succeeds(*self.command(given, changed, "--seed", "1"))
        self.assertNotEqual([a["text"] for a in lines(self.out)], [a["text"] for a in lines(changed)])

    def test_goes_on_exactly_after_being_killed(self):
        given = self.given(*({"prompt": f"the dog {i}", "max_tokens": 40} for i in range(400)))
        whole = self.folder / "whole.jsonl"
        self.succeeds(*self.command(given, whole))
        kills = 0
        while True:
            process = e2e.start(*self.command(given), home=self.home)
            before = self.out.stat().st_size if self.out.exists() else 0
            while process.poll() is None:
                if self.out.exists() and self.out.stat().st_size > before + 4000:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.002)
            killed = process.wait() == -signal.SIGKILL
            process.stdout.close()
            process.stderr.close()
            if not killed:
                break
            kills += 1
            content = self.out.read_bytes()
            self.assertTrue(whole.read_bytes().startswith(content), "what is there is the beginning of the whole")
            self.out.write_bytes(content[:len(content) - kills * 7])  # as if the last write had been torn
        self.assertGreater(kills, 2)
        self.assertEqual(self.out.read_bytes(), whole.read_bytes())

    def test_an_interrupt_leaves_whole_lines(self):
        given = self.given(*({"prompt": f"the dog {i}", "max_tokens": 60} for i in range(2000)))
        process = e2e.start(*self.command(given), home=self.home)
        limit = time.monotonic() + 60
        while not (self.out.exists() and self.out.stat().st_size) and time.monotonic() < limit:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        self.assertEqual(process.returncode, 130, err)
        self.assertIn(b"the same command goes on", err)
        self.assertTrue(self.out.read_bytes().endswith(b"\n"))
        self.assertLess(len(lines(self.out)), 2000)

    def test_a_wrong_line_fails_alone(self):
        body = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
        given = self.given(
            "not json", '"the cat"', "7", {"prompt": "a", "temperature": 9}, {"prompt": "a", "messages": []},
            {"custom_id": "x", "method": "GET", "url": "/v1/chat/completions", "body": body},
            {"custom_id": "y", "method": "POST", "url": "/v1/embeddings", "body": body},
            {"custom_id": "z", "method": "POST", "url": "/v1/chat/completions", "body": {**body, "stream": True}},
            {"custom_id": "w", "method": "POST", "url": "/v1/chat/completions", "body": {**body, "max_tokens": 100000}},
            {"prompt": "the " * 1000}, {"prompt": "a", "n": 2}, {"prompt": [99999]}, '{"prompt": "a", "prompt": "b"}',
            {"prompt": "a", "response_format": {"type": "json_object"}}, '"a dog"',
            {"prompt": "a", "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string", "format": "no-such"}}}})
        ended = self.fails(1, *self.command(given), names="12 of 16 lines failed")
        self.assertNotIn("report", ended.message)
        written = lines(self.out)
        self.assertEqual(len(written), 16)
        self.assertIn("#/format", written[15]["error"]["message"])
        for i, line in enumerate(written):
            if i in (1, 13, 14):
                self.assertIn("text", line)
            elif i == 8:  # more than the context holds may be asked for
                self.assertEqual(line["response"]["status_code"], 200)
            elif i in (5, 6, 7):
                self.assertEqual(line["response"]["status_code"], 400)
                self.assertTrue(line["response"]["body"]["error"]["message"])
            else:
                self.assertTrue(line["error"]["message"], line)
        self.fails(1, *self.command(given), names="12 of 16 lines failed")  # nothing left to do, and still not well
        self.assertEqual(lines(self.out), written)

    def test_touches_no_output_of_something_else(self):
        given = self.given('"the cat"', '"a dog"')
        self.succeeds(*self.command(given))
        content = self.out.read_bytes()
        self.fails(e2e.USAGE, *self.command(given, None, "--temperature", "0"), names="line 1 of")
        self.fails(e2e.USAGE, *self.command(self.given('"the cat"', '"a cat"', name="b.jsonl")), names="line 2 of")
        self.fails(e2e.USAGE, *self.command(self.given('"the cat"', name="c.jsonl")), names="line 2 of")
        self.assertEqual(self.out.read_bytes(), content)
        self.fails(e2e.USAGE, *self.command(given, given), names="line 1 of")
        self.assertEqual(given.read_text(), '"the cat"\n"a dog"\n')
        more = self.given('"the cat"', '"a dog"', '"sat"', name="more.jsonl")
        self.succeeds(*self.command(more))
        self.assertTrue(self.out.read_bytes().startswith(content), "an input that has grown is gone on with")

    def test_a_file_without_a_newline_is_something_else_too(self):
        given = self.given('"the cat"', '"a dog"')
        for other in (b"my important notes", b"\0" * 100, b'{"id":"batch_req_z', b"{}"):
            self.out.write_bytes(other)
            self.fails(e2e.USAGE, *self.command(given), names="nothing was changed")
            self.assertEqual(self.out.read_bytes(), other)
        self.out.unlink()
        self.succeeds(*self.command(given))
        whole = self.out.read_bytes()
        second = whole.index(b"\n") + 1
        for cut in (1, 5, 20, second - 1, second + 1, second + 9, second + 60, len(whole) - 1):  # torn by ourselves
            self.out.write_bytes(whole[:cut])
            self.succeeds(*self.command(given))
            self.assertEqual(self.out.read_bytes(), whole)
        self.out.write_bytes(whole + b"and more")
        self.fails(e2e.USAGE, *self.command(given), names="nothing was changed")

    def test_names_what_is_missing(self):
        given = self.given('"a"')
        self.fails(e2e.NOT_FOUND, *self.command(self.folder / "none.jsonl"), names="none.jsonl")
        self.fails(e2e.USAGE, "batch", given, self.out, names="--model")
        self.fails(e2e.NOT_FOUND, "batch", given, self.out, "--model", self.folder / "none.gguf", names="none.gguf")
        self.fails(e2e.NOT_FOUND, *self.command(given, self.folder / "none" / "out.jsonl"), names="none")
        self.succeeds(*self.command(self.given(name="empty.jsonl")))
        self.assertEqual(self.out.read_bytes(), b"")


if __name__ == "__main__":
    e2e.main()
