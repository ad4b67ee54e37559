"""What /metrics says of how long requests took, to whom; and a request's whole story by its id."""

import json
import re
import time

import e2e
import tenancy_test
from tenancy_test import CANARY, CHAT, COMPLETIONS, user

LATENCIES = ("time_to_first_token_seconds", "inter_token_latency_seconds", "request_time_per_output_token_seconds",
             "e2e_request_latency_seconds", "request_queue_time_seconds", "request_prefill_time_seconds", "request_decode_time_seconds")


class Served(tenancy_test.Tenancy):
    KEYS = {"alice": (), "bob": (), "auditor": ("--role", "auditor"), "operator": ("--role", "operator"), "few": ("--models", "two")}

    def metrics(self, key):
        """{(name, labels): value}, after a look at the form."""
        text = self.good(key, "GET", "/metrics").decode()
        out, types = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, types, "once each")
                types[name] = kind
            elif not line.startswith("#"):
                name, labels, value = re.fullmatch(r'([a-z_0-9:]+)(?:\{(.*)\})? (\S+)', line).groups()
                self.assertNotIn((name, labels), out, line)
                self.assertIn(re.sub("_(bucket|sum|count)$", "", name) if name not in types else name, types, line)
                out[name, labels] = float(value)
        return out

    def count(self, key, name, model="one"):
        return self.metrics(key).get((f"vllm:{name}_count", f'model_name="{model}"'), 0)

    def complete(self, key, tokens=4, **more):
        return self.server.post(COMPLETIONS, {"model": "one", "prompt": CANARY, "max_tokens": tokens, "ignore_eos": True, **more},
                                headers={"authorization": f"Bearer {self.keys[key]}"})


class Metrics(Served):
    def test_latencies_are_histograms_of_what_happened(self):
        before = {name: self.count("admin", name) for name in LATENCIES}
        begin = time.monotonic()
        for stream in (False, True, False):
            self.assertEqual(self.complete("alice", 4, stream=stream)[0], 200)
        took = time.monotonic() - begin
        metrics = self.metrics("admin")
        for name in LATENCIES:
            more = 9 if name == "inter_token_latency_seconds" else 3  # of four tokens each
            self.assertEqual(self.count("admin", name) - before[name], more, name)
            buckets = [(labels, value) for (n, labels), value in metrics.items() if n == f"vllm:{name}_bucket" and '"one"' in labels]
            values = [value for _, value in buckets]
            self.assertEqual(values, sorted(values), name)
            self.assertTrue(buckets[-1][0].endswith('le="+Inf"'))
            self.assertEqual(values[-1], metrics[f"vllm:{name}_count", 'model_name="one"'])
            bounds = [float(re.search('le="(.*?)"', labels)[1]) for labels, _ in buckets]
            self.assertEqual(bounds, sorted(set(bounds)))

        def total(name):
            return metrics[f"vllm:{name}_sum", 'model_name="one"']
        whole = total("e2e_request_latency_seconds")
        self.assertGreater(whole, 0)
        self.assertLessEqual(total("time_to_first_token_seconds"), whole)
        parts = sum(total(f"request_{part}_time_seconds") for part in ("queue", "prefill", "decode"))
        self.assertLessEqual(parts, whole * 1.001)
        if sum(before.values()) == 0:
            self.assertLessEqual(whole, took)

    def test_a_keys_times_are_its_own(self):
        name = "e2e_request_latency_seconds"
        before = {key: self.count(key, name) for key in self.keys}
        self.complete("alice")
        self.complete("bob")
        self.complete("bob")
        after = {key: self.count(key, name) - before[key] for key in self.keys}
        self.assertEqual(after, {"admin": 3, "auditor": 3, "operator": 3, "alice": 1, "bob": 2, "few": 0})
        for key in ("alice", "bob", "few"):
            self.assertFalse([n for n, _ in self.metrics(key) if n == "http_requests_total"], "what others were answered")
        self.assertFalse([labels for _, labels in self.metrics("few") if labels and '"one"' in labels])

    def test_how_requests_ended(self):
        def ended(how):
            return self.metrics("alice").get(("vllm:request_success_total", f'model_name="one",finished_reason="{how}"'), 0)
        length, abort = ended("length"), ended("abort")
        self.complete("alice", 1)
        self.assertEqual(ended("length"), length + 1)
        connection = self.server.connect()
        connection.request("POST", COMPLETIONS, json.dumps({"model": "one", "prompt": "x", "max_tokens": 480, "ignore_eos": True, "n": 16}),
                           {"content-type": "application/json", "authorization": f"Bearer {self.keys['alice']}"})
        time.sleep(0.05)  # so many answers take longer
        connection.close()
        for _ in range(200):
            if ended("abort") > abort:
                break
            time.sleep(0.05)
        self.assertEqual(ended("abort"), abort + 1)
        self.assertEqual(ended("length"), length + 1)

    def test_answers_by_status(self):
        def answered(dialect, status):
            return self.metrics("admin").get(("http_requests_total", f'dialect="{dialect}",status="{status}"'), 0)
        cases = [("openai", 200, "/v1/models", None), ("openai", 404, "/v1/nothing", None), ("anthropic", 400, "/v1/messages", b"{"),
                 ("ollama", 404, "/api/show", {"model": "nothing"}), ("gemini", 404, "/v1beta/models/nothing", None)]
        before = [answered(dialect, status) for dialect, status, _, _ in cases]
        unauthorised = answered("openai", 401)
        for _, status, path, body in cases:
            got, data = self.ask("alice", "GET" if body is None else "POST", path, body)
            self.assertEqual(got, status, data)
        self.assertEqual(self.server.ask("GET", "/v1/models", key=False)[0], 401)
        self.assertEqual([answered(dialect, status) for dialect, status, _, _ in cases], [n + 1 for n in before])
        self.assertEqual(answered("openai", 401), unauthorised + 1)

    def test_what_dashboards_of_vllm_ask_for(self):
        self.complete("alice")
        metrics = self.metrics("alice")
        for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prompt_tokens_total", "generation_tokens_total",
                     "prefix_cache_queries_total", "prefix_cache_hits_total"):
            self.assertIn((f"vllm:{name}", 'model_name="one"'), metrics)
        self.assertLessEqual(metrics["vllm:kv_cache_usage_perc", 'model_name="one"'], 1)

    def test_vectors_count_too(self):
        name = "e2e_request_latency_seconds"
        whole, first = self.count("alice", name), self.count("alice", "time_to_first_token_seconds")
        self.good("alice", "POST", "/v1/embeddings", {"model": "one", "input": ["a", "b"]})
        self.assertEqual(self.count("alice", name), whole + 1)
        self.assertEqual(self.count("alice", "time_to_first_token_seconds"), first)


