"""Files and batches over HTTP: what is uploaded comes back, lists page, tenants are apart, batches survive kill -9."""

import http.client
import json
import re
import signal
import threading
import time
import uuid

import e2e
from tiny import STRING, Gguf

KEY, OTHER = "the-first-key", "the-second-key"
MIDDLE = "\r\n--x\r\n\0\xff-- \n".encode("latin-1")


class Server:
    def __init__(self, model, home, *options):
        """`model`: a path, or None for what is in the store of `home`."""
        given = [model, "--alias", "m"] if model else []
        self.process = e2e.start("serve", *given, "--port", "0", "--api-key", KEY, "--api-key", OTHER, *options, home=home)
        killer = threading.Timer(60, self.process.kill)
        killer.start()
        line = self.process.stdout.readline().decode()
        killer.cancel()
        found = re.search(r":(\d+)/v1", line)
        if not found:
            self.end()
            raise AssertionError(f"no address but {line!r}")
        self.port = int(found[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()

    def ask(self, method, path, body=None, key=KEY, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        fields = {"authorization": f"Bearer {key}"}
        if body is not None and not isinstance(body, bytes):
            body, fields["content-type"] = json.dumps(body).encode(), "application/json"
        connection.request(method, path, body, {**fields, **{k.replace("_", "-"): v for k, v in headers.items()}})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def good(self, method, path, body=None, **more):
        status, data = self.ask(method, path, body, **more)
        if status != 200:
            raise AssertionError(f"{method} {path}: {status} {data!r}")
        return json.loads(data)

    def form(self, content, filename="in.jsonl", **fields):
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()]
        if content is not None:
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
                         "Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n")
        return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"

    def upload(self, content, purpose="batch", key=KEY, filename="in.jsonl", **fields):
        body, kind = self.form(content, filename, purpose=purpose, **fields)
        return self.good("POST", "/v1/files", body, key=key, content_type=kind)

    def batch(self, content, endpoint="/v1/chat/completions", **fields):
        given = self.upload(content if isinstance(content, bytes) else "".join(json.dumps(x) + "\n" for x in content).encode())
        return self.good("POST", "/v1/batches", {"input_file_id": given["id"], "endpoint": endpoint, "completion_window": "24h",
                                                 **fields})

    def finished(self, batch, seconds=120):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            now = self.good("GET", f"/v1/batches/{batch['id']}")
            if now["status"] in ("completed", "failed", "expired", "cancelled"):
                return now
            time.sleep(0.02)
        raise AssertionError(f"still {now}")

    def lines(self, file_id):
        status, data = self.ask("GET", f"/v1/files/{file_id}/content")
        assert status == 200, data
        return [json.loads(line) for line in data.splitlines()]


def requests(count, tokens=5, **body):
    return [{"custom_id": f"r{i}", "method": "POST", "url": "/v1/chat/completions",
             "body": {"model": "m", "messages": [{"role": "user", "content": f"the cat {i}"}], "max_tokens": tokens, **body}}
            for i in range(count)]


class Files(e2e.Case):
    def setUp(self):
        super().setUp()
        gguf = Gguf()
        gguf.metadata["tokenizer.chat_template"] = (STRING, "{% for m in messages %}{{ m.content }}{% endfor %}")
        self.model = self.put("tiny.gguf", gguf.write())

    def serve(self, *options):
        return Server(self.model, self.home, *options)

    def kept(self):
        return sorted(p.name for p in (self.home / "files").iterdir() if p.name != "lock")

    def test_a_file_comes_back_byte_for_byte(self):
        content = MIDDLE * 50_000
        with self.serve() as server:
            made = server.upload(content, "user_data", filename="dünn “1”.bin")
            self.assertEqual((made["object"], made["bytes"], made["filename"], made["purpose"], made["status"]),
                             ("file", len(content), "dünn “1”.bin", "user_data", "processed"))
            self.assertTrue(made["id"].startswith("file-"))
            path = f"/v1/files/{made['id']}"
            self.assertEqual(server.good("GET", path), made)
            self.assertEqual(server.ask("GET", path + "/content"), (200, content))
            for method, address in (("GET", path), ("GET", path + "/content"), ("DELETE", path)):
                self.assertEqual(server.ask(method, address, key=OTHER)[0], 404, "another tenant's")
            self.assertEqual(server.good("GET", "/v1/files", key=OTHER)["data"], [])
            self.assertEqual(server.good("DELETE", path), {"id": made["id"], "object": "file", "deleted": True})
            self.assertEqual(server.ask("GET", path)[0], 404)
            self.assertEqual(self.kept(), [])
            self.assertEqual((self.home / "files").stat().st_mode & 0o777, 0o700)

    def test_lists_are_pages(self):
        with self.serve() as server:
            ids = [server.upload(b"x", "evals" if i % 2 else "batch")["id"] for i in range(7)]
            newest = ids[::-1]

            def walk(query):
                seen, after, pages = [], "", 0
                while True:
                    page = server.good("GET", f"/v1/files?{query}{after and '&after=' + after}")
                    seen += [f["id"] for f in page["data"]]
                    pages += 1
                    self.assertEqual(page["first_id"], page["data"][0]["id"])
                    self.assertEqual(page["last_id"], page["data"][-1]["id"])
                    if not page["has_more"]:
                        return seen, pages
                    after = page["last_id"]

            self.assertEqual(walk("limit=3"), (newest, 3))
            self.assertEqual(walk("limit=7"), (newest, 1))
            self.assertEqual(walk("limit=2&order=asc"), (ids, 4))
            self.assertEqual(walk("limit=1&purpose=evals"), ([i for i in newest if ids.index(i) % 2], 3))
            page = server.good("GET", "/v1/files?limit=2")
            for file in page["data"]:
                server.good("DELETE", f"/v1/files/{file['id']}")
            rest = server.good("GET", f"/v1/files?after={page['last_id']}")  # what was deleted is still a place in the list
            self.assertEqual([f["id"] for f in rest["data"]], newest[2:])
            for query in ("limit=0", "limit=x", "order=up", "after=file-none"):
                self.assertEqual(server.ask("GET", f"/v1/files?{query}")[0], 400, query)

    def test_refuses_what_is_no_upload(self):
        with self.serve() as server:
            for fields, content in (({}, b"x"), ({"purpose": "fun"}, b"x"), ({"purpose": "batch"}, None),
                                    ({"purpose": "batch", "expires_after[seconds]": "3600"}, b"x"),
                                    ({"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "1"}, b"x"),
                                    ({"purpose": "p" * 5000}, b"x")):
                body, kind = server.form(content, **fields)
                status, data = server.ask("POST", "/v1/files", body, content_type=kind)
                self.assertEqual(status, 400, data)
                self.assertTrue(json.loads(data)["error"]["message"])
            body, kind = server.form(b"x", purpose="batch")
            self.assertEqual(server.ask("POST", "/v1/files", body[:-10], content_type=kind)[0], 400)
            self.assertEqual(server.ask("POST", "/v1/files", b"hello" + body, content_type=kind)[0], 400)
            self.assertEqual(server.ask("POST", "/v1/files", {"file": 1})[0], 415)
            self.assertEqual(server.ask("POST", "/v1/files", body, key="no-such-key", content_type=kind)[0], 401)
            for name in ("..%2f..%2ffiles.db", "%2e%2e", "..", "lock", "file-%00", "file-1%27%20OR%201=1"):
                for end in ("", "/content"):
                    self.assertIn(server.ask("GET", f"/v1/files/{name}{end}")[0], (400, 404), name)
            self.assertEqual(self.kept(), [])
            expiring = server.upload(b"x", **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"})
            self.assertEqual(expiring["expires_at"], expiring["created_at"] + 3600)

    def test_a_batch_answers_every_line(self):
        given = requests(9)
        given[4]["body"]["temperature"] = 77
        given[6]["body"]["model"] = "nobody"
        given[7]["body"]["stream"] = True
        with self.serve() as server:
            made = server.batch(given, metadata={"name": "ü"})
            self.assertEqual((made["object"], made["status"], made["metadata"]), ("batch", "validating", {"name": "ü"}))
            done = server.finished(made)
            self.assertEqual((done["status"], done["errors"]), ("completed", None))
            self.assertEqual(done["request_counts"], {"total": 9, "completed": 6, "failed": 3})
            for at in ("created_at", "in_progress_at", "finalizing_at", "completed_at", "expires_at"):
                self.assertIsInstance(done[at], int)
            answers = server.lines(done["output_file_id"])
            self.assertEqual([a["custom_id"] for a in answers], ["r0", "r1", "r2", "r3", "r5", "r8"])
            for answer in answers:
                self.assertEqual((answer["error"], answer["response"]["status_code"]), (None, 200))
                self.assertEqual(answer["response"]["body"]["object"], "chat.completion")
            # At a vendor it would have had the prices of a batch.
            priced = json.loads(self.succeeds("cost", "explain", answers[0]["response"]["body"]["id"], "--vendor", "openai/gpt-4o", "--json").text)
            self.assertIs(priced["batched"], True)
            sources = [factor["source"] for factor in priced["would_have_cost"]["openai/gpt-4o"]["factors"]]
            self.assertTrue(sources and all(source.startswith("batch_") for source in sources), sources)
            errors = server.lines(done["error_file_id"])
            self.assertEqual([(e["custom_id"], e["response"]["status_code"]) for e in errors], [("r4", 400), ("r6", 404), ("r7", 400)])
            self.assertEqual(server.good("GET", f"/v1/files/{done['output_file_id']}")["purpose"], "batch_output")
            self.assertEqual(server.ask("GET", f"/v1/batches/{made['id']}", key=OTHER)[0], 404)
            self.assertEqual(server.ask("GET", f"/v1/files/{done['output_file_id']}/content", key=OTHER)[0], 404)
            self.assertEqual(server.ask("POST", f"/v1/batches/{made['id']}/cancel")[0], 400)
            second = server.batch(requests(1))
            listed = server.good("GET", "/v1/batches?limit=1")
            self.assertEqual(([b["id"] for b in listed["data"]], listed["has_more"]), ([second["id"]], True))
            listed = server.good("GET", f"/v1/batches?limit=1&after={second['id']}")
            self.assertEqual(([b["id"] for b in listed["data"]], listed["has_more"]), ([made["id"]], False))
            server.finished(second)

    def test_a_wrong_input_fails_with_its_lines(self):
        given = requests(4)
        given[1]["custom_id"] = "r0"
        given[2]["url"] = "/v1/completions"
        with self.serve() as server:
            done = server.finished(server.batch("\n".join([*map(json.dumps, given), "{"]).encode()))
            self.assertEqual(done["status"], "failed")
            self.assertEqual([(e["code"], e["line"]) for e in done["errors"]["data"]],
                             [("duplicate_custom_id", 2), ("mismatched_endpoint", 3), ("invalid_json_line", 5)])
            self.assertEqual((done["output_file_id"], done["error_file_id"]), (None, None))
            self.assertEqual(server.finished(server.batch(b"\n\n"))["errors"]["data"][0]["code"], "empty_file")
            for body in ({"endpoint": "/v1/x"}, {"completion_window": "1h"}, {"input_file_id": "file-none"}, {"metadata": {"a": 1}}):
                whole = {"input_file_id": done["input_file_id"], "endpoint": "/v1/completions", "completion_window": "24h", **body}
                self.assertEqual(server.ask("POST", "/v1/batches", whole)[0], 400, body)
                self.assertEqual(server.ask("POST", "/v1/batches", whole, key=OTHER)[0], 400, "another tenant's file")

    def test_a_batch_can_be_cancelled(self):
        with self.serve() as server:
            made = server.batch(requests(400, tokens=80))
            waiting = server.batch(requests(1))
            limit = time.monotonic() + 60
            while server.good("GET", f"/v1/batches/{made['id']}")["request_counts"]["completed"] < 4:
                self.assertLess(time.monotonic(), limit)
                time.sleep(0.01)
            self.assertEqual(server.good("POST", f"/v1/batches/{waiting['id']}/cancel")["status"], "cancelled", "it has not begun")
            server.good("DELETE", f"/v1/files/{waiting['input_file_id']}")
            server.good("DELETE", f"/v1/files/{made['input_file_id']}")  # the batch keeps what it needs
            now = server.good("POST", f"/v1/batches/{made['id']}/cancel")
            self.assertIn(now["status"], ("cancelling", "cancelled"))
            done = server.finished(made)
            self.assertEqual(done["status"], "cancelled")
            self.assertIsInstance(done["cancelled_at"], int)
            answers = server.lines(done["output_file_id"])
            self.assertEqual(len(answers), done["request_counts"]["completed"])
            numbers = [int(a["custom_id"][1:]) for a in answers]
            self.assertEqual(numbers, sorted(numbers))
            self.assertLess(len(numbers), 400)
            self.assertEqual(self.kept(), [done["output_file_id"]])

    def test_a_batch_survives_kill_9(self):
        count, kills = 150, 0
        with self.serve() as server:
            made = server.batch(requests(count, tokens=60, seed=5))
            whole = None
            for target in (10, 40, 80):
                limit = time.monotonic() + 60
                while (now := server.good("GET", f"/v1/batches/{made['id']}"))["request_counts"]["completed"] < target:
                    self.assertLess(time.monotonic(), limit)
                    time.sleep(0.005)
                if now["status"] == "in_progress":
                    kills += 1
                server.end()
                (self.home / "files" / "file-broken-off").write_bytes(b"x")
                server = self.serve()
            with server:
                done = server.finished(made)
                self.assertEqual((done["status"], done["request_counts"]),
                                 ("completed", {"total": count, "completed": count, "failed": 0}))
                answers = server.lines(done["output_file_id"])
                self.assertEqual([a["custom_id"] for a in answers], [f"r{i}" for i in range(count)])
                again = server.finished(server.batch(requests(count, tokens=60, seed=5)))
                whole = server.lines(again["output_file_id"])
                text = [[a["response"]["body"]["choices"][0]["message"]["content"] for a in part] for part in (answers, whole)]
                self.assertEqual(text[0], text[1], "the same answers as without a kill")
                self.assertNotIn("file-broken-off", self.kept())
        self.assertGreater(kills, 0)

    def test_one_server_holds_the_files(self):
        with self.serve() as first:
            made = first.upload(b"x")
            with self.serve() as second:
                status, data = second.ask("GET", "/v1/files")
                self.assertEqual(status, 503)
                self.assertIn("another freehold serve", json.loads(data)["error"]["message"])
                first.end(signal.SIGINT)
                self.assertEqual(second.good("GET", f"/v1/files/{made['id']}"), made)


if __name__ == "__main__":
    e2e.main()
