"""`freehold backup`: everything that a home keeps, copied while the server runs, verified byte by byte, and put back."""

import fcntl
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import threading

import e2e
from audit_test import python
from chat_model import ChatGguf
from dialects import post
from serving import KEY, Orderly

CANARY = "a canary called Xenophon"
WORDS = "correct horse battery staple\n"


class Backups(e2e.Case):
    def setUp(self):
        super().setUp()
        self.succeeds("models", "import", self.put("m.gguf", ChatGguf().write()), "--name", "base")
        self.words = self.put("words", WORDS)
        self.backup, self.keys = self.folder / "backup", self.folder / "stick" / "keys"
        self.keys.parent.mkdir()

    def serve(self, *more, home=None):
        return Orderly(None, "--keep-content", *more, home=home or self.home)

    def say(self, server, user, text):
        body = {"model": "base", "messages": [{"role": "user", "content": text}], "max_tokens": 6, "temperature": 1, "user": user}
        got = post(server.port, KEY, "/v1/chat/completions", json.dumps(body).encode())
        self.assertEqual(got.status, 200, got.data)
        return got.headers["freehold-receipt"]

    def upload(self, server, content):
        part = b"--x\r\nContent-Disposition: form-data; name="
        form = part + b'"purpose"\r\n\r\nuser_data\r\n' + part + b'"file"; filename="a.txt"\r\n\r\n' + content + b"\r\n--x--\r\n"
        got = post(server.port, KEY, "/v1/files", form, headers={"content-type": "multipart/form-data; boundary=x"})
        self.assertEqual(got.status, 200, got.data)
        return json.loads(got.data)["id"]

    def create(self, *more, to=None, keys=True):
        with_keys = ("--keys", self.keys, "--passphrase-file", self.words) if keys else ()
        return self.succeeds("backup", "create", to or self.backup, *with_keys, *more)

    def restore(self, into, *more, backup=None):
        return self.succeeds("backup", "restore", backup or self.backup, "--into", into, "--keys", self.keys, "--passphrase-file", self.words, *more)

    def anywhere(self, folder, *texts):
        return [p for p in folder.rglob("*") if p.is_file() and any(t in p.read_bytes() for t in texts)]

    def acts(self, home):
        lines = self.succeeds("audit", "query", "--kind", "admin", "--json", home=home).text.splitlines()
        return [json.loads(line) for line in lines]


