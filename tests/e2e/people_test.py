"""People whom others vouch for, from the outside: tokens of an issuer, client certificates, and who has to wait after wrong keys."""

import http.client
import json
import shutil
import ssl
import subprocess
import time
import uuid

import e2e
from chat_model import ChatGguf
from issuer import Issuer, base64url
from serving import Orderly

CHAT, MODELS, FILES, BATCHES = "/v1/chat/completions", "/v1/models", "/v1/files", "/v1/batches"
ISSUER = "https://login.example.org/realms/clinic"
POLICY = f"""version: 1
sign_in:
  - issuer: {ISSUER}
    audience: freehold
    keys: jwks.json
    role: {{claim: groups, map: {{"ai-admins": admin, "doctors": user, "audit": auditor}}}}
    name: preferred_username
    label: personal
    limits: {{requests_per_minute: 50}}
"""


def ask_of(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2, **more}


class People(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.gguf", ChatGguf().write())
        self.succeeds("keys", "create", "--name", "owner", "--role", "admin")

    def serve(self, *arguments, key=None):
        return Orderly(self.model, *arguments, key=key, home=self.home)

    def log(self, *arguments):
        return [json.loads(line) for line in self.succeeds("audit", "query", "--json", *arguments).text.splitlines()]

    def end(self, server):
        """In order, so that all entries are written."""
        server.interrupt()
        self.assertEqual(server.process.wait(60), 0)

    def ask(self, server, token, path=MODELS, what=None, method=None, **headers):
        fields = {"authorization": f"Bearer {token}" if token else None, **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, self.heads, data = server.ask(method or ("POST" if what is not None else "GET"), path, what, fields, key=False)
        try:
            return status, json.loads(data)
        except ValueError:
            return status, data.decode()


class Tokens(People):
    def setUp(self):
        super().setUp()
        self.issuer = Issuer(ISSUER)
        self.put("home/policy.yaml", POLICY)
        self.put("home/jwks.json", self.issuer.key_set())

    def test_in_each_way_of_sending_a_key(self):
        doctor = self.issuer.token("anna", groups=["doctors"], preferred_username="Dr. Anna")
        say = [{"role": "user", "content": "hi"}]
        with self.serve() as server:
            for path, what, headers in ((CHAT, ask_of("m"), {"authorization": f"Bearer {doctor}"}),
                                        ("/v1/messages", {"model": "m", "max_tokens": 2, "messages": say}, {"x-api-key": doctor}),
                                        ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}, {"x-goog-api-key": doctor}),
                                        (f"/v1beta/models/m:generateContent?key={doctor}", {"contents": [{"parts": [{"text": "hi"}]}]}, {}),
                                        ("/api/chat", {"model": "m", "messages": say, "stream": False}, {"authorization": f"Bearer {doctor}"})):
                status, _, data = server.ask("POST", path, what, headers, key=False)
                self.assertEqual(status, 200, (path.partition("?")[0], data))
            self.assertEqual(server.ask("POST", CHAT, ask_of("m"), {"authorization": f"Bearer {doctor}"}, key=False)[1]["x-ratelimit-limit-requests"], "50")
            # Roles by the claim.
            auditor = self.issuer.token("ben", groups=["audit"])
            self.assertEqual(self.ask(server, auditor, CHAT, ask_of("m"))[0], 403)
            self.assertEqual([self.ask(server, t, "/metrics")[0] for t in (auditor, doctor)], [200, 200])
            # What belongs to one person does not exist for another.
            mine = self.upload(server, doctor)
            other = self.issuer.token("cleo", groups=["doctors"])
            self.assertEqual([self.ask(server, t, f"{FILES}/{mine}")[0] for t in (doctor, other)], [200, 404])
            self.end(server)
            said = server.said()
        entries = [e for e in self.log("--kind", "request") if e["key"] == f"{ISSUER}|anna"]
        self.assertEqual(len(entries), 6)
        self.assertEqual({(e["name"], e["role"], e["label"]) for e in entries}, {("Dr. Anna", "user", "personal")})
        rows = json.loads(self.succeeds("usage", "--key", f"{ISSUER}|anna", "--json").text)
        self.assertIn("anna", json.dumps(rows))
        # A token is nowhere, not even its signature.
        signature = doctor.rpartition(".")[2].encode()
        self.assertNotIn(signature.decode(), said)
        for path in filter(lambda p: p.is_file(), self.home.rglob("*")):
            self.assertNotIn(signature, path.read_bytes(), path)
        listed = json.loads(self.succeeds("keys", "list", "--json").text)
        self.assertEqual([(i["issuer"], i["keys"]) for i in listed["issuers"]], [(ISSUER, "EdDSA k1")])
        self.assertEqual([(p["id"].rpartition("|")[2], p["role"]) for p in listed["people"]], [("anna", "user"), ("ben", "auditor"), ("cleo", "user")])
        for word in (ISSUER, "Dr. Anna", "doctors: user"):
            self.assertIn(word, self.succeeds("keys", "list").text)
        self.assertIn(ISSUER, self.succeeds("doctor").text)

    def test_budgets_hold_for_a_person(self):
        self.succeeds("cost", "budget", "set", "--key", f"{ISSUER}|anna", "--tokens", "5", "--every", "day")
        with self.serve() as server:
            self.assertEqual([self.ask(server, self.issuer.token(sub, groups=["doctors"]), CHAT, ask_of("m"))[0] for sub in ("anna", "ben")], [429, 200])

    def upload(self, server, token, content=b"{}\n"):
        boundary = uuid.uuid4().hex
        form = (f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{boundary}\r\n'
                'Content-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n').encode() + content + f"\r\n--{boundary}--\r\n".encode()
        status, answer = self.ask(server, token, FILES, form, content_type=f"multipart/form-data; boundary={boundary}")
        self.assertEqual(status, 200, answer)
        return answer["id"]

    def test_what_they_leave_goes_on_without_them(self):
        line = json.dumps({"custom_id": "a", "method": "POST", "url": CHAT, "body": ask_of("m")}) + "\n"
        with self.serve() as server:
            token = self.issuer.token("anna", groups=["doctors"], exp=int(time.time()) - 50)  # ends in ten seconds, leeway included
            given = self.upload(server, token, line.encode())
            status, batch = self.ask(server, token, BATCHES, {"input_file_id": given, "endpoint": CHAT, "completion_window": "24h"})
            self.assertEqual(status, 200, batch)
            fresh = self.issuer.token("anna", groups=["doctors"])
            limit = time.monotonic() + 60
            while batch["status"] not in ("completed", "failed"):
                self.assertLess(time.monotonic(), limit, batch)
                time.sleep(0.05)
                batch = self.ask(server, fresh, f"{BATCHES}/{batch['id']}")[1]
            self.assertEqual((batch["status"], batch["request_counts"]["completed"]), ("completed", 1), batch)

    def test_who_is_not_let_in(self):
        good = self.issuer.token(groups=["doctors"])
        head, body, signature = good.split(".")
        unsigned = base64url(json.dumps({"alg": "none", "kid": "k1"}).encode())
        later = int(time.time()) + 300
        refused = {
            "sign_in.expired": self.issuer.token(groups=["doctors"], exp=int(time.time()) - 61),
            "sign_in.early": self.issuer.token(groups=["doctors"], nbf=later),
            "sign_in.audience": self.issuer.token(groups=["doctors"], aud="elsewhere"),
            "sign_in.role": self.issuer.token(groups=["visitors"]),
            "sign_in.key": self.issuer.token(groups=["doctors"], header={"kid": "k2"}),
            "sign_in.algorithm": f"{unsigned}.{body}.",
            "sign_in.signature": f"{head}.{self.issuer.token(groups=['ai-admins']).split('.')[1]}.{signature}",
            "sign_in.form": f"{head}.{body[:-2]}.{signature}",
        }
        with self.serve() as server:
            for rule, token in refused.items():
                status, answer = self.ask(server, token)
                self.assertEqual(status, 401, rule)
                self.assertIn('error="invalid_token"', self.heads["www-authenticate"], rule)
                self.assertNotIn(token, json.dumps(answer))
            self.assertIn("expired", self.ask(server, refused["sign_in.expired"])[1]["error"]["message"])
            self.assertEqual(self.ask(server, good)[0], 200)
            # From another issuer: as any wrong key.
            self.assertEqual(self.ask(server, Issuer("https://evil.example").token(groups=["ai-admins"]))[0], 401)
            self.assertEqual(self.heads["www-authenticate"], "Bearer")
            # Out before their time.
            self.succeeds("keys", "block", ISSUER, "u-1")
            time.sleep(0.7)
            self.assertEqual(self.ask(server, good)[0], 401)
            self.succeeds("keys", "block", ISSUER, "u-1", "--undo")
            time.sleep(0.7)
            self.assertEqual(self.ask(server, good)[0], 200)
            # The issuer changes its keys.
            after = Issuer(ISSUER, "k9")
            self.put("home/jwks.json", after.key_set())
            time.sleep(1.2)
            self.assertEqual([self.ask(server, t)[0] for t in (good, after.token(groups=["doctors"]))], [401, 200])
            self.end(server)
        refusals = self.log("--kind", "refusal")
        rules = [e.get("rule") for e in refusals]
        genuine = ("sign_in.expired", "sign_in.early", "sign_in.audience", "sign_in.role", "people.blocked")
        self.assertEqual({r.get("rule"): r.get("key") for r in refusals},
                         {rule: f"{ISSUER}|u-1" if rule in genuine else None for rule in {*rules}}, "who is named: whose token is genuine")
        self.assertEqual([r for r in rules if r], [*refused, "sign_in.expired", "people.blocked", "sign_in.key"])
        acts = [(e["act"], e["subject"]) for e in self.log("--kind", "admin") if "block" in e["act"]]
        self.assertEqual(acts, [("keys.block", f"{ISSUER}|u-1"), ("keys.unblock", f"{ISSUER}|u-1")])

    def test_a_sealed_server_reads_keys_again(self):
        if not json.loads(self.succeeds("doctor", "--json").text)["sealed_mode"]["system_calls"]:
            self.skipTest("this kernel cannot seal")
        after = Issuer(ISSUER, "k2")
        with self.serve("--sealed") as server:
            self.assertEqual(self.ask(server, self.issuer.token(groups=["doctors"]))[0], 200)
            self.put("home/next.json", after.key_set()).rename(self.home / "jwks.json")
            time.sleep(1.2)
            self.assertEqual([self.ask(server, i.token(groups=["doctors"]))[0] for i in (self.issuer, after)], [401, 200])

    def test_a_policy_that_cannot_hold_starts_nothing(self):
        for policy, names in ((POLICY.replace("doctors\": user", "doctors\": root"), "'doctors' must be a role"), (POLICY.replace("label: personal", "label: secret"), "label"),
                              (POLICY.replace("audience", "audiences"), "audience"), (POLICY.replace("https://", "ftp://"), "https://"),
                              (POLICY.replace("jwks.json", "none.json"), "none.json"), (POLICY.replace("requests_per_minute: 50", "requests_per_minute: 0"), "requests_per_minute")):
            self.put("home/policy.yaml", policy)
            ended = self.run_freehold("serve", self.model, "--port", "0")
            self.assertNotEqual(ended.code, 0)
            self.assertIn(names, ended.message)
            self.assertNotIn("fh-", ended.text, "no key is shown that nobody will see again")
        self.put("home/policy.yaml", POLICY)
        self.put("home/jwks.json", json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}))
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", names="secret")
        ended = self.run_freehold("doctor")
        self.assertIn("secret", ended.text)
        self.assertEqual(ended.code, e2e.FOUND, ended.message)
        self.fails(e2e.USAGE, "keys", "block", "a|b", "c")


