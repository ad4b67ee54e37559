// OpenAI's library.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat, zodFunction } from "openai/helpers/zod";
import { z } from "zod";
import { citySchema, collect, endToken, keepsToCity, key, messages, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const chat = (more = {}, options) =>
  client.chat.completions.create({ model, messages, max_tokens: 24, seed: 5, ...more }, options);
const text = (answer) => answer.choices[0].message.content;
const joined = (chunks, index = 0) =>
  chunks.flatMap((c) => c.choices).filter((c) => c.index === index).map((c) => c.delta.content ?? "").join("");
const bytesOf = (entries) => Buffer.from(entries.flatMap((e) => e.bytes));

test("chat: an answer with all its fields", needs("chat"), async () => {
  const answer = await chat();
  assert.match(answer.id, /^chatcmpl-/);
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.model, model);
  assert.ok(Math.abs(answer.created - Date.now() / 1000) < 3600);
  assert.equal(answer.choices.length, 1);
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(text(answer).length > 0);
  assert.equal(answer.choices[0].finish_reason, "length");
  assert.equal(answer.usage.completion_tokens, 24);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + 24);
  assert.ok(answer._request_id, "x-request-id");
});

test("chat: one text part is the same as a string", needs("chat"), async () => {
  const parts = messages.map((m) => ({ ...m, content: [{ type: "text", text: m.content }] }));
  assert.equal(text(await chat({ messages: parts })), text(await chat()));
});

test("chat: a seed gives the same answer, another one another", needs("chat"), async () => {
  const [a, b, c] = [await chat(), await chat(), await chat({ seed: 6 })];
  assert.equal(text(a), text(b));
  assert.notEqual(text(a), text(c));
});

test("chat: temperature 0 does not depend on the seed", needs("chat"), async () => {
  assert.equal(text(await chat({ temperature: 0, seed: 1 })), text(await chat({ temperature: 0, seed: 2 })));
  assert.equal(text(await chat({ top_p: 0, seed: 1 })), text(await chat({ temperature: 0 })));
});

test("chat: answers at the same time are those of one after the other", needs("chat"), async () => {
  const ask = (seed) => chat({ seed, messages: [{ role: "user", content: `number ${seed}` }] });
  const together = await Promise.all([1, 2, 3, 4, 5, 6].map(ask));
  for (const [i, answer] of together.entries()) assert.equal(text(await ask(i + 1)), text(answer));
});

test("chat: n answers, all counted", needs("chat"), async () => {
  const answer = await chat({ n: 3 });
  assert.deepEqual(answer.choices.map((c) => c.index).sort(), [0, 1, 2]);
  assert.equal(new Set(answer.choices.map((c) => c.message.content)).size, 3);
  assert.equal(answer.usage.completion_tokens, 3 * 24);
  const greedy = await chat({ n: 3, temperature: 0 });
  assert.equal(new Set(greedy.choices.map((c) => c.message.content)).size, 1);
});

test("chat: the end token ends it", needs("chat"), async () => {
  const answer = await chat({ logit_bias: { [endToken]: 100 } });
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(text(answer), "");
});

test("chat: a stop string ends it and is not shown, streamed or not", needs("chat"), async () => {
  const whole = text(await chat({ temperature: 0 }));
  const stop = [...whole].slice(4, 6).join("");
  const before = whole.slice(0, whole.indexOf(stop));
  const answer = await chat({ temperature: 0, stop: ["\u0001none", stop] });
  assert.equal(text(answer), before);
  assert.equal(answer.choices[0].finish_reason, "stop");
  const chunks = await collect(await chat({ temperature: 0, stop, stream: true }));
  assert.equal(joined(chunks), before);
});

test("chat: log-probabilities are of exactly the content", needs("chat"), async () => {
  const answer = await chat({ logprobs: true, top_logprobs: 3 });
  const { content } = answer.choices[0].logprobs;
  assert.equal(content.length, 24);
  assert.equal(bytesOf(content).toString(), text(answer));
  for (const entry of content) {
    assert.ok(entry.logprob <= 0);
    assert.equal(entry.top_logprobs.length, 3);
    const top = entry.top_logprobs.map((t) => t.logprob);
    assert.deepEqual(top, [...top].sort((a, b) => b - a));
  }
  const plain = await chat({ logprobs: true });
  assert.deepEqual(plain.choices[0].logprobs.content.map((e) => e.top_logprobs), Array(24).fill([]));
});