class Running(Backups):
    def waits(self, held, *arguments):
        """A command that says that it waits as long as somebody else has the lock, and ends well then."""
        folder = self.home / "holds" / "backups"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w+b") as lock:
            fcntl.flock(lock, held)
            with subprocess.Popen([e2e.FREEHOLD, *map(str, arguments)], env={**os.environ, "FREEHOLD_HOME": str(self.home)}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as waiting:
                self.assertIn("waiting", waiting.stderr.readline())
                self.assertIsNone(waiting.poll())
                fcntl.flock(lock, fcntl.LOCK_UN)
                said = waiting.communicate(timeout=60)[1]
        self.assertEqual(waiting.returncode, 0, said)

    def test_nobody_is_erased_while_it_is_made(self):
        """Else it would have what had been copied before, and be no backup that was made before."""
        with self.serve() as server:
            self.say(server, "alice", CANARY)
            self.waits(fcntl.LOCK_SH, "guard", "erase", "alice", "--yes")
            self.fails(e2e.NOT_FOUND, "guard", "erase", "alice", "--yes", names="nothing is kept")
            self.waits(fcntl.LOCK_EX, "backup", "create", self.backup)
            self.succeeds("backup", "verify", self.backup)

    def test_while_the_server_works(self):
        """Requests, files and the log go on meanwhile; what was copied fits together, and answers can be replayed there."""
        done, receipts, files = threading.Event(), [], []
        with self.serve() as server:
            receipts.append(self.say(server, "alice", CANARY))
            files.append(self.upload(server, b"first"))

            def work():
                while not done.is_set():
                    receipts.append(self.say(server, random.choice(("alice", "bob")), "the cat"))
                    files.append(self.upload(server, b"more"))

            worker = threading.Thread(target=work)
            worker.start()
            try:
                self.create("--models")
            finally:
                done.set()
                worker.join()
        self.assertGreater(len(receipts), 1)
        said = self.succeeds("backup", "verify", self.backup, "--keys", self.keys, "--passphrase-file", self.words)
        self.assertIn("signed by freehold.audit/", said.text)
        manifest = json.loads((self.backup / "manifest.json").read_text())
        kept = {f["path"] for f in manifest["files"]}
        self.assertLessEqual({"usage.db", "files.db", "audit/key.pub", "content/master-id"}, kept)
        # No key and nothing plain of what was said; a file of keys that gives nothing away.
        secrets = [(self.home / p).read_bytes().strip() for p in manifest["secrets"]]
        secrets += [p.read_bytes().split()[-1] for p in (self.home / "content" / "subjects").iterdir() if p.name != "lock"]
        self.assertLessEqual({"audit/key", "keys/master.key"}, set(manifest["secrets"]))
        self.assertEqual(self.anywhere(self.backup, CANARY.encode(), *secrets), [])
        self.assertFalse(any(s in self.keys.read_bytes() for s in secrets))
        for path in (self.backup, self.keys):
            self.assertEqual(path.stat().st_mode & 0o077, 0)
        home = self.folder / "new" / "home"
        self.restore(home)
        self.put("checkpoint", manifest["audit"]["checkpoint"])
        self.succeeds("audit", "verify", "--against", self.folder / "checkpoint", home=home)
        self.assertEqual(python(home / "audit").returncode, 0)
        self.succeeds("audit", "replay", receipts[0], home=home)
        self.assertIn(CANARY, self.succeeds("audit", "show", receipts[0], "--content", home=home).text)
        replays = json.loads(self.succeeds("audit", "replay", "--sample", "100%", "--json", home=home).text)
        self.assertEqual(replays["equal"], replays["drawn"], replays)
        # What a database names is there.
        with sqlite3.connect(home / "files.db") as files_db:
            names = [row[0] for row in files_db.execute("SELECT id FROM files")]
        self.assertIn(files[0], names)
        for name in names:
            self.assertTrue((home / "files" / name).is_file(), name)
        self.assertEqual([a["act"] for a in self.acts(home) if a["act"] not in ("audit.replay", "audit.show")][-1], "backup.restore")
        created = [a for a in self.acts(self.home) if a["act"] == "backup.create"]
        self.assertEqual(created[0]["details"]["files"], len(kept))
        with self.serve(home=home) as server:
            self.say(server, "alice", "and then?")
        self.succeeds("audit", "verify", home=home)

    def test_after_an_erasure(self):
        with self.serve() as server:
            receipt = self.say(server, "alice", CANARY)
            key = json.loads(self.succeeds("audit", "show", receipt, "--json").text)["key"]
            own = self.say(server, "", "Xenophon himself")
            file = self.upload(server, CANARY.encode())
        subjects = {p.name: p.read_bytes() for p in (self.home / "content" / "subjects").iterdir() if p.name != "lock"}
        self.create(to=self.folder / "before")
        (self.home / "history").write_text(CANARY)
        old_keys = self.keys.rename(self.folder / "old")
        for person in ("alice", key):
            self.assertIn("backup", self.succeeds("guard", "erase", person).message)
        self.create()
        self.assertEqual(self.anywhere(self.backup, CANARY.encode(), b"Xenophon", *(n.encode() for n in subjects), *(s.split()[-1] for s in subjects.values())), [])
        self.assertFalse((self.backup / "data" / "files" / file).exists())
        # The earlier backup with the later keys: nothing of what was kept opens.
        home = self.folder / "home2"
        self.restore(home, backup=self.folder / "before")
        for one in (receipt, own):
            self.fails(e2e.NOT_FOUND, "audit", "show", one, "--content", home=home, names="destroyed")
        # With its own keys it does: these are what is to be destroyed.
        self.succeeds("backup", "restore", self.folder / "before", "--into", self.folder / "home3", "--keys", old_keys, "--passphrase-file", self.words)
        self.assertIn(CANARY, self.succeeds("audit", "show", receipt, "--content", home=self.folder / "home3").text)


class Verified(Backups):
    def setUp(self):
        super().setUp()
        with self.serve() as server:
            self.receipt = self.say(server, "alice", CANARY)
        self.create("--models")

    def verify(self, *more, code=e2e.OK):
        ended = self.run_freehold("backup", "verify", self.backup, *more)
        self.assertEqual(ended.code, code, ended.text + ended.message)
        return ended

    def test_every_file_and_what_is_no_file(self):
        self.verify()
        draw = random.Random(7)
        for path in sorted(p for p in self.backup.rglob("*") if p.is_file() and not p.is_symlink()):
            name, data = path.relative_to(self.backup).as_posix(), path.read_bytes()
            for _ in range(1 if data else 0):
                at = draw.randrange(len(data))
                path.write_bytes(data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1:])
                ended = self.verify(code=e2e.CORRUPT) if name != "manifest.json" else self.run_freehold("backup", "verify", self.backup)
                self.assertEqual(ended.code, e2e.CORRUPT, (name, at))
                self.assertIn(name.split("/")[-1], ended.text + ended.message)
                if name == "data/usage.db":
                    self.assertIn("nothing was restored", self.run_freehold("backup", "restore", self.backup, "--into", self.folder / "x", "--without-keys").message)
                    self.assertFalse((self.folder / "x").exists())
            path.write_bytes(data)
        (self.backup / "data" / "more").write_text("x")
        self.assertIn("more", self.verify(code=e2e.CORRUPT).text)
        (self.backup / "data" / "more").unlink()
        (self.backup / "data" / "usage.db").rename(self.folder / "away")
        self.assertIn("missing", self.verify(code=e2e.CORRUPT).text)
        (self.folder / "away").rename(self.backup / "data" / "usage.db")
        self.verify()

    def test_a_stranger_s_manifest(self):
        note, manifest = self.backup / "manifest.note", self.backup / "manifest.json"
        own = self.put("pub", self.succeeds("audit", "key").text)
        self.verify("--key", own)
        self.assertIn("lost its signature", self.unsigned(json.loads(manifest.read_text()), e2e.CORRUPT))
        for path in ("../x", "/etc/x", "a//b", "audit", "a/../../b", ""):
            said = json.loads(manifest.read_text())
            said["secrets"] = []
            said["files"].append({"path": path, "size": 0, "sha256": "0" * 64})
            self.unsigned(said, e2e.CORRUPT)
        said = json.loads(manifest.read_text())
        said["secrets"], said["links"] = [], [{"path": "trees/a/b", "target": "../../../etc"}]
        self.assertIn("no link to a blob", self.unsigned(said, e2e.CORRUPT))
        said["links"] = []
        self.unsigned(said, e2e.OK)
        self.fails(e2e.CORRUPT, "backup", "verify", self.backup, "--key", own, names="signature")
        note.write_text("")
        self.verify(code=e2e.CORRUPT)
        self.fails(e2e.NOT_FOUND, "backup", "verify", self.folder, names="no backup")

    def unsigned(self, said, code):
        text = json.dumps(said).encode()
        (self.folder / "kept").exists() or shutil.copytree(self.backup, self.folder / "kept", symlinks=True)
        (self.backup / "manifest.json").write_bytes(text)
        (self.backup / "manifest.note").write_text(f"freehold-backup 1\nsha256:{hashlib.sha256(text).hexdigest()}\n")
        ended = self.run_freehold("backup", "verify", self.backup)
        self.assertEqual(ended.code, code, ended.text + ended.message)
        if code != e2e.OK:
            for name in ("manifest.json", "manifest.note"):
                shutil.copy(self.folder / "kept" / name, self.backup / name)
        return ended.message

    def test_consent(self):
        """Nothing is overwritten; what was there is put aside; keys are asked for."""
        self.fails(e2e.USAGE, "backup", "create", self.backup, names="something in it")
        self.fails(e2e.USAGE, "backup", "create", self.home / "x", names="the home itself")
        self.fails(e2e.USAGE, "backup", "create", self.folder / "y", "--keys", self.keys, "--passphrase-file", self.words, names=str(self.keys))
        self.fails(e2e.USAGE, "backup", "create", self.folder / "y", "--keys", self.folder / "k", "--passphrase-file", self.put("short", "abc"), names="at least 8")
        self.fails(e2e.USAGE, "backup", "create", self.folder / "y", "--keys", self.folder / "k", names="--passphrase-file")
        self.assertFalse((self.folder / "y").exists())
        # Keys lie apart from the backup; and where they cannot be written, there is no backup either.
        words = ("--passphrase-file", self.words)
        self.fails(e2e.USAGE, "backup", "create", self.folder / "y", "--keys", self.folder / "y" / "keys", *words, names="elsewhere")
        self.fails(e2e.USAGE, "backup", "create", "y", "--keys", "./y/deeper/keys", *words, names="elsewhere", cwd=self.folder)
        for nowhere in (self.folder / "nothing here" / "keys", self.words / "keys"):
            self.fails(e2e.NOT_FOUND, "backup", "create", self.folder / "y", "--keys", nowhere, *words, names=str(nowhere))
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith((".y", "y", ".tmp", "nothing"))], [])
        into = ("backup", "restore", self.backup, "--into")
        with_keys = ("--keys", self.keys, "--passphrase-file", self.words)
        self.fails(e2e.USAGE, *into, self.home, *with_keys, names="--replace")
        self.fails(e2e.USAGE, *into, self.folder / "z", names="--without-keys")
        self.fails(e2e.CORRUPT, *into, self.folder / "z", "--keys", self.keys, "--passphrase-file", self.put("w", "another one"), names="passphrase")
        damaged = self.put("damaged", self.keys.read_bytes()[:-6] + b"AAAA=\n")
        self.fails(e2e.CORRUPT, *into, self.folder / "z", "--keys", damaged, "--passphrase-file", self.words, names="damaged")
        self.assertFalse((self.folder / "z").exists())
        with self.serve() as server:
            self.say(server, "alice", "later")
            self.fails(e2e.USAGE, *into, self.home, *with_keys, "--replace", names="stop the server")
        later = (self.home / "audit" / "checkpoint").read_bytes()
        said = self.succeeds(*into, self.home, *with_keys, "--replace").text
        aside = [p for p in self.folder.iterdir() if p.name.startswith("home.replaced-")]
        self.assertEqual(len(aside), 1, said)
        self.assertEqual((aside[0] / "audit" / "checkpoint").read_bytes(), later)
        self.assertTrue(self.acts(self.home)[-1]["details"]["replaced"])
        self.fails(e2e.CORRUPT, "audit", "verify", "--against", self.put("later", later), names="rolled back")
        self.succeeds("audit", "replay", self.receipt)
        bare = self.folder / "bare"
        self.assertIn("audit/key", self.succeeds(*into, bare, "--without-keys").message)
        self.succeeds("audit", "verify", home=bare)
        self.assertFalse([p for p in self.folder.iterdir() if "unfinished" in p.name])

    def test_killed(self):
        """Whenever it is killed: the old home, or the new one; the next one clears away what is left."""
        before = sorted(p.relative_to(self.home) for p in self.home.rglob("*"))
        with_keys = ("--keys", self.keys, "--passphrase-file", self.words)
        for delay in (0.005, 0.02):
            process = e2e.start("backup", "restore", self.backup, "--into", self.home, "--without-keys", "--replace", home=self.home)
            threading.Event().wait(delay)
            process.kill()
            process.communicate()
            now = sorted(p.relative_to(self.home) for p in self.home.rglob("*"))
            if now != before:
                self.assertTrue([p for p in self.folder.iterdir() if p.name.startswith((".home.unfinished", "home.replaced"))])
            self.succeeds("audit", "verify")
        self.succeeds("backup", "restore", self.backup, "--into", self.home, *with_keys, "--replace")
        self.succeeds("audit", "verify")
        left = [p for p in self.folder.iterdir() if ".unfinished-" in p.name and (p / "unfinished").exists()]
        self.assertEqual(left, [])