class Waiting(People):
    def test_an_address_with_wrong_keys_waits_and_right_keys_pass(self):
        admin = self.succeeds("keys", "create", "--name", "a", "--role", "admin").text.strip()
        fresh = self.succeeds("keys", "create", "--name", "never used before").text.strip()
        with self.serve("--lock-out", "10") as server:
            self.assertEqual(self.ask(server, admin)[0], 200)
            self.assertEqual([self.ask(server, f"wrong-key-{i}")[0] for i in range(12)], [401] * 10 + [429] * 2)
            self.assertTrue(0 < int(self.heads["retry-after"]) <= 30)
            self.assertEqual(self.heads["x-should-retry"], "false")
            for path, where in (("/v1/messages", ("error", "type")), ("/v1beta/models", ("error", "status")), ("/api/tags", ("error",)), (CHAT, ("error", "type"))):
                status, answer = self.ask(server, "wrong", path, method="POST" if "me" in path or path == CHAT else "GET", **({"what": {}} if path == CHAT else {}))
                self.assertEqual(status, 429, path)
                for name in where:
                    answer = answer[name]
                self.assertTrue(answer, path)
            # Who shares the address with an attacker is not locked out with them, here on one machine.
            self.assertEqual([self.ask(server, k)[0] for k in (admin, fresh)], [200, 200])
            self.assertEqual(self.ask(server, None)[0], 401, "who sends no key guesses none")
            self.assertEqual(self.ask(server, None, "/healthz")[0], 200)
            self.end(server)
        acts = [e for e in self.log("--kind", "admin") if e["act"] == "lock-out"]
        self.assertEqual([(e["subject"], e["details"]["attempts"], e["details"]["wait_seconds"]) for e in acts], [("127.0.0.1", 10, 30)])
        self.assertEqual([e["status"] for e in self.log("--kind", "refusal")].count(429), 0, "those are counted, not written one by one")

    def test_off(self):
        with self.serve("--lock-out", "0", key="a-key-of-eight") as server:
            self.assertEqual({self.ask(server, f"wrong-key-{i}")[0] for i in range(30)}, {401})

    def test_this_machine_is_given_more(self):
        with self.serve(key="a-key-of-eight") as server:
            self.assertEqual([self.ask(server, f"wrong-key-{i}")[0] for i in range(51)], [401] * 50 + [429])

    def test_a_program_with_one_wrong_key_is_no_attack(self):
        with self.serve(key="a-key-of-eight") as server:
            self.assertEqual({self.ask(server, "the-same-wrong-key")[0] for _ in range(30)}, {401})


