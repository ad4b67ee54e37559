#!/usr/bin/env python3
"""Personal data on its way, as the policy says: in every dialect's requests and answers, to vendors, in what is kept; pseudonyms and
what they stand for; nothing of it silent, and no value where it should not be."""

import http.server
import json
import re
import threading

import e2e
from chat_model import ChatGguf
from dialects import CONSTRAINED, DIALECTS, Ask, request, said
from evaluating import Tiny
from serving import Orderly

MAIL, CARD = "ann@example.org", "4111 1111 1111 1111"
CHAT = "/v1/chat/completions"
HEADER = "freehold-personal-data"


def mail_schema(value=MAIL):
    """The answer is JSON with this text in it, whatever the model would have liked to say."""
    return {"type": "object", "properties": {"to": {"type": "string", "enum": [value]}}, "required": ["to"], "additionalProperties": False}


class Veiled(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.gguf", ChatGguf().write())
        self.succeeds("models", "import", self.model, "--name", "m")

    def policy(self, *rules):
        text = "version: 1\npersonal_data:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
        (self.home / "policy.yaml").write_text(text)

    def serve(self, *arguments):
        return Orderly(None, *arguments, home=self.home)

    def ask(self, server, ask, stream=False, headers=None):
        """(status, headers, bytes)"""
        path, body = request(ask, "m", stream)
        return server.post(path, body, headers=headers)

    def log(self, kind):
        return [json.loads(line) for line in self.succeeds("audit", "query", "--json", "--kind", kind).text.splitlines()]

    def not_on_disk(self, *values):
        for file in self.home.rglob("*"):
            if file.is_file() and file.stat().st_size < 1 << 22 and "blobs" not in file.parts:
                content = file.read_bytes()
                for value in values:
                    self.assertNotIn(value.encode(), content, file)


class Requests(Veiled):
    def test_every_dialect_asks_without_it(self):
        self.policy("where: request, kinds: [email, card], do: mask")
        with self.serve() as server:
            for dialect in DIALECTS:
                status, headers, data = self.ask(server, Ask(dialect, f"{dialect}: write to {MAIL} about {CARD}", 4))
                self.assertEqual(status, 200, (dialect, data))
                self.assertEqual(headers[HEADER], "request: masked=2 kinds=card,email", dialect)
                status, headers, data = self.ask(server, Ask(dialect, f"{dialect}: write to [email] about [card]", 4), stream=True)
                self.assertEqual(status, 200, (dialect, data))
                self.assertIsNone(headers[HEADER], dialect)
            self.assertEqual(server.post("/v1/embeddings", {"model": "m", "input": [MAIL, "[email]"]})[1][HEADER], "request: masked=1 kinds=email")
            counted = [json.loads(server.post("/v1/messages/count_tokens", {"model": "m", "messages": [{"role": "user", "content": text}]})[2])
                       for text in (MAIL, "[email]")]
            self.assertEqual(counted[0], counted[1])
            status, _, data = server.post("/v1/completions", {"model": "m", "prompt": [260, 261], "max_tokens": 2})
            self.assertEqual(status, 200, data)
            metrics = server.ask("GET", "/metrics")[2].decode()
            self.assertIn('freehold_personal_data_total{where="request",do="mask"} %d' % (2 * len(DIALECTS) + 1), metrics)
        entries = [e for e in self.log("request") if e["endpoint"] not in ("/v1/embeddings",)]
        self.assertEqual(len(entries), 2 * len(DIALECTS) + 1)
        for with_data, without in zip(entries[0::2], entries[1::2]):
            self.assertEqual(with_data["prompt_digest"], without["prompt_digest"])
            self.assertEqual(with_data["personal_data"], {"profile": "gdpr", "request": {"mask": {"card": 1, "email": 1}}})
            self.assertNotIn("personal_data", without)
        self.not_on_disk(MAIL, CARD)

    def test_what_is_blocked_is_refused_by_kind(self):
        self.policy("where: request, kinds: financial, do: block", "where: request, kinds: [email], do: local_only")
        with self.serve() as server:
            for dialect in DIALECTS:
                for stream in (False, True):
                    status, _, data = self.ask(server, Ask(dialect, f"pay with {CARD} for {MAIL}", 4), stream)
                    self.assertEqual(status, 403, (dialect, data))
                    self.assertIn("card (1)", data.decode())
                    self.assertNotIn("4111", data.decode())
            status, headers, _ = self.ask(server, Ask("chat", f"write to {MAIL}", 4))
            self.assertEqual((status, headers[HEADER]), (200, "request: local=1 kinds=email"))
        refused = self.log("refusal")
        self.assertEqual(len(refused), 2 * len(DIALECTS))
        self.assertEqual({(e["rule"], e["kinds"]) for e in refused}, {("personal_data.1", "card (1)")})
        self.not_on_disk(MAIL, CARD)

    def test_by_label_and_role(self):
        self.policy("where: request, kinds: [email], do: allow, label: personal", 'where: request, kinds: "*", do: block')
        with self.serve() as server:
            self.assertEqual(self.ask(server, Ask("chat", MAIL, 2))[0], 403)
            self.assertEqual(self.ask(server, Ask("chat", MAIL, 2), headers={"freehold-label": "personal"})[0], 200)

    def test_a_wrong_policy_starts_nothing(self):
        self.policy("where: request, kinds: [emial], do: mask")
        self.fails(e2e.USAGE, "serve", "m", names="line 3: there is no kind of personal data 'emial'; did you mean 'email'?")


class Answers(Veiled):
    def test_streamed_or_not_and_again(self):
        self.policy("where: answer, kinds: [email], do: mask", "where: answer, kinds: [card], do: block")
        with self.serve("--keep-content") as server:
            for dialect in CONSTRAINED:
                ask = Ask(dialect, "to whom?", 60, schema=mail_schema())
                texts = []
                for stream in (False, True):
                    status, headers, data = self.ask(server, ask, stream)
                    self.assertEqual(status, 200, (dialect, data))
                    self.assertEqual(headers[HEADER], "answer: watched" if stream else "answer: masked=1 kinds=email", dialect)
                    self.assertNotIn(MAIL, said(ask, data)[0], dialect)
                    if dialect != "responses":  # which repeats the request's schema
                        self.assertNotIn(MAIL, data.decode(), dialect)
                    texts.append(said(ask, data)[0])
                self.assertEqual(texts[0], texts[1], dialect)
                self.assertEqual(json.loads(texts[0]), {"to": "[email]"}, dialect)
            # Text that is no JSON.
            guided = {"model": "m", "messages": [{"role": "user", "content": "whom?"}], "structured_outputs": {"choice": [f"it is {MAIL} there"]}}
            answer = json.loads(server.post(CHAT, guided)[2])
            self.assertEqual(answer["choices"][0]["message"]["content"], "it is [email] there")
            streamed = server.events(CHAT, {**guided, "stream": True})
            self.assertEqual("".join(e["choices"][0]["delta"].get("content") or "" for e in streamed[:-1] if e["choices"]), "it is [email] there")
            # What may not be given at all.
            guided["structured_outputs"] = {"choice": [f"it is {CARD} there"]}
            status, _, data = server.post(CHAT, guided)
            self.assertEqual(status, 403, data)
            self.assertIn("card (1)", data.decode())
            self.assertNotIn("4111", data.decode())
            data = server.post(CHAT, {**guided, "stream": True})[2].decode()
            self.assertIn("card (1)", data)
            self.assertNotIn("4111", data)
            # The tokens would spell it.
            self.assertEqual(server.post(CHAT, {**guided, "logprobs": True})[0], 400)
        entries = self.log("request")
        masked = [e for e in entries if e["personal_data"].get("answer") == {"mask": {"email": 1}}]
        self.assertEqual(len(masked), 2 * len(CONSTRAINED) + 2)
        self.assertEqual([e["outcome"] for e in entries if e not in masked], ["failed"] * 2)
        for entry in masked[::3]:
            self.assertIn("comes out again", self.succeeds("audit", "replay", entry["id"]).text)

    def test_arguments_of_calls(self):
        self.policy("where: answer, kinds: [email], do: mask")
        tool = {"type": "function", "function": {"name": "mail", "parameters": mail_schema()}}
        body = {"model": "m", "messages": [{"role": "user", "content": "whom?"}], "tools": [tool], "tool_choice": "required", "max_tokens": 120,
                "temperature": 0}
        with self.serve() as server:
            call = json.loads(server.post(CHAT, body)[2])["choices"][0]["message"]["tool_calls"][0]["function"]
            self.assertEqual(json.loads(call["arguments"]), {"to": "[email]"})
            parts = [c["function"].get("arguments", "") for e in server.events(CHAT, {**body, "stream": True})[:-1] for choice in e["choices"]
                     for c in choice["delta"].get("tool_calls") or []]
            self.assertEqual("".join(parts), call["arguments"])


class Pseudonyms(Veiled):
    def test_they_come_back_to_who_asked_and_end_with_their_subject(self):
        self.policy("where: request, kinds: [email, person], do: pseudonymise", "where: log, kinds: [card], do: mask")
        whom = {"user": "patient-7"}
        with self.serve("--keep-content") as server:
            def post(content, **more):
                return server.post(CHAT, {"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": 60, **whom, **more})
            status, headers, data = post(f"write to {MAIL}, and to {MAIL}")
            self.assertEqual(status, 200, data)
            self.assertEqual(headers[HEADER], "request: pseudonymised=2 kinds=email")
            exported = [json.loads(line) for line in self.succeeds("guard", "export", "patient-7").text.splitlines()]
            token = exported[-1]["pseudonym"]
            self.assertEqual(exported[-1], {"pseudonym": token, "value": MAIL})
            self.assertRegex(token, "^EMAIL_[a-p]{12}$")
            # Who asked sees the values again; who did not say them does not.
            choice = {"structured_outputs": {"choice": [f"so [{token}] it is"]}}
            for content, expected in ((f"say {MAIL}", f"so {MAIL} it is"), ("say it", f"so [{token}] it is")):
                _, headers, data = post(content, **choice)
                self.assertEqual(json.loads(data)["choices"][0]["message"]["content"], expected)
                self.assertEqual(headers[HEADER], "request: pseudonymised=1 kinds=email; answer: restored=1" if MAIL in content else None)
                streamed = server.events(CHAT, {"model": "m", "messages": [{"role": "user", "content": content}], **whom, **choice, "stream": True})
                self.assertEqual("".join(e["choices"][0]["delta"].get("content") or "" for e in streamed[:-1] if e["choices"]), expected)
            post(f"and {CARD}")
        entries = self.log("request")
        self.assertEqual(entries[0]["personal_data"]["request"], {"pseudonymise": {"email": 2}})
        self.assertIn("comes out again", self.succeeds("audit", "replay", entries[1]["id"]).text)
        self.fails(e2e.USAGE, "audit", "replay", entries[-1]["id"], names="had its personal data taken out")
        self.not_on_disk(MAIL, "patient-7")

        self.fails(e2e.USAGE, "guard", "reveal", token, names="--reason")
        self.fails(e2e.USAGE, "guard", "reveal", "EMAIL_x", "--reason", "r", names="no pseudonym")
        self.assertEqual(self.succeeds("guard", "reveal", f"[{token}]", "--reason", "complaint 4711").text.strip(), MAIL)
        told = [e for e in self.log("admin") if e["act"] == "guard.reveal"]
        self.assertEqual([(e["subject"], e["details"]) for e in told], [(token, {"found": 1, "reason": "complaint 4711"})])
        self.succeeds("guard", "erase", "patient-7")
        self.fails(e2e.NOT_FOUND, "guard", "reveal", token, "--reason", "again", names="nobody can tell")
        self.not_on_disk(MAIL, "patient-7")
        self.succeeds("audit", "verify")


class Batches(Veiled):
    def test_lines_are_held_to_the_rules_and_go_on_only_under_the_same(self):
        choice = {"structured_outputs": {"choice": [f"it is {MAIL}"]}}
        bodies = [{"messages": [{"role": "user", "content": MAIL}], "max_tokens": 30, **choice}, {"messages": [{"role": "user", "content": CARD}]}]
        lines = [{"custom_id": str(i), "method": "POST", "url": CHAT, "body": {"model": "m", **body}} for i, body in enumerate(bodies)]
        given, out = self.put("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines)), self.folder / "out.jsonl"
        self.policy("where: request, kinds: [card], do: block", 'where: answer, kinds: "*", do: mask')
        self.fails(e2e.INTERNAL, "batch", given, out, "--model", "m", names="1 of 2 lines failed")
        masked, refused = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual(masked["response"]["body"]["choices"][0]["message"]["content"], "it is [email]")
        self.assertIn("card (1)", json.dumps(refused))
        self.assertNotIn("4111", out.read_text())
        self.policy("where: request, kinds: [card], do: mask")
        self.assertNotEqual(self.run_freehold("batch", given, out, "--model", "m").code, e2e.OK)  # answers of other rules stand there


class Echo(http.server.BaseHTTPRequestHandler):
    """A vendor in OpenAI's words that remembers what it was sent."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body["messages"][-1]["content"])
        chunks = [{"id": "c", "model": "v", "choices": [{"index": 0, "delta": {"content": '{"answer": "A"}'}, "finish_reason": None}]},
                  {"id": "c", "model": "v", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                  {"id": "c", "model": "v", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}}]
        content = "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_):
        pass


class Vendors(Tiny):
    """`freehold eval` with a vendor's model: its questions hold an address."""

    def evaluate(self, rule, code=e2e.OK):
        (self.home / "policy.yaml").write_text(f"version: 1\npersonal_data:\n  - {{{rule}}}\n")
        _, task = self.choices(2)
        data = self.folder / "own.jsonl"
        rows = [json.loads(line) for line in data.read_text().splitlines()]
        data.write_text("".join(json.dumps({**row, "q": f"{row['q']}, asks {MAIL}"}) + "\n" for row in rows))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            ended = self.run_freehold("eval", task, "--method", "letter", "--shots", 0, "-m", "gateway:openai/v", "--parallel", 1,
                                      env={"OPENAI_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1", "OPENAI_API_KEY": "k"})
        finally:
            server.shutdown()
            server.server_close()
        self.assertEqual(ended.code, code, ended.message)
        return "\n".join(server.seen), ended.message

    def test_what_leaves(self):
        self.home.mkdir(exist_ok=True)
        sent, _ = self.evaluate("where: vendor, kinds: [card], do: mask")
        self.assertIn(MAIL, sent)
        sent, said_so = self.evaluate("where: vendor, kinds: [email], do: pseudonymise")
        self.assertNotIn(MAIL, sent)
        token = re.search(r"\[(EMAIL_[a-p]{12})\]", sent)[1]
        self.assertIn("pseudonymised=", said_so)
        self.assertEqual(self.succeeds("guard", "reveal", token, "--reason", "test").text.strip(), MAIL)
        for rule in ("where: request, kinds: [email], do: local_only", "where: vendor, kinds: contacts, do: block"):
            sent, said_so = self.evaluate(rule, e2e.USAGE)
            self.assertEqual(sent, "")
            self.assertIn("email (", said_so)
            self.assertNotIn(MAIL, said_so)
        acts = [json.loads(line) for line in self.succeeds("audit", "query", "--json", "--kind", "admin").text.splitlines()]
        acts = [e["details"] for e in acts if e["act"] == "vendor.personal_data"]
        self.assertEqual([list(a["vendor"]) for a in acts], [["pseudonymise"], ["local_only"], ["block"]])


if __name__ == "__main__":
    e2e.main()
