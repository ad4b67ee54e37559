// Google's library for Gemini.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, GoogleGenAI, Type } from "@google/genai";
import { citySchema, collect, keepsToCity, key, model, needs, url } from "./harness.mjs";

const of = (more = {}, options = {}) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, retryOptions: { attempts: 1 }, ...options }, ...more });
const client = of();
const ask = (config = {}, more = {}) => ({
  model, contents: "Say something, é 🙂.", ...more, config: { maxOutputTokens: 24, seed: 5, ...config },
});
const generate = (config, more, by = client) => by.models.generateContent(ask(config, more));
const is = (status) => (e) => e instanceof ApiError && e.status === status;

test("an answer with all its fields", needs("gemini"), async () => {
  const answer = await generate({ systemInstruction: "You are terse." });
  assert.ok(answer.text.length > 0);
  assert.equal(answer.candidates.length, 1);
  assert.equal(answer.candidates[0].content.role, "model");
  assert.equal(answer.candidates[0].finishReason, "MAX_TOKENS");
  const usage = answer.usageMetadata;
  assert.equal(usage.candidatesTokenCount, 24);
  assert.equal(usage.totalTokenCount, usage.promptTokenCount + 24);
  assert.ok(answer.responseId);
  assert.ok(answer.modelVersion);
});

test("a seed gives the same answer, under either version of the address", needs("gemini"), async () => {
  const answer = await generate();
  assert.equal((await generate()).text, answer.text);
  assert.notEqual((await generate({ seed: 6 })).text, answer.text);
  for (const apiVersion of ["v1", "v1beta", "v1alpha"]) assert.equal((await generate({}, {}, of({ apiVersion }))).text, answer.text);
});

test("several candidates and a stop sequence", needs("gemini"), async () => {
  const several = await generate({ candidateCount: 3 });
  assert.equal(several.candidates.length, 3);
  assert.equal(several.usageMetadata.candidatesTokenCount, 72);
  const whole = (await generate({ temperature: 0 })).text;
  const stop = [...whole].slice(4, 6).join("");
  const answer = await generate({ temperature: 0, stopSequences: [stop] });
  assert.equal(answer.candidates[0].finishReason, "STOP");
  assert.equal(answer.text ?? "", whole.slice(0, whole.indexOf(stop)));
});

test("log-probabilities", needs("gemini"), async () => {
  const { candidates: [candidate] } = await generate({ responseLogprobs: true, logprobs: 2 });
  const { chosenCandidates, topCandidates } = candidate.logprobsResult;
  assert.equal(chosenCandidates.length, 24);
  assert.ok(topCandidates.every((t) => t.candidates.length === 2));
  const mean = chosenCandidates.reduce((sum, c) => sum + c.logProbability, 0) / 24;
  assert.ok(Math.abs(candidate.avgLogprobs - mean) < 1e-6);
});

test("a stream has the same text, one id, and an end in its last piece", needs("gemini"), async () => {
  const chunks = await collect(await client.models.generateContentStream(ask()));
  assert.equal(chunks.map((c) => c.text ?? "").join(""), (await generate()).text);
  assert.equal(new Set(chunks.map((c) => c.responseId)).size, 1);
  assert.ok(chunks.every((c) => c.usageMetadata.promptTokenCount > 0));
  assert.equal(chunks.at(-1).candidates[0].finishReason, "MAX_TOKENS");
  assert.ok(chunks.slice(0, -1).every((c) => !c.candidates?.[0].finishReason));
});

test("leaving a stream in the middle disturbs nobody", needs("gemini"), async () => {
  const controller = new AbortController();
  const stream = await client.models.generateContentStream(ask({ maxOutputTokens: 1900, abortSignal: controller.signal }));
  for await (const _ of stream) break;
  controller.abort();
  assert.equal((await generate()).usageMetadata.candidatesTokenCount, 24);
});

test("a chat keeps its turns", needs("gemini"), async () => {
  const chat = client.chats.create({ model, config: { maxOutputTokens: 8, seed: 5 } });
  const first = await chat.sendMessage({ message: "hello" });
  const second = await chat.sendMessage({ message: "again" });
  assert.ok(second.usageMetadata.promptTokenCount > first.usageMetadata.promptTokenCount + 8);
  assert.equal(chat.getHistory().length, 4);
});

