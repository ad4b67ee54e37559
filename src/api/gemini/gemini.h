// Gemini's wire format: generateContent, countTokens, embeddings, models, errors (ai.google.dev/api, v1 and v1beta, as
// the SDKs of November 2026 read it). JSON as proto3 maps it: fields in camelCase or snake_case, 64-bit integers also
// as strings, one message where a list may stand. Functions from text to text: no socket, no model.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "api/call.h"

namespace freehold::api::gemini {

struct GenerateCall {
  Call call;
  bool thoughts = false;  // what the model thinks is told as well
};

// `model` comes from the address. Failures name the field as the client wrote it. Refused by name: parts that are not
// text, tools that the vendor runs, cached contents, other modalities.
Parsed<GenerateCall> parse_generate(std::string_view body, std::string model, bool stream);
// countTokens: contents, or a whole request in generateContentRequest.
Parsed<Call> parse_count(std::string_view body, std::string model);
// embedContent, and batchEmbedContents, whose requests all have to ask for as many dimensions.
Parsed<EmbedCall> parse_embed(std::string_view body, std::string model);
Parsed<EmbedCall> parse_embed_batch(std::string_view body, std::string model);

// `events`: a stream is server-sent events (alt=sse), else one JSON array.
std::unique_ptr<Encoder> generate_encoder(const GenerateCall& call, AnswerId id, bool events);
std::string count_json(std::size_t tokens);
std::string embed_json(const std::vector<std::vector<float>>& vectors, std::uint64_t tokens, bool batch);

struct ModelEntry {
  std::string id;
  std::uint64_t context = 0;
  bool thinks = false;
};
// `size` and `token` as they stand in the query; empty = not there. Failures: a size or token that is none.
Parsed<std::string> models_json(const std::vector<ModelEntry>& models, std::string_view size, std::string_view token);
std::string model_json(const ModelEntry& model);

// "models/x" is x.
std::string_view model_id(std::string_view name);

// {"error":{"code","message","status","details"}}
std::string error_json(const Failure& failure);

}  // namespace freehold::api::gemini
