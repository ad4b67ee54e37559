// Every documented parameter of OpenAI's requests: taken, or refused with an error that names it; and what is of no effect is named too.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { key, messages, model, needs, url } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const kBodies = {
  "chat/completions": { messages, max_tokens: 2 },
  completions: { prompt: "the cat", max_tokens: 2 },
  embeddings: { input: "the cat" },
  responses: { input: "hello", max_output_tokens: 2 },
};
const ask = (path, more) => client.post(`/${path}`, { body: { model, ...kBodies[path], ...more } }).asResponse();

const refused = (path, cases) => async () => {
  await Promise.all(
    cases.map(([more, param]) =>
      assert.rejects(ask(path, more), (e) => {
        assert.ok(e instanceof OpenAI.BadRequestError, `${JSON.stringify(more)}: ${e}`);
        assert.equal(e.type, "invalid_request_error");
        assert.equal(e.param, param ?? Object.keys(more)[0], `${JSON.stringify(more).slice(0, 200)}: ${e.message}`);
        assert.ok(e.requestID);
        return true;
      }, JSON.stringify(more)),
    ),
  );
};
// Each with the fields that the answer names as being of no effect.
const taken = (path, cases) => async () => {
  await Promise.all(
    cases.map(async ([more, ignored = null]) =>
      assert.equal((await ask(path, more)).headers.get("freehold-ignored"), ignored, JSON.stringify(more))),
  );
};

const tool = (name, more = {}) => ({ type: "function", function: { name, ...more } });
const tools = [tool("a")];
const user = (content) => ({ messages: [{ role: "user", content }] });
const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, "v"]));

test("chat: what is out of range or of a wrong type", needs("chat", "tools"), refused("chat/completions", [
  [{ temperature: 2.1 }], [{ temperature: -0.1 }], [{ temperature: "hot" }], [{ top_p: 1.1 }], [{ top_p: -1 }],
  [{ n: 0 }], [{ n: 129 }], [{ n: 1.5 }], [{ seed: 1.5 }], [{ seed: "x" }], [{ presence_penalty: 2.1 }], [{ frequency_penalty: -2.1 }],
  [{ max_tokens: 0 }], [{ max_tokens: -1 }], [{ max_tokens: 1.5 }], [{ max_completion_tokens: 0 }], [{ max_completion_tokens: "x" }],
  [{ top_logprobs: 2 }], [{ top_logprobs: 2, logprobs: false }], [{ logprobs: true, top_logprobs: 21 }, "top_logprobs"], [{ logprobs: 1 }],
  [{ stop: 7 }], [{ stop: [1] }], [{ stop: [""] }], [{ stop: Array(65).fill("x") }],
  [{ logit_bias: { 1: 101 } }], [{ logit_bias: { x: 1 } }], [{ logit_bias: [] }], [{ logit_bias: { 99999999: 1 } }],
  [{ stream: "x" }], [{ stream_options: { include_usage: true } }], [{ stream: true, stream_options: "x" }, "stream_options"],
  [{ stream: true, stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
  [{ user: 1 }], [{ metadata: "x" }], [{ metadata: { a: 1 } }], [{ metadata: many(17) }], [{ metadata: { a: "x".repeat(513) } }],
  [{ metadata: { ["x".repeat(65)]: "a" } }], [{ store: "x" }], [{ service_tier: "gold" }], [{ service_tier: 1 }],
  [{ reasoning_effort: "some" }], [{ verbosity: "loud" }], [{ modalities: "text" }], [{ modalities: ["text", "audio"] }],
  [{ audio: { voice: "a", format: "wav" } }], [{ prediction: { type: "x", content: "x" } }, "prediction.type"],
  [{ prediction: { type: "content" } }, "prediction.content"], [{ web_search_options: {} }], [{ functions: [{ name: "f" }] }],
  [{ function_call: "auto" }], [{ model: "" }], [{ model: 1 }], [{ model: null }], [{ parallel_tool_calls: "x" }],
  [{ min_tokens: -1 }], [{ min_tokens: 3 }], [{ stop_token_ids: [99999999] }], [{ top_k: -5 }],
]));

test("chat: messages that are none", needs("chat"), refused("chat/completions", [
  [{ messages: [] }], [{ messages: "x" }], [{ messages: null }], [{ messages: [null] }, "messages[0]"],
  [{ messages: [{ role: "king", content: "x" }] }, "messages[0].role"], [{ messages: [{ content: "x" }] }, "messages[0].role"],
  [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"], [{ messages: [{ role: "user" }] }, "messages[0].content"],
  [user(null), "messages[0].content"], [user(7), "messages[0].content"], [user([7]), "messages[0].content[0]"],
  [user([{ type: "text" }]), "messages[0].content[0]"],
  [user([{ type: "text", text: "x" }, { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }]), "messages[0].content[1]"],
  [user([{ type: "input_audio", input_audio: { data: "", format: "wav" } }]), "messages[0].content[0]"],
  [user([{ type: "file", file: { file_id: "file-1" } }]), "messages[0].content[0]"],
  [{ messages: [{ role: "user", content: "x", tool_calls: [] }] }, "messages[0].tool_calls"],
  [{ messages: [{ role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "no JSON" } }] }] },
   "messages[0].tool_calls[0].function.arguments"],
  [user("x ".repeat(5000)), "messages"],
]));

