// Ollama's library.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ollama } from "ollama";
import { citySchema, collect, keepsToCity, key, messages, model, needs, url } from "./harness.mjs";

const of = (k) => new Ollama({ host: url, headers: { authorization: `Bearer ${k}` } });
const client = of(key);
const options = { num_predict: 24, seed: 5 };
const chat = (more = {}) => client.chat({ model, messages, options, ...more });
const generate = (more = {}) => client.generate({ model, prompt: "Say something, é 🙂.", options, ...more });
const fails = (status) => (e) => e.name === "ResponseError" && e.status_code === status && typeof e.error === "string";

function checkEnd(last, reason = "length") {
  assert.equal(last.done, true);
  assert.equal(last.done_reason, reason);
  assert.equal(last.eval_count, 24);
  for (const field of ["total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_duration"])
    assert.equal(typeof last[field], "number", field);
  assert.ok(last.total_duration < 60e9);
  assert.ok(!Number.isNaN(Date.parse(last.created_at)));
}

test("chat: an answer, and the same streamed", needs("ollama"), async () => {
  const whole = await chat();
  checkEnd(whole);
  assert.equal(whole.message.role, "assistant");
  assert.ok(whole.message.content.length > 0);
  const parts = await collect(await chat({ stream: true }));
  assert.equal(parts.map((p) => p.message.content).join(""), whole.message.content);
  assert.ok(parts.slice(0, -1).every((p) => p.done === false && p.message.role === "assistant"));
  checkEnd(parts.at(-1));
});

test("generate: an answer, and the same streamed", needs("ollama"), async () => {
  const whole = await generate();
  checkEnd(whole);
  assert.ok(whole.response.length > 0);
  const parts = await collect(await generate({ stream: true }));
  assert.equal(parts.map((p) => p.response).join(""), whole.response);
  checkEnd(parts.at(-1));
  assert.notEqual((await generate({ raw: true })).response, whole.response);
});

test("options: stop, temperature, seed; unknown ones are no matter", needs("ollama"), async () => {
  const greedy = (await chat({ options: { ...options, temperature: 0 } })).message.content;
  const stop = [...greedy].slice(4, 6).join("");
  const stopped = await chat({ options: { ...options, temperature: 0, stop: [stop] } });
  assert.equal(stopped.message.content, greedy.slice(0, greedy.indexOf(stop)));
  assert.equal(stopped.done_reason, "stop");
  assert.equal((await chat({ options: { ...options, no_such_option: 1, num_gpu: 1 } })).message.content, (await chat()).message.content);
  assert.notEqual((await chat({ options: { ...options, seed: 6 } })).message.content, (await chat()).message.content);
  await assert.rejects(chat({ options: { temperature: "hot" } }), fails(400));
});

test("a model is found with and without its tag, and loads with an empty prompt", needs("ollama"), async () => {
  assert.equal((await chat({ model: `${model}:latest` })).message.content, (await chat()).message.content);
  const loaded = await generate({ prompt: "" });
  assert.equal(loaded.done_reason, "load");
});

test("leaving a stream in the middle disturbs nobody", needs("ollama"), async () => {
  const stream = await chat({ stream: true, options: { ...options, num_predict: 1900 } });
  await assert.rejects(async () => {
    for await (const _ of stream) stream.abort();
  }, { name: "AbortError" });
  checkEnd(await chat());
});

test("errors are the library's class, with a text", needs("ollama"), async () => {
  await assert.rejects(of("not-the-key").chat({ model, messages }), fails(401));
  for (const stream of [false, true]) {
    await assert.rejects(chat({ model: "no-such-model", stream }), (e) => fails(404)(e) && e.error.includes("no-such-model"));
    await assert.rejects(chat({ think: true, stream }), (e) => fails(400)(e) && e.error.includes("think"));
  }
  await assert.rejects(chat({ model: "" }), fails(400));
});

