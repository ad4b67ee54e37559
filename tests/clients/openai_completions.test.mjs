// OpenAI's completions and embeddings, beyond the first steps.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { collect, endToken, key, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const complete = (more = {}) => client.completions.create({ model, prompt: "the cat", seed: 5, max_tokens: 6, ...more });
const texts = (answer) => answer.choices.map((c) => c.text);

test("prompts as texts and as tokens are answered in their order", needs("completions"), async () => {
  const answer = await complete({ prompt: ["the cat", "the dog"], temperature: 0, n: 2 });
  assert.deepEqual(answer.choices.map((c) => c.index), [0, 1, 2, 3]);
  assert.deepEqual(texts(answer).slice(0, 2), Array(2).fill((await complete({ temperature: 0 })).choices[0].text));
  assert.deepEqual(texts(answer).slice(2), Array(2).fill((await complete({ prompt: "the dog", temperature: 0 })).choices[0].text));
  const ids = await complete({ prompt: [5, 6, 7], temperature: 0 });
  const both = await complete({ prompt: [[5, 6, 7], [8]], temperature: 0 });
  assert.equal(both.choices.length, 2);
  assert.equal(both.choices[0].text, ids.choices[0].text);
  assert.equal(ids.usage.prompt_tokens, 3);
});

test("streams: every choice has its number and its end", needs("completions"), async () => {
  const chunks = await collect(await complete({ prompt: ["the cat", "the dog"], n: 2, stream: true, stream_options: { include_usage: true } }));
  const whole = await complete({ prompt: ["the cat", "the dog"], n: 2 });
  for (const choice of whole.choices) {
    const own = chunks.flatMap((c) => c.choices).filter((c) => c.index === choice.index);
    assert.equal(own.map((c) => c.text).join(""), choice.text);
    assert.equal(own.at(-1).finish_reason, choice.finish_reason);
  }
  assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 24);
  assert.ok(chunks.slice(0, -1).every((c) => c.usage === null));
});

test("the end token and stop strings", needs("completions"), async () => {
  const ended = await complete({ logit_bias: { [endToken]: 100 } });
  assert.deepEqual([ended.choices[0].text, ended.choices[0].finish_reason], ["", "stop"]);
  const whole = (await complete({ temperature: 0 })).choices[0].text;
  const stop = [...whole].slice(2, 4).join("");
  for (const stream of [false, true]) {
    const answer = await complete({ temperature: 0, stop: [stop], stream });
    const choices = stream ? (await collect(answer)).flatMap((c) => c.choices) : answer.choices;
    assert.equal(choices.map((c) => c.text).join(""), whole.slice(0, whole.indexOf(stop)));
    assert.equal(choices.at(-1).finish_reason, "stop");
  }
});

test("echo: the prompt first, scored if asked", needs("completions", "scoring"), async () => {
  const plain = await complete();
  for (const stream of [false, true]) {
    const answer = await complete({ echo: true, stream });
    const choices = stream ? (await collect(answer)).flatMap((c) => c.choices) : answer.choices;
    assert.equal(choices.map((c) => c.text).join(""), "the cat" + plain.choices[0].text);
  }
  const { choices: [{ text, logprobs }], usage } = await complete({ echo: true, logprobs: 2 });
  assert.equal(logprobs.tokens.length, usage.total_tokens);
  assert.equal(logprobs.tokens.join(""), text);
  assert.equal(logprobs.token_logprobs[0], null);
  assert.deepEqual([logprobs.token_logprobs, logprobs.top_logprobs, logprobs.text_offset].map((l) => l.length), Array(3).fill(usage.total_tokens));
  const scored = await complete({ prompt: ["the cat sat", "on it"], echo: true, logprobs: 1, max_tokens: 0 });
  assert.deepEqual(texts(scored), ["the cat sat", "on it"]);
  assert.ok(scored.choices.every((c) => c.finish_reason));
});

