// OpenAI's wire format: chat completions, completions, embeddings, models, errors
// (platform.openai.com/docs/api-reference, as the SDKs of November 2026 read it), and what vLLM and llama-server add to
// it. Functions from text to text: no socket, no model.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "api/call.h"

namespace freehold::api::openai {

// POST /v1/chat/completions and /v1/completions. Failures name the field. Refused by name: the old functions, images
// and other non-text parts, suffix.
Parsed<Call> parse_chat(std::string_view body);
Parsed<Call> parse_completion(std::string_view body);

std::unique_ptr<Encoder> chat_encoder(const Call& call, AnswerId id);
// `prompts`: the text of each prompt, for echo.
std::unique_ptr<Encoder> completion_encoder(const Call& call, AnswerId id, std::vector<std::string> prompts);

// POST /v1/embeddings.
Parsed<EmbedCall> parse_embeddings(std::string_view body);
std::string embeddings_json(const EmbedCall& call, const std::vector<std::vector<float>>& vectors,
                            std::uint64_t tokens);

struct ModelEntry {
  std::string id;
  std::int64_t created = 0;
  std::uint64_t context = 0;
};
std::string models_json(const std::vector<ModelEntry>& models);
std::string model_json(const ModelEntry& model);

// {"error":{"message","type","param","code"}}
std::string error_json(const Failure& failure);

}  // namespace freehold::api::openai
