// What a dialect makes of a request's bytes: the first half of the seam between wire formats and the engine (answer.h
// is the other). Nothing here knows a vendor, JSON or a socket.
//
//   bytes -> a dialect's parse -> Call -> (application: model, template, engine) -> Piece… -> a dialect's Encoder ->
//   bytes
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "engine/request.h"

namespace freehold::api {

// What went wrong, before it has a dialect's shape. The HTTP status follows from the kind.
enum class Problem {
  invalid,         // 400: the request
  context_length,  // 400: prompt and answer do not fit the context
  unauthorised,    // 401: no key, or one that is not known
  forbidden,       // 403
  not_found,       // 404: the route, the model, the object
  wrong_method,    // 405
  conflict,        // 409
  too_large,       // 413
  media_type,      // 415
  too_many,        // 429: try again later
  budget,          // 429 (402 with Anthropic): what may be used is used up; trying again does not help
  internal,        // 500: our mistake
  unavailable,     // 503
};
int status_of(Problem problem);
Problem problem_of(int status);

// A prompt's tokens, and what the context holds with the answer.
struct Excess {
  std::uint64_t tokens = 0;  // 0: not counted
  std::uint64_t context = 0;
  bool answered = true;  // a token of answer needs room too; not so with embeddings, or where a text is only scored
  // What a prompt may have at most.
  std::uint64_t most() const { return answered && context > 0 ? context - 1 : context; }
};

struct Failure {
  Problem problem = Problem::internal;
  std::string message;
  std::string param;  // the field that is wrong, as the dialect names it; may be empty
  std::string code;   // the vendor's own word for it; may be empty
  std::vector<std::pair<std::string, std::string>> headers = {};  // that the answer is to have beside the usual ones
  int status = 0;                                                 // if it is not the problem's own: 408, 431 …
  std::optional<Excess> excess = {};                              // of Problem::context_length
};
int status_of(const Failure& failure);

template <typename T>
using Parsed = tl::expected<T, Failure>;

// The message; with the field before it, if it is the request's fault and the message does not name it. For dialects
// whose errors have no member of their own for the field.
std::string named_message(const Failure& failure);

inline tl::unexpected<Failure> refuse(Problem problem, std::string message, std::string param = {},
                                      std::string code = {}) {
  return tl::unexpected(Failure{problem, std::move(message), std::move(param), std::move(code)});
}

// A conversation, as JSON text in the form that chat templates expect, which is OpenAI's: an array of
//   {"role": "system" | "user" | "assistant" | "tool", "content": string,
//    "tool_calls": [{"id", "type": "function", "function": {"name", "arguments": object}}], "tool_call_id", "name",
//    "reasoning_content"}
// Every dialect brings its own messages into this form.
struct Conversation {
  std::string messages;
  std::string extras;          // a JSON object of further template variables; may be empty
  bool continue_last = false;  // the last message is the beginning of the answer (an assistant's, prefilled)
};

// Text without a template, or ready token ids.
using PlainPrompt = std::variant<std::string, std::vector<std::int32_t>>;

struct Tool {
  std::string name;  // 1 … 128 characters
  std::string description;
  std::string parameters = "{}";  // a JSON Schema, as JSON text
  bool strict = false;
  std::string param = {};  // the field that the schema came from, for errors
};

enum class ToolChoice {
  automatic,  // the model decides
  none,       // no call
  required,   // at least one call
};

struct ToolUse {
  std::vector<Tool> tools;
  ToolChoice choice = ToolChoice::automatic;
  std::vector<std::string> allowed;  // names; empty: all
  bool named = false;                // the client asked for one function by name: required, with one allowed
  bool parallel = true;              // more than one call is welcome
};

// What the answer has to look like.
struct Format {
  enum class Kind { text, json_object, json_schema, regex, gbnf, choice };
  Kind kind = Kind::text;
  std::string source;                // the schema (JSON text), pattern or grammar
  std::vector<std::string> choices;  // Kind::choice
  bool gemini_schema = false;        // `source` is in the OpenAPI dialect that Gemini's clients send
  std::string param;                 // the field it came from, for errors
};

struct Call {
  std::string model;
  std::variant<Conversation, std::vector<PlainPrompt>> input;
  std::string input_field = "messages";  // where it came from, for errors
  engine::Request request;               // all but the prompt; request.seed only if has_seed
  bool has_seed = false;                 // otherwise one is drawn, and told
  ToolUse tool_use;
  Format format;
  std::optional<bool> thinking;       // on or off, for models that can; nothing: as the template does by itself
  bool thinking_if_able = false;      // a model that cannot think is no mistake: it is told as ignored
  std::string expected;               // what the answer may be, to be faster; empty: nobody knows
  std::vector<std::int32_t> earlier;  // ids that come before the one prompt: an earlier exchange
  bool control_tokens = false;        // plain text: what spells a control token is one (the client made the template)
  bool preset_done = false;           // what the model was made with (a system prompt) is in the conversation already
  bool stream = false;
  bool echo = false;  // plain prompts: the answer begins with the prompt
  bool usage_in_stream = false;
  std::uint32_t best = 0;            // of request.n answers to a prompt only so many are given, the likeliest; 0: all
  bool logprobs_shown = true;        // else request.logprobs are asked for to tell the likeliest
  std::vector<std::string> ignored;  // fields that were accepted and have no effect, to be named in a header
  // How long the model is to stay in memory after this, if the client says (api::kForever: until it must make room).
  std::optional<std::chrono::nanoseconds> keep_alive = {};
  std::string subject;   // whom it is for, where the request names nobody and goes on from what was asked for somebody
  std::string label;     // of the exchange (guard/policy.h), once a model is found; whoever keeps the answer keeps it
  std::string left_out;  // of the prompt, because the dialect says so: "3 messages", for a header
};

// Texts (or token ids) to be made vectors of.
struct EmbedCall {
  std::string model;
  std::vector<PlainPrompt> inputs;  // at least one, none empty
  std::uint32_t dimensions = 0;     // 0: the model's own; fewer: the first so many, at length 1 again
  std::string input_field = "input", dimensions_field = "dimensions";  // where they came from, for errors
  bool base64 = false;                                      // little-endian float32, encoded, instead of an array
  std::optional<std::chrono::nanoseconds> keep_alive = {};  // as Call has it
  bool cut = false;  // what is longer than the context is cut (only where the dialect says so)
  std::vector<std::string> ignored;
};

}  // namespace freehold::api
