// OpenAI's files and batches.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";
import { collect, key, messages, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const upload = async (bytes, name = "data.jsonl", purpose = "batch", more = {}) =>
  client.files.create({ file: await toFile(Buffer.from(bytes), name), purpose, ...more });

test("files: exact bytes and names, found, downloaded, gone when deleted", needs("chat"), async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 10, 45, 45, 195, 169]);
  for (const name of ["plain.jsonl", "dä ta \"q\" 🙂.bin"]) {
    const file = await upload(bytes, name, "user_data");
    assert.match(file.id, /^file-/);
    assert.deepEqual([file.object, file.bytes, file.filename, file.purpose, file.status], ["file", 9, name, "user_data", "processed"]);
    assert.deepEqual(Buffer.from(await (await client.files.content(file.id)).arrayBuffer()), bytes);
    assert.deepEqual(await client.files.retrieve(file.id), file);
    assert.equal((await client.files.waitForProcessing(file.id, { pollInterval: 5 })).status, "processed");
    assert.deepEqual(await client.files.delete(file.id), { id: file.id, object: "file", deleted: true });
    for (const ask of ["retrieve", "content", "delete"]) await assert.rejects(client.files[ask](file.id), OpenAI.NotFoundError, ask);
  }
  const empty = await upload("", "empty.txt", "assistants", { expires_after: { anchor: "created_at", seconds: 3600 } });
  assert.deepEqual([empty.bytes, empty.expires_at - empty.created_at], [0, 3600]);
  await client.files.delete(empty.id);
});

test("files: many at once", needs("chat"), async () => {
  const sent = await Promise.all(Array.from({ length: 8 }, (_, i) => upload(String(i).repeat(100000), `${i}.txt`, "user_data")));
  for (const [i, file] of sent.entries()) {
    assert.equal(await (await client.files.content(file.id)).text(), String(i).repeat(100000));
    await client.files.delete(file.id);
  }
});

test("files: in pages, by purpose, either way", needs("chat"), async () => {
  const ids = [];
  for (let i = 0; i < 5; ++i) ids.push((await upload(`${i}`, `${i}.txt`, "evals")).id);
  const listed = async (query) => (await collect(client.files.list({ purpose: "evals", ...query }))).map((f) => f.id);
  assert.deepEqual(await listed({ limit: 2 }), [...ids].reverse());
  assert.deepEqual(await listed({ limit: 2, order: "asc" }), ids);
  assert.deepEqual(await listed({ after: ids[2] }), [ids[1], ids[0]]);
  assert.deepEqual(await listed({ purpose: "vision" }), []);
  const page = await client.files.list({ purpose: "evals", limit: 5 });
  assert.equal(page.has_more, false);
  for (const id of ids) await client.files.delete(id);
  assert.deepEqual(await listed({}), []);
});

test("files: what is refused", needs("chat"), async () => {
  await assert.rejects(upload("x", "x", "odd"), (e) => e.status === 400 && e.param === "purpose");
  await assert.rejects(upload("x", "x", "batch", { expires_after: { anchor: "created_at", seconds: 5 } }), (e) => e.param === "expires_after.seconds");
  await assert.rejects(client.files.retrieve("file-none"), (e) => e.status === 404 && e.type === "invalid_request_error");
  await assert.rejects(client.files.list({ limit: 0 }), (e) => e.param === "limit");
  await assert.rejects(client.files.list({ order: "odd" }), (e) => e.param === "order");
  for (const path of ["..%2f..%2fetc%2fpasswd", "%2e%2e", "file-..%2f..", "%00"]) await assert.rejects(client.get(`/files/${path}/content`), (e) => [400, 404].includes(e.status), path);
});

const kBodies = {
  "/v1/chat/completions": { model, messages, max_tokens: 3 },
  "/v1/completions": { model, prompt: "x", max_tokens: 3 },
  "/v1/embeddings": { model, input: "x" },
  "/v1/responses": { model, input: "x", max_output_tokens: 3 },
};
const line = (custom_id, endpoint, more = {}) => JSON.stringify({ custom_id, method: "POST", url: endpoint, body: { ...kBodies[endpoint], ...more } });
async function over(batch) {
  while (!["completed", "failed", "cancelled", "expired"].includes(batch.status)) {
    await new Promise((done) => setTimeout(done, 20));
    batch = await client.batches.retrieve(batch.id);
  }
  return batch;
}
const batched = async (text, endpoint, more = {}) =>
  client.batches.create({ input_file_id: (await upload(text)).id, endpoint, completion_window: "24h", ...more });
const lines = async (id) => (await (await client.files.content(id)).text()).trim().split("\n").map((l) => JSON.parse(l));

test("batches: of every endpoint, with a line that fails", needs("chat", "responses", "embeddings"), async () => {
  const all = await Promise.all(Object.keys(kBodies).map(async (endpoint) => {
    const begun = await batched([line("good", endpoint), line("bad", endpoint, { model: "no-such-model" })].join("\n"), endpoint, { metadata: { a: "b" } });
    assert.deepEqual([begun.object, begun.endpoint, begun.completion_window, begun.metadata.a], ["batch", endpoint, "24h", "b"]);
    return over(begun);
  }));
  for (const batch of all) {
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.request_counts, { total: 2, completed: 1, failed: 1 });
    const [good] = await lines(batch.output_file_id);
    assert.deepEqual([good.custom_id, good.response.status_code, good.error], ["good", 200, null]);
    assert.ok(good.response.request_id && good.response.body.object);
    const [bad] = await lines(batch.error_file_id);
    assert.deepEqual([bad.custom_id, bad.response.status_code, bad.response.body.error.code], ["bad", 404, "model_not_found"]);
  }
  const listed = (await collect(client.batches.list({ limit: 2 }))).map((b) => b.id);
  assert.ok(all.every((b) => listed.includes(b.id)));
  await assert.rejects(client.batches.cancel(all[0].id), OpenAI.BadRequestError);
});

test("batches: files that are none, and what is refused", needs("chat", "embeddings"), async () => {
  const endpoint = "/v1/embeddings";
  for (const [text, code] of [[[line("a", endpoint), line("a", endpoint)].join("\n"), "duplicate_custom_id"],
                              [[line("a", endpoint), line("b", "/v1/completions")].join("\n"), "mismatched_endpoint"], ["no JSON\n", "invalid_json_line"], ["\n", "empty_file"]]) {
    const batch = await over(await batched(text, endpoint));
    assert.equal(batch.status, "failed", code);
    assert.equal(batch.errors.data[0].code, code);
  }
  for (const [more, param] of [[{ input_file_id: "file-none" }, "input_file_id"], [{ endpoint: "/v1/odd" }, "endpoint"], [{ completion_window: "1h" }, "completion_window"],
                               [{ metadata: { a: 1 } }, "metadata"]])
    await assert.rejects(client.batches.create({ input_file_id: "file-none", endpoint, completion_window: "24h", ...more }), (e) => e.status === 400 && e.param === param, param);
  await assert.rejects(client.batches.retrieve("batch_none"), OpenAI.NotFoundError);
});
