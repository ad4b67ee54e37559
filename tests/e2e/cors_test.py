"""What a page of an origin that was let in (--origin) may do in a browser: ask beforehand on every address, without a key, and read
what it gets. Nobody else's page learns anything."""

import e2e
from chat_model import ChatGguf
from serving import Server

PAGE = "https://app.example"
PATHS = ("/", "/healthz", "/health", "/readyz", "/version", "/metrics", "/props", "/slots", "/tokenize", "/detokenize", "/apply-template",
         "/completion", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models", "/v1/models/org%2Fm:q4", "/v1/responses",
         "/v1/responses/resp_1", "/v1/responses/resp_1/input_items", "/v1/responses/resp_1/cancel", "/v1/responses/input_tokens",
         "/v1/files", "/v1/files/file-1", "/v1/files/file-1/content", "/v1/batches", "/v1/batches/batch_1", "/v1/batches/batch_1/cancel",
         "/v1/fine_tuning/jobs", "/v1/messages", "/v1/messages/count_tokens", "/v1beta/models", "/v1beta/models/m:generateContent",
         "/v1beta/models/m:streamGenerateContent?alt=sse", "/v1/models/m:countTokens", "/v1beta/models/m:batchEmbedContents",
         "/api/generate", "/api/chat", "/api/embed", "/api/embeddings", "/api/show", "/api/create", "/api/copy", "/api/delete",
         "/api/pull", "/api/push", "/api/tags", "/api/ps", "/api/version", "/api/blobs/sha256:" + "0" * 64, "/freehold/v1/models",
         "/freehold/v1/requests/req_1", "/freehold/v1/requests/req_1/cancel", "/nothing/here")
# By the client libraries of four vendors.
SENT = ("authorization", "content-type", "x-stainless-os", "x-stainless-retry-count", "x-api-key", "anthropic-version", "anthropic-beta",
        "x-goog-api-key", "x-goog-api-client", "openai-organization")


def allowed(headers):
    return {name.strip().lower() for name in headers.get("access-control-allow-headers", "").split(",")}


class Cors(e2e.Case):
    @classmethod
    def setUpClass(cls):
        cls.place = e2e.tempfile.TemporaryDirectory(prefix="freehold-cors-")
        cls.addClassCleanup(cls.place.cleanup)
        model = e2e.pathlib.Path(cls.place.name) / "chatty.gguf"
        model.write_bytes(ChatGguf().write())
        cls.server = cls.enterClassContext(Server(model, "--origin", PAGE))

    def preflight(self, path, origin, fields=None):
        headers = {"origin": origin, "access-control-request-method": "POST", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
        if fields:
            headers["access-control-request-headers"] = fields
        return self.server.ask("OPTIONS", path, headers=headers, key=False)

    def test_every_address_answers_beforehand(self):
        for path in PATHS:
            status, headers, data = self.preflight(path, PAGE, ",".join(SENT))
            self.assertEqual((status, data), (204, b""), path)
            self.assertEqual(headers["access-control-allow-origin"], PAGE, path)
            self.assertIn("POST", headers["access-control-allow-methods"])
            self.assertTrue(allowed(headers) >= set(SENT), path)
            self.assertIn("origin", headers["vary"].lower())
            self.assertTrue(headers["x-request-id"])
            self.assertNotIn("access-control-allow-credentials", headers)
            self.assertNotIn("access-control-allow-private-network", headers)
            # Who does not say what it will send is told what it may.
            self.assertTrue(allowed(self.preflight(path, PAGE)[1]) >= set(SENT), path)
            self.assertEqual(self.server.ask("OPTIONS", path, key=False)[0], 204, path)

    def test_other_pages_learn_nothing(self):
        for path in PATHS:
            for origin in ("https://evil.example", "http://app.example", "https://app.example.evil.example", "null"):
                status, headers, _ = self.preflight(path, origin)
                self.assertEqual(status, 403, (path, origin))
                self.assertFalse([name for name in headers if name.lower().startswith("access-control")])

    def test_the_answers_can_be_read(self):
        body = {"model": "chatty", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
        for key, body, status in ((True, body, 200), (False, body, 401), (True, {**body, "model": "nothing"}, 404), (True, b"{", 400)):
            got, headers, _ = self.server.ask("POST", "/v1/chat/completions", body, headers={"origin": PAGE, "sec-fetch-site": "cross-site"}, key=key)
            self.assertEqual(got, status)
            self.assertEqual(headers["access-control-allow-origin"], PAGE)
            exposed = headers["access-control-expose-headers"]
            for name in headers:
                if name.lower().startswith(("x-", "request-id", "freehold-", "retry-after")):
                    self.assertIn(name.lower(), exposed)


if __name__ == "__main__":
    e2e.main()
