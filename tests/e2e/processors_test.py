"""The program on processors that this machine is not: without AVX-512, without AVX2, the oldest that x86-64 knows. Emulated; the same bytes on each."""

import os
import shutil
import subprocess
import unittest

import e2e
from chat_model import ChatGguf

EMULATOR = shutil.which("qemu-x86_64")
# What it reports of itself, and the fastest level that we may take there.
PROCESSORS = {"qemu64": "scalar", "Nehalem": "scalar", "Haswell": "avx2"}


@unittest.skipUnless(EMULATOR and os.uname().machine == "x86_64" and not e2e.SANITIZED, "needs qemu-x86_64, and a program without a sanitizer")
class Processors(e2e.Case):
    def emulated(self, processor, *arguments):
        return subprocess.run([EMULATOR, "-cpu", processor, e2e.FREEHOLD, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=300, env={"FREEHOLD_HOME": str(self.home), "PATH": os.environ["PATH"]}, check=False)

    def test_same_bytes_on_each(self):
        model = self.put("m.gguf", ChatGguf().write())
        asked = ("run", model, "the cat sat", "--max-tokens", "12", "--temperature", "0", "--threads", "1")
        expected = self.succeeds(*asked).text
        self.assertTrue(expected)
        for processor, level in PROCESSORS.items():
            with self.subTest(processor):
                ended = self.emulated(processor, *asked)
                self.assertEqual((ended.returncode, ended.stdout.decode()), (0, expected), ended.stderr)
                said = self.emulated(processor, "doctor", "--json")
                self.assertEqual(said.returncode, 0, said.stderr)
                self.assertIn(f'"{level}"', said.stdout.decode())


if __name__ == "__main__":
    e2e.main()
