"""A real checkpoint that somebody else trained answers greedily, byte for byte as its authors' program does, in every way to ask."""

import e2e

SHARED = e2e.needs(e2e.SHARED / "data" / "models" / "stories260K")
MODEL = SHARED / "stories260K-f32.gguf"
EXPECTED = (SHARED / "expected_greedy_200.txt").read_text()
GREEDY = ["--raw", "--temperature", "0", "--max-tokens", "200"]


class Stories(e2e.Case):
    def check(self, ended):
        self.assertEqual(ended.text.rstrip("\n"), EXPECTED.rstrip("\n"))

    def test_the_expected_text(self):
        self.check(self.succeeds("run", MODEL, *GREEDY, ""))

    def test_from_a_pipe(self):
        self.check(self.succeeds("run", MODEL, *GREEDY, stdin=b""))

    def test_every_instruction_set_and_thread_count(self):
        for level in ("scalar", "avx2", "avx512", "amx"):
            for threads in (1, 2, 3):
                ended = self.run_freehold("run", MODEL, *GREEDY, "--threads", threads, "", env={"FREEHOLD_ISA": level})
                if ended.code == e2e.UNSUPPORTED or ended.code == e2e.USAGE:
                    self.assertNotEqual(level, "scalar", ended.message)
                    continue  # this machine lacks the level, and the program says so
                self.assertEqual(ended.code, e2e.OK, ended.message)
                self.check(ended)

    def test_imported_under_a_name(self):
        self.succeeds("models", "import", MODEL, "--name", "stories:260k")
        self.check(self.succeeds("run", "stories:260k", *GREEDY, ""))


if __name__ == "__main__":
    e2e.main()