class Story(Served):
    def story(self, key, request):
        status, data = self.ask(key, "GET", f"/freehold/v1/requests/{request}")
        return status, json.loads(data)

    def test_of_a_finished_request(self):
        status, headers, _ = self.server.post(CHAT, {"model": "one", "messages": user(CANARY), "max_tokens": 3, "seed": 5, "ignore_eos": True},
                                              headers={"authorization": f"Bearer {self.keys['alice']}"})
        self.assertEqual(status, 200)
        request = headers["x-request-id"]
        self.assertEqual(self.story("alice", "chatcmpl-" + request.removeprefix("req_")), self.story("alice", request))
        for key in ("alice", "admin", "auditor"):
            status, told = self.story(key, request)
            self.assertEqual(status, 200, (key, told))
            self.assertEqual((told["status"], told["request_id"], told["model"], told["endpoint"], told["dialect"]),
                             ("finished", request, "one", CHAT, "openai"))
            self.assertEqual((told["completion_tokens"], told["seed"], told["outcome"], told["finish_reason"], told["http_status"]),
                             (3, 5, "completed", "length", 200))
            self.assertGreater(told["prompt_tokens"], 0)
            self.assertTrue(all(told[f"{part}_seconds"] >= 0 for part in ("queue", "prefill", "decode")))
            self.assertNotIn(CANARY, json.dumps(told))
        nobody = {key: self.story(key, request) for key in ("bob", "operator", "few")}
        unknown = self.story("bob", "req_nothing")
        for key, (status, told) in nobody.items():
            self.assertEqual(status, 404, key)
            self.assertEqual(json.dumps(told).replace(request, "req_nothing"), json.dumps(unknown[1]), "as if it had never been")
        self.assertEqual(self.server.ask("GET", f"/freehold/v1/requests/{request}", key=False)[0], 401)
        self.assertEqual(self.ask("alice", "POST", f"/freehold/v1/requests/{request}", {})[0], 405)
        for odd in ("%2e%2e", "x'%20or%201=1--", "a" * 3000, "%00"):
            self.assertIn(self.ask("alice", "GET", f"/freehold/v1/requests/{odd}")[0], (400, 404, 414, 431))

    def test_of_a_refusal_and_of_who_asked_as_what(self):
        """The usage record has neither; the log has both, for who may see everybody's."""
        status, headers, _ = self.server.post(CHAT, {"model": "none", "messages": user(CANARY)}, headers={"authorization": f"Bearer {self.keys['alice']}"})
        self.assertEqual(status, 404)
        request = headers["x-request-id"]
        for key in ("admin", "auditor"):
            status, told = self.story(key, request)
            self.assertEqual(status, 200, (key, told))
            self.assertEqual({name: told[name] for name in ("status", "request_id", "role", "method", "endpoint", "reason", "http_status")},
                             {"status": "refused", "request_id": request, "role": "user", "method": "POST", "endpoint": CHAT, "reason": "Not Found",
                              "http_status": 404})
            self.assertNotIn(CANARY, json.dumps(told))
        self.assertEqual([self.story(key, request)[0] for key in ("alice", "bob", "operator")], [404, 404, 404])
        _, headers, _ = self.server.post(CHAT, {"model": "one", "messages": user("x"), "max_tokens": 1}, headers={"authorization": f"Bearer {self.keys['alice']}"})
        told = self.story("auditor", headers["x-request-id"])[1]
        self.assertEqual((told["status"], told["role"], told["label"]), ("finished", "user", "public"))
        acts = [json.loads(line) for line in self.succeeds("audit", "query", "--json", "--kind", "admin", home=self.kept).text.splitlines()]
        self.assertEqual(self.story("auditor", acts[0]["id"])[0], 404, "an act is no request")

    def test_of_one_under_way(self):
        connection = self.server.connect()
        connection.request("POST", COMPLETIONS, json.dumps({"model": "one", "prompt": "x", "max_tokens": 480, "ignore_eos": True, "stream": True}),
                           {"content-type": "application/json", "authorization": f"Bearer {self.keys['alice']}"})
        response = connection.getresponse()
        request = response.headers["x-request-id"]
        seen = {key: self.story(key, request) for key in ("bob", "alice", "admin")}
        response.read()
        connection.close()
        self.assertEqual(seen["bob"][0], 404)
        for key in ("alice", "admin"):  # it may have been quick
            self.assertEqual((seen[key][0], seen[key][1]["request_id"]), (200, request), seen[key])
        self.assertEqual(self.story("alice", request)[1]["completion_tokens"], 480)


if __name__ == "__main__":
    e2e.main()
