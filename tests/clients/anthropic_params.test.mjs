// Anthropic's library: every parameter is honoured, named as ignored, or refused by name.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { citySchema, collect, key, model, needs, url } from "./harness.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const request = (more = {}) => ({
  model, max_tokens: 16, temperature: 0, messages: [{ role: "user", content: "Say something, é 🙂." }], ...more,
});
const send = (more, options) => client.messages.create(request(more), options);
const text = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");
const input = ({ usage }) => usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
const ignored = async (more) => {
  const { response } = await client.messages.create(request(more)).withResponse();
  return response.headers.get("freehold-ignored") ?? "";
};
const refused = (more, named) =>
  assert.rejects(send(more), (e) => {
    assert.ok(e instanceof Anthropic.BadRequestError, `${JSON.stringify(more)}: ${e}`);
    assert.equal(e.type, "invalid_request_error");
    assert.equal(e.error.type, "error");
    assert.ok(e.apiMessage.includes(named), `${named} is not named in: ${e.apiMessage}`);
    return true;
  });

test("system: a string, blocks, nothing, and a message in the middle", needs("anthropic"), async () => {
  const none = await send();
  assert.equal(input(await send({ system: "" })), input(none));
  assert.equal(input(await send({ system: [] })), input(none));
  const one = await send({ system: "You are terse." });
  assert.ok(input(one) > input(none));
  const two = await send({ system: [{ type: "text", text: "You are" }, { type: "text", text: "terse." }] });
  assert.equal(text(two), text(await send({ system: "You are\nterse." })));
  const { messages } = request();
  const middle = await send({ messages: [...messages, { role: "assistant", content: "Hm." }, { role: "system", content: "Be brief." }, ...messages] });
  assert.ok(input(middle) > input(none));
});

test("messages: neighbours of one role, an answer that has begun, unknown roles", needs("anthropic"), async () => {
  const joined = await send({ messages: [{ role: "user", content: "a" }, { role: "user", content: "b" }] });
  assert.equal(text(joined), text(await send({ messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] }] })));
  const whole = text(await send());
  const begun = [...whole].slice(0, 5).join("");
  const rest = await send({ messages: [...request().messages, { role: "assistant", content: begun }] });
  assert.ok(!text(rest).startsWith(begun) || begun === "");
  await refused({ messages: [{ role: "king", content: "x" }] }, "messages[0].role");
  await refused({ messages: [{ role: "user" }] }, "messages[0].content");
  await refused({ messages: [{ role: "user", content: "" }] }, "messages[0].content");
  await refused({ messages: [{ role: "user", content: [] }] }, "messages[0].content");
  await refused({ messages: [{ role: "user", content: 5 }] }, "messages[0].content");
  await refused({ messages: "hi" }, "messages");
  await refused({ messages: undefined }, "messages");
});

test("blocks that are not text are refused by name", needs("anthropic"), async () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } };
  const document = { type: "document", source: { type: "text", media_type: "text/plain", data: "x" } };
  for (const block of [image, document, { type: "container_upload", file_id: "f" }, { type: "no-such-block" }])
    await refused({ messages: [{ role: "user", content: [{ type: "text", text: "x" }, block] }] }, "messages[0].content[1]");
  await refused({ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text");
  await refused({ messages: [{ role: "user", content: [{ text: "x" }] }] }, "messages[0].content[0].type");
});

test("ranges and types", needs("anthropic"), async () => {
  for (const [more, named] of [
    [{ max_tokens: "9" }, "max_tokens"], [{ max_tokens: -1 }, "max_tokens"], [{ max_tokens: 1.5 }, "max_tokens"],
    [{ temperature: 1.1 }, "temperature"], [{ temperature: -0.1 }, "temperature"], [{ temperature: "hot" }, "temperature"],
    [{ top_p: 2 }, "top_p"], [{ top_k: -1 }, "top_k"], [{ top_k: 1.5 }, "top_k"],
    [{ stop_sequences: [5] }, "stop_sequences"], [{ stop_sequences: [""] }, "stop_sequences"], [{ stop_sequences: {} }, "stop_sequences"],
    [{ system: 5 }, "system"], [{ system: [{ type: "image" }] }, "system[0]"],
    [{ metadata: "me" }, "metadata"], [{ metadata: { user_id: 5 } }, "metadata.user_id"], [{ service_tier: "gold" }, "service_tier"],
    [{ cache_control: "yes" }, "cache_control"], [{ cache_control: { type: "eternal" } }, "cache_control.type"],
    [{ thinking: { type: "perhaps" } }, "thinking.type"], [{ thinking: { type: "enabled", budget_tokens: 5 } }, "thinking.budget_tokens"],
    [{ thinking: { type: "adaptive", display: "all" } }, "thinking.display"],
    [{ output_config: { effort: "enormous" } }, "output_config.effort"], [{ output_config: { format: { type: "xml" } } }, "output_config.format.type"],
    [{ output_config: { format: { type: "json_schema", schema: { type: "strange" } } } }, "strange"],
    [{ container: "container_1" }, "container"], [{ mcp_servers: [{ type: "url", url: "https://x", name: "x" }] }, "mcp_servers"],
  ]) await refused(more, named).catch((e) => { throw new Error(`${JSON.stringify(more)}: ${e.message}`); });
});

