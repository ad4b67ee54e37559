// What llama-server and vLLM have beside OpenAI's endpoints, as their clients know it (llama.cpp's
// tools/server/README.md and vLLM's OpenAI-compatible server, 2026): tokenize, detokenize, apply-template, and
// llama-server's own completion.
//
// Completion's defaults are llama-server's, by the rule of ollama.h: temperature 0.8, top_k 40, top_p 0.95, min_p 0.05,
// no penalties, no limit of tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/answer.h"
#include "api/call.h"

namespace freehold::api::native {

// POST /tokenize. llama-server sends `content`, vLLM `prompt` or `messages`.
struct Tokenize {
  Call call;                   // model (may be empty) and what to count, as a generating request would bring it
  bool llama = false;          // llama-server's form, in question and answer
  std::string text;            // of `content` and `prompt`
  bool add_special = true;     // the model's bos (not for messages: their template says)
  bool parse_special = false;  // what spells a control token is one
  bool pieces = false;         // with what each token stands for
};
Parsed<Tokenize> parse_tokenize(std::string_view body);

struct Token {
  std::int32_t id = 0;
  std::string spelling;  // as the vocabulary has it
  std::string bytes;     // what it adds to a text
};
std::string tokenize_json(const Tokenize& asked, const std::vector<Token>& tokens, std::uint64_t context);

// POST /detokenize.
struct Detokenize {
  std::string model;  // may be empty
  std::vector<std::int32_t> tokens;
};
Parsed<Detokenize> parse_detokenize(std::string_view body);
std::string detokenize_json(std::string_view text);

// POST /apply-template: a conversation; the model may be empty.
Parsed<Call> parse_apply_template(std::string_view body);
std::string apply_template_json(std::string_view prompt);

// POST /completion. The model may be empty.
Parsed<Call> parse_completion(std::string_view body);
std::unique_ptr<Encoder> completion_encoder(const Call& call, AnswerId id, std::string prompt);

}  // namespace freehold::api::native
