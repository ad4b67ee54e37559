// Ollama's library: every parameter is honoured, named as ignored, or refused with a text that names it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ollama } from "ollama";
import { citySchema, collect, keepsToCity, key, messages, model, needs, url } from "./harness.mjs";

const headers = { authorization: `Bearer ${key}` };
const client = new Ollama({ host: url, headers });
const options = { num_predict: 16, seed: 5 };
const greedy = { ...options, temperature: 0 };
const chat = (more = {}) => client.chat({ model, messages, options, ...more });
const generate = (more = {}) => client.generate({ model, prompt: "Say something, é 🙂.", options, ...more });
const says = async (more) => (await chat({ options: { ...options, ...more } })).message.content;
const fails = (status, ...words) => (e) => {
  assert.equal(e.name, "ResponseError", String(e));
  assert.equal(e.status_code, status, e.error);
  assert.equal(typeof e.error, "string");
  for (const word of words) assert.ok(e.error.includes(word), `${word} is not in: ${e.error}`);
  return true;
};
const post = (path, body) =>
  fetch(`${url}${path}`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) });

test("generate: all fields of the last line, none of them before", needs("ollama"), async () => {
  const whole = await generate();
  assert.deepEqual(Object.keys(whole).sort(), ["context", "created_at", "done", "done_reason", "eval_count", "eval_duration", "load_duration", "model",
    "prompt_eval_count", "prompt_eval_duration", "response", "total_duration"]);
  assert.equal(whole.model, model);
  assert.ok(whole.total_duration >= whole.prompt_eval_duration + whole.eval_duration);
  assert.ok(whole.total_duration > 1000, "nanoseconds");
  const parts = await collect(await generate({ stream: true }));
  for (const part of parts.slice(0, -1)) assert.deepEqual(Object.keys(part).sort(), ["created_at", "done", "model", "response"]);
  const last = parts.at(-1);
  assert.equal(last.response, "");
  assert.deepEqual([last.eval_count, last.prompt_eval_count, last.context], [whole.eval_count, whole.prompt_eval_count, whole.context]);
});

test("generate goes on from an earlier context", needs("ollama"), async () => {
  const first = await generate();
  const second = await generate({ prompt: "And then?", context: first.context });
  assert.ok(second.prompt_eval_count > first.prompt_eval_count);
  assert.deepEqual(second.context.slice(0, first.context.length), first.context);
  await assert.rejects(generate({ context: ["x"] }), fails(400, "context"));
  await assert.rejects(generate({ context: [1e9] }), fails(400, "context"));
  await assert.rejects(generate({ context: [1], raw: true }), fails(400, "raw"));
});

test("generate: system, raw, suffix, template, images", needs("ollama"), async () => {
  const plain = await generate();
  assert.ok((await generate({ system: "You are terse." })).prompt_eval_count > plain.prompt_eval_count);
  assert.ok((await generate({ raw: true })).prompt_eval_count < plain.prompt_eval_count);
  assert.equal((await generate({ raw: true })).context, undefined);
  assert.equal((await generate({ suffix: "", template: "", images: [] })).response, plain.response);
  await assert.rejects(generate({ suffix: "}" }), fails(400, "does not support insert"));
  await assert.rejects(generate({ template: "{{ .Prompt }}" }), fails(400, "template"));
  await assert.rejects(generate({ images: [new Uint8Array([1, 2, 3])] }), fails(400, "images"));
  await assert.rejects(chat({ messages: [{ role: "user", content: "x", images: ["aGk="] }] }), fails(400, "images"));
});

test("an empty prompt loads", needs("ollama"), async () => {
  for (const stream of [false, true]) {
    const [line] = stream ? await collect(await generate({ prompt: "", stream })) : [await generate({ prompt: "" })];
    assert.deepEqual([line.done, line.done_reason, line.response], [true, "load", ""]);
    const [said] = stream ? await collect(await chat({ messages: [], stream })) : [await chat({ messages: [] })];
    assert.deepEqual([said.done, said.done_reason, said.message.content], [true, "load", ""]);
  }
  await assert.rejects(generate({ prompt: "", model: "no-such-model" }), fails(404, "model 'no-such-model' not found"));
});

