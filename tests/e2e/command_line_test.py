"""The command line: documented exit codes, one-line errors with a hint, help with examples, completions and a man page that parse."""

import json
import shutil
import subprocess

import e2e
from tiny import Gguf


class CommandLine(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", Gguf().write())

    def test_exit_codes(self):
        self.fails(e2e.USAGE, "run")
        self.fails(e2e.USAGE, "none-such")
        self.fails(e2e.USAGE, "run", self.model, "--none-such", "x")
        self.fails(e2e.USAGE, "run", self.model, "--max-tokens", "many", "x", names="max-tokens")
        self.fails(e2e.USAGE, "run", self.model, "--temperature", "-1", "x", names="temperature")
        self.fails(e2e.NOT_FOUND, "run", "nobody:here", "x", names="nobody:here")
        self.fails(e2e.NOT_FOUND, "inspect", "tensor", self.model, "none.weight", "--out", self.folder / "t", names="none.weight")
        self.fails(e2e.CORRUPT, "run", self.put("cut.gguf", Gguf().write()[:3000]), "x")
        strange = Gguf()
        strange.metadata["general.architecture"] = (8, "none-such")
        self.fails(e2e.UNSUPPORTED, "run", self.put("strange.gguf", strange.write()), "x", names="none-such")

    def test_the_context_is_not_exceeded_silently(self):
        ended = self.run_freehold("run", self.model, "--raw", "--max-tokens", "5", "the cat " * 200)
        self.assertEqual(ended.code, e2e.EXHAUSTED, ended.message)
        self.assertIn("128", ended.message, "names the context's length")

    def test_near_misses_are_named(self):
        self.assertIn("run", self.fails(e2e.USAGE, "rum").message)
        self.assertIn("--temperature", self.fails(e2e.USAGE, "run", self.model, "--temprature", "1", "x").message)

    def test_names_with_escapes_are_never_printed_raw(self):
        for arguments in (["run", "\x1b[31mred"], ["\x1b[31mred"], ["run", self.model, "--\x1b[31m"], ["tokenize", "\x9b31m\x1b"]):
            ended = self.run_freehold(*arguments)
            self.assertGreater(ended.code, 0)
            self.check_message(ended, arguments)

    def commands(self):
        return [c for c in ("run", "tokenize", "bench", "doctor", "version", "help", "models import", "models list", "models inspect",
                            "models verify", "models quantize", "models rm", "models synth", "inspect tokens", "inspect template",
                            "inspect logits", "inspect tensor", "inspect perplexity", "inspect next", "keys create", "keys list", "keys revoke",
                            "usage")]

    def test_every_command_has_help_with_examples(self):
        overview = self.succeeds("--help").text
        for command in self.commands():
            self.assertIn(command.split()[0], overview)
            text = self.succeeds(*command.split(), "--help").text
            self.assertIn("freehold " + command, text)
            self.assertEqual(text, self.succeeds("help", *command.split()).text)

    def test_completions_parse(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.succeeds("completions", shell).text
            self.assertIn("freehold", script)
            if shutil.which(shell):
                path = self.put("completion", script)
                self.assertEqual(subprocess.run([shell, "-n", str(path)], capture_output=True).returncode, 0, shell)

    def test_the_man_page_in_the_tree_is_the_current_one(self):
        page = self.succeeds("man").text
        self.assertTrue(page.startswith((".TH", '.\\"')), page[:40])
        self.assertEqual((e2e.SOURCE / "docs" / "man" / "freehold.1").read_text(), page, "write it anew: freehold man > docs/man/freehold.1")

    def test_json_is_json(self):
        answer = json.loads(self.succeeds("run", self.model, "--raw", "--json", "--temperature", "0", "--max-tokens", "3", "the").text)
        self.assertIn("usage", answer)
        json.loads(self.succeeds("doctor", "--json").text)

    def test_answers_have_the_form_that_was_asked_for(self):
        schema = {"type": "object", "properties": {"cat": {"type": "string"}, "dogs": {"type": "integer"}, "on": {"type": "boolean"}},
                  "required": ["cat", "dogs", "on"], "additionalProperties": False}
        file = self.put("schema.json", json.dumps(schema).encode())
        base = ("run", self.model, "--raw", "--max-tokens", "60")
        for given in (str(file), json.dumps(schema)):
            for seed in range(4):
                plain = self.succeeds(*base, "--schema", given, "--seed", str(seed), "--temperature", "1.5", "the cat").text
                answer = json.loads(plain)
                self.assertEqual([type(answer[k]) for k in ("cat", "dogs", "on")], [str, int, bool])
                whole = json.loads(self.succeeds(*base, "--schema", given, "--seed", str(seed), "--temperature", "1.5", "--json",
                                                 "--speculative", "off", "the cat").text)
                self.assertEqual(whole["text"] + "\n", plain)
                self.assertEqual(whole["finish_reason"], "length" if whole["steered"] else "stop")
        self.assertRegex(self.succeeds(*base, "--regex", "[0-9]{3}-[a-f]+", "the").text, r"\A[0-9]{3}-[a-f]+\n\Z")
        grammar = self.put("list.gbnf", b'root ::= "- " [a-z]+ "\\n" root?\n')
        self.assertRegex(self.succeeds(*base, "--grammar", str(grammar), "the").text, r"\A(- [a-z]+\n)+\n\Z")
        self.assertIn(self.succeeds(*base, "--choice", "cat", "--choice", "a dog", "the").text, ("cat\n", "a dog\n"))

    def test_forms_that_no_answer_can_have_are_refused_before_the_model_is_looked_at(self):
        self.fails(e2e.USAGE, "run", "nobody:here", "--schema", '{"type": "objekt"}', "x", names="--schema")
        self.fails(e2e.USAGE, "run", "nobody:here", "--regex", "(a", "x", names="--regex")
        self.fails(e2e.NOT_FOUND, "run", "nobody:here", "--grammar", "none.gbnf", "x", names="none.gbnf")
        self.fails(e2e.USAGE, "run", "nobody:here", "--choice", "a", "--regex", "a", "x", names="exclude")
        self.fails(e2e.EXHAUSTED, "run", self.model, "--raw", "--regex", "q{30}", "--max-tokens", "29", "x", names="30 tokens")
        self.fails(e2e.EXHAUSTED, "run", self.model, "--raw", "--regex", "q{127}", "the cat sat", names="127 tokens")

    def test_guesses_change_no_answer(self):
        base = ("run", self.model, "--raw", "--json", "--seed", "3", "--max-tokens", "60", "the cat sat on the mat the cat sat")
        plain = json.loads(self.succeeds(*base, "--speculative", "off").text)
        self.assertEqual(plain["usage"]["drafted_tokens"], 0)
        for more in ((), ("--speculative", "ngram"), ("--draft-model", self.model), ("--draft-tokens", "1")):
            answer = json.loads(self.succeeds(*base, *more).text)
            self.assertEqual(answer["text"], plain["text"], more)
            self.assertLessEqual(answer["usage"]["accepted_tokens"], answer["usage"]["drafted_tokens"])
        guessed = json.loads(self.succeeds(*base, "--temperature", "0", "--draft-model", self.model).text)
        self.assertEqual(guessed["usage"]["accepted_tokens"], guessed["usage"]["drafted_tokens"])
        other = Gguf()
        other.metadata["tokenizer.ggml.tokens"][1][1][-1] = "another"
        self.fails(e2e.USAGE, *base, "--draft-model", self.put("other.gguf", other.write()),
                   names="'another' in the draft model, '▁ma' in the model")
        self.fails(e2e.USAGE, *base, "--draft-model", self.model, "--speculative", "off", names="--draft-model")
        self.fails(e2e.NOT_FOUND, *base, "--draft-model", "nobody:here", names="nobody:here")

    def test_a_reader_that_goes_away_and_a_full_disk(self):
        process = e2e.start("help", home=self.home)
        process.stdout.close()
        process.communicate()
        self.assertGreaterEqual(process.returncode, 0, "SIGPIPE")
        with open("/dev/full", "wb") as full:
            ended = subprocess.run([e2e.FREEHOLD, "help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(ended.returncode, e2e.EXHAUSTED, "ENOSPC")

    def test_nothing_is_written_without_being_asked(self):
        self.succeeds("run", self.model, "--raw", "--max-tokens", "2", "the")
        self.succeeds("models", "list")
        self.assertFalse(self.home.exists() and any(self.home.rglob("*")))


if __name__ == "__main__":
    e2e.main()
