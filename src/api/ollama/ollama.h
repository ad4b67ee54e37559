// Ollama's native wire format (ollama's docs/api.md, as its JavaScript and Python clients of 2026 read it): generate,
// chat, embed, and the words about models. Functions from text to text: no socket, no model.
//
// Defaults are Ollama's own where they are part of what a client asked for by not asking: temperature 0.8, top_k 40,
// top_p 0.9, repeat_penalty 1.1 over the last 64 tokens (prompt and answer), no limit of tokens, `stream` true.
// Somebody who moves from there gets the answers' character that he is used to; whoever wants the model's bare
// distribution says temperature 1, top_k 0, top_p 1, repeat_penalty 1.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "api/call.h"

namespace freehold::api::ollama {

// Options (a JSON object, as text) that a model of this name was made with; empty if it was made with none.
using FindParameters = std::function<std::string(std::string_view model)>;

// What generate and chat ask for.
struct Asked {
  Call call;
  // Nothing to answer: the client wants the model in memory, or out of it.
  enum class Work { answer, load, unload } work = Work::answer;
  bool truncate = true;       // what does not fit the context may be left out
  std::uint32_t context = 0;  // num_ctx: prompt and answer have at most so many tokens; 0: as many as the model has
  std::uint32_t keep = 4;     // num_keep: tokens at the beginning of a prompt that are not left out
  std::uint32_t predict = 0;  // num_predict; 0: as many as there is room for. call.request.max_tokens is not set
  bool raw = false;           // the prompt is text that the client has put into the model's template
  std::string prompt;         // generate's, for models without a template; empty if raw
};

// POST /api/generate and /api/chat. Failures name the field. Refused by name: images, suffix, template. Options that
// are about Ollama's way to run a model (threads, memory, mirostat) are checked and named as ignored.
Parsed<Asked> parse_generate(std::string_view body, const FindParameters& parameters);
Parsed<Asked> parse_chat(std::string_view body, const FindParameters& parameters);

using Clock = std::function<std::chrono::system_clock::time_point()>;
// `context`: the answer ends with the ids of prompt and answer, for the next request's `context`.
std::unique_ptr<Encoder> generate_encoder(const Call& call, AnswerId id, bool context, Clock clock = {});
std::unique_ptr<Encoder> chat_encoder(const Call& call, AnswerId id, Clock clock = {});
// The answer to Work::load and unload.
std::string loaded_json(const Asked& asked, bool chat, const Clock& clock = {});

// POST /api/embed, and /api/embeddings with its one prompt. `inputs` is empty if the client sent an empty list (or, of
// embeddings, no text).
Parsed<EmbedCall> parse_embed(std::string_view body);
Parsed<EmbedCall> parse_embeddings(std::string_view body);
std::string embed_json(const EmbedCall& call, const std::vector<std::vector<float>>& vectors, std::uint64_t tokens,
                       std::chrono::nanoseconds total);
std::string embeddings_json(const std::vector<std::vector<float>>& vectors);

// {"error":"…"}
std::string error_json(const Failure& failure);
// UTC with nanoseconds, as Go writes it.
std::string rfc3339(std::chrono::system_clock::time_point time);

}  // namespace freehold::api::ollama
