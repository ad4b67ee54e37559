// Anthropic's library.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { citySchema, collect, keepsToCity, key, model, needs, url } from "./harness.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
// Greedy, so that answers can be compared: this wire format has no seed.
const request = (more = {}) => ({
  model, max_tokens: 24, temperature: 0, messages: [{ role: "user", content: "Say something, é 🙂." }], ...more,
});
const send = (more, options) => client.messages.create(request(more), options);
const text = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");

test("a message with all its fields", needs("anthropic"), async () => {
  const message = await send({ system: "You are terse." });
  assert.match(message.id, /^msg_/);
  assert.equal(message.type, "message");
  assert.equal(message.role, "assistant");
  assert.equal(message.model, model);
  assert.equal(message.stop_reason, "max_tokens");
  assert.equal(message.stop_sequence, null);
  assert.equal(message.usage.output_tokens, 24);
  assert.ok(text(message).length > 0);
  assert.ok(message._request_id, "request-id");
});

test("blocks are the same as strings, and marks for caches are no matter", needs("anthropic"), async () => {
  const whole = await send({ system: "You are terse." });
  const blocks = await send({
    system: [{ type: "text", text: "You are terse.", cache_control: { type: "ephemeral" } }],
    messages: [{ role: "user", content: [{ type: "text", text: "Say something, é 🙂.", cache_control: { type: "ephemeral" } }] }],
    metadata: { user_id: "somebody" },
  });
  assert.equal(text(blocks), text(whole));
});

test("a stop sequence is named", needs("anthropic"), async () => {
  const whole = text(await send());
  const stop = [...whole].slice(4, 6).join("");
  const message = await send({ stop_sequences: ["\u0001none", stop] });
  assert.equal(message.stop_reason, "stop_sequence");
  assert.equal(message.stop_sequence, stop);
  assert.equal(text(message), whole.slice(0, whole.indexOf(stop)));
});

test("tokens are counted as they are used", needs("anthropic"), async () => {
  const { usage } = await send({ system: "You are terse." });
  const { model: m, messages } = request();
  const counted = await client.messages.countTokens({ model: m, messages, system: "You are terse." });
  assert.equal(counted.input_tokens,
               usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0));
});

test("a stream has its events in order and the same text", needs("anthropic"), async () => {
  const events = await collect(await send({ stream: true }));
  assert.deepEqual(events.map((e) => e.type).filter((t) => !["content_block_delta", "ping"].includes(t)),
                   ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]);
  assert.equal(events.filter((e) => e.type === "content_block_delta").map((e) => e.delta.text).join(""), text(await send()));
  assert.equal(events.at(-2).delta.stop_reason, "max_tokens");
  assert.equal(events.at(-2).usage.output_tokens, 24);
  assert.equal(events[0].message.stop_reason, null);
});

test("the library's own accumulator", needs("anthropic"), async () => {
  const stream = client.messages.stream(request());
  let seen = "";
  stream.on("text", (delta) => (seen += delta));
  const message = await stream.finalMessage();
  assert.equal(seen, text(message));
  assert.equal(seen, text(await send()));
  assert.equal(message.usage.output_tokens, 24);
});

test("leaving a stream in the middle disturbs nobody", needs("anthropic"), async () => {
  const stream = await send({ stream: true, max_tokens: 1900 });
  for await (const event of stream) if (event.type === "content_block_delta") break;
  assert.equal((await send()).usage.output_tokens, 24);
});