test("chat stream: the same text, one id, a role first and an end last", needs("chat"), async () => {
  const chunks = await collect(await chat({ stream: true }));
  assert.equal(joined(chunks), text(await chat()));
  assert.equal(new Set(chunks.map((c) => `${c.id} ${c.created} ${c.object} ${c.model}`)).size, 1);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "length");
  assert.ok(chunks.every((c) => c.choices.length === 1 && c.usage === undefined));
  assert.ok(chunks.slice(0, -1).every((c) => c.choices[0].finish_reason === null));
});

test("chat stream: usage at the end if asked for", needs("chat"), async () => {
  const chunks = await collect(await chat({ stream: true, stream_options: { include_usage: true } }));
  assert.deepEqual(chunks.at(-1).choices, []);
  const { usage } = await chat();
  for (const field of ["prompt_tokens", "completion_tokens", "total_tokens"])
    assert.equal(chunks.at(-1).usage[field], usage[field]);
  assert.ok(chunks.slice(0, -1).every((c) => c.usage === null));
});

test("chat stream: n choices side by side", needs("chat"), async () => {
  const chunks = await collect(await chat({ stream: true, n: 3 }));
  const whole = await chat({ n: 3 });
  for (const choice of whole.choices) assert.equal(joined(chunks, choice.index), choice.message.content);
  assert.equal(chunks.flatMap((c) => c.choices).filter((c) => c.finish_reason === "length").length, 3);
});

test("chat stream: log-probabilities stand beside their text", needs("chat"), async () => {
  const chunks = await collect(await chat({ stream: true, logprobs: true, top_logprobs: 1 }));
  for (const { choices: [choice] } of chunks)
    assert.equal(bytesOf(choice.logprobs?.content ?? []).toString(), choice.delta.content ?? "");
  const entries = chunks.flatMap((c) => c.choices[0].logprobs?.content ?? []);
  assert.deepEqual(entries, (await chat({ logprobs: true, top_logprobs: 1 })).choices[0].logprobs.content);
});

test("chat stream: the library's own accumulator", needs("chat"), async () => {
  const stream = client.chat.completions.stream({ model, messages, max_tokens: 24, seed: 5, stream_options: { include_usage: true } });
  let seen = "";
  stream.on("content", (delta) => (seen += delta));
  const answer = await stream.finalChatCompletion();
  assert.equal(seen, text(answer));
  assert.equal(seen, text(await chat()));
  assert.equal((await stream.totalUsage()).completion_tokens, 24);
});

test("chat stream: leaving it in the middle disturbs nobody", needs("chat"), async () => {
  for (let i = 0; i < 4; ++i) {
    const controller = new AbortController();
    const stream = await chat({ stream: true, max_tokens: 1900, n: 4 }, { signal: controller.signal });
    for await (const chunk of stream) {
      if (joined([chunk])) break;
    }
    controller.abort();
  }
  const pending = new AbortController();
  const never = chat({ max_tokens: 1900, n: 4 }, { signal: pending.signal });
  setTimeout(() => pending.abort(), 20);
  await assert.rejects(never, OpenAI.APIUserAbortError);
  assert.equal((await chat()).usage.completion_tokens, 24);
});

test("errors: a wrong key, an unknown model, a bad value are the library's classes", needs("chat"), async () => {
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "not-the-key", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (e) => {
    assert.ok(e instanceof OpenAI.AuthenticationError);
    assert.equal(e.code, "invalid_api_key");
    assert.ok(e.requestID);
    return !e.message.includes("not-the-key");
  });
  for (const stream of [false, true]) {
    await assert.rejects(chat({ model: "no-such-model", stream }), (e) => {
      assert.ok(e instanceof OpenAI.NotFoundError);
      assert.equal(e.code, "model_not_found");
      return e.message.includes("no-such-model");
    });
    await assert.rejects(chat({ temperature: 3, stream }), (e) => {
      assert.ok(e instanceof OpenAI.BadRequestError);
      assert.equal(e.param, "temperature");
      return e.type === "invalid_request_error";
    });
    await assert.rejects(chat({ messages: [{ role: "user", content: "x ".repeat(5000) }], stream }), (e) => {
      assert.ok(e instanceof OpenAI.BadRequestError);
      return e.code === "context_length_exceeded";
    });
  }
  for (const bad of [{ n: 0 }, { top_logprobs: 2 }, { stream_options: { include_usage: true } }, { stop: [1] }, { seed: "x" },
                     { tool_choice: "required" }, { messages: [] }, { logit_bias: { x: 1 } }])
    await assert.rejects(chat(bad), OpenAI.BadRequestError, JSON.stringify(bad));
});

