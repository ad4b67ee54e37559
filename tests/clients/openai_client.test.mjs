// What OpenAI's library does around its requests: errors, retries, time limits, aborts, headers, addresses.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";
import { collect, endToken, key, messages, model, needs, url } from "./harness.mjs";

const options = { baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 };
const client = new OpenAI(options);
const chat = (more = {}, options) => client.chat.completions.create({ model, messages, max_tokens: 4, seed: 5, ...more }, options);
const long = { max_tokens: 1900, n: 4, logit_bias: { [endToken]: -100 } };

// A client that counts what it sends.
function counting(more = {}, answer) {
  const sent = [];
  const counted = new OpenAI({
    ...options, ...more,
    fetch: async (address, init) => (sent.push([String(address), init]), answer ? answer(sent.length) : fetch(address, init)),
  });
  return [counted, sent];
}

test("a client's fault is not sent again", needs("chat"), async () => {
  for (const bad of [{ temperature: 3 }, { model: "no-such-model" }, { messages: [] }, { tools: [{}] }, { response_format: { type: "x" } }]) {
    const [counted, sent] = counting({ maxRetries: 2 });
    await assert.rejects(counted.chat.completions.create({ model, messages, ...bad }), OpenAI.APIError);
    assert.equal(sent.length, 1, JSON.stringify(bad));
  }
  const [stranger, sent] = counting({ maxRetries: 2, apiKey: "not-the-key" });
  await assert.rejects(stranger.chat.completions.create({ model, messages }), OpenAI.AuthenticationError);
  assert.equal(sent.length, 1);
});

test("bodies that are no request", needs("chat"), async () => {
  const post = (body, headers = {}) =>
    fetch(`${url}/v1/chat/completions`, { method: "POST", body, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers } });
  for (const body of ["", "{", "[]", "null", "7", '{"model":1e999}', '{"a":1,"a":2}', "[".repeat(5000), Buffer.from('{"model":"\xff"}', "latin1")]) {
    const response = await post(body);
    assert.equal(response.status, 400, String(body).slice(0, 20));
    assert.equal(response.headers.get("content-type"), "application/json");
    const { error } = await response.json();
    assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
    assert.equal(error.type, "invalid_request_error");
  }
  assert.equal((await post("{}", { "content-type": "text/plain" })).status, 415);
  assert.equal((await post(JSON.stringify({ model, messages: [{ role: "user", content: "x".repeat(40_000_000) }] }))).status, 413);
});

test("ids, types and shapes of errors and answers", needs("chat"), async () => {
  const { data, response, request_id } = await chat().withResponse();
  assert.ok(request_id);
  assert.equal(response.headers.get("x-request-id"), request_id);
  assert.equal(data._request_id, request_id);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.match(data.system_fingerprint, /^fp_/);
  assert.equal(data.system_fingerprint, (await chat({ seed: 6 })).system_fingerprint);
  const streamed = await chat({ stream: true }).withResponse();
  assert.ok(streamed.request_id);
  assert.match(streamed.response.headers.get("content-type"), /^text\/event-stream/);
  const chunks = await collect(streamed.data);
  assert.ok(chunks.every((c) => c.system_fingerprint === data.system_fingerprint));
  await assert.rejects(chat({ temperature: 3, stream: true }), (e) => {
    assert.deepEqual(Object.keys(e.error).sort(), ["code", "message", "param", "type"]);
    assert.equal(e.headers.get("x-request-id"), e.requestID);
    return true;
  });
  const raw = await chat().asResponse();
  assert.equal((await raw.json()).object, "chat.completion");
});

test("addresses that are none, and those that are not served here", needs("chat"), async () => {
  await assert.rejects(client.get("/no/such/address"), (e) => e.status === 404 && e.type === "invalid_request_error");
  await assert.rejects(client.get("/completions"), (e) => e.status === 405 && e.type === "invalid_request_error");
  for (const ask of [
    () => client.images.generate({ prompt: "x" }), () => client.moderations.create({ input: "x" }), () => client.audio.speech.create({ input: "x", model, voice: "alloy" }),
    () => client.vectorStores.create({}), () => client.conversations.create({}), () => client.beta.assistants.create({ model }),
    async () => client.audio.transcriptions.create({ file: await toFile(Buffer.from("x"), "x.wav"), model }),
  ])
    await assert.rejects(ask, (e) => e instanceof OpenAI.NotFoundError && e.message.includes("not supported"), String(ask));
  for (const ask of [() => client.fineTuning.jobs.retrieve("ftjob-1"), () => client.files.retrieve("file-1"), () => client.batches.retrieve("batch_1")])
    await assert.rejects(ask, (e) => e instanceof OpenAI.NotFoundError && !e.message.includes("not supported"), String(ask));
});

