"""`keys` and `usage`: a key is shown once and its hash never; hostile names, numbers and database files are clear errors."""

import json
import os
import re
import stat

import e2e

KEY = re.compile(r"fh-([a-z2-9]{8})-[A-Za-z0-9_-]{43}")


class Keys(e2e.Case):
    def create(self, *arguments):
        text = self.succeeds("keys", "create", *arguments).text
        self.assertRegex(text, rf"\A{KEY.pattern}\n\Z", "nothing but the key on standard output")
        return text.strip()

    def listed(self):
        return json.loads(self.succeeds("keys", "list", "--json").text)["keys"]

    def test_created_listed_revoked(self):
        self.assertEqual(self.listed(), [])
        self.assertIn("keys create", self.succeeds("keys", "list").message)
        alice = self.create("--name", "Alice Müller", "--role", "admin")
        ci = self.create("--name", "ci", "--models", "mistral:q4,qwen3", "--requests-per-minute", "60", "--tokens-per-minute", "100000",
                         "--concurrency", "2", "--expires", "30d")
        first, second = self.listed()
        self.assertEqual((first["id"], first["name"], first["role"], first["state"]), (KEY.match(alice)[1], "Alice Müller", "admin", "active"))
        self.assertEqual((first["expires"], first["models"], first["concurrency"]), (None, None, None))
        self.assertEqual(second["models"], ["mistral:q4", "qwen3"])
        self.assertEqual((second["requests_per_minute"], second["tokens_per_minute"], second["concurrency"]), (60, 100000, 2))
        self.assertIn("Alice Müller", self.succeeds("keys", "list").text)
        self.succeeds("keys", "revoke", first["id"])
        self.succeeds("keys", "revoke", first["id"])
        self.assertEqual([k["state"] for k in self.listed()], ["revoked", "active"])
        self.fails(e2e.NOT_FOUND, "keys", "revoke", "aaaaaaaa", names="aaaaaaaa")
        refused = self.fails(e2e.NOT_FOUND, "keys", "revoke", ci)
        self.assertNotIn(ci[12:], refused.message, "a secret is not repeated")
        # Neither a listing nor a file holds a secret; no listing holds a hash.
        for text in (self.succeeds("keys", "list").text, self.succeeds("keys", "list", "--json").text):
            self.assertNotIn("argon2", text)
        for path in filter(lambda p: p.is_file(), self.home.rglob("*")):
            for key in (alice, ci):
                self.assertNotIn(key[12:].encode(), path.read_bytes())
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        self.assertEqual(stat.S_IMODE(self.home.stat().st_mode), 0o700)

    def test_rotated(self):
        old = self.create("--name", "x", "--role", "admin")
        new = self.succeeds("keys", "rotate", KEY.match(old)[1]).text.strip()
        self.assertRegex(new, rf"\A{KEY.pattern}\Z")
        self.assertEqual((KEY.match(new)[1], new == old), (KEY.match(old)[1], False))
        self.assertEqual(len(self.listed()), 1)
        refused = self.fails(e2e.NOT_FOUND, "keys", "rotate", old)
        self.assertNotIn(old[12:], refused.message)
        self.succeeds("keys", "revoke", KEY.match(old)[1])
        self.fails(e2e.USAGE, "keys", "rotate", KEY.match(old)[1], names="revoked")

    def test_break_glass_carries_the_highest_label_unless_it_is_said(self):
        for more, label, ceiling in (((), "health", None), (("--ceiling", "personal"), "personal", "personal"), (("--label", "internal"), "internal", None)):
            said = self.succeeds("keys", "create", "--name", "glass", "--role", "break-glass", *more)
            self.assertEqual(("its requests carry the label" in said.message), "--label" not in more)
            self.assertEqual((self.listed()[-1]["label"], self.listed()[-1]["ceiling"]), (label, ceiling))
        self.put("home/policy.yaml", "version: 1\nroles:\n  break-glass: {actions: [ask], models: \"*\", label: personal, reason: required}\n")
        self.assertEqual(self.home, self.folder / "home")
        self.create("--name", "glass", "--role", "break-glass")
        self.assertEqual(self.listed()[-1]["label"], "personal", "what the policy lets the role touch")
        self.assertNotIn("label", self.succeeds("keys", "create", "--name", "x").message)

    def test_json_of_a_new_key(self):
        made = json.loads(self.succeeds("keys", "create", "--name", "x", "--expires", "2099-12-31", "--json").text)
        self.assertEqual(KEY.match(made["key"])[1], made["id"])
        self.assertEqual(made["expires"], "2099-12-31T00:00:00Z")

    def test_hostile_words(self):
        for name in ("", " ", "a\nb", "\x1b[31mred", "\u202eright", "x" * 65, "x" * 100000, " x", os.fsdecode(b"\xff\xfe")):
            self.fails(e2e.USAGE, "keys", "create", "--name", name, names="name")
        self.fails(e2e.USAGE, "keys", "create", names="'keys create' needs --name NAME (whose key it is, or what for)")
        self.assertIn("there is no model 'nope' in the store yet", self.succeeds("keys", "create", "--name", "y", "--models", "nope").message)
        for option, values in {"--requests-per-minute": ("0", "-1", "1.5", "1e30", "99999999999999999999", "many"),
                               "--tokens-per-minute": ("0", "9" * 400), "--concurrency": ("-0.5", "nan"),
                               "--expires": ("0d", "-1d", "2001-01-01", "2099-02-30", "soon", "9" * 50 + "d", "\x1b"),
                               "--role": ("root", ""), "--models": ("", "a,,b", "a,\x1b[1m", "m," * 100 + "m", "x" * 300)}.items():
            for value in values:
                self.fails(e2e.USAGE, "keys", "create", "--name", "x", option, value)
        for word in ("", "x" * 100000, "'; DROP TABLE keys; --", "\x1b[1m"):
            self.fails(e2e.NOT_FOUND, "keys", "revoke", word)
        self.create("--name", "'; DROP TABLE keys; --")
        self.assertEqual(self.listed()[-1]["name"], "'; DROP TABLE keys; --")

    def database(self):
        for i in range(3):
            self.create("--name", f"key {i}")
        return self.home / "freehold.db"

    def test_the_database_is_no_database(self):
        path = self.database()
        whole = path.read_bytes()
        for content in (b"x", whole[:100], whole[:len(whole) // 2], os.urandom(len(whole)), whole[:16] + bytes(len(whole) - 16)):
            for leftover in filter(lambda p: p.is_file(), self.home.iterdir()):
                leftover.unlink()
            path.write_bytes(content)
            for command in (("create", "--name", "x"), ("list",), ("revoke", "aaaaaaaa")):
                self.fails(e2e.CORRUPT, "keys", *command, names="freehold.db")
            self.assertEqual(path.read_bytes(), content, "what is damaged is left as it is")

    def test_the_database_is_something_else(self):
        self.home.mkdir(mode=0o700)
        for name, command in (("freehold.db", ("keys", "list")), ("usage.db", ("usage",))):
            path = self.home / name
            path.mkdir()
            self.fails(e2e.USAGE, *command, names=name)
            path.rmdir()
            path.symlink_to("/dev/zero")
            self.fails(e2e.USAGE, *command, names=name)
            path.unlink()
            os.mkfifo(path)
            self.fails(e2e.USAGE, *command, names=name)
            path.unlink()
        self.fails(e2e.IO, "keys", "create", "--name", "x", home="/proc/none/home")
        self.assertNotEqual(self.run_freehold("keys", "create", "--name", "x", home="/dev/null").code, 0)

    def test_a_read_only_database(self):
        if os.geteuid() == 0:
            self.skipTest("root writes anywhere")
        self.database()
        self.home.chmod(0o500)
        try:
            self.fails(e2e.IO, "keys", "create", "--name", "x", names="freehold.db")
        finally:
            self.home.chmod(0o700)

    def test_many_at_once(self):
        processes = [e2e.start("keys", "create", "--name", f"p{i}", home=self.home) for i in range(8)]
        for process in processes:
            _, err = process.communicate()
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(sorted(k["name"] for k in self.listed()), [f"p{i}" for i in range(8)])

    def test_usage_without_a_record(self):
        self.assertIn("no requests", self.succeeds("usage").message)
        self.assertEqual(json.loads(self.succeeds("usage", "--json").text)["total"]["requests"], 0)
        self.fails(e2e.USAGE, "usage", "--since", "yesterday", names="--since")
        self.fails(e2e.NOT_FOUND, "usage", "--request", "x")


if __name__ == "__main__":
    e2e.main()
