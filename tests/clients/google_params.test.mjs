// Google's library for Gemini: every parameter is honoured, named as ignored, or refused by name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, GoogleGenAI, HarmBlockThreshold, HarmCategory, Type, createPartFromBase64 } from "@google/genai";
import { citySchema, collect, keepsToCity, key, model, needs, url } from "./harness.mjs";

const of = (more = {}, options = {}) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, retryOptions: { attempts: 1 }, ...options }, ...more });
const client = of();
const ask = (config = {}, more = {}) => ({
  model, contents: "Say something, é 🙂.", ...more, config: { maxOutputTokens: 16, temperature: 0, ...config },
});
const generate = (config, more, by = client) => by.models.generateContent(ask(config, more));
const stream = async (config, more) => collect(await client.models.generateContentStream(ask(config, more)));
const post = (path, body, version = "v1beta") =>
  fetch(`${url}/${version}/models/${model}:${path}`, { method: "POST", headers: { "x-goog-api-key": key, "content-type": "application/json" }, body: JSON.stringify(body) });
const contents = [{ role: "user", parts: [{ text: "hello" }] }];
const refused = (act, named, status = 400, word = "INVALID_ARGUMENT") =>
  assert.rejects(act, (e) => {
    assert.ok(e instanceof ApiError, String(e));
    assert.equal(e.status, status, e.message);
    const { error } = JSON.parse(e.message);
    assert.deepEqual([error.code, error.status, Array.isArray(error.details)], [status, word, true]);
    assert.ok(error.message.includes(named), `${named} is not in: ${error.message}`);
    return true;
  });

test("contents: a string, parts, turns, and an answer that has begun", needs("gemini"), async () => {
  const plain = await generate({}, { contents: "hello" });
  for (const same of [["hello"], { text: "hello" }, [{ text: "hello" }], contents, [{ parts: [{ text: "hello" }] }], [{ role: "user", parts: [{ text: "hel" }, { text: "lo" }] }]])
    assert.equal((await generate({}, { contents: same })).text, plain.text, JSON.stringify(same));
  const turns = [...contents, { role: "model", parts: [{ text: "a" }] }, { role: "user", parts: [{ text: "b" }] }];
  assert.ok((await generate({}, { contents: turns })).usageMetadata.promptTokenCount > plain.usageMetadata.promptTokenCount);
  const begun = [...contents, { role: "model", parts: [{ text: "Well" }] }];
  assert.ok((await generate({}, { contents: begun })).usageMetadata.promptTokenCount > plain.usageMetadata.promptTokenCount);
});

test("contents that cannot be read are refused by name", needs("gemini"), async () => {
  await refused(() => generate({}, { contents: [{ role: "king", parts: [{ text: "x" }] }] }), "contents[0].role");
  await refused(() => generate({}, { contents: [{ role: "user", parts: [createPartFromBase64("aGk=", "image/png")] }] }), "contents[0].parts[0].inlineData");
  await refused(() => generate({}, { contents: [{ role: "user", parts: [{ fileData: { fileUri: "x", mimeType: "y" } }] }] }), "fileData");
  await refused(() => generate({}, { contents: [{ role: "user", parts: [{ functionResponse: { response: {} } }] }] }), "name");
  await refused(() => generate({}, { contents: [{ role: "user", parts: [{ functionCall: { name: "f", args: {} } }] }] }), "functionCall");
  for (const body of [{}, { contents: [] }, { contents: [{ role: "user", parts: [] }] }, { contents: "hi" }, { contents: [{ role: "user", parts: [{}] }] }, { contents: [{ parts: [{ text: 5 }] }] }]) {
    const response = await post("generateContent", body);
    assert.equal(response.status, 400, JSON.stringify(body));
    assert.match((await response.json()).error.message, /contents/);
  }
});

test("system instructions: a string, a part, a content", needs("gemini"), async () => {
  const text = (await generate({ systemInstruction: "You are terse." })).text;
  assert.notEqual((await generate()).usageMetadata.promptTokenCount, (await generate({ systemInstruction: "You are terse." })).usageMetadata.promptTokenCount);
  for (const systemInstruction of [{ text: "You are terse." }, { role: "system", parts: [{ text: "You are terse." }] }, { parts: [{ text: "You are " }, { text: "terse." }] }])
    assert.equal((await generate({ systemInstruction })).text, text);
});