test("models: ids in every spelling", needs("models"), async () => {
  const list = await client.models.list();
  assert.equal(list.object, "list");
  const [entry] = list.data;
  assert.deepEqual(await client.models.retrieve(entry.id), entry);
  assert.equal(typeof entry.created, "number");
  assert.equal(typeof entry.owned_by, "string");
  assert.equal(entry.max_model_len, 2048);
  for (const name of ["org/none:q4", "a b", "é", "100%"])
    await assert.rejects(client.models.retrieve(name), (e) => e.status === 404 && e.code === "model_not_found" && e.message.includes(name), name);
});

test("time limits and aborts are the library's errors, and leave nothing behind", needs("chat"), async () => {
  await assert.rejects(chat(long, { timeout: 30 }), OpenAI.APIConnectionTimeoutError);
  const abort = new AbortController();
  const never = chat(long, { signal: abort.signal });
  setTimeout(() => abort.abort(), 20);
  await assert.rejects(never, OpenAI.APIUserAbortError);
  const stream = client.chat.completions.stream({ model, messages, ...long });
  stream.on("chunk", () => stream.abort());
  await assert.rejects(stream.done(), OpenAI.APIUserAbortError);
  const responses = client.responses.stream({ model, input: "x", max_output_tokens: 1900, logit_bias: { [endToken]: -100 } });
  await assert.rejects(async () => {
    for await (const event of responses) if (event.type === "response.output_text.delta") responses.abort();
    await responses.done();
  }, OpenAI.APIUserAbortError);
  assert.equal((await chat()).usage.completion_tokens, 4);
});

test("more answers than there is room for at once", needs("chat"), async () => {
  const answer = await chat({ n: 20 });
  assert.deepEqual(answer.choices.map((c) => c.index), Array.from({ length: 20 }, (_, i) => i));
  assert.equal(answer.usage.completion_tokens, 80);
  const some = await chat({ n: 9, max_tokens: undefined, logit_bias: { [endToken]: 100 } });
  assert.equal(some.choices.length, 9);
  const chunks = await collect(await chat({ n: 9, stream: true, stream_options: { include_usage: true } }));
  assert.equal(chunks.flatMap((c) => c.choices).filter((c) => c.finish_reason).length, 9);
  assert.equal(chunks.at(-1).usage.completion_tokens, 36);
});

test("streams: as a readable stream, split in two, and left early", needs("chat"), async () => {
  const whole = (await chat()).choices[0].message.content;
  const text = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? "").join("");
  const [left, right] = (await chat({ stream: true })).tee();
  assert.deepEqual([text(await collect(left)), text(await collect(right))], [whole, whole]);
  const again = client.chat.completions.stream({ model, messages, max_tokens: 4, seed: 5 });
  const copy = (await import("openai/lib/ChatCompletionStream")).ChatCompletionStream.fromReadableStream(again.toReadableStream());
  assert.equal((await copy.finalChatCompletion()).choices[0].message.content, whole);
  for await (const _ of await chat({ ...long, stream: true })) break;
  assert.equal((await chat()).choices[0].message.content, whole);
});

test("streams: the events of the library's accumulator", needs("chat"), async () => {
  const seen = {};
  const stream = client.chat.completions.stream({ model, messages, max_tokens: 4, seed: 5, logprobs: true, top_logprobs: 1, stream_options: { include_usage: true } });
  for (const name of ["connect", "chunk", "chatCompletion", "content", "content.delta", "content.done", "logprobs.content.delta", "logprobs.content.done", "message", "finalContent",
                      "finalMessage", "finalChatCompletion", "totalUsage", "end"])
    stream.on(name, () => (seen[name] = (seen[name] ?? 0) + 1));
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].logprobs.content.length, 4);
  assert.equal(await stream.finalContent(), final.choices[0].message.content);
  assert.equal((await stream.finalMessage()).role, "assistant");
  for (const name of ["chunk", "content.delta", "content.done", "logprobs.content.delta", "logprobs.content.done", "finalContent", "finalMessage", "finalChatCompletion", "end"])
    assert.ok(seen[name] > 0, name);
  assert.equal((await stream.totalUsage()).completion_tokens, 4);
});