test("chat: tools and formats that are none", needs("chat", "tools", "structured"), refused("chat/completions", [
  [{ tools: "x" }], [{ tools: [tool("a"), tool("a")] }], [{ tools: [tool("bad name")] }, "tools[0].function.name"],
  [{ tools: [{ type: "function" }] }, "tools[0].function"], [{ tools: [{ type: "custom", custom: { name: "x" } }] }, "tools[0].type"],
  [{ tools: [tool("a", { parameters: { type: "string" } })] }, "tools[0].function.parameters"], [{ tools: [tool("a", { parameters: 7 })] }, "tools[0].function.parameters"],
  [{ tool_choice: "required" }], [{ tool_choice: "maybe" }], [{ tool_choice: tool("b"), tools }], [{ tool_choice: { type: "function" }, tools }],
  [{ tool_choice: { type: "custom", custom: { name: "a" } }, tools }],
  [{ response_format: "json_object" }], [{ response_format: { type: "xml" } }, "response_format.type"],
  [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
  [{ response_format: { type: "json_schema", json_schema: { name: "x" } } }, "response_format.json_schema.schema"],
  [{ response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "no-such" } } } }, "response_format.json_schema.schema"],
]));

test("chat: what is taken", needs("chat"), taken("chat/completions", [
  [{ temperature: 2 }], [{ temperature: 1e-320 }], [{ top_p: 0 }], [{ max_tokens: 100000, logit_bias: { [process.env.FREEHOLD_END_TOKEN]: 100 } }], [{ max_tokens: null, max_completion_tokens: 2 }],
  [{ stop: [] }], [{ stop: "x" }], [{ seed: -5 }], [{ logprobs: true, top_logprobs: 0 }], [{ logprobs: false }], [{ n: 3 }],
  [{ user: "u", safety_identifier: "u", prompt_cache_key: "k", metadata: { a: "b" } }], [{ metadata: many(16) }],
  [{ safety_identifier: "s" }], [{ user: "u", safety_identifier: "s" }, "safety_identifier"],
  [{ modalities: ["text"] }], [{ service_tier: "auto" }], [{ service_tier: "default" }], [{ store: false }], [{ reasoning_effort: "none" }],
  [{ response_format: { type: "text" } }], [{ tools: [] }], [{ tool_choice: "none" }], [{ tool_choice: "auto" }], [{ min_tokens: 2 }],
  [user("")], [{ messages: [{ role: "developer", content: "x" }, { role: "user", content: "x", name: "bob" }] }],
  [{ messages: [{ role: "function", name: "f", content: "x" }] }], [{ stream: true, stream_options: { include_obfuscation: false } }],
  [{ store: true }, "store"], [{ service_tier: "flex" }, "service_tier"], [{ reasoning_effort: "low" }, "reasoning_effort"],
  [{ verbosity: "low" }, "verbosity"], [{ prediction: { type: "content", content: "x" } }], [{ prediction: { type: "content", content: [{ type: "text", text: "x" }] } }],
  [{ prediction: { type: "content", content: "x".repeat(1000000) } }, "prediction"], // no answer is that long
  [{ prompt_cache_retention: "24h" }, "prompt_cache_retention"], [{ no_such_field: 1, nor_this: null }, "no_such_field, nor_this"],
]));

