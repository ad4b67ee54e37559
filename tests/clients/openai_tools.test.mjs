// OpenAI's tools and formats in chats: every form of a choice, the library's loops and helpers, and what a limit cuts.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { citySchema, collect, keepsToCity, key, messages, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const base = { model, messages, max_tokens: 600, seed: 5 };
const chat = (more = {}) => client.chat.completions.create({ ...base, ...more });
const weather = { type: "function", function: { name: "weather", description: "Tells the weather.", parameters: citySchema } };
const time = { type: "function", function: { name: "time" } };
const called = (answer) => (answer.choices[0].message.tool_calls ?? []).map((c) => c.function.name);
const forced = { type: "function", function: { name: "weather" } };
const Small = z.object({ degrees: z.number().int().min(0).max(9), sky: z.enum(["blue", "grey"]) });

test("a choice of some: only these are called", needs("tools"), async () => {
  const of = (mode, names) => ({ type: "allowed_tools", allowed_tools: { mode, tools: names.map((name) => ({ type: "function", function: { name } })) } });
  for (const seed of [1, 2, 3]) {
    const names = called(await chat({ tools: [weather, time], tool_choice: of("required", ["time"]), seed }));
    assert.ok(names.length > 0 && names.every((n) => n === "time"));
  }
  assert.ok((await chat({ tools: [weather, time], tool_choice: of("auto", ["time"]), max_tokens: 8 })).choices[0].finish_reason);
  await assert.rejects(chat({ tools: [weather], tool_choice: of("auto", ["none"]) }), (e) => e.param === "tool_choice");
});

test("a function without parameters takes none", needs("tools"), async () => {
  for (const parameters of [undefined, null]) {
    const answer = await chat({ tools: [{ type: "function", function: { name: "time", parameters } }], tool_choice: "required" });
    for (const call of answer.choices[0].message.tool_calls) assert.deepEqual(JSON.parse(call.function.arguments), {});
  }
});

test("strict or not, forced arguments keep to the schema", needs("tools"), async () => {
  for (const strict of [true, false, undefined])
    for (const seed of [1, 2, 3]) {
      const answer = await chat({ tools: [{ ...weather, function: { ...weather.function, strict } }], tool_choice: forced, seed });
      for (const call of answer.choices[0].message.tool_calls) assert.ok(keepsToCity(JSON.parse(call.function.arguments)));
      assert.equal(answer.choices[0].message.content, null);
    }
});

test("one call at a time, or several with ids of their own", needs("tools"), async () => {
  const one = await chat({ tools: [weather], tool_choice: "required", parallel_tool_calls: false });
  assert.equal(called(one).length, 1);
  const ids = [];
  for (const choice of (await chat({ tools: [weather], tool_choice: "required", n: 3 })).choices) ids.push(...choice.message.tool_calls.map((c) => c.id));
  assert.equal(new Set(ids).size, ids.length);
});

test("what a limit cuts is no text: neither whole nor streamed, whatever the limit", needs("tools"), async () => {
  await Promise.all([1, 2, 5, 9, 12, 16, 20, 24].map(async (max_tokens) => {
    const request = { tools: [weather], tool_choice: "required", max_tokens };
    const { message, finish_reason } = (await chat(request)).choices[0];
    assert.equal(message.content ?? "", "", `${max_tokens} tokens`);
    assert.ok(["length", "tool_calls"].includes(finish_reason));
    const chunks = await collect(await chat({ ...request, stream: true }));
    assert.equal(chunks.flatMap((c) => c.choices).map((c) => c.delta.content ?? "").join(""), "");
  }));
});

test("streams of several choices with calls, and the usage of both", needs("tools"), async () => {
  const request = { tools: [weather], tool_choice: "required", parallel_tool_calls: false, n: 2, stream_options: { include_usage: true } };
  const final = await client.chat.completions.stream({ ...base, ...request }).finalChatCompletion();
  const whole = await chat({ ...request, stream_options: undefined });
  for (const [i, choice] of whole.choices.entries()) {
    assert.equal(final.choices[i].finish_reason, "tool_calls");
    assert.equal(final.choices[i].message.tool_calls[0].function.arguments, choice.message.tool_calls[0].function.arguments);
  }
  assert.deepEqual(final.usage.completion_tokens, whole.usage.completion_tokens);
});