test("tokens are counted as they are used", needs("gemini"), async () => {
  const { totalTokens } = await client.models.countTokens({ model, contents: "Say something, é 🙂." });
  assert.equal(totalTokens, (await generate()).usageMetadata.promptTokenCount);
});

test("errors are the library's class", needs("gemini"), async () => {
  await assert.rejects(generate({}, {}, of({ apiKey: "not-the-key" })), (e) => e instanceof ApiError && [400, 401].includes(e.status));
  await assert.rejects(generate({}, { model: "no-such-model" }), is(404));
  await assert.rejects(client.models.generateContentStream(ask({}, { model: "no-such-model" })), is(404));
  for (const bad of [{ temperature: 3 }, { candidateCount: 99 }]) await assert.rejects(generate(bad), is(400), JSON.stringify(bad));
  await assert.rejects(generate({}, { contents: "x ".repeat(5000) }), (e) => {
    assert.ok(is(400)(e));
    return JSON.parse(e.message).error.status === "INVALID_ARGUMENT";
  });
});

test("models: listed and found by name", needs("gemini"), async () => {
  const list = await collect(await client.models.list());
  // Another test may be making models from it.
  assert.equal(list.filter((m) => m.name === `models/${model}`).length, 1);
  assert.equal((await client.models.get({ model })).inputTokenLimit, 2048);
  await assert.rejects(client.models.get({ model: "no-such-model" }), is(404));
});

test("structured: both kinds of schema, and a bare choice", needs("gemini", "structured"), async () => {
  const json = await generate({ responseMimeType: "application/json", responseJsonSchema: citySchema, maxOutputTokens: 400 });
  assert.ok(keepsToCity(JSON.parse(json.text)), json.text);
  const openapi = await generate({
    responseMimeType: "application/json", maxOutputTokens: 400,
    responseSchema: {
      type: Type.OBJECT, required: ["city", "degrees"], propertyOrdering: ["degrees", "city"],
      properties: { city: { type: Type.STRING, enum: ["Oslo", "Rome"] }, degrees: { type: Type.INTEGER, minimum: 0, maximum: 9 } },
    },
  });
  assert.deepEqual(Object.keys(JSON.parse(openapi.text)), ["degrees", "city"]);
  const choice = await generate({ responseMimeType: "text/x.enum", responseSchema: { type: Type.STRING, enum: ["Oslo", "Rome"] } });
  assert.ok(["Oslo", "Rome"].includes(choice.text), choice.text);
});

const tools = [{ functionDeclarations: [{ name: "weather", description: "Tells the weather.", parametersJsonSchema: citySchema }] }];

test("tools: any, none, and a result that comes back", needs("gemini", "tools"), async () => {
  const any = await generate({ tools, toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } }, maxOutputTokens: 600 });
  assert.ok(any.functionCalls.length > 0);
  assert.ok(any.functionCalls.every((c) => c.name === "weather" && keepsToCity(c.args)));
  assert.equal(any.candidates[0].finishReason, "STOP");
  const none = await generate({ tools, toolConfig: { functionCallingConfig: { mode: "NONE" } } });
  assert.equal(none.functionCalls, undefined);
  const contents = [
    { role: "user", parts: [{ text: "hello" }] },
    { role: "model", parts: [{ functionCall: { name: "weather", args: { city: "Oslo", degrees: 3 } } }] },
    { role: "user", parts: [{ functionResponse: { name: "weather", response: { result: "rain" } } }] },
  ];
  const turned = await generate({ tools, toolConfig: { functionCallingConfig: { mode: "NONE" } } }, { contents });
  assert.ok(turned.usageMetadata.promptTokenCount > none.usageMetadata.promptTokenCount);
});

test("embeddings", needs("gemini", "embeddings"), async () => {
  const { embeddings } = await client.models.embedContent({ model, contents: ["the cat", "the dog"] });
  assert.equal(embeddings.length, 2);
  assert.ok(Math.abs(Math.hypot(...embeddings[0].values) - 1) < 1e-4);
  const short = await client.models.embedContent({ model, contents: "the cat", config: { outputDimensionality: 8 } });
  assert.equal(short.embeddings[0].values.length, 8);
});
