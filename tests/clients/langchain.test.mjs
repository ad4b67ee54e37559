// LangChain's classes for OpenAI.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { citySchema, collect, keepsToCity, key, model, needs, url } from "./harness.mjs";

const settings = (more = {}) => ({
  model, apiKey: key, configuration: { baseURL: `${url}/v1` }, maxRetries: 0, maxTokens: 24, modelKwargs: { seed: 5 }, ...more,
});
const chat = (more) => new ChatOpenAI(settings(more));
const question = [new SystemMessage("You are terse."), new HumanMessage("Say something, é 🙂.")];

test("chat: an answer with its usage", needs("chat"), async () => {
  const answer = await chat().invoke(question);
  assert.ok(AIMessage.isInstance(answer));
  assert.ok(answer.content.length > 0);
  assert.equal(answer.usage_metadata.output_tokens, 24);
  assert.equal(answer.response_metadata.finish_reason, "length");
});

test("chat: the pieces of a stream add up to the answer", needs("chat"), async () => {
  const pieces = await collect(await chat().stream(question));
  const whole = pieces.reduce((sum, piece) => sum.concat(piece));
  const answer = await chat().invoke(question);
  assert.equal(whole.content, answer.content);
  assert.equal(whole.usage_metadata.output_tokens, 24);
  assert.equal(whole.usage_metadata.input_tokens, answer.usage_metadata.input_tokens);
  assert.equal(whole.response_metadata.finish_reason, "length");
});

test("chat: a batch is answered in order", needs("chat"), async () => {
  const asked = ["one", "two", "three"];
  const answers = await chat().batch(asked);
  for (const [i, word] of asked.entries()) assert.equal(answers[i].content, (await chat().invoke(word)).content);
});

test("chat: in a chain, with a stop word", needs("chat"), async () => {
  const chain = ChatPromptTemplate.fromMessages([["user", "Tell me about {thing}"]]).pipe(chat({ temperature: 0 })).pipe(new StringOutputParser());
  const whole = await chain.invoke({ thing: "cats" });
  const stop = [...whole].slice(4, 6).join("");
  const stopped = await chat({ temperature: 0 }).invoke("Tell me about cats", { stop: [stop] });
  assert.equal(stopped.content, whole.slice(0, whole.indexOf(stop)));
});

test("chat: log-probabilities come through", needs("chat"), async () => {
  const answer = await chat({ logprobs: true, topLogprobs: 2 }).invoke(question);
  assert.equal(answer.response_metadata.logprobs.content.length, 24);
});

test("completions", needs("completions"), async () => {
  const llm = new OpenAI(settings());
  const answer = await llm.invoke("the cat");
  assert.ok(answer.length > 0);
  assert.equal((await collect(await llm.stream("the cat"))).join(""), answer);
});

test("errors carry the status", needs("chat"), async () => {
  await assert.rejects(chat({ model: "no-such-model" }).invoke("x"), (e) => e.status === 404);
  await assert.rejects(chat({ apiKey: "not-the-key" }).invoke("x"), (e) => e.status === 401);
  await assert.rejects(async () => collect(await chat({ temperature: 9 }).stream("x")), (e) => e.status === 400);
});

test("structured: by a schema and by a function", needs("structured", "tools"), async () => {
  for (const method of ["jsonSchema", "functionCalling"]) {
    const answer = await chat({ maxTokens: 600 }).withStructuredOutput(citySchema, { name: "city", method }).invoke(question);
    assert.ok(keepsToCity(answer), `${method}: ${JSON.stringify(answer)}`);
  }
});

const weather = { type: "function", function: { name: "weather", description: "Tells the weather.", parameters: citySchema } };