test("streams: the library's events of a call", needs("tools"), async () => {
  const stream = client.chat.completions.stream({ ...base, tools: [zodFunction({ name: "weather", parameters: Small })], tool_choice: forced, parallel_tool_calls: false });
  const deltas = [];
  let done;
  stream.on("tool_calls.function.arguments.delta", (e) => deltas.push(e.arguments_delta));
  stream.on("tool_calls.function.arguments.done", (e) => (done = e));
  const { message } = (await stream.finalChatCompletion()).choices[0];
  assert.deepEqual([done.name, done.arguments], ["weather", deltas.join("")]);
  Small.parse(message.tool_calls[0].function.parsed_arguments);
});

const runnable = (seen, more = {}) => ({ type: "function", function: { ...weather.function, parse: JSON.parse, function: (given) => (seen.push(given), "rain"), ...more } });

test("the library's loop: whole, streamed, and with errors in the function", needs("tools"), async () => {
  for (const stream of [false, true]) {
    const seen = [];
    const runner = client.chat.completions.runTools({ ...base, stream, tools: [runnable(seen)], tool_choice: forced, parallel_tool_calls: false });
    const events = [];
    for (const name of ["functionToolCall", "functionToolCallResult"]) runner.on(name, () => events.push(name));
    await runner.done();
    assert.ok(keepsToCity(seen[0]));
    assert.deepEqual(events.slice(0, 2), ["functionToolCall", "functionToolCallResult"]);
    const tool = runner.messages.find((m) => m.role === "tool");
    assert.equal(tool.content, "rain");
  }
});

test("results: of every form, after calls that say nothing beside", needs("tools"), async () => {
  const first = await chat({ tools: [weather, time], tool_choice: "required" });
  const { message } = first.choices[0];
  const results = (content) => message.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content }));
  const tokens = async (turns) => (await chat({ messages: [...messages, ...turns], tools: [weather, time], tool_choice: "none", max_tokens: 2 })).usage.prompt_tokens;
  const whole = await tokens([message, ...results("rain")]);
  assert.ok(whole > first.usage.prompt_tokens);
  assert.equal(await tokens([message, ...results([{ type: "text", text: "rain" }])]), whole);
  assert.equal(await tokens([{ role: "assistant", content: "", tool_calls: message.tool_calls }, ...results("rain")]), whole);
  assert.equal(await tokens([{ role: "assistant", tool_calls: message.tool_calls }, ...results("rain")]), whole);
});

test("parsed by the library: formats, refusals of what is cut, several at once", needs("structured", "tools"), async () => {
  const response_format = zodResponseFormat(Small, "small");
  const parsed = await client.chat.completions.parse({ ...base, n: 2, response_format });
  for (const choice of parsed.choices) Small.parse(choice.message.parsed);
  await assert.rejects(client.chat.completions.parse({ ...base, max_tokens: 2, response_format }), OpenAI.LengthFinishReasonError);
  await assert.rejects(client.chat.completions.stream({ ...base, max_tokens: 2, response_format }).finalChatCompletion(), OpenAI.LengthFinishReasonError);
  const tools = [zodFunction({ name: "weather", parameters: Small })];
  const { message } = (await client.chat.completions.parse({ ...base, tools, tool_choice: "required" })).choices[0];
  for (const call of message.tool_calls) Small.parse(call.function.parsed_arguments);
});

test("formats beside tools, and log-probabilities in both", needs("structured", "tools"), async () => {
  const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: citySchema } };
  const answer = await chat({ response_format, tools: [weather], tool_choice: "none", logprobs: true });
  assert.ok(keepsToCity(JSON.parse(answer.choices[0].message.content)));
  assert.equal(Buffer.from(answer.choices[0].logprobs.content.flatMap((e) => e.bytes)).toString(), answer.choices[0].message.content);
  const either = await chat({ response_format, tools: [weather], tool_choice: "auto" });
  const { content, tool_calls } = either.choices[0].message;
  assert.ok(tool_calls ? keepsToCity(JSON.parse(tool_calls[0].function.arguments)) : keepsToCity(JSON.parse(content)));
  const call = await chat({ tools: [weather], tool_choice: "required", logprobs: true, top_logprobs: 1, parallel_tool_calls: false });
  assert.equal(call.choices[0].logprobs.content.length, call.usage.completion_tokens);
});