test("errors: what is null or unknown is no error", needs("chat"), async () => {
  const answer = await chat({ stop: null, logit_bias: null, n: null, top_p: null, user: "somebody", no_such_field: { a: 1 } });
  assert.equal(text(answer), text(await chat()));
});

test("chat: the context's end is a length, not an error", needs("chat"), async () => {
  const answer = await chat({ max_tokens: undefined, logit_bias: { [endToken]: -100 } });
  assert.equal(answer.choices[0].finish_reason, "length");
  assert.ok(answer.usage.total_tokens <= 2048);
});

test("completions: prompts, n, the default length, echo", needs("completions"), async () => {
  const complete = (more) => client.completions.create({ model, prompt: "the cat", seed: 5, ...more });
  const answer = await complete({});
  assert.match(answer.id, /^cmpl-/);
  assert.equal(answer.object, "text_completion");
  assert.equal(answer.usage.completion_tokens, 16);
  const several = await complete({ prompt: ["the cat", "the dog"], n: 2, max_tokens: 5 });
  assert.deepEqual(several.choices.map((c) => c.index).sort(), [0, 1, 2, 3]);
  assert.equal(several.usage.completion_tokens, 20);
  assert.equal((await complete({ echo: true })).choices[0].text, "the cat" + answer.choices[0].text);
  const chunks = await collect(await complete({ stream: true, stream_options: { include_usage: true } }));
  assert.equal(chunks.flatMap((c) => c.choices).map((c) => c.text).join(""), answer.choices[0].text);
  assert.equal(chunks.at(-1).usage.completion_tokens, 16);
  assert.ok(chunks.every((c) => c.object === "text_completion"));
});

test("completions: log-probabilities in the old form", needs("completions"), async () => {
  const answer = await client.completions.create({ model, prompt: "the cat", seed: 5, logprobs: 2, max_tokens: 7 });
  const { tokens, token_logprobs, top_logprobs, text_offset } = answer.choices[0].logprobs;
  assert.deepEqual([tokens, token_logprobs, top_logprobs, text_offset].map((l) => l.length), [7, 7, 7, 7]);
  assert.equal(tokens.join(""), answer.choices[0].text);
  assert.equal(text_offset[1] - text_offset[0], tokens[0].length);
});

test("completions: a prompt is scored", needs("completions", "scoring"), async () => {
  const score = (max_tokens) =>
    client.completions.create({ model, prompt: "the cat sat", echo: true, logprobs: 1, max_tokens, temperature: 0 });
  const { choices: [choice], usage } = await score(0);
  assert.equal(choice.text, "the cat sat");
  assert.equal(choice.logprobs.tokens.length, usage.prompt_tokens);
  assert.equal(choice.logprobs.token_logprobs[0], null);
  assert.ok(choice.logprobs.token_logprobs.slice(1).every((l) => l <= 0));
});

test("models: listed and found by name", needs("models"), async () => {
  const list = await collect(client.models.list());
  assert.equal(list.filter((m) => m.id === model).length, 1);  // another suite may have pulled more
  assert.ok(list.every((m) => m.object === "model"));
  assert.equal((await client.models.retrieve(model)).id, model);
  await assert.rejects(client.models.retrieve("org/no:such"), OpenAI.NotFoundError);
});

test("structured: a JSON Schema is kept to, streamed or not", needs("structured"), async () => {
  const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: citySchema } };
  for (const seed of [1, 2, 3]) {
    const answer = await chat({ response_format, seed, max_tokens: 400 });
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(keepsToCity(JSON.parse(text(answer))), text(answer));
    assert.equal(joined(await collect(await chat({ response_format, seed, max_tokens: 400, stream: true }))), text(answer));
  }
});