test("tools: a call, whole and streamed, and its result sent back", needs("tools"), async () => {
  const bound = chat({ maxTokens: 600 }).bindTools([weather], { tool_choice: "weather", parallel_tool_calls: false });
  const answer = await bound.invoke(question);
  assert.equal(answer.tool_calls.length, 1);
  assert.ok(keepsToCity(answer.tool_calls[0].args));
  const whole = (await collect(await bound.stream(question))).reduce((sum, piece) => sum.concat(piece));
  assert.deepEqual(whole.tool_calls[0].args, answer.tool_calls[0].args);
  const turns = [...question, answer, new ToolMessage({ content: "rain", tool_call_id: answer.tool_calls[0].id })];
  assert.equal((await chat().invoke(turns)).usage_metadata.output_tokens, 24);
});

test("responses", needs("responses"), async () => {
  const answer = await chat({ useResponsesApi: true, modelKwargs: {}, temperature: 0 }).invoke(question);
  assert.ok(answer.text.length > 0);
});

test("embeddings", needs("embeddings"), async () => {
  const embeddings = new OpenAIEmbeddings(settings({ maxTokens: undefined, modelKwargs: undefined }));
  const [a, b] = await embeddings.embedDocuments(["the cat", "a much longer text about a dog"]);
  assert.deepEqual(await embeddings.embedQuery("the cat"), a);
  assert.equal(a.length, b.length);
  assert.ok(Math.abs(Math.hypot(...a) - 1) < 1e-4);
});

const Small = z.object({ degrees: z.number().int().min(0).max(9), sky: z.enum(["blue", "grey"]) });
const small = tool(async (given) => JSON.stringify(given), { name: "small", description: "Something.", schema: Small });
const added = (pieces) => pieces.reduce((sum, piece) => sum.concat(piece));

for (const useResponsesApi of [false, true]) {
  const name = useResponsesApi ? "responses" : "chat";
  const llm = (more = {}) => chat({ useResponsesApi, modelKwargs: {}, ...more });

  test(`${name}: settings, a batch, a history, events`, needs("chat", "responses"), async () => {
    const set = llm({ temperature: 0.5, topP: 0.9, user: "u", metadata: { a: "b" }, reasoning: { effort: "low" }, service_tier: "auto", verbosity: "low" });
    assert.ok((await set.invoke(question)).text.length > 0);
    assert.equal((await llm().batch(["one", "two"], { maxConcurrency: 2 })).length, 2);
    const chain = ChatPromptTemplate.fromMessages([["system", "You are {how}."], new MessagesPlaceholder("history"), ["human", "{asked}"]]).pipe(llm()).pipe(new StringOutputParser());
    assert.ok((await chain.invoke({ how: "terse", asked: "two", history: [new HumanMessage("a"), new AIMessage("b")] })).length > 0);
    const events = new Set((await collect(llm().streamEvents("hi", { version: "v2" }))).map((e) => e.event));
    assert.ok(events.has("on_chat_model_stream") && events.has("on_chat_model_end"));
    const whole = added(await collect(await llm().stream(question)));
    assert.equal(whole.usage_metadata.output_tokens, 24);
  });

  test(`${name}: structured, in every way`, needs("structured", "tools", "responses"), async () => {
    for (const more of [{}, { method: "jsonSchema", strict: true }, { method: "functionCalling" }])
      Small.parse(await llm({ maxTokens: 600 }).withStructuredOutput(Small, { name: "small", ...more }).invoke(question));
    const { raw, parsed } = await llm({ maxTokens: 600 }).withStructuredOutput(Small, { name: "small", includeRaw: true }).invoke(question);
    Small.parse(parsed);
    assert.ok(AIMessage.isInstance(raw));
    assert.equal(typeof (await llm({ maxTokens: 600 }).withStructuredOutput(z.any(), { name: "any", method: "jsonMode" }).invoke(question)), "object");
    const pieces = await collect(await llm({ maxTokens: 600 }).withStructuredOutput(Small, { name: "small" }).stream(question));
    Small.parse(pieces.at(-1));
  });

  test(`${name}: tools of one's choice, streamed, and the loop`, needs("tools", "responses"), async () => {
    const bound = llm({ maxTokens: 600 }).bindTools([small], { tool_choice: "small", strict: true, parallel_tool_calls: false });
    const answer = await bound.invoke(question);
    assert.equal(answer.tool_calls.length, 1);
    Small.parse(answer.tool_calls[0].args);
    const streamed = added(await collect(await bound.stream(question)));
    assert.equal(streamed.tool_calls.length, 1);
    Small.parse(streamed.tool_calls[0].args);
    const turns = [...question, answer, await small.invoke(answer.tool_calls[0])];
    const none = llm().bindTools([small], { tool_choice: "none" });
    const last = await none.invoke(turns);
    assert.ok(last.usage_metadata.input_tokens > (await none.invoke(question)).usage_metadata.input_tokens);
    assert.deepEqual(last.tool_calls, []);
  });

  test(`${name}: errors, time limits, leaving`, needs("chat", "responses"), async () => {
    await assert.rejects(llm({ temperature: 9 }).invoke("x"), (e) => e.status === 400 && e.param === "temperature");
    await assert.rejects(llm({ maxTokens: 1900, timeout: 20 }).invoke("again and again"), { name: "TimeoutError" });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 30);
    await assert.rejects(llm({ maxTokens: 1900 }).invoke("again and again", { signal: abort.signal }), { name: "AbortError" });
    assert.equal((await llm().invoke("x")).usage_metadata.output_tokens, 24);
  });
}