test("formats: what schemas say, in all of their forms", needs("structured"), async () => {
  const Node = z.object({ name: z.enum(["a", "b"]), get child() { return Node.nullable(); } });
  for (const [name, schema, check] of [
    ["number", { type: "number", minimum: 0, maximum: 1 }, (v) => v >= 0 && v <= 1],
    ["exclusive", { type: "integer", exclusiveMinimum: 3, exclusiveMaximum: 6 }, (v) => v === 4 || v === 5],
    ["multiple", { type: "integer", multipleOf: 7, minimum: 0, maximum: 50 }, (v) => v % 7 === 0],
    ["items", { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 3 }, (v) => v.length >= 2 && v.length <= 3],
    ["pattern", { type: "string", pattern: "^[a-c]{2}-\\d$" }, (v) => /^[a-c]{2}-\d$/.test(v)],
    ["date", { type: "string", format: "date" }, (v) => !Number.isNaN(Date.parse(v))],
    ["uuid", { type: "string", format: "uuid" }, (v) => /^[0-9a-f-]{36}$/i.test(v)],
    ["constant", { const: { a: [1, null, "x\n\"é"] } }, (v) => JSON.stringify(v) === '{"a":[1,null,"x\\n\\"é"]}'],
    ["either", { anyOf: [{ type: "null" }, { enum: [1, "1", true] }] }, (v) => [null, 1, "1", true].includes(v)],
    ["types", { type: ["boolean", "null"] }, (v) => v === null || typeof v === "boolean"],
    ["reference", { $defs: { d: { enum: ["x", "y"] } }, type: "object", properties: { "$ref": { $ref: "#/$defs/d" }, "": { type: "boolean" } }, required: ["$ref", ""], additionalProperties: false },
     (v) => ["x", "y"].includes(v.$ref) && typeof v[""] === "boolean"],
    ["annotations", { $schema: "http://json-schema.org/draft-07/schema#", title: "t", description: "d", default: true, type: "boolean" }, (v) => typeof v === "boolean"],
  ])
    for (const seed of [1, 2]) {
      const { content } = (await chat({ seed, response_format: { type: "json_schema", json_schema: { name, schema } } })).choices[0].message;
      assert.ok(check(JSON.parse(content)), `${name}: ${content}`);
    }
  const parsed = await client.chat.completions.parse({ ...base, response_format: zodResponseFormat(Node, "node") });
  Node.parse(parsed.choices[0].message.parsed);
});

test("zod's formats and records validate; formats that are not known are named", needs("structured"), async () => {
  for (const [name, type, named] of [
    ["record", z.record(z.string(), z.boolean()), null], ["keys", z.record(z.enum(["a", "b"]), z.boolean()), null],
    ["some", z.partialRecord(z.enum(["a", "b"]), z.boolean()), null], ["numbers", z.record(z.string().regex(/^x[0-9]$/), z.boolean()), null],
    ["base64", z.base64(), null], ["hex", z.hex(), null], ["e164", z.e164(), null], ["cidr", z.cidrv6(), null], ["mac", z.mac(), null],
    ["cuid", z.cuid(), "/format"], ["starts", z.string().startsWith("ab").max(5), "/format"], ["duration", z.iso.duration(), "/pattern"],
    ["hostname", z.hostname(), "/pattern"], ["emoji", z.emoji(), "/pattern"],
  ]) {
    const Z = z.object({ x: type }), schema = z.toJSONSchema(Z);
    const { data, response } = await client.chat.completions.create(
      { ...base, max_tokens: 300, seed: 2, response_format: { type: "json_schema", json_schema: { name, strict: true, schema } } }).withResponse();
    Z.parse(JSON.parse(data.choices[0].message.content));
    assert.equal(response.headers.get("freehold-ignored"), named && `response_format.json_schema.schema#/properties/x${named}`, name);
  }
});