test("sampling: greedy, seeds, penalties, the number of answers", needs("gemini"), async () => {
  const greedy = (await generate()).text;
  assert.equal((await generate({ temperature: 2, topK: 1 })).text, greedy);
  assert.equal((await generate({ temperature: 2, topP: 0 })).text, greedy);
  const seeded = (await generate({ temperature: 1, seed: 3 })).text;
  assert.equal((await generate({ temperature: 1, seed: 3 })).text, seeded);
  assert.notEqual((await generate({ temperature: 1, seed: -4 })).text, seeded);
  assert.notEqual((await generate({ frequencyPenalty: 2, presencePenalty: 2 })).text, greedy);
  const several = await generate({ candidateCount: 2, temperature: 1, seed: 3 });
  assert.deepEqual(several.candidates.map((c) => c.index), [0, 1]);
  assert.equal(several.candidates[0].content.parts[0].text, seeded);
  assert.notEqual(several.candidates[1].content.parts[0].text, seeded);
  const chunks = await stream({ candidateCount: 2, temperature: 1, seed: 3 });
  for (const index of [0, 1]) {
    const own = chunks.flatMap((c) => c.candidates.filter((x) => x.index === index));
    assert.equal(own.flatMap((c) => c.content.parts).map((p) => p.text).join(""), several.candidates[index].content.parts[0].text);
    assert.equal(own.filter((c) => c.finishReason).length, 1);
  }
});

test("ranges and types are refused by name", needs("gemini"), async () => {
  for (const [config, named] of [
    [{ temperature: 2.1 }, "temperature"], [{ temperature: -1 }, "temperature"], [{ temperature: "hot" }, "temperature"], [{ topP: 1.5 }, "topP"], [{ topK: -1 }, "topK"],
    [{ topK: 1.5 }, "topK"], [{ candidateCount: 0 }, "candidateCount"], [{ candidateCount: 9 }, "candidateCount"], [{ maxOutputTokens: 0 }, "maxOutputTokens"],
    [{ maxOutputTokens: -5 }, "maxOutputTokens"], [{ maxOutputTokens: "many" }, "maxOutputTokens"], [{ stopSequences: [""] }, "stopSequences"], [{ stopSequences: [5] }, "stopSequences"],
    [{ seed: 1.5 }, "seed"], [{ presencePenalty: 3 }, "presencePenalty"], [{ frequencyPenalty: "x" }, "frequencyPenalty"], [{ logprobs: 3 }, "logprobs"],
    [{ responseLogprobs: true, logprobs: 50 }, "logprobs"], [{ responseLogprobs: "yes" }, "responseLogprobs"], [{ responseMimeType: "text/html" }, "responseMimeType"],
    [{ responseMimeType: "text/plain", responseSchema: { type: Type.STRING } }, "responseMimeType"], [{ responseMimeType: "text/x.enum" }, "responseSchema"],
    [{ responseMimeType: "application/json", responseJsonSchema: { type: "strange" } }, "responseJsonSchema"],
    [{ responseModalities: ["IMAGE"] }, "responseModalities"], [{ thinkingConfig: { thinkingBudget: -5 } }, "thinkingBudget"], [{ thinkingConfig: { thinkingLevel: "ENORMOUS" } }, "thinkingLevel"],
    [{ cachedContent: "cachedContents/x" }, "cachedContent"], [{ tools: [{ googleSearch: {} }] }, "googleSearch"], [{ tools: [{ codeExecution: {} }] }, "codeExecution"],
    [{ tools: [{ functionDeclarations: [{ name: "a b" }] }] }, "tools[0].functionDeclarations[0].name"], [{ tools: [{ functionDeclarations: [{ name: "f" }, { name: "f" }] }] }, "tools"],
    [{ toolConfig: { functionCallingConfig: { mode: "ANY" } } }, "mode"], [{ tools: [{ functionDeclarations: [{ name: "f" }] }], toolConfig: { functionCallingConfig: { mode: "OFTEN" } } }, "mode"],
    [{ tools: [{ functionDeclarations: [{ name: "f" }] }], toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["g"] } } }, "allowedFunctionNames"],
    [{ safetySettings: "none" }, "safetySettings"],
  ]) await refused(() => generate(config), named).catch((e) => { throw new Error(`${JSON.stringify(config)}: ${e.message}`); });
});

