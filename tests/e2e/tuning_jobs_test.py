"""OpenAI's fine-tuning jobs over HTTP: made, run beside requests, stopped, killed and gone on with, and nobody else's."""

import json
import signal
import time

import e2e
from chat_model import ChatGguf
from files_test import KEY, OTHER, Server

OVER = ("succeeded", "failed", "cancelled")
REPLY = "dog sat"


def chats(count, reply=REPLY, **more):
    return [{"messages": [{"role": "user", "content": f"question {i}"}, {"role": "assistant", "content": reply}], **more} for i in range(count)]


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


class Tuning(Server):
    """The server of the tests of files, that tunes."""

    def give(self, rows, key=KEY, purpose="fine-tune"):
        return self.upload(rows if isinstance(rows, bytes) else jsonl(rows), purpose, key=key, filename="train.jsonl")["id"]

    def job(self, rows, key=KEY, **fields):
        return self.good("POST", "/v1/fine_tuning/jobs", {"model": "m", "training_file": self.give(rows, key), "seed": 1, **fields}, key=key)

    def at(self, job, key=KEY):
        return self.good("GET", f"/v1/fine_tuning/jobs/{job['id']}", key=key)

    def until(self, job, wanted, seconds=150):
        limit = time.monotonic() + seconds
        while True:
            now = self.at(job)
            if now["status"] in wanted:
                return now
            if now["status"] in OVER or time.monotonic() > limit:
                raise AssertionError(f"{wanted} wanted: {now}")
            time.sleep(0.02)

    def over(self, job):
        return self.until(job, OVER)

    def metrics(self, job):
        events = self.good("GET", f"/v1/fine_tuning/jobs/{job['id']}/events?limit=10000")["data"]
        return [e["data"] for e in reversed(events) if e["type"] == "metrics"]

    def past(self, job, step):
        """Waits until it has done so many steps."""
        limit = time.monotonic() + 120
        while not any(m["step"] >= step for m in self.metrics(job)):
            now = self.at(job)
            if now["status"] in OVER or time.monotonic() > limit:
                raise AssertionError(f"step {step} wanted: {now}")
            time.sleep(0.02)

    def refused(self, rows, **fields):
        """Why a job fails."""
        job = self.over(self.job(rows, **fields))
        if job["status"] != "failed":
            raise AssertionError(job)
        return job["error"]

    def says(self, model, key=KEY):
        return self.good("POST", "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "question 3"}],
                                                          "max_tokens": 8, "temperature": 0}, key=key)["choices"][0]["message"]["content"]


QUICK = {"hyperparameters": {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1}}
# Long enough to be disturbed in the middle; a checkpoint every twenty steps.
LONG = {"hyperparameters": {"n_epochs": 5, "batch_size": 2, "learning_rate_multiplier": 5}}
LONG_ROWS = 240
ENDLESS = {"hyperparameters": {**LONG["hyperparameters"], "n_epochs": 50}}  # to be cancelled