test("structured: the library's parse helper", needs("structured"), async () => {
  const City = z.object({ city: z.enum(["Oslo", "Rome"]), degrees: z.number().int().min(-50).max(50), rain: z.boolean() });
  const request = { model, messages, max_tokens: 400, seed: 5, response_format: zodResponseFormat(City, "city") };
  const answer = await client.chat.completions.parse(request);
  assert.deepEqual(City.parse(answer.choices[0].message.parsed), JSON.parse(text(answer)));
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  assert.deepEqual(streamed.choices[0].message.parsed, answer.choices[0].message.parsed);
});

test("structured: any object, and what is cut is a beginning", needs("structured"), async () => {
  const answer = await chat({ response_format: { type: "json_object" }, max_tokens: 400 });
  assert.equal(typeof JSON.parse(text(answer)), "object");
  const response_format = { type: "json_schema", json_schema: { name: "x", schema: { type: "string", minLength: 50 } } };
  const cut = await chat({ response_format, max_tokens: 5 });
  assert.equal(cut.choices[0].finish_reason, "length");
  assert.equal(text(cut)[0], '"');
});

test("structured: a schema that is none is refused", needs("structured"), async () => {
  for (const schema of [{ type: "no-such-type" }, { $ref: "#/$defs/missing" }, { type: "string", pattern: "(" }])
    await assert.rejects(chat({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } }),
                         OpenAI.BadRequestError, JSON.stringify(schema));
});

const tool = (name = "weather", parameters = citySchema) => ({
  type: "function", function: { name, description: "Tells the weather.", parameters },
});

test("tools: required, by name, none, automatic", needs("tools"), async () => {
  const tools = [tool(), tool("time", { type: "object", properties: {}, additionalProperties: false })];
  const required = await chat({ tools, tool_choice: "required", max_tokens: 600 });
  assert.equal(required.choices[0].finish_reason, "tool_calls");
  for (const call of required.choices[0].message.tool_calls) {
    assert.ok(["weather", "time"].includes(call.function.name));
    if (call.function.name === "weather") assert.ok(keepsToCity(JSON.parse(call.function.arguments)));
  }
  const named = await chat({ tools, tool_choice: { type: "function", function: { name: "weather" } }, max_tokens: 600 });
  assert.ok(["stop", "tool_calls"].includes(named.choices[0].finish_reason));
  const calls = named.choices[0].message.tool_calls;
  assert.ok(calls.length > 0 && calls.every((c) => c.type === "function" && c.function.name === "weather"));
  assert.ok(keepsToCity(JSON.parse(calls[0].function.arguments)), calls[0].function.arguments);
  assert.equal(new Set(calls.map((c) => c.id)).size, calls.length);
  const none = await chat({ tools, tool_choice: "none" });
  assert.equal(none.choices[0].message.tool_calls, undefined);
  assert.ok((await chat({ tools, tool_choice: "auto" })).choices[0].finish_reason);
  await assert.rejects(chat({ tools, tool_choice: { type: "function", function: { name: "nobody" } } }), OpenAI.BadRequestError);
});

