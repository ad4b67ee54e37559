// The AI SDK, with the provider for servers like this one and with OpenAI's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embed, embedMany, generateObject, generateText, isStepCount, jsonSchema, Output, streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { citySchema, collect, keepsToCity, key, model, needs, url } from "./harness.mjs";

const settings = { baseURL: `${url}/v1`, apiKey: key };
const compatible = createOpenAICompatible({ name: "freehold", includeUsage: true, supportsStructuredOutputs: true, ...settings });
const openai = createOpenAI(settings);
const request = (more = {}) => ({
  model: compatible.chatModel(model), prompt: "Say something, é 🙂.", maxOutputTokens: 24, seed: 5, maxRetries: 0, ...more,
});

for (const [name, chat] of [["compatible", compatible.chatModel(model)], ["openai", openai.chat(model)]]) {
  test(`${name}: an answer`, needs("chat"), async () => {
    const answer = await generateText(request({ model: chat, instructions: "You are terse." }));
    assert.ok(answer.text.length > 0);
    assert.equal(answer.finishReason, "length");
    assert.equal(answer.usage.outputTokens, 24);
    assert.equal((await generateText(request({ model: chat, instructions: "You are terse." }))).text, answer.text);
  });

  test(`${name}: a stream of the same text`, needs("chat"), async () => {
    const errors = [];
    const stream = streamText(request({ model: chat, onError: ({ error }) => errors.push(error) }));
    const pieces = await collect(stream.textStream);
    assert.deepEqual(errors, []);
    assert.ok(pieces.length > 5);
    assert.equal(pieces.join(""), (await generateText(request({ model: chat }))).text);
    assert.equal(await stream.finishReason, "length");
    assert.equal((await stream.usage).outputTokens, 24);
  });
}

test("compatible: completions", needs("completions"), async () => {
  const answer = await generateText(request({ model: compatible.completionModel(model) }));
  assert.ok(answer.text.length > 0);
  const stream = streamText(request({ model: compatible.completionModel(model) }));
  assert.equal((await collect(stream.textStream)).join(""), answer.text);
  assert.equal(await stream.finishReason, "length");
});

test("errors carry the status and the message", needs("chat"), async () => {
  await assert.rejects(generateText(request({ model: compatible.chatModel("no-such-model") })), (e) => {
    assert.ok(APICallError.isInstance(e));
    return e.statusCode === 404 && e.message.includes("no-such-model") && e.isRetryable === false;
  });
  await assert.rejects(generateText(request({ temperature: 9 })), (e) => e.statusCode === 400 && e.message.includes("temperature"));
  const errors = [];
  await collect(streamText(request({ model: compatible.chatModel("no-such-model"), onError: ({ error }) => errors.push(error) })).textStream).catch(() => {});
  assert.equal(errors[0].statusCode, 404);
});

test("leaving a stream in the middle disturbs nobody", needs("chat"), async () => {
  const controller = new AbortController();
  const stream = streamText(request({ maxOutputTokens: 1900, abortSignal: controller.signal, onError: () => {} }));
  for await (const _ of stream.textStream) break;
  controller.abort();
  assert.equal((await generateText(request())).usage.outputTokens, 24);
});

const city = Output.object({ schema: jsonSchema(citySchema) });

test("structured: an object, whole and streamed", needs("structured"), async () => {
  const { output } = await generateText(request({ output: city, maxOutputTokens: 400 }));
  assert.ok(keepsToCity(output), JSON.stringify(output));
  const stream = streamText(request({ output: city, maxOutputTokens: 400 }));
  await collect(stream.textStream);
  assert.deepEqual(await stream.output, output);
});

const weather = (seen) => tool({ description: "Tells the weather.", inputSchema: jsonSchema(citySchema), execute: async (input) => (seen.push(input), "rain") });

test("tools: forced, run, and the result sent back", needs("tools"), async () => {
  const seen = [];
  const answer = await generateText(request({
    tools: { weather: weather(seen) }, toolChoice: "required", maxOutputTokens: 600, stopWhen: isStepCount(2),
    prepareStep: ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: "none" } : {}),
  }));
  assert.ok(seen.length > 0 && seen.every(keepsToCity));
  assert.equal(answer.steps.length, 2);
});

