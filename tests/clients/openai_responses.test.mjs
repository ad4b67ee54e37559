// OpenAI's responses: what is kept, listed, streamed again, made in the background, and what tools and formats do there.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { citySchema, collect, endToken, keepsToCity, key, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const ask = (more = {}, options) => client.responses.create({ model, input: "hello", max_output_tokens: 8, ...more }, options);
const weather = { type: "function", name: "weather", description: "Tells the weather.", parameters: citySchema, strict: true };
const Small = z.object({ degrees: z.number().int().min(0).max(9), sky: z.enum(["blue", "grey"]) });

test("the settings are repeated", needs("responses"), async () => {
  const answer = await ask({
    instructions: "be terse", metadata: { a: "b" }, temperature: 0.5, top_p: 0.9, user: "u", reasoning: { effort: "low" }, text: { verbosity: "low" },
    tools: [weather], tool_choice: "none", parallel_tool_calls: false, truncation: "auto", max_tool_calls: 2, prompt_cache_key: "k", safety_identifier: "s",
  });
  assert.equal(answer.object, "response");
  assert.equal(answer.instructions, "be terse");
  assert.deepEqual(answer.metadata, { a: "b" });
  assert.deepEqual([answer.temperature, answer.top_p, answer.user, answer.max_output_tokens, answer.max_tool_calls], [0.5, 0.9, "u", 8, 2]);
  assert.deepEqual([answer.tool_choice, answer.parallel_tool_calls, answer.truncation, answer.store], ["none", false, "auto", true]);
  assert.deepEqual([answer.reasoning.effort, answer.text.verbosity, answer.text.format.type], ["low", "low", "text"]);
  assert.deepEqual([answer.prompt_cache_key, answer.safety_identifier, answer.service_tier], ["k", "s", "default"]);
  assert.deepEqual(answer.tools, [weather]);
  assert.deepEqual([answer.error, answer.background, answer.previous_response_id], [null, false, null]);
  assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
  assert.ok(Math.abs(answer.created_at - Date.now() / 1000) < 3600);
});

test("an answer that ends by itself is completed", needs("responses"), async () => {
  const answer = await ask({ logit_bias: { [endToken]: 100 } });
  assert.equal(answer.status, "completed");
  assert.equal(answer.incomplete_details, null);
  assert.equal(answer.output[0].status, "completed");
  assert.equal(answer.output_text, "");
});

test("events: in their order, numbered, and of one piece with the answer", needs("responses"), async () => {
  const events = await collect(await ask({ stream: true, temperature: 0 }));
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  const types = events.map((e) => e.type);
  assert.deepEqual(types.slice(0, 4), ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]);
  assert.deepEqual(types.slice(-4), ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.incomplete"]);
  const text = events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");
  assert.equal(text, (await ask({ temperature: 0 })).output_text);
  assert.equal(events.at(-1).response.output[0].content[0].text, text);
  assert.equal(new Set(events.filter((e) => e.response).map((e) => e.response.id)).size, 1);
});

test("log-probabilities, whole and streamed", needs("responses"), async () => {
  const more = { include: ["message.output_text.logprobs"], top_logprobs: 2, temperature: 0 };
  const { logprobs } = (await ask(more)).output[0].content[0];
  assert.equal(logprobs.length, 8);
  for (const entry of logprobs) assert.ok(entry.logprob <= 0 && entry.top_logprobs.length === 2 && entry.bytes.length > 0);
  const streamed = await client.responses.stream({ model, input: "hello", max_output_tokens: 8, ...more }).finalResponse();
  assert.deepEqual(streamed.output[0].content[0].logprobs, logprobs);
});

test("kept: found again, streamed again, and gone when deleted", needs("responses"), async () => {
  const answer = await ask({ input: [{ role: "user", content: "one" }, { role: "assistant", content: "two" }, { role: "user", content: "three" }] });
  assert.deepEqual(await client.responses.retrieve(answer.id), answer);
  const events = await collect(await client.responses.retrieve(answer.id, { stream: true }));
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).response.output[0].content[0].text, answer.output_text);
  const later = await collect(await client.responses.retrieve(answer.id, { stream: true, starting_after: 3 }));
  assert.deepEqual(later, events.slice(4));
  assert.equal((await client.responses.stream({ response_id: answer.id }).finalResponse()).output_text, answer.output_text);
  assert.equal((await client.responses.delete(answer.id)).deleted, true);
  await assert.rejects(client.responses.retrieve(answer.id), OpenAI.NotFoundError);
  await assert.rejects(client.responses.delete(answer.id), OpenAI.NotFoundError);
  await assert.rejects(ask({ previous_response_id: answer.id }), (e) => e.param === "previous_response_id");
  const unkept = await ask({ store: false });
  assert.equal(unkept.store, false);
  await assert.rejects(client.responses.retrieve(unkept.id), OpenAI.NotFoundError);
});