test("options: each does what it says", needs("ollama"), async () => {
  const base = await says({ temperature: 0 });
  assert.equal(await says({ temperature: 1, top_k: 1 }), base);
  assert.equal(await says({ temperature: 1, top_p: 0 }), base);
  assert.equal(await says({ temperature: 1, min_p: 1 }), base);
  assert.notEqual(await says({ temperature: 0, repeat_penalty: 1 }), base);
  assert.equal(await says({ temperature: 0, repeat_last_n: 0 }), await says({ temperature: 0, repeat_penalty: 1 }));
  assert.notEqual(await says({ temperature: 0, repeat_last_n: -1, repeat_penalty: 5 }), await says({ temperature: 0, repeat_last_n: 0 }));
  assert.notEqual(await says({ temperature: 0, frequency_penalty: 50, repeat_penalty: 1 }), await says({ temperature: 0, repeat_penalty: 1 }));
  assert.equal((await chat({ options: { ...options, num_predict: 1 } })).eval_count, 1);
  assert.equal((await chat({ options: { ...greedy, num_predict: -1, stop: [[...base].slice(4, 6).join("")] } })).done_reason, "stop");
  const short = await chat({ options: { ...options, num_predict: -2, num_ctx: 128 } });
  assert.equal(short.done_reason, "length");
  assert.equal(short.prompt_eval_count + short.eval_count, 128);
  assert.notEqual(await says({ seed: -1 }), await says({ seed: -1 }));
});

test("options: wrong types and ranges are refused by name", needs("ollama"), async () => {
  for (const bad of [{ temperature: "hot" }, { temperature: -1 }, { top_p: 2 }, { top_k: 1.5 }, { min_p: -1 }, { seed: "x" }, { stop: 5 }, { stop: [""] },
                     { num_predict: "many" }, { num_predict: -3 }, { num_ctx: -1 }, { num_ctx: "x" }, { repeat_penalty: 0 }, { repeat_last_n: -2 },
                     { presence_penalty: "x" }, { typical_p: 0 }, { mirostat: "x" }, { num_gpu: "all" }, { use_mmap: 1 }])
    await assert.rejects(chat({ options: bad }), fails(400, Object.keys(bad)[0]), JSON.stringify(bad));
  await assert.rejects(chat({ options: [] }), fails(400, "options"));
  await assert.rejects(chat({ format: "xml" }), fails(400, "format"));
  await assert.rejects(chat({ format: { type: "strange" } }), fails(400, "strange"));
  await assert.rejects(chat({ keep_alive: "soon" }), fails(400, "keep_alive"));
  await assert.rejects(chat({ think: "maybe" }), fails(400, "think"));
  await assert.rejects(chat({ messages: "hi" }), fails(400, "messages"));
  await assert.rejects(chat({ messages: [{ role: "king", content: "x" }] }), fails(400, "messages[0].role"));
  await assert.rejects(chat({ messages: [{ role: "user", content: 5 }] }), fails(400, "messages[0].content"));
  await assert.rejects(generate({ prompt: 5 }), fails(400, "prompt"));
  await assert.rejects(chat({ top_logprobs: 3 }), fails(400, "top_logprobs"));
  await assert.rejects(chat({ model: undefined }), fails(400, "model is required"));
});

test("what has no effect is named", needs("ollama"), async () => {
  const body = { model, messages, stream: false, no_such_field: 1, options: { ...options, num_gpu: 1, no_such_option: 2 } };
  const response = await post("/api/chat", body);
  const names = response.headers.get("freehold-ignored");
  for (const name of ["no_such_field", "options.num_gpu", "options.no_such_option"]) assert.ok(names.includes(name), names);
  await response.text();
});

test("log-probabilities: one entry a token, the likeliest beside it", needs("ollama"), async () => {
  const whole = await chat({ logprobs: true, top_logprobs: 3 });
  assert.equal(whole.logprobs.length, 16);
  for (const entry of whole.logprobs) {
    assert.ok(entry.logprob <= 0 && typeof entry.token === "string");
    assert.equal(entry.top_logprobs.length, 3);
    assert.ok(entry.top_logprobs[0].logprob >= entry.top_logprobs[2].logprob);
  }
  const parts = await collect(await generate({ logprobs: true, stream: true }));
  assert.equal(parts.flatMap((p) => p.logprobs ?? []).length, 16);
});

