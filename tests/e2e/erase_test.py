"""What `guard erase` reaches beside the keys of subjects: what servers have in memory, lines of batches, all that a key has left; while a server
runs and when none does. And what `guard export` hands out, with proofs that outlast an erasure."""

import hashlib
import http.client
import json
import re
import threading
import time
import unittest

import e2e
from audit_test import handed_out, python
from chat_model import ChatGguf
from files_test import KEY, OTHER, Server
from pull_servers import wait_for
from tuning_jobs_test import QUICK, Tuning, chats

CANARY = "xylophone-canary-4711-quixotic"


def line(custom_id, text, user=None, **more):
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 6, **more}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": {**body, **({"user": user} if user else {})}}


class Erasing(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.gguf", ChatGguf().write())

    def serve(self, *more):
        return Server(self.model, self.home, *more)

    def anywhere(self, *words):
        """The files below the home that hold one of the words."""
        found = []
        for path in self.home.rglob("*"):
            if path.is_file() and any(word.encode() in path.read_bytes() for word in words):
                found.append(str(path.relative_to(self.home)))
        return sorted(found)

    def erase(self, *arguments, **settings):
        return json.loads(self.succeeds("guard", "erase", *arguments, "--json", **settings).text)

    def key_id(self):
        """Of the first key, as the log has it."""
        entries = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "request", "--json").text.splitlines()]
        return entries[0]["key"]

    def begun(self, server, body, kind):
        """An upload of which the first 300,000 bytes have been sent."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.putrequest("POST", "/v1/files")
        for name, value in {"authorization": f"Bearer {KEY}", "content-type": kind, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body[:300_000])
        return connection

    def acts(self, act):
        rows = [json.loads(line) for line in self.succeeds("audit", "query", "--kind", "admin", "--json").text.splitlines()]
        return [row for row in rows if row["act"] == act]

    def proofs_hold(self):
        self.succeeds("audit", "verify")
        self.assertEqual(python(self.home / "audit").returncode, 0)


class Beside(Erasing):
    """A server that runs, with and without --keep-content."""

    def test_stored_responses(self):
        with self.serve() as server:
            ask = lambda text, **more: server.good("POST", "/v1/responses", {"model": "m", "input": text, "max_output_tokens": 4, **more})  # noqa: E731
            first = ask(CANARY, user="alice")
            second = ask("and then", previous_response_id=first["id"], user="alice")
            mixed = ask("go on", previous_response_id=second["id"], user="bob")
            other = ask("the cat", user="bob")
            nobody = ask("the dog")
            self.assertEqual(self.erase("alice")["responses"], 3)
            for gone in (first, second, mixed):
                self.assertEqual(server.ask("GET", f"/v1/responses/{gone['id']}")[0], 404)
                status, data = server.ask("POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": gone["id"]})
                self.assertEqual(status, 404, data)
            for kept in (other, nobody):
                server.good("GET", f"/v1/responses/{kept['id']}")
            self.assertEqual(self.erase(self.key_id())["responses"], 1)
            self.assertEqual(server.ask("GET", f"/v1/responses/{nobody['id']}")[0], 404)
            server.good("GET", f"/v1/responses/{other['id']}")
        self.assertEqual([a["details"] for a in self.acts("guard.erase")], [{"responses": 3}, {"responses": 1}])
        self.fails(e2e.NOT_FOUND, "guard", "erase", "alice", names="nothing is kept")

    def test_a_conversation_is_one_user_s_where_it_is_kept(self):
        with self.serve("--keep-content") as server:
            ask = lambda text, **more: server.ask("POST", "/v1/responses", {"model": "m", "input": text, "max_output_tokens": 4, **more})  # noqa: E731
            first = json.loads(ask(CANARY, user="alice")[1])["id"]
            status, data = ask("go on", previous_response_id=first, user="bob")
            self.assertEqual((status, json.loads(data)["error"]["param"]), (400, "previous_response_id"), data)
            item = json.loads(server.ask("GET", f"/v1/responses/{first}/input_items")[1])["data"][0]["id"]
            status, data = server.ask("POST", "/v1/responses", {"model": "m", "user": "bob", "max_output_tokens": 4, "input": [
                {"type": "item_reference", "id": item}, {"role": "user", "content": "go on"}]})
            self.assertEqual((status, json.loads(data)["error"]["param"]), (400, "input"), data)
            # Who names nobody goes on for her.
            self.assertEqual(ask("go on", previous_response_id=first)[0], 200)
            said = [json.loads(row) for row in self.succeeds("guard", "export", "alice").text.splitlines()]
            self.assertEqual(len(said), 2)
            self.assertIn(CANARY, said[1]["content"]["earlier"]["conversation"])
            asked = [json.loads(row)["id"] for row in self.succeeds("audit", "query", "--json", "--kind", "request", "--subject", "alice").text.splitlines()]
            self.assertEqual(asked, [row["entry"]["id"] for row in said])
            erased = self.erase("alice")
            self.assertEqual((len(erased["subjects"]), erased["responses"]), (1, 2))
        self.assertEqual(self.anywhere(CANARY), [])
        self.assertIn("once it was erased", self.succeeds("audit", "query", "--subject", "alice").message)
        self.fails(e2e.NOT_FOUND, "audit", "show", said[1]["entry"]["id"], "--content", names="destroyed")
        for row in said:
            self.succeeds("audit", "verify", "--proof", self.put("proof", row["proof"]))
        self.proofs_hold()

    def test_what_was_said_is_compared_with_its_entry(self):
        """By both verifiers, without the log: who hands out other words than were said is found."""
        with self.serve("--keep-content") as server:
            server.good("POST", "/v1/chat/completions", {**line("", CANARY, "alice")["body"], "n": 2})
            server.good("POST", "/v1/embeddings", {"model": "m", "input": "the cat", "user": "alice"})
            unsure = {"model": "m", "prompt": "a\ufffdb", "max_tokens": 4, "user": "alice"}
            server.good("POST", "/v1/completions", json.dumps(unsure, ensure_ascii=False).encode(), content_type="application/json")
        key = self.put("key.pub", self.succeeds("audit", "key").text)
        rows = self.succeeds("guard", "export", "alice").text.splitlines()
        whole = [json.loads(row) for row in rows]
        self.assertEqual([len(row["content"]["answers"]) for row in whole], [2, 0, 1])

        def said(changed):
            text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in changed)
            for row in whole:  # the entry stays as it is, byte for byte
                self.assertIn(json.dumps(row["entry"], ensure_ascii=False, separators=(",", ":")), text)
            return self.put("export.jsonl", text)

        ours = json.loads(self.succeeds("audit", "verify", "--proof", said(whole), "--key", key, "--json").text)
        self.assertEqual((ours["proofs"], ours["said"], ours["changed"], ours["gone"]), (3, 2, 1, 0))
        theirs = handed_out(said(whole), "--key", key)
        self.assertEqual((theirs.returncode, "what 2 of them say" in theirs.stdout), (0, True), theirs.stdout)
        first = whole[0]["content"]
        for at, content, wrong in ((0, {**first, "body": first["body"].replace("xylo", "tele")}, "its body"), (0, {**first, "body": ""}, "its body"),
                                   (0, {**first, "answers": first["answers"][::-1] + ["!"]}, "its answers"), (0, {**first, "answers": [first["answers"][0]]}, "its answers"),
                                   (0, {**first, "answers": []}, "left out"), (0, {**first, "answers": ""}, "no line of"), (0, {**first, "answers": {"a": "b"}}, "no line of"),
                                   (0, {**first, "answers": [3]}, "no line of"), (0, {**first, "earlier": "x"}, "no line of"), (0, {**first, "more": "x"}, "no line of"),
                                   (0, {"answers": first["answers"]}, "no line of"), (0, {"body": first["body"]}, "no line of"), (1, {**whole[1]["content"], "answers": ["yes"]}, "its answers")):
            changed = [*whole]
            changed[at] = {**whole[at], "content": content}
            path = said(changed)
            self.fails(e2e.CORRUPT, "audit", "verify", "--proof", path, "--key", key, names=wrong)
            theirs = handed_out(path, "--key", key)
            self.assertEqual((theirs.returncode, wrong in theirs.stdout), (1, True), (theirs.stdout, theirs.stderr))
        left = said([{name: value for name, value in row.items() if name != "content"} for row in whole])
        self.assertIn("of 3 what was said is not in it", self.succeeds("audit", "verify", "--proof", left, "--key", key).message)
        self.assertIn("of 3 what was said is not in it", handed_out(left, "--key", key).stdout)
        twice = self.put("export.jsonl", rows[0].replace('"content":', '"content":{},"content":', 1) + "\n")
        self.fails(e2e.CORRUPT, "audit", "verify", "--proof", twice, "--key", key, names="twice")
        self.assertEqual(handed_out(twice, "--key", key).returncode, 1)
        self.erase("alice")
        self.succeeds("audit", "verify", "--proof", said(whole), "--key", key)

    def test_what_is_under_way_is_not_kept(self):
        with self.serve("--keep-content") as server:
            server.good("POST", "/v1/chat/completions", line("", "the cat", "alice")["body"])
            got = []
            body = line("", CANARY, "alice", max_tokens=400, temperature=0, stop=["\0"])["body"]
            thread = threading.Thread(target=lambda: got.append(server.good("POST", "/v1/chat/completions", {**body, "ignore_eos": True})))
            thread.start()
            limit = time.monotonic() + 30
            while not any(slot["is_processing"] for slot in server.good("GET", "/slots")) and not got and time.monotonic() < limit:
                time.sleep(0.001)
            self.assertEqual(len(self.erase("alice")["subjects"]), 1)
            under_way = not got
            thread.join()
            self.assertTrue(got[0]["choices"], got)
        entries = [json.loads(row) for row in self.succeeds("audit", "query", "--kind", "request", "--json").text.splitlines()]
        if under_way:
            self.assertNotIn("content", entries[-1])
            self.fails(e2e.NOT_FOUND, "audit", "show", entries[-1]["id"], "--content", names="nothing was kept")
        self.proofs_hold()

    def test_lines_of_batches(self):
        for ends in (False, True):
            with self.subTest(ended=ends), self.serve() as server:
                lines = [line(f"visit-{CANARY}-{i}" if i % 3 == 1 else f"l{i}", CANARY if i % 3 == 1 else "the cat", "alice" if i % 3 == 1 else None)
                         for i in range(9 if ends else 120)]
                batch = server.batch(lines)
                if ends:
                    batch = server.finished(batch)
                if ends:
                    handed = [json.loads(row)["batch"] for row in self.succeeds("guard", "export", "alice").text.splitlines()]
                    self.assertEqual([json.loads(row["request"]) for row in handed if "request" in row], [one for one in lines if "alice" in json.dumps(one)])
                    self.assertEqual(sum("answer" in row for row in handed), 3)
                erased = self.erase("alice")
                self.assertGreaterEqual(erased["lines"], 3)
                batch = server.finished(batch)
                self.assertEqual(batch["request_counts"]["total"], len(lines))
                rows = []
                for name in ("output_file_id", "error_file_id"):
                    if batch.get(name):
                        rows += [json.loads(row) for row in server.ask("GET", f"/v1/files/{batch[name]}/content")[1].decode().splitlines()]
                self.assertEqual(sum(row == {"erased": True} for row in rows), sum(i % 3 == 1 for i in range(len(lines))))
                self.assertEqual({row["custom_id"] for row in rows if "custom_id" in row}, {one["custom_id"] for one in lines if "alice" not in json.dumps(one)})
                content = server.ask("GET", f"/v1/files/{batch['input_file_id']}/content")[1]
                self.assertEqual(len(content), sum(len(json.dumps(one)) + 1 for one in lines))
                # What is left can be asked again.
                again = server.finished(server.good("POST", "/v1/batches", {"input_file_id": batch["input_file_id"], "endpoint": "/v1/chat/completions",
                                                                            "completion_window": "24h"}))
                self.assertEqual(again["status"], "completed")
                self.assertEqual(self.anywhere(CANARY, "alice"), [])
        self.assertFalse(any(a.get("subject") for a in self.acts("guard.erase")))

    def test_a_line_that_goes_on_names_whom_it_is_about(self):
        with self.serve() as server:
            first = server.good("POST", "/v1/responses", {"model": "m", "input": CANARY, "max_output_tokens": 2, "user": "alice"})["id"]
            lines = [{"custom_id": str(user), "method": "POST", "url": "/v1/responses",
                      "body": {"model": "m", "input": CANARY, "max_output_tokens": 2, "previous_response_id": first, **({"user": user} if user else {})}}
                     for user in ("alice", None, "bob")]
            batch = server.finished(server.batch(lines, endpoint="/v1/responses"))
            wrong = [json.loads(row) for row in server.ask("GET", f"/v1/files/{batch['error_file_id']}/content")[1].decode().splitlines()]
            self.assertEqual({row["custom_id"]: row["response"]["status_code"] for row in wrong}, {"None": 400, "bob": 400})
            self.assertIn("name the same one", json.dumps(wrong))
            self.assertEqual(self.erase("alice")["lines"], 2)


def in_memory(process, *words):
    """What of these a process has in its memory, with what stands around it."""
    found = []
    with open(f"/proc/{process}/mem", "rb") as memory, open(f"/proc/{process}/maps", encoding="utf-8") as maps:
        for area in maps:
            begin, end = (int(x, 16) for x in area.split()[0].split("-"))
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except (OSError, ValueError):  # what the kernel keeps to itself
                continue
            found += [(word, data[max(0, at.start() - 80):at.end() + 80]) for word in words for at in re.finditer(re.escape(word.encode()), data)]
    return found


@unittest.skipIf(e2e.SANITIZED, "sanitizers keep what is freed")
class InMemory(Erasing):
    """A dump of a server that runs on."""

    def test_nothing_is_left(self):
        with self.serve("--keep-content") as server:
            stays = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            chat = line("", CANARY, "alice-in-memory")["body"]
            tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"enum": [CANARY]}}}}}
            for body in ({**chat, "stream": True}, chat, {**chat, "tools": [tool], "tool_choice": "required", "max_tokens": 60}):
                stays.request("POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {KEY}", "content-type": "application/json"})
                answer = stays.getresponse()
                self.assertEqual((answer.status, bool(answer.read())), (200, True))
            server.good("POST", "/v1/messages", {"model": "m", "max_tokens": 6, "messages": [{"role": "user", "content": CANARY}],
                                                 "metadata": {"user_id": "alice-in-memory"}})
            server.good("POST", "/v1/embeddings", {"model": "m", "input": [CANARY], "user": "alice-in-memory"})
            server.good("POST", "/v1/responses", {"model": "m", "input": CANARY, "max_output_tokens": 4, "user": "alice-in-memory"})
            server.finished(server.batch([line("a", CANARY, "alice-in-memory"), line("b", "the cat")]))
            self.assertNotEqual(in_memory(server.process.pid, CANARY), [], "a stored response")
            erased = self.erase("alice-in-memory")
            self.assertEqual((len(erased["subjects"]), erased["lines"], erased["responses"]), (1, 2, 1))
            # Connections and handlers let go of theirs in their own time.
            limit = time.monotonic() + 20
            while (left := in_memory(server.process.pid, CANARY, "alice-in-memory")) and time.monotonic() < limit:
                time.sleep(0.2)
            self.assertEqual(left, [])
            stays.close()

    def test_nothing_of_a_key_is_left(self):
        """What its client said about batches and jobs, and lines that no batch takes."""
        self.succeeds("models", "import", self.model, "--name", "m")
        told = [f"{CANARY}-{what}" for what in ("batch", "model", "role", "job", "row")]
        batch, model, role, about, row = told
        with Tuning(None, self.home, "--threads", "2") as server:
            lines = [line("a", "the cat"), line("b", "the cat"), line("c", "the cat")]
            lines[1]["body"]["model"] = model
            lines[2]["body"]["messages"][0]["role"] = role
            server.finished(server.batch(lines, metadata={"about": batch}))
            rows = [{"messages": [{"role": "user", "content": f"{row} {i}"}, {"role": "assistant", "content": "dog sat"}]} for i in range(12)]
            job = server.over(server.job(rows, metadata={"about": about}, **QUICK))
            self.assertEqual(job["status"], "succeeded", job)
            self.assertEqual(self.erase(self.key_id())["learned"].count(job["fine_tuned_model"]), 1)
            limit = time.monotonic() + 20
            while (left := in_memory(server.process.pid, *told)) and time.monotonic() < limit:
                time.sleep(0.2)
            self.assertEqual(left, [])


class OfAKey(Erasing):
    """All that a key has left: beside a server, and without one."""

    def leave_everything(self, server):
        server.good("POST", "/v1/chat/completions", line("", "the cat")["body"])
        up = lambda text, **more: server.upload(text.encode(), **more)["id"]  # noqa: E731
        up(CANARY, purpose="user_data", filename=CANARY + ".txt")
        done = server.finished(server.batch([line("a", CANARY)], metadata={"about": CANARY}))
        slow = server.batch([line(f"{CANARY}-{i}", CANARY, max_tokens=200) for i in range(400)], metadata={"about": CANARY})
        server.good("POST", "/api/create", {"model": "mine", "from": "m", "system": CANARY, "stream": False})
        server.good("POST", "/api/create", {"model": "yours", "from": "m", "system": "another one's", "stream": False}, key=OTHER)
        return done, slow

    def test_beside_a_server(self):
        with self.serve() as server:
            _, slow = self.leave_everything(server)
            self.assertIn(slow["status"], ("validating", "in_progress"))
            key = self.key_id()
            said = self.erase(key)
            self.assertEqual((said["batches"], said["models"]), (2, 1), said)
            self.assertGreaterEqual(said["files"], 4)
            self.assertEqual(self.anywhere(CANARY), [])
            self.assertEqual(server.good("GET", "/v1/batches")["data"], [])
            self.assertEqual(server.good("GET", "/v1/files")["data"], [])
            self.assertEqual(server.ask("POST", "/api/show", {"model": "mine"})[0], 404)
            server.good("POST", "/api/show", {"model": "yours"}, key=OTHER)
            # The key works on.
            self.assertEqual(server.finished(server.batch([line("a", "the cat")]))["status"], "completed")
        self.assertEqual([(a["details"]["batches"], a["details"]["models"]) for a in self.acts("guard.erase")], [(2, 1)])
        with self.serve() as server:
            self.assertEqual(len(server.good("GET", "/v1/batches")["data"]), 1)
        self.assertEqual(self.anywhere(CANARY), [])
        self.proofs_hold()

    def test_without_a_server(self):
        with self.serve() as server:
            self.leave_everything(server)
        key = self.key_id()
        self.assertNotEqual(self.anywhere(CANARY), [])
        said = self.erase(key)
        self.assertEqual((said["batches"], said["models"]), (2, 1), said)
        self.assertEqual(self.anywhere(CANARY), [])
        self.fails(e2e.NOT_FOUND, "guard", "erase", key, names="nothing is kept")
        with self.serve() as server:
            self.assertEqual(server.good("GET", "/v1/batches")["data"], [])
            server.good("POST", "/api/show", {"model": "yours"}, key=OTHER)

    def test_what_learned_is_listed(self):
        self.succeeds("models", "import", self.model, "--name", "m")
        with Tuning(None, self.home, "--threads", "2") as server:
            rows = [{"messages": [{"role": "user", "content": CANARY}, {"role": "assistant", "content": "dog sat"}]} for _ in range(12)]
            job = server.over(server.job(rows, metadata={"about": CANARY}, **QUICK))
            name = job["fine_tuned_model"]
            server.good("POST", "/v1/chat/completions", {**line("", "the cat")["body"], "model": name})
            running = server.job(chats(400), **QUICK)
            ended = self.run_freehold("guard", "erase", self.key_id())
            self.assertEqual(ended.code, e2e.OK, ended.message)
            self.assertIn(name, ended.message)
            self.assertEqual([j["id"] for j in server.good("GET", "/v1/fine_tuning/jobs")["data"]], [job["id"]], running)
            self.assertEqual(server.good("GET", f"/v1/fine_tuning/jobs/{job['id']}/events")["data"], [])
            server.good("POST", "/v1/chat/completions", {**line("", "the cat")["body"], "model": name})
            self.assertEqual(self.anywhere(CANARY), [])

    def test_a_job_is_over_when_what_it_learned_from_has_gone(self):
        """Whoever reads that it has succeeded can kill the server then."""
        self.succeeds("models", "import", self.model, "--name", "m")
        rows = [{"messages": [{"role": "user", "content": f"{CANARY} {i}"}, {"role": "assistant", "content": "dog sat"}]} for i in range(12)]
        for turn in range(3):
            with Tuning(None, self.home, "--threads", "2") as server:
                job = server.over(server.job(rows, **QUICK))
                server.process.kill()
            self.assertEqual(job["status"], "succeeded", job)
            self.assertEqual(self.anywhere(CANARY), [f"files/{job['training_file']}"], turn)
            with Tuning(None, self.home, "--threads", "2") as server:
                server.good("DELETE", f"/v1/files/{job['training_file']}")
                self.assertIn(job["fine_tuned_model"], json.dumps(server.good("GET", "/v1/models")))
            self.assertEqual(self.anywhere(CANARY), [], turn)

    def learned(self, rows):
        """A model in the store that learned from these: its run's folder, and the file."""
        run = self.folder / "run"
        run.mkdir()
        (run / "m.gguf").write_bytes(self.model.read_bytes())
        data = self.put("data.jsonl", rows.encode())
        (run / "provenance.json").write_text(json.dumps({"format": 1, "data": [{"path": str(data), "sha256": hashlib.sha256(data.read_bytes()).hexdigest()}]}))
        self.succeeds("models", "import", run / "m.gguf", "--name", "learned")
        return run, data

    def test_what_cannot_be_told_is_said_where_nothing_else_is_kept(self):
        run, data = self.learned('{"text":"of alice"}\n')
        for command in ("erase", "export"):  # a model that learned is not nothing
            told = self.run_freehold("guard", command, "alice")
            self.assertEqual(told.code, e2e.OK if command == "erase" else e2e.NOT_FOUND, told.message)
            self.assertIn(f"'learned:latest' learned from {data}, which names the subject in 1 line", told.message)
        self.assertIn(str(run), self.run_freehold("guard", "erase", "alice").message)
        data.unlink()
        for command in ("erase", "export"):
            told = self.fails(e2e.NOT_FOUND, "guard", command, "alice", names="cannot be told")
            self.assertIn(f"'learned:latest' learned from {data}; whether that names the subject cannot be told", told.message)
        self.assertIn(f"{run} with adapter and checkpoints", self.fails(e2e.NOT_FOUND, "guard", "erase", "alice").message)
        # Where the run was is known no more.
        run.rename(self.folder / "elsewhere")
        self.assertIn("the run's folder with adapter and checkpoints", self.fails(e2e.NOT_FOUND, "guard", "erase", "alice").message)

    def test_an_export_says_what_names_them_elsewhere(self):
        _, data = self.learned('{"text":"of alice"}\n')
        out = self.folder / "alice.jsonl"
        with self.serve("--keep-content") as server:
            server.good("POST", "/v1/chat/completions", line("", "the cat", "alice")["body"])
            server.finished(server.batch([line("1", "the dog", "alice"), line("2", "the dog")]))
            file = server.upload(b"alice and bob", purpose="user_data", filename="a.txt", key=OTHER)["id"]
            told = self.succeeds("guard", "export", "alice", "-o", out)
            self.assertIn(f"{file} names the subject in 1 line", told.message)
            self.assertEqual(told.message.count("and nothing in it says"), 1, told.message)  # not in the lines that were handed out
            self.assertIn(f"'learned:latest' learned from {data}, which names the subject in 1 line", told.message)
            rows = [json.loads(row) for row in out.read_text().splitlines()]
            requests, lines = (sum(kind in row for row in rows) for kind in ("entry", "batch"))
            self.assertEqual(told.text, f"{out}: requests {requests}, lines of batches {lines}, pseudonyms 0\n")
            self.assertIn(f"{file} names the subject in 1 line", self.fails(e2e.NOT_FOUND, "guard", "export", "bob", names="to hand out").message)
            self.assertEqual(self.run_freehold("guard", "export", "carol").message.count("names"), 0)
            self.assertEqual(self.erase("alice")["requests"], requests)
            server.good("POST", "/v1/chat/completions", line("", "the cat", "alice")["body"])
            self.assertIn("its key is destroyed; requests that were under it: 1\n", self.succeeds("guard", "erase", "alice").text)

    def test_who_is_named_is_told(self):
        """Files and models in which nothing says that they are about somebody, but which name him."""
        self.succeeds("models", "import", self.model, "--name", "m")
        run, data = self.learned('{"text":"of Zo\\u00eb 4711"}\n{"text":"of Zo"}\n')
        self.assertEqual([f["path"] for f in json.loads(self.succeeds("models", "inspect", "learned", "--json").text)["learned_from"]], [str(data)])
        with Tuning(None, self.home, "--threads", "2") as server:
            rows = [{"messages": [{"role": "user", "content": "Zo\u00eb 4711"}, {"role": "assistant", "content": "dog sat"}]} for _ in range(12)]
            job = server.over(server.job(rows, **QUICK))
            file = server.upload("Zo\u00eb 4711 and malice".encode(), purpose="user_data", filename="a.txt", key=OTHER)["id"]
            expected = [{"file": f, "lines": n} for f, n in sorted([(file, 1), (job["training_file"], 12)])]
            for more in ((),) if e2e.SANITIZED else ((), ("--sealed",)):  # a sanitizer's exit is more than a sealed process may
                said = self.erase("Zo\u00eb 4711", *more)
                self.assertEqual(said["named_in"], expected)
                self.assertEqual(said["learned"][-1], job["fine_tuned_model"])
                self.assertEqual(said["learned_from"], [{"model": "learned:latest", "file": str(data), "lines": 1, "folder": str(run)}])
            told = self.run_freehold("guard", "erase", "Zo\u00eb 4711")
            self.assertEqual(told.code, e2e.OK, told.message)
            for word in (file, job["fine_tuned_model"], str(data), "models rm learned"):
                self.assertIn(word, told.message)
            self.fails(e2e.NOT_FOUND, "guard", "erase", "Zo\u00eb 47", names="nothing is kept")
        # A job's models are told of without a server, too.
        self.assertEqual(self.erase("Zo\u00eb 4711")["learned"][-1], job["fine_tuned_model"])
        data.unlink()
        told = self.run_freehold("guard", "erase", "Zo\u00eb 4711")
        self.assertIn("cannot be told: it is not there any more", told.message)
        # Nor of a server's model, once its client has deleted the file.
        (self.home / "files" / job["training_file"]).unlink()
        told = self.fails(e2e.NOT_FOUND, "guard", "erase", "carol", names="it cannot be told")
        for words in ("'{}' learned from {}; whether that names the subject cannot be told", "DELETE /v1/models/{}"):
            self.assertIn(words.format(job["fine_tuned_model"], job["training_file"]), told.message)

    def test_what_is_being_brought(self):
        with self.serve() as server:
            server.good("POST", "/v1/chat/completions", line("", "the cat")["body"])
            server.upload(b"first", purpose="user_data", filename="a.txt")
            body, kind = server.form((CANARY + "\n").encode() * 20_000, "b.txt", purpose="user_data")
            connection = self.begun(server, body, kind)
            wait_for(lambda: self.anywhere(CANARY))
            self.assertEqual(self.erase(self.key_id())["files"], 1)
            connection.send(body[300_000:])
            answer = connection.getresponse()
            self.assertEqual(answer.status, 409, answer.read())
            connection.close()
            self.assertEqual(self.anywhere(CANARY), [])
            self.assertEqual(server.good("GET", "/v1/files")["data"], [])
            server.upload(b"what comes later", purpose="user_data", filename="a.txt")

    def test_lines_that_are_being_brought(self):
        with self.serve() as server:
            body, kind = server.form("".join(json.dumps(line(str(i), CANARY, "alice" if i % 2 else "bob")) + "\n" for i in range(4000)).encode(), purpose="batch")
            connection = self.begun(server, body, kind)
            wait_for(lambda: self.anywhere("alice"))
            self.fails(e2e.NOT_FOUND, "guard", "erase", "alice", names="nothing is kept")
            connection.send(body[300_000:])
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200, answer.read())
            connection.close()
            self.assertEqual(self.anywhere("alice"), [])
            self.assertNotEqual(self.anywhere("bob"), [])
            for path, given in (("/v1/batches", {}), ("/api/create", {"model": "mine", "from": "m", "system": "x", "stream": False})):
                status, said = server.ask("POST", path, {"input_file_id": json.loads(server.ask("GET", "/v1/files")[1])["data"][0]["id"],
                                                         "endpoint": "/v1/chat/completions", "completion_window": "24h"} if not given else given, freehold_user="alice")
                self.assertEqual((status, "Freehold-User" in said.decode()), (400, True), said)

    def test_whom_it_may_name(self):
        long = "long-" * 300
        with self.serve("--keep-content") as server:
            server.good("POST", "/v1/chat/completions", line("", CANARY, long)["body"])
            response = server.good("POST", "/v1/responses", {"model": "m", "input": CANARY, "max_output_tokens": 4, "user": long})
            server.upload(CANARY.encode(), purpose="user_data", filename="a.txt")
            server.good("POST", "/v1/chat/completions", line("", "the dog")["body"])
            for empty in (("alice", "--key", ""), ("",)):
                self.fails(e2e.USAGE, "guard", "erase", *empty, names="empty")
            # A key's own subject by its random name: the files are the key's.
            own = [json.loads(row) for row in self.succeeds("audit", "query", "--kind", "request", "--json").text.splitlines()][-1]
            self.assertEqual(self.erase(own["subject"])["files"], 0)
            erased = self.erase(long)
            self.assertEqual((len(erased["subjects"]), erased["responses"]), (1, 1))
            self.assertEqual(server.ask("GET", f"/v1/responses/{response['id']}")[0], 404)
            # An item of hers, without a name, is hers.
            first = server.good("POST", "/v1/responses", {"model": "m", "input": "the cat", "max_output_tokens": 4, "user": "alice"})
            item = server.good("GET", f"/v1/responses/{first['id']}/input_items")["data"][0]["id"]
            server.good("POST", "/v1/responses", {"model": "m", "max_output_tokens": 4, "input": [
                {"type": "item_reference", "id": item}, {"role": "user", "content": CANARY}]})
            self.assertEqual(len(self.succeeds("guard", "export", "alice").text.splitlines()), 2)
            begun = [a["details"]["subjects"] for a in self.acts("guard.erase.begin")]
            self.assertEqual(begun, [1, 1])

    def test_a_server_that_does_not_answer_and_one_that_was_killed(self):
        with self.serve() as server:
            server.good("POST", "/v1/chat/completions", line("", "the cat")["body"])
            signs = list((self.home / "servers").glob("srv_*"))
            self.assertEqual(len(signs), 1)
        self.assertTrue(signs[0].exists(), "killed servers leave their sign")
        self.fails(e2e.NOT_FOUND, "guard", "erase", "alice")
        with self.serve() as server:
            left = self.home / "erasures" / "era_left.order"
            left.parent.mkdir(exist_ok=True)
            left.write_text("freehold-erasure 1\nid era_left\nsalt s\nend\n")
            limit = time.monotonic() + 30
            while left.exists() and time.monotonic() < limit:
                time.sleep(0.02)
            self.assertFalse(left.exists())
            self.fails(e2e.NOT_FOUND, "guard", "erase", "alice")
        self.assertEqual([p.name for p in (self.home / "erasures").iterdir()], [])


class Shown(Erasing):
    def test_who_looks_is_in_the_log(self):
        with self.serve("--keep-content") as server:
            status, data = server.ask("POST", "/v1/chat/completions", line("", CANARY, "alice")["body"])
            self.assertEqual(status, 200, data)
        entry, = [json.loads(row) for row in self.succeeds("audit", "query", "--kind", "request", "--json").text.splitlines()]
        self.succeeds("audit", "show", entry["id"])
        self.assertEqual(self.acts("audit.show"), [])
        self.assertIn(CANARY, self.succeeds("audit", "show", entry["id"], "--content").text)
        self.assertEqual([a["subject"] for a in self.acts("audit.show")], [entry["id"]])


if __name__ == "__main__":
    e2e.main()