test("input items: the newest first, in pages, either way", needs("responses"), async () => {
  const answer = await ask({ input: ["a", "b", "c"].map((content) => ({ role: "user", content })) });
  const texts = async (query) => (await collect(client.responses.inputItems.list(answer.id, query))).map((item) => item.content[0].text);
  assert.deepEqual(await texts({}), ["c", "b", "a"]);
  assert.deepEqual(await texts({ order: "asc" }), ["a", "b", "c"]);
  assert.deepEqual(await texts({ limit: 1 }), ["c", "b", "a"]);
  const page = await client.responses.inputItems.list(answer.id, { limit: 2, order: "asc" });
  assert.deepEqual([page.data.length, page.has_more, page.data[0].role, page.data[0].type], [2, true, "user", "message"]);
  assert.ok(page.data.every((item) => item.id));
  await assert.rejects(client.responses.inputItems.list(answer.id, { after: "none" }), (e) => e.param === "after");
  await assert.rejects(client.responses.inputItems.list("resp_none"), OpenAI.NotFoundError);
});

test("going on: the old turns count, the old instructions do not", needs("responses"), async () => {
  const first = await ask({ instructions: "one two three four five six seven eight" });
  const next = await ask({ previous_response_id: first.id, input: "again" });
  assert.equal(next.previous_response_id, first.id);
  const items = [{ role: "user", content: "hello" }, ...first.output, { role: "user", content: "again" }];
  assert.equal(next.usage.input_tokens, (await ask({ input: items })).usage.input_tokens);
  assert.equal((await client.responses.inputTokens.count({ model, input: items })).input_tokens, next.usage.input_tokens);
});

test("in the background: asked for until it is there, and cancelled", needs("responses"), async () => {
  const wait = async (answer) => {
    while (["queued", "in_progress"].includes(answer.status)) {
      await new Promise((done) => setTimeout(done, 5));
      answer = await client.responses.retrieve(answer.id);
    }
    return answer;
  };
  const begun = await ask({ background: true, temperature: 0 });
  assert.ok(["queued", "in_progress"].includes(begun.status));
  assert.equal(begun.background, true);
  const done = await wait(begun);
  assert.equal(done.status, "incomplete");
  assert.equal(done.output_text, (await ask({ temperature: 0 })).output_text);
  assert.deepEqual((await client.responses.cancel(done.id)).output, done.output);
  const long = await ask({ background: true, max_output_tokens: 1900, logit_bias: { [endToken]: -100 } });
  await assert.rejects(ask({ previous_response_id: long.id }), OpenAI.BadRequestError);
  assert.equal((await client.responses.cancel(long.id)).status, "cancelled");
  assert.equal((await client.responses.retrieve(long.id)).status, "cancelled");
  assert.equal((await client.responses.cancel(long.id)).status, "cancelled");
  const dropped = await ask({ background: true, max_output_tokens: 1900 });
  await client.responses.delete(dropped.id);
  await assert.rejects(client.responses.retrieve(dropped.id), OpenAI.NotFoundError);
  await assert.rejects(ask({ background: true, model: "no-such-model" }), OpenAI.NotFoundError);
  await assert.rejects(client.responses.cancel((await ask()).id), OpenAI.BadRequestError);
  const live = await collect(await ask({ background: true, stream: true, temperature: 0 }));
  const last = live.at(-1).response;
  const next = await ask({ previous_response_id: last.id });
  assert.equal(next.previous_response_id, last.id);
  // Its events had other numbers than those of what is kept.
  await assert.rejects(client.responses.retrieve(last.id, { stream: true, starting_after: 3 }), (e) => e.status === 400 && e.param === "starting_after");
  const again = await collect(await client.responses.retrieve(last.id, { stream: true }));
  assert.deepEqual(again.at(-1).response, last);
  await assert.rejects(client.responses.cancel("resp_none"), OpenAI.NotFoundError);
});

test("truncation: the oldest turns go where the client allows it", needs("responses"), async () => {
  const input = Array.from({ length: 12 }, (_, i) => ({ role: i % 2 ? "assistant" : "user", content: `${i} ${"word ".repeat(60)}` }));
  input.push({ role: "user", content: "the last" });
  await assert.rejects(ask({ input }), (e) => e.code === "context_length_exceeded" && e.param === "input");
  const { data, response } = await ask({ input, truncation: "auto" }).withResponse();
  assert.ok(data.usage.input_tokens < 2048);
  assert.match(response.headers.get("freehold-truncated"), /^\d+ messages$/);
  await assert.rejects(ask({ input: "word ".repeat(5000), truncation: "auto" }), (e) => e.code === "context_length_exceeded");
});