class Certificates(People):
    """With certificates made by the openssl command."""

    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("there is no openssl command")
        self.put("home/policy.yaml", "version: 1\ncertificates:\n  - {dns: '*.clinic.example', role: user, label: internal}\n  - {cn: Warden, role: admin}\n")
        self.make("ca", "/CN=our authority")
        self.make("other", "/CN=our authority")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder, timeout=60)

    def make(self, name, subject, by=None, names=None):
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", subject, "-days", "2")
        signed = ("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-addext", "basicConstraints=critical,CA:FALSE") if by else ()
        self.openssl("req", "-x509", *key, *signed, *(("-addext", f"subjectAltName={names}") if names else ()))

    def ask_as(self, server, name=None, token=None, path=MODELS):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        connection = http.client.HTTPSConnection(server.host, server.port, timeout=60, context=context)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def test_they_stand_for_a_key(self):
        self.make("ward3", "/CN=any", "ca", "DNS:ward3.clinic.example")
        self.make("warden", "/CN=Warden", "ca")
        self.make("visitor", "/CN=visitor", "ca")
        self.make("forged", "/CN=Warden", "other")
        key = self.succeeds("keys", "create", "--name", "a").text.strip()
        tls = ("--tls", "self", "--client-ca", self.folder / "ca.pem")
        with self.serve(*tls) as server:
            self.assertEqual([self.ask_as(server, n) for n in ("ward3", "warden", "visitor", None)], [200, 200, 401, 401])
            self.assertEqual(self.ask_as(server, None, key), 200, "keys still do")
            self.assertEqual(self.ask_as(server, "ward3", "certificate"), 200, "for clients that must send a key")
            self.assertEqual(self.ask_as(server, "warden", "wrong-key"), 401, "a key that is sent decides")
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.BadStatusLine)):
                self.ask_as(server, "forged")
            self.succeeds("keys", "block", "certificate", "dns:ward3.clinic.example")
            time.sleep(0.7)
            self.assertEqual(self.ask_as(server, "ward3"), 401)
            self.end(server)
        people = {p["id"]: p["role"] for p in json.loads(self.succeeds("keys", "list", "--json").text)["people"]}
        self.assertEqual(people, {"certificate|cn:Warden": "admin", "certificate|dns:ward3.clinic.example": "user"})
        refused = [(e["rule"], e["name"], e["key"]) for e in self.log("--kind", "refusal") if e.get("rule")]
        self.assertEqual([r[:2] for r in refused], [("certificates", "visitor"), ("people.blocked", "ward3.clinic.example")])
        self.assertRegex(refused[0][2], r"^certificate\|sha256:[0-9a-f]{64}$")
        self.assertEqual(refused[1][2], "certificate|dns:ward3.clinic.example")
        with self.serve(*tls, "--client-cert", "required") as server:
            self.assertEqual(self.ask_as(server, "warden"), 200)
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.BadStatusLine)):
                self.ask_as(server, None, key)

    def test_options_that_cannot_be(self):
        ca = self.folder / "ca.pem"
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--client-ca", ca, names="--tls")
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--tls", "self", "--client-cert", "required", names="--client-ca")
        self.run_freehold("serve", self.model, "--port", "0", "--tls", "self", "--client-ca", self.put("bad.pem", "x"))
        self.put("home/policy.yaml", "version: 1\n")
        self.fails(e2e.USAGE, "serve", self.model, "--port", "0", "--tls", "self", "--client-ca", ca, names="certificates")


if __name__ == "__main__":
    e2e.main()
