"""Legal holds (`guard hold`) against erasures, beside a server. What holds keep from the policy's retention is in retention_test.py."""

import json
import threading

import e2e
from erase_test import CANARY, Erasing, line
from files_test import OTHER
from pull_servers import wait_for


class Holds(Erasing):
    def test_a_hold_on_who_has_left_files_alone(self):
        """Of a key that was given by hand nothing else knows; whoever only lines of batches name is held with the key that sent them."""
        with self.serve() as server:
            batch = server.finished(server.batch([line("a", CANARY, "alice"), line("b", "the cat")]))
            key = next(a["key"] for a in self.acts("POST /v1/files"))
            said = self.fails(e2e.NOT_FOUND, "guard", "hold", "alice", "--reason", "r", names="lines of batches alone")
            self.assertIn(f"guard hold {key} ", said.message)
            self.fails(e2e.NOT_FOUND, "guard", "hold", "bob", "--reason", "r", names="nothing is kept")
            self.fails(e2e.NOT_FOUND, "guard", "hold", "alice", "--key", "other", "--reason", "r", names="nothing is kept")
            hold = json.loads(self.succeeds("guard", "hold", key, "--reason", "case 12", "--json").text)["id"]
            self.assertEqual(server.ask("DELETE", f"/v1/files/{batch['input_file_id']}")[0], 409)
            for whom in ("alice", key):
                self.fails(e2e.USAGE, "guard", "erase", whom, "--yes", names=hold)
            self.succeeds("guard", "release", hold, "--reason", "over")
            self.assertEqual(self.erase("alice")["lines"], 2)
            self.assertEqual(self.anywhere(CANARY, "alice"), [])

    def test_a_hold_on_a_key_that_only_the_log_knows(self):
        with self.serve() as server:
            response = server.good("POST", "/v1/responses", {"model": "m", "input": CANARY, "max_output_tokens": 2})["id"]
            server.good("POST", "/api/create", {"model": "theirs", "from": "m", "system": CANARY, "stream": False}, key=OTHER)
            mine = self.key_id()
            theirs = next(a["key"] for a in self.acts("POST /api/create"))
            self.assertNotEqual(mine, theirs)
            for key in (mine, theirs):
                hold = json.loads(self.succeeds("guard", "hold", key, "--reason", "case 12", "--json").text)["id"]
                self.fails(e2e.USAGE, "guard", "erase", key, "--yes", names=hold)
            server.good("GET", f"/v1/responses/{response}")
        self.fails(e2e.NOT_FOUND, "guard", "hold", mine[:-1], "--reason", "r", names="nothing is kept")

    def test_a_hold_that_comes_meanwhile(self):
        """It waits for the erasure, and stands in the way of nobody whom the erasure waits for."""
        with self.serve("--keep-content") as server:
            server.good("POST", "/v1/chat/completions", line("", "the cat", "bob")["body"])
            for turn in range(3):
                user = f"alice-{turn}"
                server.good("POST", "/v1/chat/completions", line("", CANARY, user)["body"])
                response = server.good("POST", "/v1/responses", {"model": "m", "input": CANARY, "max_output_tokens": 2, "user": user})["id"]
                server.finished(server.batch([line("a", CANARY, user)]))
                held = []
                holder = threading.Thread(target=lambda: held.append(self.run_freehold("guard", "hold", "bob", "--reason", "a case")))
                process = e2e.start("guard", "erase", user, "--json", home=self.home)
                wait_for(lambda: (self.home / "erasures").exists() and any((self.home / "erasures").glob("*.order")) or process.poll() is not None)
                holder.start()
                said, message = process.communicate(timeout=60)
                holder.join()
                self.assertEqual(process.returncode, 0, message)
                said = json.loads(said)
                self.assertEqual((said["lines"], said["responses"], len(said["subjects"])), (2, 1, 1))
                self.assertEqual(held[0].code, e2e.OK, held[0].message)
                self.assertEqual(server.ask("GET", f"/v1/responses/{response}")[0], 404)
            self.assertEqual(self.anywhere(CANARY), [])

    def test_a_hold_on_it(self):
        with self.serve() as server:
            server.good("POST", "/v1/chat/completions", line("", "the cat")["body"])
            server.good("POST", "/api/create", {"model": "mine", "from": "m", "system": CANARY, "stream": False})
            response = server.good("POST", "/v1/responses", {"model": "m", "input": "x", "max_output_tokens": 2})
            key = self.key_id()
            held = json.loads(self.succeeds("guard", "hold", "--label", "public", "--reason", "a case", "--json").text)["id"]
            self.fails(e2e.USAGE, "guard", "erase", key, names=held)
            server.good("GET", f"/v1/responses/{response['id']}")
            server.good("POST", "/api/show", {"model": "mine"})
            self.succeeds("guard", "release", held, "--reason", "over")
            said = self.erase(key)
            self.assertEqual((said["models"], said["responses"]), (1, 1))

    def test_a_hold_on_lines_and_on_a_label(self):
        with self.serve() as server:
            server.finished(server.batch([line("a", CANARY, "alice"), line("b", "the cat")]))
            server.good("POST", "/api/create", {"model": "mine", "from": "m", "system": CANARY, "stream": False}, freehold_label="personal")
            held = json.loads(self.succeeds("guard", "hold", "--label", "public", "--reason", "a case", "--json").text)["id"]
            self.fails(e2e.USAGE, "guard", "erase", "alice", names=held)
            refused = [json.loads(row) for row in self.succeeds("audit", "query", "--kind", "refusal", "--json").text.splitlines()]
            self.assertEqual([row["rule"] for row in refused], [held])
            self.assertNotIn("alice", json.dumps(refused), "the log learns no names")
            self.succeeds("guard", "release", held, "--reason", "over")
            held = json.loads(self.succeeds("guard", "hold", "--label", "personal", "--reason", "a case", "--json").text)["id"]
            server.good("POST", "/v1/chat/completions", line("", "the cat")["body"])
            key = self.key_id()
            self.fails(e2e.USAGE, "guard", "erase", key, names=held)
            self.assertEqual(self.erase("alice")["lines"], 2)
        self.fails(e2e.USAGE, "guard", "erase", key, names=held)
        self.succeeds("guard", "release", held, "--reason", "over")
        self.assertEqual(self.erase(key)["models"], 1)
        self.assertEqual(self.anywhere(CANARY), [])


if __name__ == "__main__":
    e2e.main()