test("a stream is lines of JSON, each with its time", needs("ollama"), async () => {
  const response = await post("/api/generate", { model, prompt: "hello", options });  // stream: true is the default
  assert.match(response.headers.get("content-type"), /^application\/x-ndjson/);
  const text = await response.text();
  assert.ok(text.endsWith("\n"));
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.every((l) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/.test(l.created_at)));
  assert.deepEqual(lines.map((l) => l.done), [...lines.slice(1).map(() => false), true]);
});

test("abort: one stream, or all of a client's", needs("ollama"), async () => {
  const own = new Ollama({ host: url, headers });
  const streams = await Promise.all([0, 1].map(() => own.generate({ model, prompt: "hello", stream: true, options: { num_predict: 1900 } })));
  const ends = streams.map((stream) => assert.rejects(async () => { for await (const _ of stream); }, { name: "AbortError" }));
  own.abort();
  await Promise.all(ends);
  assert.equal((await chat()).eval_count, 16);
});

test("structured: lists at the root, streamed, in generate", needs("ollama", "structured"), async () => {
  const long = { ...options, num_predict: 400 };
  const list = { type: "array", items: citySchema, minItems: 2, maxItems: 2 };
  const found = JSON.parse((await generate({ format: list, options: long })).response);
  assert.ok(found.length === 2 && found.every(keepsToCity));
  const parts = await collect(await chat({ format: citySchema, options: long, stream: true }));
  assert.ok(keepsToCity(JSON.parse(parts.map((p) => p.message.content).join(""))));
  assert.equal(parts.at(-1).done_reason, "stop");
  const any = JSON.parse((await chat({ format: "json", options: long })).message.content);
  assert.ok(typeof any === "object" && !Array.isArray(any));
  assert.equal((await chat({ format: "" })).message.content, (await chat()).message.content);
});

test("tools: calls in the stream and whole, results that come back", needs("ollama", "tools"), async () => {
  const tools = [{ type: "function", function: { name: "weather", description: "Tells the weather.", parameters: citySchema } }];
  const plain = await chat();
  const with_tools = await chat({ tools });
  assert.ok(with_tools.prompt_eval_count > plain.prompt_eval_count);
  for (let seed = 1, found = 0; seed < 40 && !found; ++seed) {
    const more = { tools, options: { seed, num_predict: 400, temperature: 1.5, repeat_penalty: 1 } };
    const whole = await chat(more);
    const parts = await collect(await chat({ ...more, stream: true }));
    const calls = parts.flatMap((p) => p.message.tool_calls ?? []);
    assert.equal(calls.length, whole.message.tool_calls?.length ?? 0);
    for (const call of calls) assert.ok(keepsToCity(call.function.arguments) && call.function.name === "weather", ++found);
  }
  const turned = await chat({ tools, messages: [...messages,
    { role: "assistant", content: "", tool_calls: [{ function: { name: "weather", arguments: { city: "Oslo", degrees: 3 } } }] },
    { role: "tool", content: "rain", tool_name: "weather" }] });
  assert.ok(turned.prompt_eval_count > with_tools.prompt_eval_count);
  for (const [bad, word] of [[[{ type: "function" }], "tools[0].function"], [[{ type: "function", function: {} }], "tools[0].function.name"], [{}, "tools"],
                             [[{ type: "web", function: { name: "f" } }], "tools[0].type"]])
    await assert.rejects(chat({ tools: bad }), fails(400, word));
});

test("thinking: false is no matter, anything else of a model that cannot is refused", needs("ollama"), async () => {
  assert.equal((await chat({ think: false })).message.content, (await chat()).message.content);
  for (const think of [true, "low", "high"]) await assert.rejects(chat({ think }), fails(400, `"${model}" does not support thinking`));
  await assert.rejects(generate({ think: true }), fails(400, "does not support thinking"));
  const turned = await chat({ messages: [...messages, { role: "assistant", content: "a", thinking: "hm" }, { role: "user", content: "b" }] });
  assert.equal(turned.eval_count, 16);
});