test("schemas that are none are refused by name", needs("gemini"), async () => {
  for (const [schema, named] of [[{ type: "STRANGE" }, "STRANGE"], [{ type: "ARRAY", items: 5 }, "items"], [{ type: "OBJECT", properties: [] }, "properties"],
                                 [{ type: "INTEGER", minimum: "x" }, "minimum"], [{ type: "STRING", pattern: "(" }, "pattern"], ["STRING", "responseSchema"]]) {
    const response = await post("generateContent", { contents, generationConfig: { responseMimeType: "application/json", responseSchema: schema } });
    const { error } = await response.json();
    assert.equal(response.status, 400, JSON.stringify(schema));
    assert.ok(error.message.toLowerCase().includes(named.toLowerCase()), error.message);
  }
});

test("what has no effect is named, and changes nothing", needs("gemini"), async () => {
  const plain = (await generate()).text;
  const safetySettings = [{ category: HarmCategory.HARM_CATEGORY_HATE_SPEECH, threshold: HarmBlockThreshold.BLOCK_NONE }];
  assert.equal((await generate({ safetySettings, labels: { a: "b" }, thinkingConfig: { thinkingBudget: 0 }, responseModalities: ["TEXT"] })).text, plain);
  assert.equal((await generate({ thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } })).text, plain);
  const response = await post("generateContent", { contents, generationConfig: { maxOutputTokens: 4, mediaResolution: "MEDIA_RESOLUTION_LOW" }, noSuchField: 1,
                                                   safetySettings });
  assert.deepEqual(response.headers.get("freehold-ignored").split(", ").sort(), ["generationConfig.mediaResolution", "noSuchField"]);
  await response.text();
});

test("proto's JSON: either spelling, numbers as strings", needs("gemini"), async () => {
  const camel = await (await post("generateContent", { contents, systemInstruction: { parts: [{ text: "x" }] }, generationConfig: { maxOutputTokens: 8, topK: 1, seed: 3, stopSequences: ["\u0001"] } })).json();
  const snake = await (await post("generateContent", { contents, system_instruction: { parts: { text: "x" } }, generation_config: { max_output_tokens: "8", top_k: "1", seed: "3", stop_sequences: ["\u0001"] } })).json();
  assert.deepEqual(snake.candidates, camel.candidates);
  assert.equal(camel.usageMetadata.candidatesTokenCount, 8);
});

test("streams: events, or one JSON array; ends and counts", needs("gemini"), async () => {
  const body = { contents, generationConfig: { maxOutputTokens: 8, temperature: 0 } };
  const whole = await (await post("generateContent", body)).json();
  const array = await post("streamGenerateContent", body);
  assert.match(array.headers.get("content-type"), /^application\/json/);
  const chunks = await array.json();
  assert.ok(Array.isArray(chunks));
  const events = await post("streamGenerateContent?alt=sse", body);
  assert.match(events.headers.get("content-type"), /^text\/event-stream/);
  const raw = await events.text();
  assert.ok(raw.endsWith("\n\n") && !raw.includes("[DONE]"));
  const told = raw.trim().split("\n\n").map((e) => JSON.parse(e.slice("data: ".length)));
  for (const list of [chunks, told]) {
    assert.equal(list.flatMap((c) => c.candidates[0].content.parts).map((p) => p.text).join(""), whole.candidates[0].content.parts[0].text);
    assert.equal(list.at(-1).candidates[0].finishReason, "MAX_TOKENS");
    assert.deepEqual(list.at(-1).usageMetadata, whole.usageMetadata);
    assert.equal(new Set(list.map((c) => c.responseId)).size, 1);
    assert.ok(list.every((c) => c.modelVersion && c.usageMetadata.promptTokenCount > 0));
  }
});