test("what has no effect here is named, and changes nothing", needs("anthropic"), async () => {
  const plain = text(await send());
  const more = { inference_geo: "eu", speed: "standard", context_management: { edits: [] }, output_config: { effort: "low" }, no_such_field: 1 };
  assert.equal(text(await send(more)), plain);
  const names = await ignored(more);
  for (const name of ["inference_geo", "context_management", "output_config.effort", "no_such_field"]) assert.ok(names.includes(name), names);
  assert.equal(await ignored({ metadata: { user_id: "u" }, service_tier: "auto", cache_control: { type: "ephemeral", ttl: "1h" } }), "");
});

test("thinking of a model that cannot: left out and said", needs("anthropic"), async () => {
  for (const thinking of [{ type: "enabled", budget_tokens: 1024 }, { type: "adaptive" }]) {
    const message = await send({ thinking });
    assert.ok(message.content.every((b) => b.type === "text"));
    assert.ok((await ignored({ thinking })).includes("thinking"));
  }
  assert.equal(await ignored({ thinking: { type: "disabled" } }), "");
});

test("top_k 1 and top_p 0 are the likeliest token; temperature 1 is not always", needs("anthropic"), async () => {
  const greedy = text(await send());
  assert.equal(text(await send({ temperature: 1, top_k: 1 })), greedy);
  assert.equal(text(await send({ temperature: 1, top_p: 0 })), greedy);
  const warm = await Promise.all(Array.from({ length: 4 }, () => send({ temperature: 1 })));
  assert.ok(new Set(warm.map(text)).size > 1);
});

test("several stop sequences: the first that comes, and nothing of it is told", needs("anthropic"), async () => {
  const whole = [...text(await send())];
  const early = whole.slice(3, 5).join(""), late = whole.slice(8, 10).join("");
  for (const stream of [false, true]) {
    const more = { stop_sequences: [late, early] };
    const message = stream ? await client.messages.stream(request(more)).finalMessage() : await send(more);
    assert.equal(message.stop_reason, "stop_sequence");
    assert.ok(more.stop_sequences.includes(message.stop_sequence));
    assert.ok(!text(message).includes(message.stop_sequence));
  }
  assert.equal((await send({ stop_sequences: [] })).stop_reason, "max_tokens");
});

test("no answer at all warms the cache", needs("anthropic"), async () => {
  const message = await send({ max_tokens: 0 });
  assert.deepEqual(message.content, []);
  assert.equal(message.stop_reason, "max_tokens");
  assert.equal(message.usage.output_tokens, 0);
});

test("a cached prompt is counted in its own field, and the sum stays", needs("anthropic"), async () => {
  const messages = [{ role: "user", content: "word ".repeat(150) + Math.random() }];
  const first = await send({ messages }), second = await send({ messages });
  assert.equal(input(first), input(second));
  assert.ok(second.usage.cache_read_input_tokens > first.usage.cache_read_input_tokens);
  assert.equal(text(first), text(second));
});

test("tokens: of tools and systems, of a stream, of the beta", needs("anthropic"), async () => {
  const tools = [{ name: "weather", description: "Tells the weather.", input_schema: citySchema }];
  const more = { system: "You are terse.", tools, tool_choice: { type: "none" } };
  const { max_tokens, temperature, ...countable } = request(more);
  const { input_tokens } = await client.messages.countTokens(countable);
  assert.equal(input_tokens, input(await send(more)));
  assert.equal(input_tokens, input(await client.messages.stream(request(more)).finalMessage()));
  assert.equal(input_tokens, (await client.beta.messages.countTokens(countable)).input_tokens);
  const forced = { ...countable, tool_choice: { type: "any" } };
  assert.equal((await client.messages.countTokens(forced)).input_tokens, input(await send({ ...more, tool_choice: { type: "any" } })));
  await assert.rejects(client.messages.countTokens({ ...countable, model: "no-such-model" }), Anthropic.NotFoundError);
  await assert.rejects(client.messages.countTokens({ ...countable, messages: [] }), Anthropic.BadRequestError);
  const { response } = await client.messages.countTokens({ ...countable, no_such_field: 1 }).withResponse();
  assert.equal(response.headers.get("freehold-ignored"), "no_such_field");
});

test("the beta's messages are the same", needs("anthropic"), async () => {
  const message = await client.beta.messages.create(request({ betas: ["made-up-2026-01-01"] }));
  assert.equal(text(message), text(await send()));
  const streamed = await client.beta.messages.stream(request()).finalMessage();
  assert.equal(text(streamed), text(message));
});