test("too long: left out as Ollama does, or refused", needs("ollama"), async () => {
  const long = "x ".repeat(5000);
  await assert.rejects(post("/api/generate", {}).then(async (r) => { throw new Error(`${r.status} ${await r.text()}`); }), /400 .*model is required/);
  for (const body of [{ prompt: long, truncate: false }, { messages: [{ role: "user", content: long }], truncate: false }, { messages: [{ role: "user", content: long }] }]) {
    const response = await post(body.prompt ? "/api/generate" : "/api/chat", { model, stream: true, ...body });
    assert.equal(response.status, 400);
    assert.match((await response.json()).error, /the input length exceeds the context length/);
  }
  assert.equal((await generate({ prompt: long })).eval_count, 16);
});

test("embeddings: shapes, lengths, limits", needs("ollama", "embeddings"), async () => {
  const { embeddings: [one], ...rest } = await client.embed({ model, input: "the cat" });
  assert.deepEqual(Object.keys(rest).sort(), ["load_duration", "model", "prompt_eval_count", "total_duration"]);
  assert.ok(Math.abs(Math.hypot(...one) - 1) < 1e-4);
  const { embeddings: both } = await client.embed({ model, input: ["the dog and more", "the cat"] });
  assert.deepEqual(both[1], one);
  const { embeddings: [short] } = await client.embed({ model, input: "the cat", dimensions: 8 });
  assert.equal(short.length, 8);
  assert.ok(Math.abs(Math.hypot(...short) - 1) < 1e-4);
  assert.deepEqual((await client.embed({ model, input: [] })).embeddings, []);
  assert.deepEqual((await client.embed({ model, input: "" })).embeddings, []);
  assert.deepEqual((await client.embeddings({ model, prompt: "the cat" })).embedding, one);
  assert.deepEqual((await client.embeddings({ model, prompt: "" })).embedding, []);
  const long = "x ".repeat(5000);
  assert.equal((await client.embed({ model, input: long })).embeddings.length, 1);
  await assert.rejects(client.embed({ model, input: long, truncate: false }), fails(400, "the input length exceeds the context length"));
  for (const [bad, word] of [[{ input: 5 }, "input"], [{ input: [5] }, "input"], [{ input: undefined }, "input"], [{ input: "x", dimensions: -1 }, "dimensions"],
                             [{ input: "x", dimensions: 100000 }, "dimensions"], [{ input: "x", options: [] }, "options"], [{ input: "x", truncate: "no" }, "truncate"]])
    await assert.rejects(client.embed({ model, ...bad }), fails(400, word), JSON.stringify(bad));
  await assert.rejects(client.embed({ model: "no-such-model", input: "x" }), fails(404, "no-such-model"));
  await assert.rejects(client.embeddings({ model: "no-such-model", prompt: "x" }), fails(404, "no-such-model"));
});

test("models: made from another, described, used, copied, deleted", needs("ollama"), async () => {
  const parameters = { temperature: 0, seed: 7, num_predict: 12, stop: ["\u0001", "\u0002"] };
  const made = { model: "pirate", from: model, system: "You are a pirate.", parameters, license: ["one", "two"],
                 messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }] };
  const lines = await collect(await client.create({ ...made, stream: true }));
  assert.equal(lines.at(-1).status, "success");
  assert.ok(lines.length > 1);
  assert.equal((await client.create(made)).status, "success");
  const shown = await client.show({ model: "pirate" });
  assert.equal(shown.system, "You are a pirate.");
  assert.match(shown.parameters, /^temperature +0$/m);
  assert.match(shown.parameters, /^num_predict +12$/m);
  assert.equal(shown.parameters.match(/^stop +/gm).length, 2);
  assert.match(shown.modelfile, /^FROM /m);
  assert.match(shown.modelfile, /You are a pirate\./);
  assert.equal(shown.details.parent_model, `${model}:latest`);
  assert.deepEqual(shown.messages, made.messages);
  assert.match(shown.license, /one[^]*two/);
  const said = await client.chat({ model: "pirate", messages });
  assert.equal(said.eval_count, 12);
  assert.equal(said.model, "pirate");
  assert.ok(said.prompt_eval_count > (await chat()).prompt_eval_count);
  assert.equal((await client.chat({ model: "pirate", messages, options: { num_predict: 3 } })).eval_count, 3);
  assert.deepEqual(await client.copy({ source: "pirate", destination: "captain:v2" }), { status: "success" });
  const names = async () => (await client.list()).models.map((m) => m.name);
  for (const name of ["captain:v2", `${model}:latest`, "pirate:latest"]) assert.ok((await names()).includes(name), name);
  assert.equal((await client.show({ model: "captain:v2" })).system, "You are a pirate.");
  for (const name of ["pirate", "captain:v2"]) assert.deepEqual(await client.delete({ model: name }), { status: "success" });
  await assert.rejects(client.chat({ model: "pirate", messages }), fails(404, "model 'pirate' not found"));
  assert.ok(!(await names()).some((name) => /pirate|captain/.test(name)));
});

