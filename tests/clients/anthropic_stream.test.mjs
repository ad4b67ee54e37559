// Anthropic's library: streams as events, through the accumulator, and conversations that the server keeps.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { citySchema, collect, keepsToCity, key, model, needs, url } from "./harness.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const request = (more = {}) => ({
  model, max_tokens: 24, temperature: 0, messages: [{ role: "user", content: "Say something, é 🙂." }], ...more,
});
const send = (more, options) => client.messages.create(request(more), options);
const text = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");
const input = ({ usage }) => usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
const weather = { name: "weather", description: "Tells the weather.", input_schema: citySchema };
const time = { name: "time", input_schema: { type: "object", properties: {}, additionalProperties: false } };

// Blocks open in order, grow only while they are open, and close; the message ends once.
function checkOrder(events) {
  let open = null, next = 0;
  assert.equal(events[0].type, "message_start");
  for (const event of events.slice(1)) {
    if (event.type === "content_block_start") {
      assert.equal(open, null);
      assert.equal(event.index, next++);
      open = event.index;
    } else if (event.type === "content_block_delta") {
      assert.equal(event.index, open);
    } else if (event.type === "content_block_stop") {
      assert.equal(event.index, open);
      open = null;
    }
  }
  assert.equal(open, null);
  assert.deepEqual(events.slice(-2).map((e) => e.type), ["message_delta", "message_stop"]);
  assert.equal(events.filter((e) => e.type === "message_delta").length, 1);
}

test("a stream's first and last events have what the types say", needs("anthropic"), async () => {
  const events = await collect(await send({ stream: true }));
  checkOrder(events);
  const { message } = events[0];
  assert.match(message.id, /^msg_/);
  assert.deepEqual([message.type, message.role, message.model, message.stop_reason, message.stop_sequence, message.stop_details],
                   ["message", "assistant", model, null, null, null]);
  assert.deepEqual(message.content, []);
  assert.ok(input(message) > 0);
  const block = events.find((e) => e.type === "content_block_start").content_block;
  assert.deepEqual(block, { type: "text", text: "" });
  const last = events.at(-2);
  assert.deepEqual(last.delta, { stop_reason: "max_tokens", stop_sequence: null, stop_details: null });
  assert.equal(last.usage.output_tokens, 24);
  assert.equal(last.usage.input_tokens + last.usage.cache_read_input_tokens, input(message));
});

test("the accumulated message is the whole one but for its id", needs("anthropic"), async () => {
  for (const more of [{}, { stop_sequences: ["a"] }, { tools: [weather], tool_choice: { type: "any" }, max_tokens: 600 }]) {
    const streamed = await client.messages.stream(request(more)).finalMessage(), whole = await send(more);
    const bare = (m) => JSON.parse(JSON.stringify({ ...m, id: 0, usage: 0, parsed_output: 0, content: m.content.map((b) => ({ ...b, id: 0 })) }));
    assert.deepEqual(bare(streamed), bare(whole));
  }
});

test("the accumulator's events and helpers", needs("anthropic"), async () => {
  const stream = client.messages.stream(request());
  const seen = [];
  for (const name of ["connect", "text", "contentBlock", "message", "finalMessage", "end"]) stream.on(name, () => seen.push(name));
  const { response, request_id } = await stream.withResponse();
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  assert.equal(await stream.finalText(), text(await stream.finalMessage()));
  assert.ok(request_id && stream.request_id === request_id);
  assert.deepEqual([seen[0], ...seen.slice(-4)], ["connect", "contentBlock", "message", "finalMessage", "end"]);
  assert.equal(stream.receivedMessages.length, 1);
  assert.equal(stream.messages.length, 2);
});

test("a stream can be split, read as bytes, and accumulated again", needs("anthropic"), async () => {
  const [left, right] = (await send({ stream: true })).tee();
  assert.deepEqual(await collect(left), await collect(right));
  const readable = client.messages.stream(request()).toReadableStream();
  const { MessageStream } = await import("@anthropic-ai/sdk/lib/MessageStream");
  assert.equal(text(await MessageStream.fromReadableStream(readable).finalMessage()), text(await send()));
});