test("log-probabilities of a stream, each token once", needs("gemini"), async () => {
  const whole = await generate({ responseLogprobs: true, logprobs: 1 });
  const chunks = await stream({ responseLogprobs: true, logprobs: 1 });
  const chosen = (c) => c.candidates[0].logprobsResult?.chosenCandidates ?? [];
  assert.deepEqual(chunks.flatMap(chosen), chosen(whole));
  assert.ok(chosen(whole).every((c) => Number.isInteger(c.tokenId) && typeof c.token === "string" && c.logProbability <= 0));
  assert.equal((await generate({ responseLogprobs: true })).candidates[0].logprobsResult.chosenCandidates.length, 16);
  assert.equal((await generate()).candidates[0].logprobsResult, undefined);
});

test("stop sequences: nothing of them is told, also in a stream", needs("gemini"), async () => {
  const whole = (await generate()).text;
  const stop = [...whole].slice(4, 6).join("");
  const chunks = await stream({ stopSequences: ["\u0001", stop] });
  assert.equal(chunks.map((c) => c.text ?? "").join(""), whole.slice(0, whole.indexOf(stop)));
  assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
});

test("chats: streamed, with a history, after an error", needs("gemini"), async () => {
  const chat = client.chats.create({ model, config: { maxOutputTokens: 8, temperature: 0 }, history: [...contents, { role: "model", parts: [{ text: "a" }] }] });
  const chunks = await collect(await chat.sendMessageStream({ message: "again" }));
  assert.equal(chunks.at(-1).candidates[0].finishReason, "MAX_TOKENS");
  assert.equal(chat.getHistory(true).filter((c) => c.role === "user").length, 2);
  await refused(() => chat.sendMessage({ message: "x", config: { temperature: 9 } }), "temperature");
  const second = await chat.sendMessage({ message: "and again" });
  assert.ok(second.usageMetadata.promptTokenCount > chunks.at(-1).usageMetadata.promptTokenCount);
  assert.equal(chat.getHistory(true).filter((c) => c.role === "user").length, 3);
});

const weather = { name: "weather", description: "Tells the weather.", parametersJsonSchema: citySchema };
const time = { name: "time", parameters: { type: Type.OBJECT, properties: { zone: { type: Type.STRING, enum: ["utc", "local"] } }, required: ["zone"] } };

test("functions: any, the allowed ones, none, by themselves, streamed", needs("gemini", "tools"), async () => {
  const tools = [{ functionDeclarations: [weather] }, { functionDeclarations: [time] }];
  const mode = (name, ...allowedFunctionNames) => ({ tools, maxOutputTokens: 600, toolConfig: { functionCallingConfig: { mode: name, ...(allowedFunctionNames.length ? { allowedFunctionNames } : {}) } } });
  for (const names of [["weather"], ["time"], ["weather", "time"], []]) {
    const answer = await generate(mode("ANY", ...names));
    assert.ok(answer.functionCalls.length > 0);
    assert.equal(answer.candidates[0].finishReason, "STOP");
    for (const call of answer.functionCalls) {
      assert.ok(names.length === 0 || names.includes(call.name));
      assert.ok(call.name === "weather" ? keepsToCity(call.args) : ["utc", "local"].includes(call.args.zone), JSON.stringify(call));
    }
    const chunks = await stream(mode("ANY", ...names));
    const bare = (calls) => calls.map(({ name, args }) => ({ name, args }));
    assert.deepEqual(bare(chunks.flatMap((c) => c.functionCalls ?? [])), bare(answer.functionCalls));
    const ids = answer.functionCalls.map((c) => c.id);
    assert.ok(ids.every(Boolean) && new Set(ids).size === ids.length);
  }
  assert.equal((await generate(mode("NONE"))).functionCalls, undefined);
  for (const name of ["AUTO", "VALIDATED", "MODE_UNSPECIFIED"]) assert.ok((await generate({ ...mode(name), maxOutputTokens: 16 })).candidates.length);
});