test("models: pages forwards and backwards, what they can, the beta's", needs("anthropic"), async () => {
  const page = await client.models.list({ limit: 1 });
  assert.deepEqual(page.data.map((m) => m.id), [model]);
  assert.deepEqual([page.first_id, page.last_id], [model, model]);
  assert.equal((await client.models.list({ before_id: model })).data.length, 0);
  assert.ok((await client.models.list({ after_id: model })).data.every((m) => m.id !== model));
  const info = await client.models.retrieve(model);
  assert.deepEqual([info.type, info.id, info.display_name, info.lifecycle], ["model", model, model, "active"]);
  assert.equal(info.max_input_tokens, 2048);
  assert.equal(info.capabilities.structured_outputs.supported, true);
  assert.equal(info.capabilities.image_input.supported, false);
  assert.equal(info.capabilities.thinking.supported, false);
  assert.equal((await collect(client.models.list({ lifecycle: ["retired"] }))).length, 0);
  assert.ok((await collect(client.models.list({ lifecycle: ["active", "deprecated"] }))).length >= 1);
  assert.ok((await collect(client.beta.models.list())).some((m) => m.id === model));
  assert.equal((await client.beta.models.retrieve(model)).id, model);
  for (const bad of [{ limit: 0 }, { limit: 5000 }, { after_id: "nobody" }, { lifecycle: ["unborn"] }])
    await assert.rejects(client.models.list(bad), Anthropic.BadRequestError, JSON.stringify(bad));
});

test("errors: classes, types, ids, and no second try", needs("anthropic"), async () => {
  const stranger = new Anthropic({ baseURL: url, apiKey: "no", maxRetries: 2 });
  const errors = [
    [() => stranger.messages.create(request()), Anthropic.AuthenticationError, 401, "authentication_error"],
    [() => send({ model: "no-such-model" }), Anthropic.NotFoundError, 404, "not_found_error"],
    [() => send({ messages: [] }), Anthropic.BadRequestError, 400, "invalid_request_error"],
    [() => client.post("/v1/messages/batches", { body: { requests: [] } }), Anthropic.NotFoundError, 404, "not_found_error"],
    [() => client.get("/v1/messages"), Anthropic.APIError, 405, "invalid_request_error"],
    [() => client.models.retrieve("no/such:model"), Anthropic.NotFoundError, 404, "not_found_error"],
  ];
  for (const [act, Class, status, type] of errors) {
    await assert.rejects(act, (e) => {
      assert.ok(e instanceof Class, `${e}`);
      assert.equal(e.status, status);
      assert.equal(e.type, type);
      assert.ok(e.requestID && e.requestID === e.error.request_id, "the id in the header is that in the body");
      assert.equal(typeof e.apiMessage, "string");
      return true;
    });
  }
});

test("an aborted request and a deadline are the library's errors", needs("anthropic"), async () => {
  const controller = new AbortController();
  const promise = send({ max_tokens: 1900 }, { signal: controller.signal });
  setTimeout(() => controller.abort(), 1);  // an answer takes some ten
  await assert.rejects(promise, Anthropic.APIUserAbortError);
  assert.equal((await send()).usage.output_tokens, 16);
});

test("tools that the model may choose take any schema; what is not enforced is named, unless they are strict or forced", needs("anthropic", "tools"), async () => {
  const tool = (property, more = {}) => ({ name: "t", description: "d", input_schema: { type: "object", properties: { a: property }, ...more } });
  const at = "tools[0].input_schema#/properties/a";
  for (const [schema, named] of [
    [tool({ type: "object", propertyNames: { type: "string" }, additionalProperties: {} }), ""],
    [tool({ type: "string", format: "path" }), `${at}/format`],
    [tool({ type: "string", pattern: "^(?!x).*$" }), `${at}/pattern`],
    [tool({ type: "array", contains: { type: "string" } }), `${at}/contains`],
    [tool({ $ref: "https://example.org/y" }), `${at}/$ref`],
    [tool({ oneOf: [{ type: "string" }, { type: "string", format: "date" }] }), `${at}/oneOf`],
    [tool({}, { if: { required: ["a"] }, then: { minProperties: 1 } }), "tools[0].input_schema#/if, tools[0].input_schema#/then"],
    [tool({}, { dependentRequired: { a: ["b"] }, required: null }), "tools[0].input_schema#/dependentRequired, tools[0].input_schema#/required"],
  ]) assert.equal(await ignored({ tools: [schema] }), named, JSON.stringify(schema));
  const odd = tool({ type: "string", if: {} });
  assert.equal(await ignored({ tools: [odd], no_such_field: 1 }), `no_such_field, ${at}/if`);
  await refused({ tools: [odd], tool_choice: { type: "any" } }, "tools[0].input_schema");
  await refused({ tools: [{ ...odd, strict: true }] }, "tools[0].input_schema");
  await refused({ tools: [tool("no schema")] }, "tools[0].input_schema");
});