test("completions: what is refused", needs("completions"), refused("completions", [
  [{ prompt: [] }], [{ prompt: null }], [{ prompt: [[]] }], [{ prompt: ["a", 1] }], [{ prompt: [99999999] }], [{ prompt: [-1] }],
  [{ prompt: "x ".repeat(5000) }], [{ max_tokens: 0 }], [{ max_tokens: -1 }], [{ logprobs: 6 }], [{ logprobs: true }], [{ echo: "x" }],
  [{ n: 0 }], [{ best_of: 0 }], [{ best_of: 1, n: 2 }], [{ best_of: 2, stream: true }], [{ suffix: "x" }], [{ user: 1 }],
]));

test("completions: what is taken", needs("completions"), taken("completions", [
  [{ prompt: [5, 6, 7] }], [{ prompt: [[5, 6], [7]] }], [{ prompt: ["a", [5]] }], [{ logprobs: 0 }], [{ suffix: "" }], [{ best_of: 1 }], [{ best_of: 3 }],
  [{ stop: "q", echo: true, user: "u" }], [{ max_tokens: 2, no_such_field: 1 }, "no_such_field"],
]));

test("embeddings: what is refused and what is taken", needs("embeddings"), async () => {
  await refused("embeddings", [
    [{ input: "" }], [{ input: [] }], [{ input: ["a", ""] }], [{ input: [[]] }], [{ input: null }], [{ input: 1 }], [{ input: [99999999] }],
    [{ input: "x ".repeat(5000) }], [{ input: Array(2049).fill("x") }], [{ dimensions: 0 }], [{ dimensions: 100000 }], [{ dimensions: "x" }],
    [{ encoding_format: "hex" }], [{ user: 5 }],
  ])();
  await taken("embeddings", [[{ input: [5, 6] }], [{ input: [[5], [6, 7]] }], [{ encoding_format: "float" }], [{ user: "u" }], [{ dimensions: 3 }], [{ odd: 1 }, "odd"]])();
});

test("responses: what is refused", needs("responses"), refused("responses", [
  [{ input: [] }], [{ input: null }], [{ input: 1 }], [{ input: [{ role: "king", content: "x" }] }, "input[0].role"],
  [{ input: [{ type: "odd" }] }, "input[0].type"],
  [{ input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] }, "input[0].content[0]"],
  [{ input: "x ".repeat(5000) }], [{ temperature: 3 }], [{ top_p: 2 }], [{ max_output_tokens: 0 }], [{ instructions: 1 }],
  [{ conversation: "conv_1" }], [{ prompt: { id: "x" } }], [{ truncation: "some" }], [{ include: ["odd"] }], [{ include: "x" }], [{ top_logprobs: 21 }],
  [{ background: true, store: false }], [{ background: 1 }], [{ store: "x" }], [{ max_tool_calls: 0 }],
  [{ tools: [{ type: "web_search" }] }, "tools[0].type"], [{ tool_choice: "required" }], [{ tool_choice: { type: "function", name: "b" }, tools: [{ type: "function", name: "a" }] }],
  [{ tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "b" }] }, tools: [{ type: "function", name: "a" }] }],
  [{ text: "x" }], [{ text: { verbosity: "loud" } }, "text.verbosity"], [{ text: { format: { type: "xml" } } }, "text.format.type"],
  [{ text: { format: { type: "json_schema", name: "x" } } }, "text.format.schema"],
  [{ text: { format: { type: "json_schema", name: "x", schema: { type: "no-such" } } } }, "text.format.schema"],
  [{ text: { format: { type: "json_schema", json_schema: { name: "x", schema: { type: "integer" } } } } }, "text.format.json_schema"],
  [{ reasoning: "x" }], [{ reasoning: { effort: "some" } }, "reasoning.effort"], [{ metadata: { a: 1 } }], [{ service_tier: "gold" }],
]));