test("functions are called by the library, whole and streamed", needs("gemini", "tools"), async () => {
  const called = [];
  const tool = {
    tool: async () => ({ functionDeclarations: [time] }),
    callTool: async (calls) => calls.map((call) => (called.push(call.args.zone), { functionResponse: { id: call.id, name: call.name, response: { output: "noon" } } })),
  };
  const config = { tools: [tool], maxOutputTokens: 300, toolConfig: { functionCallingConfig: { mode: "ANY" } }, automaticFunctionCalling: { maximumRemoteCalls: 2 } };
  const answer = await generate(config);
  assert.ok(called.length >= 2 && called.every((zone) => ["utc", "local"].includes(zone)));
  assert.ok(answer.automaticFunctionCallingHistory.length >= 3);
  called.length = 0;
  const chunks = await stream(config);
  assert.ok(called.length >= 2);
  assert.ok(chunks.some((c) => c.candidates[0].content.role === "user"));
});

test("structured: the OpenAPI dialect", needs("gemini", "structured"), async () => {
  const json = async (schema, more = {}) => JSON.parse((await generate({ responseMimeType: "application/json", maxOutputTokens: 500, responseSchema: schema, ...more })).text);
  const list = await json({ type: Type.ARRAY, minItems: "2", maxItems: "3", items: { type: Type.STRING, enum: ["a", "b"] } });
  assert.ok(list.length >= 2 && list.length <= 3 && list.every((x) => ["a", "b"].includes(x)));
  const either = await json({ anyOf: [{ type: Type.INTEGER, minimum: 3, maximum: 4 }, { type: Type.BOOLEAN }] });
  assert.ok([3, 4, true, false].includes(either));
  const maybe = await json({ type: Type.OBJECT, properties: { x: { type: Type.STRING, nullable: true, enum: ["y"] } }, required: ["x"] });
  assert.ok(["y", null].includes(maybe.x));
  const ordered = await json({ type: Type.OBJECT, properties: { a: { type: Type.BOOLEAN }, b: { type: Type.BOOLEAN } }, required: ["a", "b"], propertyOrdering: ["b", "a"] });
  assert.deepEqual(Object.keys(ordered), ["b", "a"]);
  assert.equal(typeof (await json({ type: Type.NUMBER, minimum: 0, maximum: 1 })), "number");
  const tuple = JSON.parse((await generate({ responseMimeType: "application/json", maxOutputTokens: 300, responseJsonSchema:
    { type: "array", prefixItems: [{ type: "boolean" }, { const: "x" }], minItems: 2, maxItems: 2 } })).text);
  assert.equal(tuple[1], "x");
  JSON.parse((await generate({ responseMimeType: "application/json", maxOutputTokens: 500 })).text);
  const chunks = await stream({ responseMimeType: "text/x.enum", responseSchema: { type: Type.STRING, enum: ["Oslo", "Rome"] } });
  assert.ok(["Oslo", "Rome"].includes(chunks.map((c) => c.text ?? "").join("")));
});

test("embeddings: one, several, shorter; what cannot be", needs("gemini", "embeddings"), async () => {
  const embed = (contents, config = {}) => client.models.embedContent({ model, contents, config });
  const { embeddings: [one] } = await embed("the cat");
  const { embeddings: both } = await embed(["the dog and more", { parts: [{ text: "the cat" }] }], { taskType: "RETRIEVAL_DOCUMENT", title: "x" });
  assert.deepEqual(both[1].values, one.values);
  const { embeddings: short } = await embed(["a", "b"], { outputDimensionality: 8 });
  for (const { values } of short) assert.ok(values.length === 8 && Math.abs(Math.hypot(...values) - 1) < 1e-4);
  const single = await (await post("embedContent", { content: { parts: [{ text: "the cat" }] } })).json();
  assert.deepEqual(single.embedding.values, one.values);
  await refused(() => embed("x ".repeat(5000)), "");
  await refused(() => embed(""), "requests");  // the library sends none
  await refused(() => embed("x", { outputDimensionality: 100000 }), "");
  await refused(() => client.models.embedContent({ model: "no-such-model", contents: "x" }), "no-such-model", 404, "NOT_FOUND");
  const batch = await post("batchEmbedContents", { requests: [{ model: "models/other", content: { parts: [{ text: "x" }] } }] });
  assert.equal(batch.status, 400);
  await batch.text();
});