class Models(Backups):
    def test_names_without_files(self):
        """By default a model is its name and where it came from; imported again it is the same."""
        self.create()
        said = json.loads((self.backup / "manifest.json").read_text())
        self.assertEqual([m["name"] for m in said["absent_models"]], ["base:latest"])
        self.assertFalse((self.backup / "data" / "blobs").exists())
        home = self.folder / "new"
        restored = self.restore(home)
        source, = [m["source"] for m in said["absent_models"]]
        command = f"freehold models import {source} --name base:latest"
        self.assertIn(f"the files of base:latest are not in the backup; to bring them back: {command}\n", restored.text)
        listed = self.succeeds("models", "list", home=home)
        self.assertRegex(listed.text, r"base:latest .* files missing\n")
        self.assertIn(command, listed.message)
        self.assertEqual([m["files_missing"] for m in json.loads(self.succeeds("models", "list", "--json", home=home).text)["models"] if m["name"] == "base:latest"], [True])
        for ask in (("run", "base", "hello"), ("serve", "base", "--port", "0")):
            self.fails(e2e.NOT_FOUND, *ask, home=home, names=command)
        self.succeeds(*command.split()[1:], home=home)
        self.assertNotIn("missing", self.succeeds("models", "list", home=home).text)
        self.succeeds("run", "base", "hello", "--max-tokens", "1", home=home)


if __name__ == "__main__":
    e2e.main()