test("aborting: the accumulator says so, the server goes on", needs("anthropic"), async () => {
  const stream = client.messages.stream(request({ max_tokens: 1900 }));
  stream.on("text", () => stream.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  assert.ok(stream.aborted);
  assert.equal((await send()).usage.output_tokens, 24);
});

test("an error before the first event rejects the accumulator with its class", needs("anthropic"), async () => {
  await assert.rejects(client.messages.stream(request({ model: "no-such-model" })).finalMessage(), Anthropic.NotFoundError);
  await assert.rejects(client.messages.stream(request({ max_tokens: -1 })).finalMessage(), Anthropic.BadRequestError);
});

test("a call that the limit cuts: max_tokens, and the same input whole and streamed", needs("anthropic", "tools"), async () => {
  const words = { name: "words", input_schema: { type: "object", required: ["first", "list"], additionalProperties: false, properties: {
    first: { enum: ["a long enough beginning"] }, list: { type: "array", minItems: 200, maxItems: 200, items: { enum: ["word", "other"] } } } } };
  const more = { tools: [words], tool_choice: { type: "tool", name: "words" }, max_tokens: 120 };
  const whole = await send(more);
  assert.equal(whole.stop_reason, "max_tokens");
  const [use] = whole.content.filter((b) => b.type === "tool_use");
  assert.equal(use.input.first, "a long enough beginning");
  assert.ok(use.input.list.length > 0 && use.input.list.length < 200);
  const streamed = await client.messages.stream(request(more)).finalMessage();
  assert.equal(streamed.stop_reason, "max_tokens");
  assert.deepEqual(streamed.content.find((b) => b.type === "tool_use").input, use.input);
});

test("calls: fragments, their events, one at a time when asked for", needs("anthropic", "tools"), async () => {
  const more = { tools: [weather, time], tool_choice: { type: "any", disable_parallel_tool_use: true }, max_tokens: 600 };
  const events = await collect(await send({ ...more, stream: true }));
  checkOrder(events);
  const starts = events.filter((e) => e.type === "content_block_start" && e.content_block.type === "tool_use");
  assert.equal(starts.length, 1);
  assert.deepEqual(Object.keys(starts[0].content_block).sort(), ["id", "input", "name", "type"]);
  assert.equal(events.at(-2).delta.stop_reason, "tool_use");
  const stream = client.messages.stream(request(more));
  const inputs = [];
  stream.on("inputJson", (delta, snapshot) => inputs.push([delta, snapshot]));
  const final = await stream.finalMessage();
  const use = final.content.find((b) => b.type === "tool_use");
  if (inputs.length) assert.deepEqual(JSON.parse(inputs.map(([delta]) => delta).join("")), use.input);
  assert.equal(new Set(final.content.filter((b) => b.type === "tool_use").map((b) => b.id)).size, 1);
  for (const type of ["auto", "none"]) {
    const message = await send({ tools: [weather], tool_choice: { type }, max_tokens: 60 });
    if (type === "none") assert.ok(message.content.every((b) => b.type === "text"));
    assert.equal(message.stop_reason === "tool_use", message.content.some((b) => b.type === "tool_use") && message.stop_reason !== "max_tokens");
  }
});

test("tools: what is wrong with them is refused by name", needs("anthropic", "tools"), async () => {
  const bad = [
    [{ tools: [{ name: "a b", input_schema: { type: "object" } }] }, "tools[0].name"],
    [{ tools: [{ name: "f" }] }, "tools[0].input_schema"],
    [{ tools: [weather, weather] }, "tools"],
    [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools[0].type"],
    [{ tools: [{ name: "f", input_schema: { type: "object", properties: { x: { $ref: "#/$defs/none" } } } }], tool_choice: { type: "any" } }, "tools"],
    [{ tools: [weather], tool_choice: { type: "tool", name: "nobody" } }, "tool_choice"],
    [{ tools: [weather], tool_choice: { type: "tool" } }, "tool_choice.name"],
    [{ tools: [weather], tool_choice: { type: "required" } }, "tool_choice.type"],
    [{ tools: [weather], tool_choice: "auto" }, "tool_choice"],
    [{ tool_choice: { type: "any" } }, "tool_choice"],
    [{ messages: [{ role: "user", content: [{ type: "tool_result", content: "x" }] }] }, "tool_use_id"],
    [{ messages: [{ role: "user", content: "x" }, { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: "{}" }] }] }, "input"],
  ];
  for (const [more, named] of bad)
    await assert.rejects(send(more), (e) => e instanceof Anthropic.BadRequestError && e.apiMessage.includes(named), JSON.stringify(more));
});

