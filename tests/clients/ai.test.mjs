// The AI SDK, with the provider for servers like this one and with OpenAI's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } from "ai";
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