test("parsed by the library: text, streamed text and functions", needs("responses", "structured", "tools"), async () => {
  const text = { format: zodTextFormat(Small, "small") };
  const request = { model, input: "hello", max_output_tokens: 400, seed: 3 };
  const parsed = await client.responses.parse({ ...request, text });
  assert.deepEqual(Small.parse(parsed.output_parsed), JSON.parse(parsed.output_text));
  assert.equal(parsed.text.format.type, "json_schema");
  assert.deepEqual((await client.responses.stream({ ...request, text }).finalResponse()).output_parsed, parsed.output_parsed);
  const called = await client.responses.parse({ ...request, tools: [zodResponsesFunction({ name: "f", parameters: Small })], tool_choice: "required" });
  Small.parse(called.output[0].parsed_arguments);
  const object = await ask({ max_output_tokens: 400, text: { format: { type: "json_object" } } });
  assert.equal(typeof JSON.parse(object.output_text), "object");
});

test("functions: forced, by name, a choice of some, none; and their results sent back", needs("responses", "tools"), async () => {
  const tools = [weather, { type: "function", name: "time", parameters: null, strict: true }];
  const names = async (tool_choice) => (await ask({ tools, tool_choice, max_output_tokens: 600 })).output.filter((o) => o.type === "function_call").map((o) => o.name);
  assert.ok((await names("required")).length > 0);
  assert.ok((await names({ type: "function", name: "weather" })).every((n) => n === "weather"));
  const some = await names({ type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "time" }] });
  assert.ok(some.length > 0 && some.every((n) => n === "time"));
  assert.deepEqual(await names("none"), []);
  const first = await ask({ tools, tool_choice: { type: "function", name: "weather" }, parallel_tool_calls: false, max_output_tokens: 600 });
  const [call] = first.output;
  assert.equal(first.output.length, 1);
  assert.ok(call.id && call.call_id && call.status === "completed" && keepsToCity(JSON.parse(call.arguments)));
  const result = { type: "function_call_output", call_id: call.call_id, output: "rain" };
  const next = await ask({ tools, tool_choice: "none", previous_response_id: first.id, input: [result] });
  const whole = await ask({ tools, tool_choice: "none", input: [{ role: "user", content: "hello" }, ...first.output, result] });
  assert.equal(next.usage.input_tokens, whole.usage.input_tokens);
  const parts = await ask({ tools, tool_choice: "none", previous_response_id: first.id, input: [{ ...result, output: [{ type: "input_text", text: "rain" }] }] });
  assert.equal(parts.usage.input_tokens, whole.usage.input_tokens);
});

test("functions: the events of a call", needs("responses", "tools"), async () => {
  const request = { tools: [weather], tool_choice: "required", parallel_tool_calls: false, max_output_tokens: 600, seed: 4 };
  const events = await collect(await ask({ ...request, stream: true }));
  const types = [...new Set(events.map((e) => e.type))];
  assert.deepEqual(types, ["response.created", "response.in_progress", "response.output_item.added", "response.function_call_arguments.delta",
                           "response.function_call_arguments.done", "response.output_item.done", "response.completed"]);
  const done = events.find((e) => e.type === "response.function_call_arguments.done");
  assert.equal(events.filter((e) => e.type === "response.function_call_arguments.delta").map((e) => e.delta).join(""), done.arguments);
  assert.ok(keepsToCity(JSON.parse(done.arguments)));
  assert.equal(events.at(-1).response.output[0].arguments, done.arguments);
});

test("errors: before the first event, streamed or not", needs("responses"), async () => {
  for (const stream of [false, true]) {
    await assert.rejects(ask({ model: "no-such-model", stream }), OpenAI.NotFoundError);
    await assert.rejects(ask({ previous_response_id: "resp_none", stream }), (e) => e.status === 404 && e.code === "previous_response_not_found");
    await assert.rejects(ask({ input: [{ type: "item_reference", id: "none" }], stream }), (e) => e.status === 404);
  }
  await assert.rejects(client.responses.compact({ model, input: "x" }), (e) => e.status === 404 && e.message.includes("not supported"));
});

test("in the background with its events: a client that leaves ends nothing", needs("responses"), async () => {
  const request = { background: true, stream: true, temperature: 0 };
  const events = await collect(await ask(request));
  const last = events.at(-1).response;
  assert.equal(events[0].type, "response.created");
  assert.deepEqual([last.status, last.background], ["incomplete", true]);
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  const found = await client.responses.retrieve(last.id);
  assert.deepEqual([found.status, found.output], [last.status, last.output]);
  assert.equal(found.output_text, (await ask({ temperature: 0 })).output_text);
  const left = await ask({ ...request, max_output_tokens: 300, logit_bias: { [endToken]: -100 } });
  let id;
  for await (const event of left) {
    id ??= event.response?.id;
    if (event.type === "response.output_text.delta") break;
  }
  left.controller.abort();
  let made;
  do made = await client.responses.retrieve(id);
  while (made.status === "in_progress");
  assert.deepEqual([made.status, made.usage.output_tokens], ["incomplete", 300]);
  await assert.rejects(ask({ ...request, model: "no-such-model" }), OpenAI.NotFoundError);
  await assert.rejects(ask({ ...request, input: "x ".repeat(5000) }), (e) => e.code === "context_length_exceeded");
});