test("a long talk loses its oldest turns", needs("ollama"), async () => {
  const turns = Array.from({ length: 40 }, (_, i) => ({ role: i % 2 ? "assistant" : "user", content: "x ".repeat(80) }));
  checkEnd(await chat({ messages: [...turns, { role: "user", content: "hello" }] }));
});

test("what there is: tags, show, ps, version", needs("ollama"), async () => {
  const { models: [entry] } = await client.list();
  assert.equal(entry.name, `${model}:latest`);
  assert.match(entry.digest, /^[0-9a-f]{64}$/);
  assert.ok(entry.size > 0 && entry.details.family && entry.details.quantization_level);
  const shown = await client.show({ model });
  assert.ok(shown.template.includes("<|im_start|>"));
  assert.ok(shown.capabilities.includes("completion"));
  const info = new Map(Object.entries(shown.model_info));
  assert.equal(info.get("llama.context_length"), 2048);
  await client.ps();
  assert.match((await client.version()).version, /^\d+\.\d+/);
  await assert.rejects(client.show({ model: "no-such-model" }), fails(404));
});

test("structured: a schema, any JSON", needs("ollama", "structured"), async () => {
  const long = { ...options, num_predict: 400 };
  const city = await chat({ format: citySchema, options: long });
  assert.ok(keepsToCity(JSON.parse(city.message.content)), city.message.content);
  JSON.parse((await generate({ format: "json", options: long })).response);
});

test("tools: a call's arguments are an object", needs("ollama", "tools"), async () => {
  const tools = [{ type: "function", function: { name: "weather", description: "Tells the weather.", parameters: citySchema } }];
  const answer = await chat({ tools });
  for (const call of answer.message.tool_calls ?? []) assert.equal(typeof call.function.arguments, "object");
  const turned = await chat({
    tools,
    messages: [...messages, { role: "assistant", content: "", tool_calls: [{ function: { name: "weather", arguments: { city: "Oslo", degrees: 3 } } }] },
               { role: "tool", tool_name: "weather", content: "rain" }],
  });
  assert.ok(turned.prompt_eval_count > answer.prompt_eval_count);
});

test("embeddings", needs("ollama", "embeddings"), async () => {
  const { embeddings } = await client.embed({ model, input: ["the cat", "the dog"] });
  assert.equal(embeddings.length, 2);
  assert.ok(Math.abs(Math.hypot(...embeddings[0]) - 1) < 1e-4);
  const { embedding } = await client.embeddings({ model, prompt: "the cat" });
  assert.equal(embedding.length, embeddings[0].length);
});

test("pull: with progress, at once, and what is not there", needs("ollama"), async () => {
  const parts = await collect(await client.pull({ model: "elsewhere", stream: true }));
  assert.equal(parts[0].status, "pulling manifest");
  const files = parts.filter((p) => p.digest);
  assert.ok(files.length > 0);
  assert.match(files[0].status, /^pulling [0-9a-f]{12}$/);
  assert.equal(files.at(-1).completed, files.at(-1).total);
  assert.equal(parts.at(-1).status, "success");
  assert.equal((await client.pull({ model: "elsewhere" })).status, "success");
  // What has arrived answers without further ado.
  const { message } = await client.chat({ model: "elsewhere", messages: [{ role: "user", content: "Hi" }], options: { num_predict: 4 } });
  assert.ok(message.content.length > 0);
  assert.ok((await client.list()).models.some((m) => m.name === "elsewhere:latest"));
  assert.equal((await client.show({ model: "elsewhere" })).system, "Be brief.");
  assert.equal((await client.pull({ model })).status, "success");
  await assert.rejects(client.pull({ model: "no-such-model" }), fails(404));
  await assert.rejects(client.pull({ model: "no-such-model", stream: true }).then(collect), fails(404));
  await assert.rejects(client.pull({ model: "elsewhere.example/library/x" }), fails(403));
  await assert.rejects(client.pull({ model: "elsewhere", insecure: true }), fails(400));
});