class TuningJobsTest(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.gguf", ChatGguf().write())

    def serve(self, home="home", *options):
        return Tuning(self.model, self.folder / home, "--threads", "2", *options)

    def adapter(self, job, home="home"):
        return (self.folder / home / "fine_tuning" / job["id"] / "adapter_model.safetensors").read_bytes()

    def test_from_a_file_to_a_model_in_every_dialect(self):
        with self.serve() as server:
            before = server.says("m")
            validation = server.give(chats(5))
            made = server.job(chats(40), validation_file=validation, suffix="Mine", metadata={"team": "a"},
                              method={"type": "supervised", "supervised": {"hyperparameters": {
                                  "n_epochs": 6, "batch_size": 4, "learning_rate_multiplier": 40}}})
            self.assertEqual((made["object"], made["status"], made["fine_tuned_model"], made["finished_at"]),
                             ("fine_tuning.job", "validating_files", None, None))
            # The file is the job's by now.
            server.good("DELETE", f"/v1/files/{made['training_file']}")
            job = server.over(made)
            self.assertEqual(job["status"], "succeeded", job)
            name = job["fine_tuned_model"]
            self.assertRegex(name, r"^ft:m:freehold:Mine:[0-9a-f]{12}$")
            self.assertGreater(job["trained_tokens"], 6 * 40)
            self.assertEqual(job["method"]["supervised"]["hyperparameters"], job["hyperparameters"])
            self.assertEqual((job["metadata"], job["error"]), ({"team": "a"}, None))
            # What was learned is said, by that model alone.
            self.assertEqual(server.says(name).strip(), REPLY)
            self.assertEqual(server.says("m"), before)
            asked = {"model": name, "messages": [{"role": "user", "content": "question 3"}], "max_tokens": 8, "temperature": 0}
            self.assertEqual(server.good("POST", "/v1/messages", asked)["content"][0]["text"].strip(), REPLY)
            ollama = server.good("POST", "/api/chat", {**asked, "stream": False, "options": {"temperature": 0, "repeat_penalty": 1}})
            self.assertEqual(ollama["message"]["content"].strip(), REPLY)
            gemini = server.good("POST", f"/v1beta/models/{name}:generateContent", {
                "contents": [{"role": "user", "parts": [{"text": "question 3"}]}], "generationConfig": {"temperature": 0, "maxOutputTokens": 8}})
            self.assertEqual(gemini["candidates"][0]["content"]["parts"][0]["text"].strip(), REPLY)
            self.assertIn(name, [m["id"] for m in server.good("GET", "/v1/models")["data"]])
            self.assertEqual(server.good("GET", f"/v1/models/{name}")["id"], name)
            self.assertIn(name, [m["name"] for m in server.good("GET", "/api/tags")["models"]])
            # Measurements.
            content = server.ask("GET", f"/v1/files/{job['result_files'][0]}/content")[1].decode().splitlines()
            self.assertEqual(content[0], "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy")
            self.assertEqual(len(content), 1 + 60)
            self.assertEqual(server.good("GET", f"/v1/files/{job['result_files'][0]}")["purpose"], "fine-tune-results")
            metrics = server.metrics(job)
            losses = [m["train_loss"] for m in metrics if "train_loss" in m]
            self.assertEqual((len(losses), sum("valid_loss" in m for m in metrics)), (60, 6))
            self.assertLess(losses[-1], losses[0] / 2)
            # Checkpoints are models too, the last three.
            points = server.good("GET", f"/v1/fine_tuning/jobs/{job['id']}/checkpoints")["data"]
            self.assertEqual([p["step_number"] for p in points], [60, 50, 40])
            self.assertEqual(server.says(points[0]["fine_tuned_model_checkpoint"]), server.says(name))
            self.assertLess(points[0]["metrics"]["valid_loss"], losses[0])
            page = server.good("GET", f"/v1/fine_tuning/jobs/{job['id']}/checkpoints?limit=2&after={points[0]['id']}")
            self.assertEqual(([p["id"] for p in page["data"]], page["has_more"]), ([points[1]["id"], points[2]["id"]], False))
            # A second tuning goes on from the first.
            again = server.over(server.job(chats(8), model=name, **QUICK))
            self.assertEqual((again["status"], again["model"]), ("succeeded", "m"))
            self.assertEqual(server.says(again["fine_tuned_model"]).strip(), REPLY)
            # Neither the data nor the run's own checkpoints are kept.
            self.assertEqual([p.name for p in (self.folder / "home/fine_tuning" / job["id"]).iterdir()
                              if p.name.startswith(("training", "validation", "checkpoints"))], [])
            # What is held stays, in whatever dialect it is to be deleted.
            held = json.loads(self.succeeds("guard", "hold", "--label", "public", "--reason", "case 12", "--json").text)["id"]
            for path, body in ((f"/v1/models/{name}", None), ("/api/delete", {"model": name})):
                status, data = server.ask("DELETE", path, body)[:2]
                self.assertEqual((status, held.encode() in data), (409, True), data)
            self.assertEqual(server.good("GET", f"/v1/models/{name}")["id"], name)
            self.succeeds("guard", "release", held, "--reason", "over")
            self.assertEqual(server.good("DELETE", f"/v1/models/{name}"), {"id": name, "object": "model", "deleted": True})
            self.assertEqual(server.ask("GET", f"/v1/models/{name}")[0], 404)
            self.assertEqual(server.ask("DELETE", f"/v1/models/{name}")[0], 404)
            self.assertEqual(server.ask("DELETE", "/v1/models/m")[0], 403)
            self.assertEqual(server.says(again["fine_tuned_model"]).strip(), REPLY)

    def test_killed_stopped_and_paused_it_ends_with_the_same_bytes(self):
        rows = chats(LONG_ROWS, "the cat ran home")
        with self.serve("undisturbed") as server:
            job = server.over(server.job(rows, **LONG))
            wanted, losses = self.adapter(job, "undisturbed"), server.metrics(job)
            self.assertEqual(len(losses), LONG_ROWS // 2 * 5)
        server = self.serve()
        job = server.job(rows, **LONG)
        for at, how in ((30, signal.SIGKILL), (90, signal.SIGINT), (150, signal.SIGKILL)):
            server.past(job, at)
            server.end(how)
            server = self.serve()
        with server:
            server.past(job, 200)
            server.good("POST", f"/v1/fine_tuning/jobs/{job['id']}/pause")
            self.assertEqual(server.at(job)["status"], "paused")
            time.sleep(0.3)
            steps = len(server.metrics(job))
            self.assertEqual(server.ask("POST", f"/v1/fine_tuning/jobs/{job['id']}/pause")[0], 400)
            time.sleep(0.3)
            self.assertEqual(len(server.metrics(job)), steps)
            server.good("POST", f"/v1/fine_tuning/jobs/{job['id']}/resume")
            done = server.over(job)
            self.assertEqual(done["status"], "succeeded", done)
            self.assertEqual(self.adapter(job), wanted)
            self.assertEqual(server.metrics(job), losses)
            name, said = done["fine_tuned_model"], server.says(done["fine_tuned_model"])
        with self.serve() as server:  # and it is there after another restart
            self.assertEqual(server.says(name), said)
            self.assertIn(name, [m["id"] for m in server.good("GET", "/v1/models")["data"]])

    def test_one_runs_and_others_wait_or_are_cancelled(self):
        with self.serve() as server:
            first = server.job(chats(LONG_ROWS), **ENDLESS)
            server.past(first, 5)
            second, third = server.job(chats(8), **QUICK), server.job(chats(8), **QUICK)
            self.assertEqual(server.until(second, ("queued",))["status"], "queued")
            self.assertEqual(server.until(third, ("queued",))["hyperparameters"]["batch_size"], 4)
            # Answers are as they were beside it.
            self.assertEqual(server.at(first)["status"], "running")
            self.assertTrue(server.says("m"))
            for job in (second, first):
                self.assertEqual(server.good("POST", f"/v1/fine_tuning/jobs/{job['id']}/cancel")["status"], "cancelled")
            self.assertEqual(server.over(third)["status"], "succeeded")
            status, body = server.ask("POST", f"/v1/fine_tuning/jobs/{third['id']}/cancel")
            self.assertEqual((status, json.loads(body)["error"]["code"]), (400, "invalid_job_status"))
            # Nothing is left of what was cancelled.
            limit = time.monotonic() + 30
            folder = self.folder / "home/fine_tuning"
            while {p.name for p in folder.iterdir()} != {"lock", third["id"]}:
                self.assertLess(time.monotonic(), limit, [p.name for p in folder.iterdir()])
                time.sleep(0.05)
            listed = [j["id"] for j in server.good("GET", "/v1/fine_tuning/jobs?limit=2")["data"]]
            self.assertEqual(listed, [third["id"], second["id"]])
            rest = server.good("GET", f"/v1/fine_tuning/jobs?limit=2&after={second['id']}")
            self.assertEqual(([j["id"] for j in rest["data"]], rest["has_more"]), ([first["id"]], False))
            # As many as a key may have under way.
            first = server.job(chats(LONG_ROWS), **ENDLESS)
            others = [server.job(chats(4), **QUICK) for _ in range(9)]
            status, body = server.ask("POST", "/v1/fine_tuning/jobs", {"model": "m", "training_file": server.give(chats(4))})
            self.assertEqual(status, 429, body)
            server.good("POST", f"/v1/fine_tuning/jobs/{first['id']}/cancel")
            self.assertEqual({server.over(job)["status"] for job in others}, {"succeeded"})

    def test_another_key_sees_nothing_of_it(self):
        with self.serve() as server:
            job = server.over(server.job(chats(8), **QUICK))
            name, address = job["fine_tuned_model"], f"/v1/fine_tuning/jobs/{job['id']}"
            self.assertEqual(server.good("GET", "/v1/fine_tuning/jobs", key=OTHER)["data"], [])
            for method, path in (("GET", address), ("GET", f"{address}/events"), ("GET", f"{address}/checkpoints"),
                                 ("POST", f"{address}/cancel"), ("POST", f"{address}/pause"), ("GET", f"/v1/models/{name}"),
                                 ("DELETE", f"/v1/models/{name}"), ("GET", f"/v1/files/{job['result_files'][0]}/content")):
                self.assertEqual(server.ask(method, path, key=OTHER)[0], 404, path)
            asked = {"model": name, "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
            for path in ("/v1/chat/completions", "/v1/messages", "/api/chat"):
                self.assertEqual(server.ask("POST", path, asked, key=OTHER)[0], 404, path)
            self.assertEqual(server.ask("POST", "/v1/fine_tuning/jobs", {"model": name, "training_file": server.give(chats(4), OTHER)},
                                        key=OTHER)[0], 404)
            status, body = server.ask("POST", "/v1/fine_tuning/jobs", {"model": "m", "training_file": job["training_file"]}, key=OTHER)
            self.assertEqual((status, json.loads(body)["error"]["param"]), (400, "training_file"))
            for path in ("/v1/models", "/api/tags", "/freehold/v1/models", "/freehold/v1/adapters", "/api/ps", "/metrics"):
                server.says(name)
                self.assertNotIn(b"ft:m", server.ask("GET", path, key=OTHER)[1], path)
            # Its names are free for others.
            self.assertTrue(server.says("m", key=OTHER))

    def test_memory_is_planned_and_given_up(self):
        home = self.folder / "store"
        for name, seed in (("a", 1), ("b", 2)):
            self.succeeds("models", "import", self.put(f"{name}.gguf", ChatGguf(seed=seed).write()), "--name", name, home=home)
        alone = ("--sequences", "1", "--context", "512")
        with Tuning(None, home, *alone) as server:
            size = next(m for m in server.good("GET", "/freehold/v1/models")["models"] if m["name"] == "a:latest")["memory_bytes"]
        with Tuning(None, home, *alone, "--memory-limit", str(size + 4096)) as server:
            error = server.refused(chats(4), model="a")
            self.assertEqual(error["code"], "insufficient_memory")
            self.assertIn("--memory-limit", error["message"])
        with Tuning(None, home, *alone, "--memory-limit", str(2 * size - 1)) as server:
            job = server.job(chats(LONG_ROWS, "the cat ran home"), model="a", **ENDLESS)
            server.past(job, 5)
            # Both do not fit: the job makes room, and goes on when it can.
            self.assertTrue(server.says("b"))
            self.assertEqual(server.at(job)["status"], "queued")
            step = server.metrics(job)[-1]["step"]
            server.until(job, ("running",))
            server.past(job, step + 50)
            messages = [e["message"] for e in server.good("GET", f"/v1/fine_tuning/jobs/{job['id']}/events?limit=10000")["data"]]
            self.assertEqual(sum("makes room" in m for m in messages), 1, messages[-5:])
            server.good("POST", f"/v1/fine_tuning/jobs/{job['id']}/cancel")

    def test_preferences_and_completions(self):
        with self.serve() as server:
            pairs = [{"input": {"messages": [{"role": "user", "content": f"question {i}"}]},
                      "preferred_output": [{"role": "assistant", "content": REPLY}],
                      "non_preferred_output": [{"role": "assistant", "content": "the hill"}]} for i in range(12)]
            job = server.over(server.job(pairs, method={"type": "dpo", "dpo": {"hyperparameters": {
                "beta": 0.2, "n_epochs": 4, "batch_size": 4, "learning_rate_multiplier": 200}}}))
            self.assertEqual(job["status"], "succeeded", job)
            self.assertEqual(job["method"]["dpo"]["hyperparameters"]["beta"], 0.2)
            accuracies = [m["train_accuracy"] for m in server.metrics(job)]
            self.assertGreater(accuracies[-1], 0.9, accuracies)
            plain = [{"prompt": f"the dog {i} ", "completion": "went home"} for i in range(20)]
            job = server.over(server.job(plain, **{"hyperparameters": {"n_epochs": 8, "learning_rate_multiplier": 40}}))
            self.assertEqual(job["status"], "succeeded", job)
            self.assertEqual(job["hyperparameters"]["batch_size"], 1)
            said = server.good("POST", "/v1/completions", {"model": job["fine_tuned_model"], "prompt": "the dog 3 ", "max_tokens": 16,
                                                           "temperature": 0})["choices"][0]
            self.assertEqual((said["text"].strip(), said["finish_reason"]), ("went home", "stop"))

    def test_what_is_left_to_us(self):
        with self.serve() as server:
            job = server.over(server.job(chats(4), hyperparameters={"n_epochs": "auto"}))
            self.assertEqual(job["hyperparameters"], {"n_epochs": 25, "batch_size": 1, "learning_rate_multiplier": 1.0})
            # A message of weight 0 is read and not learned: as many scored tokens less.
            for weight in (0, 1):
                two = [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "the mat", "weight": weight},
                                     {"role": "user", "content": "b"}, {"role": "assistant", "content": REPLY}]}] * 3
                job = server.over(server.job(two, **QUICK))
                self.assertEqual(job["status"], "succeeded", job)
            metrics = [json.loads(line) for line in
                       (self.folder / "home/fine_tuning" / job["id"] / "metrics.jsonl").read_text().splitlines()]
            self.assertEqual(len(metrics), 1)

    def test_bad_files_say_where(self):
        with self.serve() as server:
            good = chats(3)
            for rows, *words in (
                    (b"", "holds no examples"),
                    (jsonl(good) + b"{\n", "line 4", "JSON"),
                    (jsonl(good) + b"\n\xff\xfe\n", "line 5"),
                    ([*good, {"messages": []}], "line 4", "messages"),
                    ([*good, {"messages": [{"role": "user", "content": "x"}]}], "line 4", "nothing to learn"),
                    ([{"messages": [{"role": "robot", "content": "x"}]}, *good], "line 1", "message 1", "'role'"),
                    ([*good, *chats(1, weight=1)], "line 4", "'weight'"),
                    ([*good, {"messages": [{"role": "assistant", "content": "x", "weight": 2}]}], "line 4", "0 or 1"),
                    ([*good, {"prompt": "a", "completion": "b"}], "line 4", "one file"),
                    ([{"prompt": "a", "completion": ""}], "line 1", "completion"),
                    ([*good, *chats(1, reply="dog " * 3000)], "longer than", "line 4"),
                    ([{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
                                    {"role": "assistant", "content": "y"}]}], "line 1", "no text")):
                error = server.refused(rows)
                self.assertEqual((error["param"], error["code"]), ("training_file", "invalid_training_file"), error)
                for word in words:
                    self.assertIn(word, error["message"])
                self.assertNotIn(str(self.folder), error["message"])
            error = server.refused(good, validation_file=server.give([{"messages": 5}]))
            self.assertEqual((error["param"], error["code"]), ("validation_file", "invalid_validation_file"))
            error = server.refused(good, method={"type": "dpo"})
            self.assertIn("'messages' is no key here", error["message"])

    def test_what_is_not_honoured_is_refused_by_name(self):
        with self.serve() as server:
            good = server.give(chats(3))
            for fields, param in (
                    ({"model": "none"}, "model"), ({"training_file": "file-none"}, "training_file"),
                    ({"training_file": server.give(chats(3), purpose="batch")}, "training_file"), ({"suffix": "a b"}, "suffix"),
                    ({"suffix": "x" * 65}, "suffix"), ({"seed": -1}, "seed"), ({"n_epochs": 3}, "n_epochs"),
                    ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, "integrations"),
                    ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
                    ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs"),
                    ({"hyperparameters": {"prompt_loss_weight": 0.1}}, "hyperparameters.prompt_loss_weight"),
                    ({"hyperparameters": {"beta": 0.1}}, "hyperparameters.beta"),
                    ({"method": {"type": "reinforcement", "reinforcement": {}}}, "method.type"),
                    ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 9}}}}, "method.dpo.hyperparameters.beta"),
                    ({"method": {"type": "supervised", "dpo": {}}}, "method.dpo"), ({"metadata": {"a": 1}}, "metadata")):
                status, body = server.ask("POST", "/v1/fine_tuning/jobs", {"model": "m", "training_file": good, **fields})
                error = json.loads(body)["error"]
                self.assertEqual((status, error["param"]), (404 if param == "model" else 400, param), error)
                self.assertEqual(error["type"], "invalid_request_error")
            for method, path in (("GET", "/v1/fine_tuning/jobs/ftjob-none"), ("POST", "/v1/fine_tuning/jobs/ftjob-none/cancel")):
                self.assertEqual(server.ask(method, path)[0], 404)
            self.assertEqual(server.ask("GET", "/v1/fine_tuning/jobs?limit=0")[0], 400)
            self.assertEqual(server.good("GET", "/v1/fine_tuning/jobs")["data"], [])
            nulls = server.over(server.good("POST", "/v1/fine_tuning/jobs", {
                "model": "m", "training_file": good, "validation_file": None, "suffix": None, "seed": None, "integrations": None,
                "metadata": None, **QUICK}))
            self.assertRegex(nulls["fine_tuned_model"], r"^ft:m:freehold::[0-9a-f]{12}$")


if __name__ == "__main__":
    e2e.main()