test("tokens: of turns, of a whole request", needs("gemini"), async () => {
  const turns = [...contents, { role: "model", parts: [{ text: "a" }] }, { role: "user", parts: [{ text: "b" }] }];
  const { totalTokens } = await client.models.countTokens({ model, contents: turns });
  assert.equal(totalTokens, (await generate({}, { contents: turns })).usageMetadata.promptTokenCount);
  const whole = { model: `models/${model}`, contents: turns, systemInstruction: { parts: [{ text: "You are terse." }] }, tools: [{ functionDeclarations: [weather] }] };
  const counted = await (await post("countTokens", { generateContentRequest: whole })).json();
  const used = await (await post("generateContent", { ...whole, generationConfig: { maxOutputTokens: 1 } })).json();
  assert.equal(counted.totalTokens, used.usageMetadata.promptTokenCount);
  const odd = await post("countTokens", { contents, noSuchField: 1 });
  assert.equal(odd.headers.get("freehold-ignored"), "noSuchField");
  await odd.text();
  await refused(() => client.models.countTokens({ model: "no-such-model", contents: "x" }), "no-such-model", 404, "NOT_FOUND");
});

test("models: pages, one by one, both spellings, other lists", needs("gemini"), async () => {
  const pager = await client.models.list({ config: { pageSize: 1 } });
  assert.equal(pager.page.length, 1);
  assert.equal((await collect(pager)).filter((m) => m.name === `models/${model}`).length, 1);
  assert.deepEqual(await collect(await client.models.list({ config: { queryBase: false } })), []);
  const entry = await client.models.get({ model: `models/${model}` });
  assert.deepEqual([entry.name, entry.displayName, entry.inputTokenLimit, entry.outputTokenLimit], [`models/${model}`, model, 2048, 2048]);
  assert.ok(entry.supportedActions.includes("generateContent"));
  await refused(() => client.models.get({ model: "no-such-model" }), "no-such-model", 404, "NOT_FOUND");
  await refused(() => client.models.list({ config: { pageToken: "nonsense" } }), "pageToken");
});

test("errors: keys, routes, methods, and the form of each", needs("gemini"), async () => {
  await refused(() => generate({}, {}, of({ apiKey: "no" })), "key", 401, "UNAUTHENTICATED");
  await refused(() => client.models.generateContentStream(ask({ temperature: 9 })), "temperature");
  await refused(() => generate({}, { contents: "x ".repeat(5000) }), "");
  for (const [path, status] of [[`/v1beta/models/${model}:nothing`, 404], ["/v1beta/nothing", 404]]) {
    const response = await fetch(url + path, { method: "POST", headers: { "x-goog-api-key": key, "content-type": "application/json" }, body: "{}" });
    assert.equal(response.status, status);
    assert.equal((await response.json()).error.status, "NOT_FOUND");
  }
  const answer = await fetch(`${url}/v1beta/models/${model}:generateContent?key=${key}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ contents }) });
  assert.equal(answer.status, 200);
  await answer.text();
  const broken = await fetch(`${url}/v1/models/${model}:generateContent`, { method: "POST", headers: { "x-goog-api-key": key, "content-type": "application/json" }, body: "{" });
  assert.equal((await broken.json()).error.status, "INVALID_ARGUMENT");
});

test("aborting disturbs nobody", needs("gemini"), async () => {
  const controller = new AbortController();
  const promise = generate({ maxOutputTokens: 1900, abortSignal: controller.signal });
  setTimeout(() => controller.abort(), 1);  // an answer takes some ten
  await assert.rejects(promise, /abort/i);
  assert.equal((await generate()).usageMetadata.candidatesTokenCount, 16);
});