test("tools: forced, streamed", needs("tools"), async () => {
  const seen = [];
  const errors = [];
  const stream = streamText(request({ tools: { weather: weather(seen) }, toolChoice: { type: "tool", toolName: "weather" }, maxOutputTokens: 600,
                                      onError: ({ error }) => errors.push(error) }));
  await stream.consumeStream();
  assert.deepEqual(errors, []);
  assert.ok((await stream.toolCalls).every((c) => c.toolName === "weather" && keepsToCity(c.input)));
  assert.ok(seen.length > 0);
});

test("openai: responses, whole and streamed", needs("responses"), async () => {
  const more = { model: openai.responses(model), seed: undefined, temperature: 0 };
  const answer = await generateText(request(more));
  assert.ok(answer.text.length > 0);
  assert.equal(answer.finishReason, "length");
  const stream = streamText(request(more));
  assert.equal((await collect(stream.textStream)).join(""), answer.text);
});

test("embeddings", needs("embeddings"), async () => {
  const { embeddings } = await embedMany({ model: compatible.embeddingModel(model), values: ["the cat", "the dog"] });
  assert.equal(embeddings.length, 2);
  assert.ok(Math.abs(Math.hypot(...embeddings[0]) - 1) < 1e-4);
});

// What every kind of model does alike.
const kinds = { compatible: compatible.chatModel(model), chat: openai.chat(model), responses: openai.responses(model) };
const forced = (tools, more = {}) => ({ tools, toolChoice: "required", maxOutputTokens: 600, ...more });
const Small = z.object({ degrees: z.number().int().min(0).max(9), sky: z.array(z.enum(["blue", "grey"])).max(3) });
for (const [name, kind] of Object.entries(kinds)) {
  const ask = (more = {}) => request({ model: kind, ...(name === "responses" ? { seed: undefined } : {}), ...more });

  test(`${name}: settings, turns and what is told of them`, needs("chat", "responses"), async () => {
    const answer = await generateText(ask({
      prompt: undefined, instructions: "be terse", temperature: 0.5, topP: 0.9,
      messages: [{ role: "user", content: [{ type: "text", text: "one" }, { type: "text", text: "two" }] }, { role: "assistant", content: "three" }, { role: "user", content: "four" }],
    }));
    assert.ok(answer.text.length > 0);
    assert.equal(answer.response.modelId, model);
    assert.ok(answer.response.id && answer.response.headers["x-request-id"]);
    assert.equal(answer.usage.totalTokens, answer.usage.inputTokens + answer.usage.outputTokens);
  });

  test(`${name}: objects, arrays, choices and any JSON`, needs("structured", "responses"), async () => {
    const long = { maxOutputTokens: 400 };
    Small.parse((await generateText(ask({ ...long, output: Output.object({ schema: Small }) }))).output);
    assert.ok((await generateText(ask({ ...long, output: Output.array({ element: Small }) }))).output.every((v) => Small.parse(v)));
    assert.ok(["red", "blue"].includes((await generateText(ask({ ...long, output: Output.choice({ options: ["red", "blue"] }) }))).output));
    assert.equal(typeof (await generateText(ask({ ...long, output: Output.json() }))).output, "object");
    const stream = streamText(ask({ ...long, output: Output.object({ schema: Small }) }));
    const parts = await collect(stream.partialOutputStream);
    assert.deepEqual(parts.at(-1), await stream.output);
  });

  test(`${name}: generateObject and streamObject`, needs("structured", "responses"), async () => {
    const long = { maxOutputTokens: 400, schema: Small, schemaName: "small", schemaDescription: "something" };
    Small.parse((await generateObject(ask(long))).object);
    assert.ok(["a", "b"].includes((await generateObject(ask({ maxOutputTokens: 400, output: "enum", enum: ["a", "b"] }))).object));
    assert.ok(Array.isArray((await generateObject(ask({ ...long, output: "array" }))).object));
    const stream = streamObject(ask(long));
    const parts = await collect(stream.partialObjectStream);
    assert.deepEqual(parts.at(-1), Small.parse(await stream.object));
  });

  test(`${name}: tools: the loop, streamed, of one's choice, of none`, needs("tools", "responses"), async () => {
    const seen = [];
    const two = { stopWhen: isStepCount(2), prepareStep: ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: "none" } : {}) };
    const answer = await generateText(ask(forced({ weather: weather(seen) }, two)));
    assert.deepEqual(answer.steps.map((s) => s.finishReason === "tool-calls"), [true, false]);
    assert.ok(answer.steps[1].usage.inputTokens > answer.steps[0].usage.inputTokens);
    const errors = [];
    const stream = streamText(ask(forced({ weather: weather(seen) }, { ...two, onError: ({ error }) => errors.push(error) })));
    const types = new Set((await collect(stream.stream ?? stream.fullStream)).map((part) => part.type));
    assert.deepEqual(errors, []);
    for (const type of ["tool-input-start", "tool-input-delta", "tool-input-end", "tool-call", "tool-result"]) assert.ok(types.has(type), type);
    assert.equal((await stream.steps).length, 2);
    assert.ok(seen.length > 1 && seen.every(keepsToCity));
    const time = tool({ description: "Tells the time.", inputSchema: z.object({}) });
    const named = await generateText(ask(forced({ weather: weather(seen), time }, { toolChoice: { type: "tool", toolName: "time" } })));
    assert.ok(named.toolCalls.length > 0 && named.toolCalls.every((c) => c.toolName === "time" && Object.keys(c.input).length === 0));
    assert.deepEqual((await generateText(ask(forced({ time }, { toolChoice: "none", maxOutputTokens: 8 })))).toolCalls, []);
    assert.ok((await generateText(ask(forced({ time }, { toolChoice: "auto", maxOutputTokens: 8 })))).finishReason);
  });

  test(`${name}: errors, pictures and leaving`, needs("chat", "responses"), async () => {
    await assert.rejects(generateText(ask({ temperature: 9 })), (e) => APICallError.isInstance(e) && e.statusCode === 400 && !e.isRetryable && e.data.error.param === "temperature");
    const picture = { role: "user", content: [{ type: "image", image: new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]) }] };
    await assert.rejects(generateText(ask({ prompt: undefined, messages: [picture] })), (e) => e.statusCode === 400 && e.message.includes("text only"));
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 30);
    await assert.rejects(generateText(ask({ maxOutputTokens: 1900, abortSignal: abort.signal, prompt: "again and again" })), { name: "AbortError" });
    assert.equal((await generateText(ask())).usage.outputTokens, 24);
  });
}

