"""`models import`, `list`, `verify`, `rm`: what is stored is whole or absent, whenever the program is killed; a flipped byte is found."""

import random
import shutil
import signal
import time

import e2e
from tiny import Gguf


class Store(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", Gguf().write())

    def blobs(self):
        return sorted(p for p in self.home.rglob("*") if p.is_file() and p.name.startswith("sha256-"))

    def names(self):
        return [line.split()[0] for line in self.succeeds("models", "list").text.splitlines()[1:] if line.strip()]

    def test_imported_listed_run_removed(self):
        imported = self.succeeds("models", "import", self.model, "--name", "tiny:one").text.split()
        listed = self.succeeds("models", "list").text.splitlines()[1].split()
        self.assertEqual(listed[0], "tiny:one")
        self.assertIn(imported[1], listed, "the same digest")
        self.assertIn(f"digest {imported[1]}", " ".join(self.succeeds("models", "inspect", "tiny:one").text.split()))
        by_name = self.succeeds("run", "tiny:one", "--raw", "--temperature", "0", "--max-tokens", "5", "the")
        by_path = self.succeeds("run", self.model, "--raw", "--temperature", "0", "--max-tokens", "5", "the")
        self.assertEqual(by_name.out, by_path.out)
        self.succeeds("models", "verify")
        self.succeeds("models", "rm", "tiny:one")
        self.assertNotIn("tiny:one", self.succeeds("models", "list").text)
        self.fails(e2e.NOT_FOUND, "run", "tiny:one", "x", names="tiny:one")

    def test_importing_twice_stores_once(self):
        self.succeeds("models", "import", self.model, "--name", "tiny:one")
        before = self.blobs()
        self.succeeds("models", "import", self.model, "--name", "tiny:two")
        self.assertEqual(self.blobs(), before)
        self.succeeds("models", "rm", "tiny:one")
        self.succeeds("run", "tiny:two", "--raw", "--max-tokens", "1", "the")

    def test_a_flipped_byte_is_found_and_named(self):
        self.succeeds("models", "import", self.model, "--name", "tiny:one")
        largest = max(self.blobs(), key=lambda p: p.stat().st_size)
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.chmod(0o600)
        largest.write_bytes(data)
        ended = self.run_freehold("models", "verify")
        self.assertEqual(ended.code, e2e.CORRUPT, ended.message)
        self.assertIn(largest.name.removeprefix("sha256-")[:12], ended.message + ended.text)

    def test_killed_at_any_instant(self):
        big = Gguf()
        big.metadata["general.padding"] = (8, "x" * (8 << 20))  # 8: string; long enough that the kill hits the middle
        path = self.put("big.gguf", big.write())
        self.succeeds("models", "import", self.model, "--name", "tiny:one")
        begin = time.monotonic()
        self.succeeds("models", "import", path, "--name", "big:whole")
        whole = time.monotonic() - begin
        self.succeeds("models", "rm", "big:whole")
        draw = random.Random(7)
        for index in range(12):
            process = e2e.start("models", "import", path, "--name", f"big:{index}", home=self.home)
            time.sleep(draw.uniform(0, whole * 1.2))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assertIn("tiny:one", self.succeeds("models", "list").text)
            self.succeeds("models", "verify")
            if f"big:{index}" in self.succeeds("models", "list").text:
                self.succeeds("models", "rm", f"big:{index}")
        self.succeeds("models", "import", path, "--name", "big:end")
        self.succeeds("models", "verify")
        leftovers = [p for p in self.home.rglob("*") if p.name.startswith(".tmp")]
        self.assertLessEqual(len(leftovers), 1, "what a killed import left is cleared away by later ones")

    def test_hostile_files_are_not_stored(self):
        bad = self.put("bad.gguf", Gguf().write()[:5000])
        self.assertGreater(self.run_freehold("models", "import", bad, "--name", "bad:x").code, 1)
        self.assertNotIn("bad:x", self.succeeds("models", "list").text)
        for name in ("../x:y", "a/b/../c:d", "x:", ":y", "x y:z", "\x1b[1m:z", "sha256:" + "0" * 64):
            self.fails(e2e.USAGE, "models", "import", self.model, "--name", name)

    def test_quantize_and_synth_give_models_that_run(self):
        small = self.folder / "q8.gguf"
        self.succeeds("models", "quantize", self.model, small, "--type", "q8_0")
        self.assertLess(small.stat().st_size, self.model.stat().st_size)
        self.succeeds("run", small, "--raw", "--temperature", "0", "--max-tokens", "3", "the")
        before = small.read_bytes()
        link = self.folder / "link.gguf"
        link.hardlink_to(small)
        for out in (small, link):
            self.fails(e2e.USAGE, "models", "quantize", small, out, "--type", "q4_0", "--requantize", "--force", names="itself")
        self.assertEqual(small.read_bytes(), before)

    def test_what_the_disk_has_no_room_for_is_not_begun(self):
        if shutil.disk_usage(self.folder).free > 270 << 30:
            self.skipTest("there is room for 70 billion float32")
        for where in ([self.folder / "big.gguf"], ["--name", "big:one"]):
            self.fails(e2e.EXHAUSTED, "models", "synth", *where, "--shape", "llama-2-70b", "--type", "f32", timeout=30, names="are free at")
        self.assertEqual([p.name for p in self.folder.iterdir() if "big" in p.name or "tmp-" in p.name], [])


if __name__ == "__main__":
    e2e.main()