test("errors are the library's classes", needs("anthropic"), async () => {
  const stranger = new Anthropic({ baseURL: url, apiKey: "not-the-key", maxRetries: 0 });
  await assert.rejects(stranger.messages.create(request()), (e) => {
    assert.ok(e instanceof Anthropic.AuthenticationError);
    return e.error.error.type === "authentication_error" && e.error.type === "error" && Boolean(e.requestID);
  });
  for (const stream of [false, true]) {
    await assert.rejects(send({ model: "no-such-model", stream }), (e) => {
      assert.ok(e instanceof Anthropic.NotFoundError);
      return e.error.error.type === "not_found_error" && e.message.includes("no-such-model");
    });
    await assert.rejects(send({ messages: [{ role: "user", content: "x ".repeat(5000) }], stream }), (e) => {
      assert.ok(e instanceof Anthropic.BadRequestError);
      return e.error.error.type === "invalid_request_error";
    });
  }
  for (const bad of [{ max_tokens: undefined }, { messages: [] }, { temperature: 2 }, { tool_choice: { type: "tool", name: "nobody" } }])
    await assert.rejects(send(bad), Anthropic.BadRequestError, JSON.stringify(bad));
});

test("an old client's key and version", needs("anthropic"), async () => {
  const old = new Anthropic({ baseURL: url, apiKey: null, authToken: null, maxRetries: 0,
                              defaultHeaders: { "x-api-key": key, "anthropic-version": "2023-06-01", authorization: null } });
  assert.equal(text(await old.messages.create(request())), text(await send()));
});

test("models: listed and found by name", needs("anthropic"), async () => {
  const list = await collect(client.models.list());
  // Another test may be making models from it.
  const own = list.filter((m) => m.id === model);
  assert.deepEqual(own.map((m) => m.type), ["model"]);
  assert.ok(list.every((m) => !Number.isNaN(Date.parse(m.created_at))));
  assert.equal((await client.models.retrieve(model)).id, model);
  await assert.rejects(client.models.retrieve("no-such-model"), Anthropic.NotFoundError);
});

test("structured: a JSON Schema is kept to", needs("anthropic", "structured"), async () => {
  const format = jsonSchemaOutputFormat(citySchema, { transform: false });
  const message = await client.messages.parse(request({ max_tokens: 400, output_config: { format } }));
  assert.ok(keepsToCity(message.parsed_output), text(message));
});

const tools = [
  { name: "weather", description: "Tells the weather.", input_schema: citySchema },
  { name: "time", input_schema: { type: "object", properties: {}, additionalProperties: false } },
];

test("tools: any, by name, none", needs("anthropic", "tools"), async () => {
  for (const tool_choice of [{ type: "any" }, { type: "tool", name: "weather" }]) {
    const message = await send({ tools, tool_choice, max_tokens: 600 });
    assert.equal(message.stop_reason, "tool_use");
    const uses = message.content.filter((b) => b.type === "tool_use");
    assert.ok(uses.length > 0 && uses.every((u) => /^toolu_/.test(u.id)));
    if (tool_choice.name) assert.ok(uses.every((u) => u.name === "weather"));
    for (const use of uses) if (use.name === "weather") assert.ok(keepsToCity(use.input));
  }
  const none = await send({ tools, tool_choice: { type: "none" } });
  assert.ok(none.content.every((b) => b.type === "text"));
});

test("tools: the stream's fragments make the same call", needs("anthropic", "tools"), async () => {
  const more = { tools, tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true }, max_tokens: 600 };
  const whole = (await send(more)).content.find((b) => b.type === "tool_use");
  const events = await collect(await send({ ...more, stream: true }));
  const start = events.find((e) => e.type === "content_block_start" && e.content_block.type === "tool_use");
  assert.deepEqual(start.content_block.input, {});
  const json = events.filter((e) => e.delta?.type === "input_json_delta" && e.index === start.index).map((e) => e.delta.partial_json).join("");
  assert.deepEqual(JSON.parse(json), whole.input);
  const final = await client.messages.stream(request(more)).finalMessage();
  assert.deepEqual(final.content.find((b) => b.type === "tool_use").input, whole.input);
});

test("tools: a result comes back", needs("anthropic", "tools"), async () => {
  const messages = [
    ...request().messages,
    { role: "assistant", content: [{ type: "text", text: "Let me see." }, { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo", degrees: 3 } }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "rain" }] }] },
  ];
  const { usage } = await send({ messages, tools, tool_choice: { type: "none" } });
  assert.ok(usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0) > 60);
});