test("openai: options of the provider", needs("chat", "responses"), async () => {
  const options = { user: "u", parallelToolCalls: false, store: true, metadata: { a: "b" }, serviceTier: "auto", textVerbosity: "low", logprobs: 2, promptCacheKey: "k", safetyIdentifier: "s" };
  const chat = await generateText(request({ model: openai.chat(model), providerOptions: { openai: { ...options, logitBias: { 5: 1 }, prediction: { type: "content", content: "x" } } } }));
  assert.equal(chat.providerMetadata.openai.logprobs.length, 24);
  const own = { ...options, truncation: "auto", instructions: "x", maxToolCalls: 3, include: ["reasoning.encrypted_content"] };
  const first = await generateText(request({ model: openai.responses(model), seed: undefined, providerOptions: { openai: own } }));
  const previousResponseId = first.providerMetadata.openai.responseId;
  const next = await generateText(request({ model: openai.responses(model), seed: undefined, providerOptions: { openai: { previousResponseId } } }));
  assert.ok(next.usage.inputTokens > first.usage.inputTokens);
});

test("embed: one, several, shorter", needs("embeddings"), async () => {
  for (const [kind, options] of [[compatible.embeddingModel(model), "freehold"], [openai.embedding(model), "openai"]]) {
    const { embedding, usage } = await embed({ model: kind, value: "the cat" });
    assert.ok(usage.tokens > 0);
    const several = await embedMany({ model: kind, values: ["the dog", "the cat"] });
    assert.deepEqual(several.embeddings[1], embedding);
    assert.equal((await embed({ model: kind, value: "the cat", providerOptions: { [options]: { dimensions: 8, user: "u" } } })).embedding.length, 8);
  }
  await assert.rejects(embed({ model: compatible.embeddingModel("no-such-model"), value: "x", maxRetries: 0 }), (e) => e.statusCode === 404);
});