test("the answer of a call is sent back as it came, with an error in the result", needs("anthropic", "tools"), async () => {
  const first = await send({ tools: [weather], tool_choice: { type: "any" }, max_tokens: 600 });
  const results = first.content.filter((b) => b.type === "tool_use").map((use) => ({
    type: "tool_result", tool_use_id: use.id, is_error: true, content: "no such city" }));
  const messages = [...request().messages, { role: first.role, content: first.content }, { role: "user", content: [...results, { type: "text", text: "Go on." }] }];
  const second = await send({ tools: [weather], tool_choice: { type: "none" }, messages });
  assert.ok(input(second) > input(first));
  assert.equal(text(await client.messages.stream(request({ tools: [weather], tool_choice: { type: "none" }, messages })).finalMessage()), text(second));
});

test("structured: zod's schema, parsed whole and streamed", needs("anthropic", "structured"), async () => {
  const format = zodOutputFormat(z.object({ city: z.enum(["Oslo", "Rome"]), tags: z.array(z.enum(["a", "b"])), inner: z.object({ yes: z.boolean() }) }));
  const more = { max_tokens: 400, output_config: { format } };
  const parsed = await client.messages.parse(request(more));
  assert.ok(["Oslo", "Rome"].includes(parsed.parsed_output.city));
  const streamed = await client.messages.stream(request(more)).finalMessage();
  assert.deepEqual(streamed.parsed_output, parsed.parsed_output);
  const beta = await client.beta.messages.parse(request(more));
  assert.deepEqual(beta.parsed_output, parsed.parsed_output);
});

test("the tool runner calls tools until it is told to stop", needs("anthropic", "tools"), async () => {
  let calls = 0;
  const tool = betaZodTool({ name: "weather", description: "Tells the weather.", inputSchema: z.object({ city: z.enum(["Oslo", "Rome"]) }),
                             run: ({ city }) => { ++calls; return `rain in ${city}`; } });
  for (const stream of [false, true]) {
    calls = 0;
    const sizes = [];
    const runner = client.beta.messages.toolRunner(
      request({ tools: [tool], tool_choice: { type: "any", disable_parallel_tool_use: true }, max_tokens: 300, max_iterations: 3, stream }));
    for await (const item of runner) sizes.push(input(stream ? await item.finalMessage() : item));
    assert.equal(sizes.length, 3);
    assert.equal(calls, 3);
    assert.ok(sizes[1] > sizes[0] && sizes[2] > sizes[1], `the history is in every turn: ${sizes}`);
    assert.equal(runner.params.messages.length, 7);
  }
});

test("a thread: the server keeps what was said", needs("anthropic"), async () => {
  const whole = { system: "You are terse.", ...request() };
  const first = await client.messages.create(whole);
  const thread = client.beta.messages.thread({ ...request({ messages: undefined }), system: "You are terse." });
  const begun = await thread.send(request().messages[0]);
  assert.equal(text(begun), text(first));
  const next = { role: "user", content: "And then?" };
  const second = await thread.send(next);
  const expected = await client.messages.create({ ...whole, messages: [...whole.messages, { role: "assistant", content: first.content }, next] });
  assert.equal(text(second), text(expected));
  assert.equal(input(second), input(expected));
  const streamed = await thread.stream({ role: "user", content: "And?" }).finalMessage();
  assert.ok(input(streamed) > input(second));
  assert.equal(thread.messages.length, 6);
});

test("a thread that is not there, or not this key's, is no thread", needs("anthropic"), async () => {
  const go = (thread, more = {}) => client.beta.messages.create(request({ thread, ...more }));
  await assert.rejects(go({ type: "continue", previous_message_id: "msg_nobody" }), (e) => {
    assert.ok(e instanceof Anthropic.NotFoundError);
    assert.equal(e.errorCode, "thread_not_found");
    return true;
  });
  const begun = await go({ type: "create" });
  const on = { type: "continue", previous_message_id: begun.id };
  assert.ok(input(await go(on)) > input(begun));
  await assert.rejects(go(on, { system: "x" }), (e) => e instanceof Anthropic.BadRequestError && e.apiMessage.includes("system"));
  await assert.rejects(go({ type: "fork" }), (e) => e instanceof Anthropic.BadRequestError && e.apiMessage.includes("thread.type"));
});

test("whatever the schema: keysToCity by the plain output format", needs("anthropic", "structured"), async () => {
  const message = await send({ max_tokens: 400, output_config: { format: { type: "json_schema", schema: citySchema } } });
  assert.ok(keepsToCity(JSON.parse(text(message))));
  assert.equal(message.stop_reason, "end_turn");
});