test("models: what cannot be made, copied, deleted, sent", needs("ollama"), async () => {
  await assert.rejects(client.create({ model: "x", from: "no-such-model" }), fails(404, "no-such-model"));
  await assert.rejects(client.create({ model: "x" }), fails(400, "from"));
  await assert.rejects(client.create({ model: "a b", from: model }), fails(400, "a b"));
  await assert.rejects(client.create({ model: "x", from: model, parameters: { temperature: "hot" } }), fails(400, "parameters.temperature"));
  await assert.rejects(client.create({ model: "x", from: model, quantize: "q4_K_M" }), fails(400, "quantize"));
  await assert.rejects(client.create({ model: "x", from: model, adapters: { a: "sha256:0" }, stream: true }), fails(400, "adapters"));
  await assert.rejects(client.create({ model: "x", from: model, messages: [{ role: "king", content: "x" }] }), fails(400, "role"));
  await assert.rejects(client.copy({ source: "no-such-model", destination: "x" }), fails(404, "no-such-model"));
  await assert.rejects(client.copy({ source: model, destination: "../x" }), fails(400, "destination"));
  await assert.rejects(client.copy({ source: model }), fails(400, "destination"));
  await assert.rejects(client.delete({ model: "no-such-model" }), fails(404, "no-such-model"));
  await assert.rejects(client.delete({ model }), fails(403, model));
  for (const stream of [false, true]) await assert.rejects(client.push({ model, stream }), (e) => e.name === "ResponseError" && e.status_code >= 400);
  await assert.rejects(client.show({ model: "" }), fails(400, "model is required"));
});

test("what there is: every field of tags, show, ps", needs("ollama"), async () => {
  const { models: [tag] } = await client.list();
  for (const field of ["name", "model", "modified_at", "size", "digest", "details"]) assert.ok(tag[field], field);
  for (const field of ["parent_model", "format", "family", "families", "parameter_size", "quantization_level"]) assert.ok(field in tag.details, field);
  const shown = await client.show({ model });
  for (const field of ["modelfile", "parameters", "template", "details", "model_info", "capabilities", "modified_at"]) assert.ok(field in shown, field);
  const info = shown.model_info, family = info["general.architecture"];
  for (const field of ["context_length", "embedding_length", "block_count", "attention.head_count"]) assert.ok(info[`${family}.${field}`] > 0, field);
  await chat();
  const { models: [running] } = await client.ps();
  for (const field of ["name", "model", "size", "digest", "details", "expires_at", "context_length"]) assert.ok(running[field], field);
  assert.equal(typeof running.size_vram, "number");
  assert.equal(running.digest, tag.digest);
  for (const path of ["/api/tags", "/api/version", "/"]) assert.equal((await fetch(url + path, { method: "HEAD", headers })).status, 200);
  assert.equal(await (await fetch(url)).text(), "Ollama is running");
});

test("errors have one text, whatever is wrong", needs("ollama"), async () => {
  for (const [response, status] of [[await fetch(`${url}/api/chat`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: "{" }), 400],
                                    [await fetch(`${url}/api/nothing`, { headers }), 404], [await fetch(`${url}/api/chat`, { headers }), 405],
                                    [await post("/api/chat", { model, messages: [], stream: "yes" }), 400], [await fetch(`${url}/api/tags`), 401]]) {
    assert.equal(response.status, status);
    assert.match(response.headers.get("content-type"), /^application\/json/);
    assert.deepEqual(Object.keys(await response.json()), ["error"]);
  }
});
