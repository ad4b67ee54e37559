// A model that thinks before it answers, through Anthropic's, Google's, OpenAI's and Ollama's libraries.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import { citySchema, collect, keepsToCity, key, model, needs, thinkerUrl as url } from "./harness.mjs";

const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, retryOptions: { attempts: 1 } } });
const ollama = new Ollama({ host: url, headers: { authorization: `Bearer ${key}` } });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "Say something, é 🙂." }];
const ask = (more = {}) => anthropic.messages.create({ model, max_tokens: 60, temperature: 0, messages, ...more });
const join = (content, type) => content.filter((b) => b.type === type).map((b) => b[type]).join("");

test("anthropic: thoughts are a block before the text, with a signature, whole and streamed", needs("anthropic"), async () => {
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const whole = await ask({ thinking });
  assert.deepEqual(whole.content.map((b) => b.type), ["thinking", "text"]);
  assert.ok(whole.content[0].thinking.length > 0 && whole.content[0].signature.length > 0);
  const { thinking_tokens } = whole.usage.output_tokens_details;
  assert.ok(thinking_tokens > 0 && thinking_tokens < whole.usage.output_tokens);
  const stream = anthropic.messages.stream({ model, max_tokens: 60, temperature: 0, messages, thinking });
  let thoughts = "", signature = "";
  stream.on("thinking", (delta) => (thoughts += delta)).on("signature", (s) => (signature = s));
  const streamed = await stream.finalMessage();
  assert.equal(thoughts, whole.content[0].thinking);
  assert.equal(streamed.content[0].thinking, thoughts);
  assert.equal(streamed.content[0].signature, signature);
  assert.equal(join(streamed.content, "text"), join(whole.content, "text"));
  assert.deepEqual(streamed.usage.output_tokens_details, whole.usage.output_tokens_details);
});

test("anthropic: off, hidden, and sent back", needs("anthropic"), async () => {
  const off = await ask({ thinking: { type: "disabled" } });
  assert.deepEqual(off.content.map((b) => b.type), ["text"]);
  const hidden = await ask({ thinking: { type: "adaptive", display: "omitted" } });
  assert.equal(hidden.content[0].thinking, "");
  assert.ok(hidden.content[0].signature);
  const whole = await ask({ thinking: { type: "adaptive" } });
  assert.equal(join(hidden.content, "text"), join(whole.content, "text"));
  const input = ({ usage }) => usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
  const next = (content) => ask({ messages: [...messages, { role: "assistant", content }, { role: "user", content: "And?" }] });
  assert.ok(input(await next(whole.content)) > input(await next(whole.content.slice(1))), "the template has the thoughts");
  assert.ok((await next([{ type: "redacted_thinking", data: "xx" }, ...whole.content.slice(1)])).content.length > 0);
  const info = await anthropic.models.retrieve(model);
  assert.equal(info.capabilities.thinking.supported, true);
});

test("anthropic: calls and formats come after the thoughts", needs("anthropic", "tools", "structured"), async () => {
  const tools = [{ name: "weather", input_schema: citySchema }];
  const called = await ask({ tools, tool_choice: { type: "tool", name: "weather" }, max_tokens: 900, thinking: { type: "adaptive" } });
  assert.equal(called.stop_reason, "tool_use");
  const use = called.content.find((b) => b.type === "tool_use");
  assert.ok(keepsToCity(use.input));
  const formatted = await ask({ max_tokens: 900, output_config: { format: { type: "json_schema", schema: citySchema } } });
  assert.ok(keepsToCity(JSON.parse(join(formatted.content, "text"))));
  const results = [...messages, { role: "assistant", content: called.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "rain" }] }];
  assert.ok((await ask({ messages: results, tools })).content.length > 0);
});

const generate = (config = {}) => google.models.generateContent({ model, contents: messages[0].content, config: { maxOutputTokens: 60, temperature: 0, ...config } });

test("google: thoughts are counted, and told when asked for", needs("gemini"), async () => {
  const silent = await generate();
  assert.ok(silent.candidates[0].content.parts.every((p) => !p.thought));
  const { thoughtsTokenCount, candidatesTokenCount, promptTokenCount, totalTokenCount } = silent.usageMetadata;
  assert.ok(thoughtsTokenCount > 0);
  assert.equal(totalTokenCount, promptTokenCount + thoughtsTokenCount + candidatesTokenCount);
  const told = await generate({ thinkingConfig: { includeThoughts: true, thinkingBudget: -1 } });
  const [thought] = told.candidates[0].content.parts;
  assert.ok(thought.thought && thought.text.length > 0);
  assert.equal(told.text, silent.text);
  const chunks = await collect(await google.models.generateContentStream({ model, contents: messages[0].content,
    config: { maxOutputTokens: 60, temperature: 0, thinkingConfig: { includeThoughts: true } } }));
  const parts = chunks.flatMap((c) => c.candidates[0].content.parts);
  assert.equal(parts.filter((p) => p.thought).map((p) => p.text).join(""), thought.text);
  assert.equal(chunks.map((c) => c.text ?? "").join(""), told.text);
  assert.equal(chunks.at(-1).usageMetadata.thoughtsTokenCount, thoughtsTokenCount);
  const off = await generate({ thinkingConfig: { thinkingBudget: 0 } });
  assert.equal(off.usageMetadata.thoughtsTokenCount, undefined);
  assert.equal((await google.models.get({ model })).thinking, true);
});

test("ollama: thinking has its own member", needs("ollama"), async () => {
  const options = { num_predict: 60, temperature: 0, repeat_penalty: 1 };
  const whole = await ollama.chat({ model, messages, options, think: true });
  assert.ok(whole.message.thinking.length > 0 && whole.message.content.length > 0);
  const parts = await collect(await ollama.chat({ model, messages, options, think: true, stream: true }));
  assert.equal(parts.map((p) => p.message.thinking ?? "").join(""), whole.message.thinking);
  assert.equal(parts.map((p) => p.message.content).join(""), whole.message.content);
  const off = await ollama.chat({ model, messages, options, think: false });
  assert.equal(off.message.thinking, undefined);
  const generated = await ollama.generate({ model, prompt: messages[0].content, options, think: true });
  assert.ok(generated.thinking.length > 0);
  assert.equal(generated.response, whole.message.content);
  assert.ok((await ollama.show({ model })).capabilities.includes("thinking"));
  assert.ok((await ollama.chat({ model, messages, options, think: "high" })).message.thinking);
});

test("openai: thoughts are an item of their own, or its summary if one is asked for", needs("responses"), async () => {
  const request = { model, input: messages, max_output_tokens: 60, temperature: 0 };
  const plain = await openai.responses.create(request);
  assert.deepEqual(plain.output.map((o) => o.type), ["reasoning", "message"]);
  const [{ text }] = plain.output[0].content;
  assert.ok(text.length > 0);
  assert.deepEqual(plain.output[0].summary, []);
  const stream = openai.responses.stream({ ...request, reasoning: { summary: "auto" } });
  let thoughts = "";
  stream.on("response.reasoning_summary_text.delta", (e) => (thoughts += e.delta));
  const summed = await stream.finalResponse();
  assert.equal(thoughts, text);
  assert.deepEqual(summed.output[0].summary, [{ type: "summary_text", text }]);
  assert.equal(summed.output_text, plain.output_text);
  const replayed = await collect(await openai.responses.retrieve(summed.id, { stream: true }));
  assert.equal(replayed.filter((e) => e.type === "response.reasoning_summary_text.delta").map((e) => e.delta).join(""), text);
});