test("chat: several answers, any tool, callbacks and usage", needs("chat", "tools"), async () => {
  const { generations, llmOutput } = await chat({ n: 2 }).generate([question, [new HumanMessage("hi")]]);
  assert.deepEqual(generations.map((g) => g.length), [2, 2]);
  assert.equal(llmOutput.tokenUsage.completionTokens, 96);
  assert.ok((await chat({ maxTokens: 600 }).bindTools([small], { tool_choice: "any" }).invoke(question)).tool_calls.length > 0);
  const tokens = [];
  let ended;
  await collect(await chat({ callbacks: [{ handleLLMNewToken: (t) => tokens.push(t), handleLLMEnd: (o) => (ended = o) }] }).stream(question));
  assert.ok(tokens.length > 10);
  assert.equal(ended.generations[0][0].message.usage_metadata.output_tokens, 24);
});

test("responses: going on from an answer", needs("responses"), async () => {
  const llm = chat({ useResponsesApi: true, modelKwargs: {} });
  const first = await llm.invoke("hello");
  const next = await llm.invoke("again", { previous_response_id: first.response_metadata.id });
  assert.ok(next.usage_metadata.input_tokens > first.usage_metadata.input_tokens);
});

test("completions: several, a batch, a stream", needs("completions"), async () => {
  const { generations, llmOutput } = await new OpenAI(settings({ n: 2, bestOf: 3 })).generate(["the cat", "a dog"]);
  assert.deepEqual(generations.map((g) => g.length), [2, 2]);
  assert.equal(llmOutput.tokenUsage.completionTokens, 2 * 3 * 24);
  assert.equal((await new OpenAI(settings()).batch(["a", "b", "c"])).length, 3);
});

test("embeddings: shorter, in batches, as numbers, and errors", needs("embeddings"), async () => {
  const make = (more) => new OpenAIEmbeddings({ model, apiKey: key, maxRetries: 0, configuration: { baseURL: `${url}/v1` }, ...more });
  const lists = await make({ dimensions: 8, batchSize: 2 }).embedDocuments(["a", "b", "c", "d\ne"]);
  assert.deepEqual(lists.map((v) => v.length), [8, 8, 8, 8]);
  const [a, b] = [await make({ encodingFormat: "float" }).embedQuery("x"), await make().embedQuery("x")];
  assert.deepEqual(a.map(Math.fround), b);
  await assert.rejects(make({ model: "no-such-model" }).embedQuery("x"), (e) => e.status === 404);
});