test("best_of: the likeliest of several", needs("completions"), async () => {
  const all = await complete({ n: 4, logprobs: 0 });
  const mean = (choice) => choice.logprobs.token_logprobs.reduce((a, b) => a + b) / choice.logprobs.token_logprobs.length;
  const ranked = [...all.choices].sort((a, b) => mean(b) - mean(a));
  const best = await complete({ n: 2, best_of: 4 });
  assert.deepEqual(texts(best), ranked.slice(0, 2).map((c) => c.text));
  assert.deepEqual(best.choices.map((c) => [c.index, c.logprobs]), [[0, null], [1, null]]);
  assert.equal(best.usage.completion_tokens, all.usage.completion_tokens);
  const two = await complete({ prompt: ["the cat", "the dog"], best_of: 3, logprobs: 1 });
  assert.deepEqual(two.choices.map((c) => [c.index, c.logprobs.tokens.length]), [[0, 6], [1, 6]]);
});

test("min_tokens holds the end back", needs("completions"), async () => {
  const answer = await complete({ min_tokens: 4, logit_bias: { [endToken]: 100 } });
  assert.equal(answer.usage.completion_tokens, 5);
});

test("embeddings: order, usage, tokens, and a batch like the singles", needs("embeddings"), async () => {
  const embed = (input, more = {}) => client.embeddings.create({ model, input, ...more });
  const words = ["a", "the cat", "a much longer text about a dog on a mat", "é 🙂"];
  const all = await embed(words);
  assert.equal(all.object, "list");
  assert.equal(all.model, model);
  assert.deepEqual(all.data.map((d) => [d.object, d.index]), words.map((_, i) => ["embedding", i]));
  let tokens = 0;
  for (const [i, word] of words.entries()) {
    const one = await embed(word);
    tokens += one.usage.prompt_tokens;
    assert.deepEqual(one.data[0].embedding, all.data[i].embedding);
  }
  assert.deepEqual([all.usage.prompt_tokens, all.usage.total_tokens], [tokens, tokens]);
  const ids = await embed([[5, 6, 7], [8]]);
  assert.equal(ids.usage.prompt_tokens, 4);
  assert.deepEqual((await embed([5, 6, 7])).data[0].embedding, ids.data[0].embedding);
});

test("embeddings: base64, numbers and fewer of them", needs("embeddings"), async () => {
  const embed = async (more) => (await client.embeddings.create({ model, input: "the cat", ...more })).data[0].embedding;
  const whole = await embed({});
  const text = await embed({ encoding_format: "base64" });
  assert.equal(typeof text, "string");
  const bytes = Buffer.from(text, "base64");
  assert.deepEqual(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i)), Array.from(whole));
  const short = await embed({ dimensions: 5 });
  const norm = Math.hypot(...Array.from(whole).slice(0, 5));
  for (const [i, x] of Array.from(short).entries()) assert.ok(Math.abs(x - whole[i] / norm) < 1e-5);
  assert.equal((await embed({ dimensions: whole.length })).length, whole.length);
});

test("the token itself is always among the likeliest", needs("completions", "scoring"), async () => {
  for (const [logprobs, more] of [[0, {}], [1, { echo: true }], [5, {}], [5, { echo: true, max_tokens: 0 }], [1, { stream: true }]]) {
    const answer = await complete({ logprobs, ...more });
    const lists = (more.stream ? (await collect(answer)).flatMap((c) => c.choices) : answer.choices).map((c) => c.logprobs).filter(Boolean);
    const all = (name) => lists.flatMap((l) => l[name]);
    const [tokens, own, tops] = [all("tokens"), all("token_logprobs"), all("top_logprobs")];
    assert.ok(tokens.length > 0 && tops.length === tokens.length);
    for (const [i, top] of tops.entries()) {
      if (own[i] === null) assert.equal(top, null);
      else assert.ok(Math.abs(top[tokens[i]] - own[i]) < 1e-9 && Object.keys(top).length <= logprobs + 1, JSON.stringify([logprobs, more, tokens[i], top]));
    }
  }
});
