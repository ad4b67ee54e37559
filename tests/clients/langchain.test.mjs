// LangChain's classes for OpenAI.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
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
