// OpenAI's fine-tuning jobs.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";
import { collect, key, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const jobs = client.fineTuning.jobs;
const examples = (count) => Array.from({ length: count }, (_, i) => ({ messages: [{ role: "user", content: `q ${i}` }, { role: "assistant", content: "dog" }] }));
const upload = async (rows, purpose = "fine-tune") =>
  (await client.files.create({ file: await toFile(Buffer.from(rows.map((r) => JSON.stringify(r)).join("\n")), "train.jsonl"), purpose })).id;
const quick = { model, method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 2, batch_size: 4, learning_rate_multiplier: 2 } } } };
// Others train at the same time, one after the other.
const slow = { timeout: 120_000 };

async function over(job) {
  while (!["succeeded", "failed", "cancelled"].includes(job.status)) {
    await new Promise((done) => setTimeout(done, 50));
    job = await jobs.retrieve(job.id);
  }
  return job;
}

test("fine-tuning: from files to a model that answers, is listed and deleted", { ...needs("chat"), ...slow }, async () => {
  const made = await jobs.create({ ...quick, training_file: await upload(examples(10)), validation_file: await upload(examples(3)), suffix: "sdk", seed: 3, metadata: { test: "sdk" } });
  assert.match(made.id, /^ftjob-/);
  assert.deepEqual([made.object, made.model, made.seed, made.fine_tuned_model, made.finished_at, made.error, made.result_files, made.trained_tokens],
    ["fine_tuning.job", model, 3, null, null, null, [], null]);
  const job = await over(made);
  assert.equal(job.status, "succeeded", JSON.stringify(job.error));
  assert.ok(job.fine_tuned_model.startsWith(`ft:${model}:`) && job.fine_tuned_model.includes(":sdk:"), job.fine_tuned_model);
  assert.ok(job.finished_at >= job.created_at && job.trained_tokens > 0);
  assert.deepEqual(job.method.supervised.hyperparameters, { n_epochs: 2, batch_size: 4, learning_rate_multiplier: 2 });
  const answer = await client.chat.completions.create({ model: job.fine_tuned_model, messages: [{ role: "user", content: "q 1" }], max_tokens: 4 });
  assert.equal(answer.model, job.fine_tuned_model);
  assert.ok((await collect(client.models.list())).some((m) => m.id === job.fine_tuned_model));
  assert.equal((await client.models.retrieve(job.fine_tuned_model)).object, "model");

  const events = await collect(jobs.listEvents(job.id, { limit: 3 }));
  assert.ok(events.every((e) => e.object === "fine_tuning.job.event" && ["info", "warn", "error"].includes(e.level)));
  assert.deepEqual(events.filter((e) => e.type === "metrics" && e.data.train_loss).map((e) => e.data.step).reverse(), [1, 2, 3, 4, 5, 6]);
  assert.match(events[0].message, /success/);
  const points = await collect(jobs.checkpoints.list(job.id, { limit: 1 }));
  assert.deepEqual(points.map((p) => [p.object, p.step_number, p.fine_tuning_job_id]), [["fine_tuning.job.checkpoint", 6, job.id], ["fine_tuning.job.checkpoint", 3, job.id]]);
  assert.ok(points.every((p) => Number.isFinite(p.metrics.train_loss) && Number.isFinite(p.metrics.full_valid_loss)));
  const csv = await (await client.files.content(job.result_files[0])).text();
  assert.equal(csv.split("\n")[0].split(",").slice(0, 2).join(), "step,train_loss");
  assert.deepEqual((await collect(jobs.list({ metadata: { test: "sdk" } }))).map((j) => j.id), [job.id]);

  assert.deepEqual(await client.models.delete(job.fine_tuned_model), { id: job.fine_tuned_model, object: "model", deleted: true });
  await assert.rejects(client.models.retrieve(job.fine_tuned_model), OpenAI.NotFoundError);
  await assert.rejects(client.models.delete(job.fine_tuned_model), OpenAI.NotFoundError);
  assert.equal((await jobs.retrieve(job.id)).fine_tuned_model, job.fine_tuned_model);
});

test("fine-tuning: paused, resumed, cancelled", { ...needs("chat"), ...slow }, async () => {
  const long = { model, hyperparameters: { n_epochs: 50, batch_size: 1 } };
  const training_file = await upload(examples(200));
  let job = await jobs.create({ ...long, training_file });
  while (job.status === "validating_files") job = await jobs.retrieve(job.id);
  assert.equal((await jobs.pause(job.id)).status, "paused");
  await assert.rejects(jobs.pause(job.id), (e) => e.status === 400 && e.code === "invalid_job_status");
  assert.equal((await jobs.resume(job.id)).status, "queued");
  assert.equal((await jobs.cancel(job.id)).status, "cancelled");
  await assert.rejects(jobs.cancel(job.id), OpenAI.BadRequestError);
  await assert.rejects(jobs.resume(job.id), OpenAI.BadRequestError);
});

test("fine-tuning: what is wrong is named", { ...needs("chat"), ...slow }, async () => {
  const training_file = await upload(examples(2));
  await assert.rejects(jobs.create({ ...quick, training_file: "file-none" }), (e) => e.status === 400 && e.param === "training_file");
  await assert.rejects(jobs.create({ ...quick, training_file: await upload(examples(2), "batch") }), (e) => e.status === 400 && e.param === "training_file");
  await assert.rejects(jobs.create({ ...quick, model: "none", training_file }), (e) => e.status === 404 && e.code === "model_not_found");
  await assert.rejects(jobs.create({ ...quick, training_file, integrations: [{ type: "wandb", wandb: { project: "p" } }] }), (e) => e.param === "integrations");
  await assert.rejects(jobs.create({ ...quick, training_file, method: { type: "reinforcement" } }), (e) => e.param === "method.type");
  for (const ask of ["retrieve", "cancel", "pause", "resume", "listEvents"]) await assert.rejects(jobs[ask]("ftjob-none"), OpenAI.NotFoundError, ask);
  const failed = await over(await jobs.create({ ...quick, training_file: await upload([...examples(2), { messages: "no" }]) }));
  assert.deepEqual([failed.status, failed.error.param, failed.fine_tuned_model], ["failed", "training_file", null]);
  assert.match(failed.error.message, /line 3/);
  await assert.rejects(client.models.delete(model), (e) => e.status === 403);
});