test("responses: what is taken", needs("responses"), taken("responses", [
  [{ input: "" }], [{ include: ["message.output_text.logprobs", "file_search_call.results"] }], [{ include: ["reasoning.encrypted_content"] }],
  [{ truncation: "auto" }], [{ truncation: "disabled" }], [{ max_tool_calls: 3 }], [{ user: "u", metadata: { a: "b" } }], [{ store: false }],
  [{ text: { format: { type: "text" }, verbosity: "medium" } }], [{ reasoning: {} }], [{ service_tier: "auto" }], [{ background: false }],
  [{ reasoning: { effort: "low", summary: "auto" } }, "reasoning.effort"], [{ reasoning: { summary: "concise" } }, "reasoning.summary"], [{ text: { verbosity: "low" } }, "text.verbosity"],
  [{ no_such_field: 1 }, "no_such_field"],
]));

// What is said of a field begins with its name on the wire, whoever found it wrong.
test("errors: in the words of the request", needs("chat", "completions", "embeddings", "responses", "structured", "tools"), async () => {
  const schema = { type: "no-such" };
  const long = "x ".repeat(5000);
  for (const [path, more, begins] of [
    ["chat/completions", { logit_bias: { 99999999: 1 } }, "'logit_bias' names token 99999999"],
    ["chat/completions", { stop_token_ids: [1, 99999999] }, "'stop_token_ids[1]' is 99999999"],
    ["chat/completions", { min_tokens: 3 }, "'min_tokens' is 3"],
    ["chat/completions", { response_format: { type: "json_schema", json_schema: { name: "x", schema } } }, "'response_format.json_schema.schema': #/type"],
    ["chat/completions", { response_format: { type: "json_schema", json_schema: { name: "x", schema } }, tools }, "'response_format.json_schema.schema': #/type"],
    ["chat/completions", { tools: [...tools, tool("b", { parameters: { type: "object", properties: { a: schema } } })] }, "'tools[1].function.parameters': #/properties/a/type"],
    ["chat/completions", { guided_regex: "(" }, "'guided_regex': "], ["chat/completions", { guided_grammar: "x" }, "'guided_grammar': line 1"],
    ["responses", { tools: [{ type: "function", name: "b", parameters: { type: "object", properties: { a: schema } } }] }, "'tools[0].parameters': #/properties/a/type"],
    ["embeddings", { dimensions: 100000 }, "'dimensions' is 100000, must be at most the model's "],
    ["chat/completions", user(long), "This model's maximum context length is 2048 tokens. However, your messages resulted in "],
    ["completions", { prompt: long }, "This model's maximum context length is 2048 tokens. However, your prompt resulted in "],
    ["responses", { input: long }, "This model's maximum context length is 2048 tokens. However, your input resulted in "],
    ["embeddings", { input: long }, "This model's maximum context length is 2048 tokens. However, your input resulted in "],
    ["chat/completions", user("x ".repeat(2_000_000)), "This model's maximum context length is 2048 tokens. "],
  ])
    await assert.rejects(ask(path, more), (e) => {
      assert.ok(e.error.message.startsWith(begins), `${JSON.stringify(more).slice(0, 200)}: ${e.error.message}`);
      return e instanceof OpenAI.BadRequestError;
    });
});
