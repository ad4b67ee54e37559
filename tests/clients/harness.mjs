// What the tests of all client libraries share: where the server is, what it can do, and how to compare what it says.

export const url = process.env.FREEHOLD_URL;
// Another server, whose model thinks before it answers; same key, same name.
export const thinkerUrl = process.env.FREEHOLD_THINKER_URL;
export const key = process.env.FREEHOLD_KEY;
export const model = process.env.FREEHOLD_MODEL;
// The id of the token that ends the model's turn.
export const endToken = process.env.FREEHOLD_END_TOKEN;
// Every test: a server that hangs fails it.
export const timeout = 20_000;

// What the server is known to do. A test of one of these never asks first: if the feature is gone, it fails.
// A feature that lands is moved here from the probes below.
const kThere = new Set(["chat", "completions", "models"]);

async function ask(method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body ? { "content-type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
  });
  return { status: response.status, text: await response.text() };
}

// An address that no dialect knows is answered in the same words everywhere.
async function exists(method, path, body) {
  const { status, text } = await ask(method, path, body);
  return status !== 404 || !text.includes("there is nothing at");
}

async function chat(more) {
  const body = { model, messages: [{ role: "user", content: "hello" }], max_tokens: 60, seed: 1, ...more };
  const { status, text } = await ask("POST", "/v1/chat/completions", body);
  return status === 200 ? JSON.parse(text).choices[0].message : {};
}

const kTool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const kProbes = {
  structured: async () =>
    (await chat({ response_format: { type: "json_schema", json_schema: { name: "x", schema: { const: "yes" } } } }))
      .content === '"yes"',
  tools: async () => (await chat({ tools: [kTool], tool_choice: "required" })).tool_calls?.length > 0,
  embeddings: async () => (await ask("POST", "/v1/embeddings", { model, input: "hello" })).status === 200,
  scoring: async () =>
    (await ask("POST", "/v1/completions", { model, prompt: "hello", max_tokens: 0, echo: true, logprobs: 1 })).status === 200,
  responses: () => exists("POST", "/v1/responses", {}),
  anthropic: () => exists("POST", "/v1/messages", {}),
  gemini: () => exists("POST", `/v1beta/models/${model}:generateContent`, {}),
  ollama: () => exists("GET", "/api/version"),
};

// Asked once by run.py before the tests, and told to all of them.
export async function probe() {
  const found = [];
  for (const [name, there] of Object.entries(kProbes)) if (await there()) found.push(name);
  return found;
}

const found = new Set((process.env.FREEHOLD_FEATURES ?? "").split(","));

// For a test's options: its time limit, and why it is left out where the server lacks one of these.
export function needs(...features) {
  const missing = features.filter((f) => !kThere.has(f) && !found.has(f));
  return { timeout, ...(missing.length ? { skip: `not served: ${missing.join(", ")}` } : {}) };
}

export const messages = [
  { role: "system", content: "You are terse." },
  { role: "user", content: "Say something, é 🙂." },
];

// A schema for which even noise ends soon, and the check that an object keeps to it.
export const citySchema = {
  type: "object",
  properties: { city: { type: "string", maxLength: 12 }, degrees: { type: "integer", minimum: -50, maximum: 50 } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
export function keepsToCity(value) {
  return (
    Object.keys(value).sort().join() === "city,degrees" &&
    typeof value.city === "string" && [...value.city].length <= 12 &&
    Number.isInteger(value.degrees) && Math.abs(value.degrees) <= 50
  );
}

export async function collect(stream) {
  const all = [];
  for await (const item of stream) all.push(item);
  return all;
}

if (process.argv[1] && import.meta.url.endsWith(process.argv[1].split("/").pop())) {
  console.log(JSON.stringify(await probe()));
}