test("tools: they reach the prompt, and the turns that come back do", needs("tools"), async () => {
  const with_tools = await chat({ tools: [tool()], tool_choice: "none" });
  assert.ok((await chat({ tools: [tool()] })).usage.prompt_tokens > (await chat()).usage.prompt_tokens + 20);
  const turns = [
    ...messages,
    { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Oslo","degrees":3}' } }] },
    { role: "tool", tool_call_id: "call_1", content: "rain" },
  ];
  const longer = await chat({ messages: turns, tools: [tool()], tool_choice: "none" });
  assert.ok(longer.usage.prompt_tokens > with_tools.usage.prompt_tokens);
});

test("tools: the stream's fragments make the same call", needs("tools"), async () => {
  const request = { tools: [tool()], tool_choice: "required", parallel_tool_calls: false, max_tokens: 600 };
  const whole = (await chat(request)).choices[0].message.tool_calls;
  assert.equal(whole.length, 1);
  const chunks = await collect(await chat({ ...request, stream: true }));
  const fragments = chunks.flatMap((c) => c.choices).flatMap((c) => c.delta.tool_calls ?? []);
  assert.ok(fragments[0].id && fragments[0].type === "function" && fragments[0].function.name === "weather");
  for (const later of fragments.slice(1)) {
    assert.deepEqual(Object.keys(later).sort(), ["function", "index"]);
    assert.deepEqual(Object.keys(later.function), ["arguments"]);
  }
  assert.equal(fragments.map((f) => f.function.arguments).join(""), whole[0].function.arguments);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
  const accumulated = await client.chat.completions
    .stream({ model, messages, seed: 5, ...request, tools: [zodFunction({ name: "weather", parameters: z.object({ degrees: z.number().int().min(0).max(9) }) })] })
    .finalChatCompletion();
  assert.equal(typeof accumulated.choices[0].message.tool_calls[0].function.parsed_arguments.degrees, "number");
});

test("tools: the library's loop runs the function", needs("tools"), async () => {
  const seen = [];
  const runner = client.chat.completions.runTools({
    model, messages, seed: 5, max_tokens: 600, parallel_tool_calls: false,
    tool_choice: { type: "function", function: { name: "weather" } },
    tools: [{ type: "function", function: { name: "weather", description: "Tells the weather.", parameters: citySchema, parse: JSON.parse,
                                            function: (given) => (seen.push(given), "rain") } }],
  });
  await runner.done();
  assert.equal(seen.length, 1);
  assert.ok(keepsToCity(seen[0]));
});

test("embeddings: base64 and numbers, one or several, shortened", needs("embeddings"), async () => {
  const embed = async (input, more = {}) => (await client.embeddings.create({ model, input, ...more })).data.map((d) => d.embedding);
  const norm = (v) => Math.hypot(...v);
  const [a] = await embed("the cat");
  assert.ok(Math.abs(norm(a) - 1) < 1e-4);
  assert.deepEqual((await embed("the cat", { encoding_format: "float" }))[0].map(Math.fround), [...a]);
  const both = await embed(["a much longer text about a dog on a mat", "the cat"]);
  assert.deepEqual(both[1], a);
  const [short] = await embed("the cat", { dimensions: 8 });
  assert.equal(short.length, 8);
  assert.ok(Math.abs(norm(short) - 1) < 1e-4);
  const answer = await client.embeddings.create({ model, input: "the cat" });
  assert.ok(answer.usage.prompt_tokens > 0);
  for (const bad of ["", [], "x ".repeat(5000)]) await assert.rejects(embed(bad), OpenAI.BadRequestError);
});

test("responses: an answer, its stream and what is kept", needs("responses"), async () => {
  const request = { model, input: "hello", instructions: "be terse", max_output_tokens: 24, temperature: 0 };
  const answer = await client.responses.create(request);
  assert.match(answer.id, /^resp_/);
  assert.equal(answer.status, "incomplete");
  assert.equal(answer.incomplete_details.reason, "max_output_tokens");
  assert.ok(answer.output_text.length > 0);
  assert.equal(answer.usage.output_tokens, 24);
  const streamed = await client.responses.stream(request).finalResponse();
  assert.equal(streamed.output_text, answer.output_text);
  assert.equal((await client.responses.retrieve(answer.id)).output_text, answer.output_text);
  const next = await client.responses.create({ ...request, input: "again", previous_response_id: answer.id });
  assert.ok(next.usage.input_tokens > answer.usage.input_tokens);
  await client.responses.delete(answer.id);
  await assert.rejects(client.responses.retrieve(answer.id), OpenAI.NotFoundError);
});

test("responses: a format and a function", needs("responses", "structured", "tools"), async () => {
  const formatted = await client.responses.create({ model, input: "hello", seed: 5, max_output_tokens: 400,
                                                    text: { format: { type: "json_schema", name: "city", strict: true, schema: citySchema } } });
  assert.ok(keepsToCity(JSON.parse(formatted.output_text)));
  const request = { model, input: "hello", max_output_tokens: 600, tool_choice: "required",
                    tools: [{ type: "function", name: "weather", parameters: citySchema, strict: true }] };
  const called = (await client.responses.create(request)).output.filter((o) => o.type === "function_call");
  assert.ok(called.length > 0 && called[0].call_id);
  assert.ok(keepsToCity(JSON.parse(called[0].arguments)));
  const streamed = await client.responses.stream(request).finalResponse();
  assert.ok(streamed.output.some((o) => o.type === "function_call"));
});
