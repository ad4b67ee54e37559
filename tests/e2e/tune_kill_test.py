"""kill -9 at random moments of a training run, again and again: resumed, it ends with the bytes of a run that nobody disturbed.

$FREEHOLD_KILLS says how often (6, under a sanitizer 3; 50 in `./dev nightly`), $FREEHOLD_SEED when (the same moments every time unless given).
"""

import json
import os
import random
import shutil
import time

import e2e
from tuning import adapter, measured, recipe, texts

KILLS = int(os.environ.get("FREEHOLD_KILLS", "3" if e2e.SANITIZED else "6"))
SEED = int(os.environ.get("FREEHOLD_SEED", "1"))


class Kills(e2e.Case):
    def folder_of(self, name):
        """A recipe of the same bytes, and its data, in a folder of its own."""
        folder = self.folder / name
        # Long enough that the last of the kills still meets it at work; every kind of file is written often.
        self.put(f"{name}/r.yaml", recipe(self.folder / "m.gguf", num_epochs=4 + KILLS // 2, save_steps=3, save_total_limit=3, lora_dropout=0.1,
                                          sample_packing=True, evals_per_epoch=3, load_best_model_at_end=True))
        self.put(f"{name}/d.jsonl", texts(60))
        return folder

    def test_the_same_bytes(self):
        self.succeeds("models", "synth", "--shape", "tiny-llama", "--type", "q8_0", self.folder / "m.gguf")
        whole, killed = self.folder_of("whole"), self.folder_of("killed")
        begin = time.monotonic()
        self.succeeds("tune", "start", whole / "r.yaml")
        seconds = time.monotonic() - begin
        draw, number, met, steps = random.Random(SEED), 0, 0, set()
        while number < KILLS:
            begun = (killed / "out" / "run.json").exists()
            process = e2e.start("tune", "resume" if begun else "start", killed / "r.yaml", home=self.home)
            time.sleep(draw.random() * min(seconds, max(0.15, 2.5 * seconds / KILLS)))
            process.kill()
            process.communicate(timeout=60)
            number += 1
            if process.returncode == -9:
                met += 1
            else:
                self.assertEqual(process.returncode, e2e.OK)
            status = self.run_freehold("tune", "status", killed / "r.yaml", "--json")
            if status.code == e2e.OK:
                told = json.loads(status.text)
                self.assertIn(told["status"], ("killed", "finished"))
                steps.add(told["step"])
                if told["status"] == "finished":  # the next kills meet another run
                    self.check(whole, killed)
                    shutil.rmtree(killed / "out")
        begun = (killed / "out" / "run.json").exists()
        self.succeeds("tune", "resume" if begun else "start", killed / "r.yaml")
        self.check(whole, killed)
        self.assertGreater(met, KILLS // 2)
        print(f"{met} kills, after {len(steps)} different steps", end=" ", flush=True)

    def check(self, whole, killed):
        self.assertEqual(adapter(killed / "out"), adapter(whole / "out"))
        self.assertEqual(measured(killed / "out"), measured(whole / "out"))
        self.assertEqual([p for p in (killed / "out").rglob(".tmp-*")], [])
        cards = [json.loads((each / "out" / "provenance.json").read_text()) for each in (whole, killed)]
        for card in cards:
            for key in ("started", "finished", "seconds"):
                card["run"].pop(key)
            for source in card["data"]:
                source.pop("path")
        self.assertEqual(cards[0], cards[1])


if __name__ == "__main__":
    e2e.main()
